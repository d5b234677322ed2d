"""`portaria outcomes`: what became of leads comes back, to learn from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from worker import steps
from worker.cli.lists import as_json_option, limit_option
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, print_json, print_rows
from worker.errors import ConfigurationError
from worker.steps import lead_outcomes as outcome_steps
from worker.steps.lead_outcomes import Recorded
from worker.store import lead_outcomes


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(outcomes)


@click.group(cls=Shell)
def outcomes() -> None:
    """What became of leads: won, lost, or open again."""


@outcomes.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--map", "maps", multiple=True, metavar="COLUMN=FIELD",
    help="What a column is, where the guess is wrong: contact, lead, email, phone, key, outcome, at, value or ignore.",
)  # fmt: skip
@as_json_option
def import_file(file: Path, maps: tuple[str, ...], as_json: bool) -> None:
    """Take in the outcomes in FILE: a CSV table or JSON Lines; `-` is standard input.

    A row names a contact (its id, a CRM lead's id, an e-mail, a phone, or the id it had in a list that was ingested)
    and says won or lost, in Portuguese, English or Spanish. Importing a file again changes nothing.
    """
    mapping = {}
    for text in maps:
        column, equals, target = text.rpartition("=")
        if not equals or not column:
            raise ConfigurationError(f"--map takes COLUMN=FIELD, as in --map 'Situação=outcome'; got {text!r}")
        mapping[column] = target
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as problem:
        raise ConfigurationError(f"{file} cannot be read: {problem.strerror}") from None
    done = steps.import_outcomes(open_runtime(), body, mapping=mapping)
    if as_json:
        print_json(done.as_json())
    else:
        _tell(done)
    if done.problems:
        click.get_current_context().exit(NOT_WELL)


def _tell(done: Recorded) -> None:
    console.print(
        "Columns: " + ", ".join(f"{column} = {target}" for column, target in done.columns.items()), markup=False
    )
    console.print(f"{done.rows:,} rows: {done.recorded:,} outcomes recorded, {done.known:,} known before.")
    for reason, count in sorted(done.problems.items()):
        rows = [str(row) for row, why in done.where if why == reason]
        some = f" (rows {', '.join(rows[:5])}{', …' if count > 5 else ''})" if rows else ""
        console.print(f"  {reason:<16}{count:>8,}  {outcome_steps.MEANING[reason]}{some}", markup=False)
    if done.recorded:
        console.print("Next: portaria model train")


@outcomes.command("list")
@limit_option
@as_json_option
def list_outcomes(limit: int, as_json: bool) -> None:
    """The newest told first."""
    with open_runtime().database.read() as tx:
        rows = lead_outcomes.listed(tx, limit=limit)
    columns = {"outcome": "outcome", "subject": "of", "value": "value", "at": "at", "by": "told by"}
    print_rows(rows, columns, as_json=as_json, empty="No outcomes yet: portaria outcomes import FILE")
