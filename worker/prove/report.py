"""The outcome of a proof as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from worker.prove import Outcome
from worker.prove.checker import FINDINGS

SHOWN = 5
"""The most findings of a kind that are shown whole; the others are in outcome.json."""


def tables(outcome: Outcome) -> Iterator[Table | str]:
    """For a person."""
    yield _strikes(outcome)
    yield _sent(outcome)
    yield _findings(outcome)
    yield from _details(outcome)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _strikes(outcome: Outcome) -> Table:
    table = _table("nemesis", "struck", "hit")
    for way, hits in sorted(outcome.strikes.items()):
        table.add_row(way, str(len(hits)), str(sum(bool(hit) for hit in hits)))
    return table


def _sent(outcome: Outcome) -> Table:
    answers = Counter(answer for one in outcome.sent for answer in one.refused.elements())
    accepted = sum(len(one.ids) for one in outcome.sent)
    table = _table("what happened", "")
    rows = [
        ("deliveries sent", len(outcome.sent)),
        ("answered 202 (some twice)", accepted),
        *((f"answered {answer}, sent again", count) for answer, count in sorted(answers.items())),
        ("never acknowledged", sum(not one.ids for one in outcome.sent)),
        *((f"submissions {state}", count) for state, count in sorted(outcome.states.items())),
        ("set aside under killed workers, replayed", outcome.set_aside),
        ("contacts", outcome.contacts),
        ("records in the CRM", outcome.crm_records),
        ("seconds until all was over", round(outcome.settled_after)),
    ]
    for what, count in rows:
        table.add_row(what, f"{count:,}")
    if outcome.gave_up:
        table.add_row("[red]the end was not waited for[/red]", f"[red]{outcome.gave_up}[/red]")
    return table


def _findings(outcome: Outcome) -> Table:
    counted = Counter(finding.code for finding in outcome.findings)
    table = _table("finding", "meaning", "found")
    table.columns[1].justify = "left"
    for code, meaning in FINDINGS.items():
        colour = "red" if counted[code] else "green"
        table.add_row(code, meaning, f"[{colour}]{counted[code]}[/{colour}]")
    return table


def _details(outcome: Outcome) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for finding in outcome.findings:
        shown[finding.code] += 1
        if shown[finding.code] <= SHOWN:
            yield f"[red]{finding.code}[/red] {escape(finding.subject)}: {escape(finding.detail)}"
