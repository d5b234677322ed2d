"""`portaria replay`: what was set aside goes through again, once its cause is mended."""

from __future__ import annotations

import getpass
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import click
from rich.markup import escape

from worker import steps
from worker.cli.lists import as_json_option
from worker.cli.settling import settle
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, print_json, print_rows
from worker.errors import ConfigurationError
from worker.steps.replay_views import outlook_view
from worker.steps.runtime import Runtime
from worker.store import replays
from worker.store.replays import STATES, Wanted

MOST = 1000
"""How many are replayed at a time, unless --limit says otherwise."""

MOST_FORESEEN = 100
"""How many a dry run tells of at a time, likewise."""

_AGO = re.compile(r"(\d{1,6})([mhd])")
_STATE = click.Choice([state.value for state in STATES])
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add_to(portaria: Shell) -> None:
    """Add this command to the command line."""
    portaria.add_command(replay)


@click.command(cls=Shell.command_class)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=_STATE,
    help="Only those in this state.",
)
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only those with this reason.")
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only those of this source.")
@click.option("--since", metavar="WHEN", help="Only those set aside since: 2026-11-26, 2026-11-26T09:30, 90m, 6h, 2d.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    help=f"The most at a time.  [default: {MOST}; with --dry-run {MOST_FORESEEN}]",
)
@click.option(
    "--dry-run", is_flag=True, help="Tell what a replay would change, and change nothing; nobody is asked outside."
)
@as_json_option
def replay(
    ids: tuple[str, ...],
    states: tuple[str, ...],
    reasons: tuple[str, ...],
    sources: tuple[str, ...],
    since: str | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send what is dead, rejected or quarantined through again: these submissions and deliveries, or what every
    filter lets through (an option given twice lets either through).

    Without any, tells what there is. Waits until all is settled.
    """
    runtime = open_runtime()
    moment = _moment(since, runtime.clock()) if since else None
    wanted = Wanted(ids, states or STATES, reasons, sources, moment)
    if wanted.is_all and not states and not dry_run:
        _tell(runtime, wanted, as_json=as_json)
        return
    if dry_run:
        _foresee(runtime, wanted, limit or MOST_FORESEEN, as_json=as_json)
        return
    replayed = steps.replay(runtime, wanted, by=getpass.getuser(), limit=limit or MOST)
    outcomes = settle(runtime, (), quiet=as_json, replayed=replayed)
    counts = {"submissions": len(replayed.submissions), "deliveries": len(replayed.deliveries), "left": replayed.left}
    if as_json:
        print_json({"replayed": counts, **outcomes.as_json()})
    elif not (replayed.submissions or replayed.deliveries):
        console.print("Nothing of that kind is set aside; `portaria replay` tells what is.")
    else:
        console.print(
            f"Replayed {_count(replayed.submissions, 'submission')} and {_count(replayed.deliveries, 'delivery')}."
        )
        for line in list(outcomes.lines())[1:]:
            console.print(line)
        if replayed.left:
            console.print(f"{replayed.left:,} more are wanted and were left: the same command takes the next.")
    if not outcomes.all_well:
        click.get_current_context().exit(NOT_WELL)


def _count(some: tuple[str, ...], what: str) -> str:
    many = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{len(some):,} {what if len(some) == 1 else many}"


def _moment(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"--since {text!r} is no time: write 2026-11-26, 2026-11-26T09:30, or how long ago as 90m, 6h, 2d"
        ) from None
    return moment.astimezone(UTC)


def _foresee(runtime: Runtime, wanted: Wanted, limit: int, *, as_json: bool) -> None:
    outlooks, left = steps.foresee_replay(runtime, wanted, limit=limit)
    views = [outlook_view(outlook) for outlook in outlooks]
    moves = Counter((view["before"]["state"], view["after"]["state"], view["after"]["reason"]) for view in views)
    if as_json:
        counts = [
            {"before": before, "after": after, "reason": why, "count": n} for (before, after, why), n in moves.items()
        ]
        print_json({"foreseen": counts, "left": left, "outlooks": views})
        return
    for view in views:
        if view["before"] == view["after"] and not (view["changes"] or view["writes"] or view["workflows"]):
            continue
        before, after = view["before"]["state"] or "new", view["after"]["state"]
        console.print(f"[bold]{view['id']}[/bold]  {escape(view['source'])}  {before} → {after}")
        for name, (old, new) in view["changes"].items():
            console.print(f"  {name:<18} {_shown(old)} → {_shown(new)}", markup=False)
        for name in ("writes", "workflows", "asks"):
            if view[name]:
                told = [f"{one['kind']}: {', '.join(one['fields'])}" if name == "writes" else one for one in view[name]]
                console.print(f"  {_WORDS[name]:<18} {'; '.join(told)}", markup=False)
    console.print(f"Foreseen: {len(views):,}. Nothing was changed.")
    for (before, after, why), n in sorted(moves.items()):
        console.print(f"  {before or 'new'} → {after:<12} {n:>8,}  {why}", markup=False)
    if left:
        console.print(f"{left:,} more are wanted and were not looked at; --limit takes more.")


_WORDS = {"writes": "CRM writes", "workflows": "workflows", "asks": "would be asked"}


def _shown(value: object) -> str:
    if value in (None, "", [], ()):
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tell(runtime: Runtime, wanted: Wanted, *, as_json: bool) -> None:
    with runtime.database.read() as tx:
        rows = replays.counts(tx, wanted)
    columns = {"state": "state", "source": "source", "reason": "reason", "count": "how many", "last": "last set aside"}
    shown = [{**row, "first": row["first"].isoformat(), "last": row["last"].isoformat()} for row in rows]
    print_rows(shown, columns, as_json=as_json, empty="Nothing is dead, rejected or quarantined.")
    if rows and not as_json:
        console.print(
            "\nName ids or a filter to replay some, as --reason CODE or --state dead. Each one, with why:\n"
            "portaria submissions list --state dead|rejected, portaria deliveries list --state quarantined",
            markup=False,
        )
