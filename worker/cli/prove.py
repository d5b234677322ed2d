"""`portaria prove`: the promise, put to the proof on this machine."""

from __future__ import annotations

import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click

from worker import prove as proofs
from worker.cli.shell import NOT_WELL, Shell, console
from worker.errors import ConfigurationError
from worker.prove.nemesis import WAYS, ways_of
from worker.prove.report import tables

ALL = "all"
NONE = "none"


def add_to(portaria: Shell) -> None:
    """Add this command to the command line."""
    portaria.add_command(prove)


@click.command(cls=Shell.command_class)
@click.option("--store", type=click.Choice(["sqlite", "postgres"]), default="sqlite", show_default=True,
              help="Embedded on SQLite, or two machines on one PostgreSQL and one Valkey.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0.1), default=2.0, show_default=True, help="For how long to send.")
@click.option("--rate", type=click.FloatRange(0.1), default=8.0, show_default=True, help="Deliveries a second.")
@click.option("--seed", type=int, help="Of what is sent and struck.  [default: another each time]")
@click.option("--nemesis", default=ALL, show_default=True, metavar="WAY,...",
              help=f"Ways to strike; {ALL}, {NONE}, or some of: {', '.join(WAYS)}.")  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
              help="Keep history, logs and data there.")  # fmt: skip
@click.option("--without", default="", hidden=True, help="Switch a guard off, to see the proof fail.")
def prove(
    store: str, minutes: float, rate: float, seed: int | None, nemesis: str, folder: Path | None, without: str
) -> None:
    """Prove that nothing is lost and nothing done twice: a set-up of its own is killed, paused, cut off and filled up
    while deliveries with known truth come in; then all is compared with what was sent.

    Needs nothing that runs, and touches no data folder of yours. Exit status 1 with any finding.
    """
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - no secret comes of it
    where = folder or Path(tempfile.mkdtemp(prefix="portaria-prove-"))
    if folder and folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty; name a new folder")
    where.mkdir(parents=True, exist_ok=True)
    proof = proofs.Proof(store, minutes * 60, rate, seed, _ways(nemesis, store), without)
    console.print(f"Proving on {store}, seed {seed}; everything is kept in {where}", markup=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(NOT_WELL))  # all that was started is stopped on the way out
    outcome = proofs.run(proof, where, lambda line: console.print(line, markup=False))
    for each in tables(outcome):
        console.print(each)
    if outcome.findings:
        console.print(f"[red]{len(outcome.findings)} findings[/red]; the history is in {where}")
        click.get_current_context().exit(NOT_WELL)
    console.print("[green]No finding: nothing lost, nothing twice.[/green]")
    if folder is None:
        shutil.rmtree(where, ignore_errors=True)


def _ways(given: str, store: str) -> tuple[str, ...]:
    if given in {ALL, NONE}:
        return ways_of(store) if given == ALL else ()
    ways = tuple(given.split(","))
    if unknown := sorted(set(ways) - set(ways_of(store))):
        raise ConfigurationError(
            f"no such way to strike on {store}: {', '.join(unknown)}; there are {', '.join(ways_of(store))}"
        )
    return ways
