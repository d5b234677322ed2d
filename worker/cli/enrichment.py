"""`enrich`, `enrichment report` and `score explain`: what was found, what it cost, and what a score is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from pipelines.enrich_verdicts import Verdict
from pipelines.models import Score
from worker.cli.lists import as_json_option
from worker.cli.settling import settle
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows
from worker.steps.explaining import (
    Said,
    answered_from,
    due_later,
    enrich_again,
    explain_enrichment,
    explain_score,
)
from worker.store import due_lookups, spending

_WHY = {
    Verdict.TAKEN: "taken",
    Verdict.AGREES: "as the contact says",
    Verdict.CONFLICT: "not taken: the contact says otherwise",
    Verdict.UNSURE: "not taken: not sure enough",
    Verdict.BESIDE: "kept beside",
    Verdict.IDENTITY: "not taken: people are recognised by it",
}
_FROM = {"here": "computed", "cache": "from the cache", "source": "fresh", "nobody": "no answer"}
_WIDEST = 24


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    for command in (enrich, enrichment, score):
        portaria.add_command(command)


@click.command(cls=Shell.command_class)
@click.argument("contact_id", metavar="CONTACT")
@click.option("--explain", is_flag=True, help="Only tell what each source says and what is taken; change nothing.")
@as_json_option
def enrich(contact_id: str, explain: bool, as_json: bool) -> None:
    """Ask the sources of facts about a contact again, and score it anew."""
    runtime = open_runtime()
    if not explain:
        settle(runtime, [enrich_again(runtime, contact_id)], quiet=as_json)
    told = explain_enrichment(runtime, contact_id)
    waiting = due_later(runtime, contact_id)
    if as_json:
        print_json({"contact": contact_id, "sources": [said.as_json() for said in told], "due_later": waiting})
        return
    console.print(_said_table(told, datetime.now().astimezone()))
    for one in waiting:
        console.print(f"{one['source']} did not answer ({one['reason']}); it is asked again at {one['due_at']}.")


def _said_table(told: list[Said], now: datetime) -> Table:
    """A line for each source, its findings below it."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for said in told:
        answer = _FROM[answered_from(said)]
        if said.answer.asked_at:
            answer += f", {_age(now - said.answer.asked_at)} old"
        if said.answer.problem:
            answer += f" ({said.answer.problem})"
        elif not said.verdicts:
            answer += ": it knows nothing"
        table.add_row(Text(said.source, style="bold"), Text(answer, style="dim"))
        for fact, verdict in said.verdicts:
            cells = (f"  {fact.field}", fact.value, f"{fact.confidence:.0%}", _WHY[verdict])
            table.add_row(*map(Text, cells))
    return table


def _age(age: timedelta) -> str:
    return f"{age.days} d" if age.days else f"{max(int(age.total_seconds()) // 60, 0)} min"


@click.group(cls=Shell)
def enrichment() -> None:
    """What the sources of facts cost and found."""


@enrichment.command("report")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back, in days (UTC)."
)
@as_json_option
def report(days: int, as_json: bool) -> None:
    """What was spent on what was found, by source; and what is asked again later."""
    runtime = open_runtime()
    until = runtime.clock().date()
    with runtime.database.read() as tx:
        rows = spending.report(tx, until - timedelta(days=days - 1), until)
        today = {row["source"]: spending.spent_on(tx, row["source"], until) for row in rows}
        waiting = due_lookups.counts(tx)
    for row in rows:
        found = sum(row["found"].values())
        row["cost_per_finding"] = round(row["cost"] / found, 6) if found else None
        row["due_later"] = sum(count for (source, _), count in waiting.items() if source == row["source"])
        row["spent_today"] = today[row["source"]]
        if not as_json:
            row["asked"] = f"{row['answered'] + row['failed']:,}: {row['empty']:,} empty, {row['failed']:,} failed"
            row["spent_today"] = _of_budget(runtime.fact_sources.get(row["source"]), today[row["source"]])
            row["found"] = [f"{name} {count:,}" for name, count in row["found"].items()]
    columns = {
        "source": "source", "asked": "asked", "from_cache": "cached", "cost": "cost", "spent_today": "today",
        "cost_per_finding": "each", "due_later": "due later", "found": "found",
    }  # fmt: skip
    empty = f"No source outside was asked in the last {days} days. [enrichment.NAME] in portaria.toml adds some."
    print_rows(rows, columns, as_json=as_json, empty=empty)


def _of_budget(source: Any, spent: float) -> str:
    budget = source.terms.daily_budget if source and source.terms else None
    return f"{spent:g}" if budget is None else f"{spent:g} of {budget:g}"


@click.group(cls=Shell)
def score() -> None:
    """Scores, and what they are made of."""


@score.command("explain")
@click.argument("contact_id", metavar="CONTACT")
@as_json_option
def explain(contact_id: str, as_json: bool) -> None:
    """The contact's score as the sum of its reasons."""
    told = explain_score(open_runtime(), contact_id)
    if as_json:
        print_json(
            {"contact": contact_id, **told.score.model_dump(mode="json"), "features": told.features, "at": told.at}
        )
        return
    console.print(bars(told.score))
    console.print(f"model {told.score.model}, scored {told.at}", style="dim")


def bars(score: Score) -> Table:
    """A bar for each contribution, right for what raised the score and left for what lowered it, the largest first."""
    parts = sorted(score.contributions, key=lambda part: -part.points)
    scale = max((abs(part.points) for part in parts), default=1) / _WIDEST
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    table.add_row(Text(str(score.value), style="bold"), "", "", Text(f"of 100: {score.temperature}", style="bold"))
    for part in parts:
        bar = "█" * max(round(abs(part.points) / scale), 1)
        lowered, raised = (Text(bar, style="red"), "") if part.points < 0 else ("", Text(bar, style="green"))
        table.add_row(f"{part.points:+d}", lowered, raised, Text(part.reason or part.feature))
    return table
