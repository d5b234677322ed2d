"""The first portaria.toml, and how to send something to what it configures."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from rich.markup import escape

from worker.cli.shell import console
from worker.config import Settings, load_settings

_TEMPLATE = Path(__file__).parent / "portaria.toml"


def write_first(settings: Settings) -> Path:
    """Write an explained portaria.toml with a fresh secret; the file."""
    settings.data.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.read_text(encoding="utf-8").replace("@SECRET@", secrets.token_urlsafe(24))
    settings.file.write_text(text, encoding="utf-8")
    settings.file.chmod(0o600)
    return settings.file


def ensure_folder(settings: Settings) -> Settings:
    """The settings, after writing a first portaria.toml where there is none."""
    if settings.file.exists():
        return settings
    console.print(f"Wrote {escape(str(write_first(settings)))}: one web form source, ready to use.")
    return load_settings(settings.data)


def how_to_send(settings: Settings) -> Iterator[str]:
    """For each source, where to send to."""
    for name, section in sorted(settings.sources.items()):
        yield f"  [bold]{escape(name)}[/bold] ({section.kind}): POST /hooks/{escape(name)}"
