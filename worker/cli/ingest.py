"""`portaria ingest`: files in, and wait until everything in them is settled."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from worker import sources, steps
from worker.cli.settling import settle
from worker.cli.shell import NOT_WELL, Shell, console, errors, open_runtime, print_json, settings
from worker.errors import ConfigurationError
from worker.ports import Priority

STDIN = "-"


def add_to(portaria: Shell) -> None:
    """Add this command to the command line."""
    portaria.add_command(ingest)


@click.command(cls=Shell.command_class)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--source", required=True, help="Whose they are: a name in portaria.toml, or a new one for a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def ingest(paths: tuple[str, ...], source: str, as_json: bool) -> None:
    """Take in files: CSV, JSON Lines, vCard, .eml, raw webhook bodies, or folders of them; `-` is standard input.

    Waits until all is settled. A file that was taken in before is not taken in again; its outcome is told again.
    """
    chosen = settings()
    files = list(_files(paths))
    runtime = open_runtime(chosen)
    if source not in chosen.sources:
        errors.print(f"[dim]{source} is not in portaria.toml: read without a mapping of its own[/dim]")
    ids = []
    for file in files:
        body = _read(file)  # one at a time: together they may be larger than the memory
        name = file.name.encode("utf-8", "replace").decode()  # a name that is not UTF-8 has lone surrogates in it
        added = steps.receive(
            runtime,
            source,
            body,
            content_type=sources.media_type_of(name, body[:4096]),
            priority=Priority.IMPORT,
            name=name,
        )
        ids.append(added.id)
    outcomes = settle(runtime, ids, quiet=as_json)
    if as_json:
        print_json(outcomes.as_json())
    else:
        for line in outcomes.lines():
            console.print(line)
    if not outcomes.all_well:
        click.get_current_context().exit(NOT_WELL)


def _files(paths: Sequence[str]) -> Iterator[Path]:
    """Every file at these paths. Raises `ConfigurationError` for one that is not there, before any is taken in."""
    for text in paths:
        path = Path(text)
        if text != STDIN and path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
            if not inside:
                raise ConfigurationError(f"{path} is an empty folder")
            yield from inside
        elif text == STDIN or path.exists():
            yield path
        else:
            raise ConfigurationError(f"{path} cannot be read: there is no such file")


def _read(path: Path) -> bytes:
    if str(path) == STDIN:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ConfigurationError(f"{path} cannot be read: {problem.strerror}") from None
