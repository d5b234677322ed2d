"""`sources`: what is configured, and what a form's fields would be taken for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from pipelines.guessing import explain_guess, guess_fields
from pipelines.models import SourceField, SourceRecord
from pipelines.text import fold
from worker.asking import Fetching
from worker.cli.lists import as_json_option
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows
from worker.errors import ConfigurationError, PermanentError, Unparsable
from worker.ports import Delivery, Source, SourceSettings
from worker.sources import get_source, media_type_of, parse

LOOKED_AT = 50
"""People of a file whose fields are looked at."""
_EXAMPLE = 40
"""Characters of a value that are shown."""


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(sources)


@click.group(cls=Shell)
def sources() -> None:
    """Where contacts come from."""


@sources.command("list")
@as_json_option
def list_sources(as_json: bool) -> None:
    """The sources of portaria.toml: where each takes hooks, and what guards it."""
    runtime = open_runtime()
    rows = []
    for name, section in sorted(runtime.settings.sources.items()):
        source, settings = runtime.source(name)
        guards = [text for text in (section.honeypot and "honeypot", section.rate, section.captcha) if text]
        rows.append(
            {
                "name": name,
                "kind": section.kind,
                "hook": f"/hooks/{name}",
                "secret": "set" if section.secret else "missing",
                "token": _token(source, settings),
                "mapping": len(section.mapping),
                "guards": guards,
            }
        )
    columns = {name: name for name in ("name", "kind", "hook", "secret", "token", "mapping", "guards")}
    print_rows(rows, columns, as_json=as_json, empty="No sources. Add a [sources.NAME] to portaria.toml.")


def _token(source: Source, settings: SourceSettings) -> str:
    if not isinstance(source, Fetching):
        return ""
    return "set" if source.can_fetch(settings) else "missing"


@sources.command("guess")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", "name", default="site", show_default=True, help="Whose it is; its kind and mapping count.")
@click.option("--kind", help="Read it as this kind, whatever portaria.toml says of the source.")
@as_json_option
def guess(file: Path, name: str, kind: str | None, as_json: bool) -> None:
    """Show what each field or column of FILE would be taken for, and why; nothing is taken in.

    FILE is a table (CSV), JSON, JSON Lines or the body of a hook. A mapping to paste into portaria.toml follows.
    """
    runtime = open_runtime()
    section = runtime.settings.sources.get(name)
    source, settings = runtime.source(name)
    if kind:
        source, settings = get_source(kind), SourceSettings(name=name, kind=kind, mapping=settings.mapping)
    body = file.read_bytes()
    delivery = Delivery("", name, body, media_type_of(file.name, body[:4096]), runtime.clock(), file.name)
    try:
        records = (each for each in parse(source, delivery, settings) if isinstance(each, SourceRecord))
        fields = _together(islice(records, LOOKED_AT))
    except Unparsable as problem:
        raise PermanentError(f"{file} cannot be read as {settings.kind}: {problem}") from None
    if not fields:
        raise ConfigurationError(f"{file}: there is nobody in it")
    rows = list(_rows(fields, dict(section.mapping) if section else {}))
    if as_json:
        for row in rows:
            print_json(row)
        return
    columns = {"field": "field", "label": "label", "example": "example", "is": "is taken for", "why": "because of"}
    print_rows(rows, columns, as_json=False, empty="")
    console.print("\nTo say it yourself, change what is wrong and paste this into portaria.toml:\n", markup=False)
    for line in _mapping(name, rows):
        click.echo(line)


def _together(records: Iterator[SourceRecord]) -> list[SourceField]:
    """The fields of all, each once with the values that all of them have."""
    found: dict[str, SourceField] = {}
    for record in records:
        for field in record.fields:
            known = found.get(field.key)
            found[field.key] = (
                field if known is None else known.model_copy(update={"values": (*known.values, *field.values)})
            )
    return list(found.values())


def _rows(fields: list[SourceField], mapping: dict[str, str]) -> Iterator[dict[str, Any]]:
    guessed = guess_fields(fields)
    mapped = {fold(key): target for key, target in mapping.items()}
    for field in fields:
        target = mapped.get(fold(field.key)) or mapped.get(fold(field.label))
        yield {
            "field": field.key,
            "label": field.label if field.label != field.key else "",
            "example": next((value[:_EXAMPLE] for value in field.values), ""),
            "is": target or guessed.get(field.key, ""),
            "why": "the mapping" if target else explain_guess(field, guessed.get(field.key, "")),
        }


def _mapping(name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    """A TOML table; its strings are written as JSON's, which TOML reads."""
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    yield f"[sources.{name if bare else json.dumps(name, ensure_ascii=False)}.mapping]"
    for row in rows:
        key = json.dumps(row["field"], ensure_ascii=False)
        target = json.dumps(row["is"] or "ignore", ensure_ascii=False)
        yield f"{key} = {target}" + ("" if row["is"] else "   # stays a free field")
