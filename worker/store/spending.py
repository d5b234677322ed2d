"""What asking the sources of facts cost, a day at a time, and what it found.

Costs are kept in millionths, so that cents add up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction, rows

table = tables.enrichment_days
finds = tables.enrichment_finds

MILLION = 1_000_000


@dataclass
class Spent:
    """What came of the calls that `reserve` granted, and how often the cache answered instead."""

    answered: int = 0
    empty: int = 0
    """Of those answered, how many knew nothing."""
    failed: int = 0
    from_cache: int = 0
    found: Counter[str] = field(default_factory=Counter)
    """Facts by their field."""


def reserve(tx: Transaction, source: str, day: date, wanted: int, *, cost: float, budget: float | None) -> int:
    """Take the cost of up to `wanted` calls out of the day's budget; for how many there was enough."""
    _ensure(tx, source, day)
    mine = (table.c.source == source, table.c.day == day)
    each = round(cost * MILLION)
    granted = wanted
    if budget is not None and each > 0:
        spent = tx.execute(sa.select(table.c.cost).where(*mine).with_for_update()).scalar_one()
        granted = min(wanted, max((round(budget * MILLION) - spent) // each, 0))
    if granted and each:
        tx.execute(sa.update(table).where(*mine).values(cost=table.c.cost + granted * each))
    return granted


def settle(tx: Transaction, source: str, day: date, spent: Spent, *, cost: float) -> None:
    """Note what came of calls; a failed one costs nothing."""
    _ensure(tx, source, day)
    tx.execute(
        sa.update(table)
        .where(table.c.source == source, table.c.day == day)
        .values(
            answered=table.c.answered + spent.answered,
            empty=table.c.empty + spent.empty,
            failed=table.c.failed + spent.failed,
            from_cache=table.c.from_cache + spent.from_cache,
            cost=table.c.cost - spent.failed * round(cost * MILLION),
        )
    )
    for name, count in sorted(spent.found.items()):
        insert_ignoring(tx, finds, [{"source": source, "day": day, "field": name, "count": 0}])
        same = (finds.c.source == source, finds.c.day == day, finds.c.field == name)
        tx.execute(sa.update(finds).where(*same).values(count=finds.c.count + count))


def _ensure(tx: Transaction, source: str, day: date) -> None:
    nothing = dict.fromkeys(("answered", "empty", "failed", "from_cache", "cost"), 0)
    insert_ignoring(tx, table, [{"source": source, "day": day, **nothing}])


def report(tx: Transaction, since: date, until: date) -> list[dict[str, Any]]:
    """For each source: calls answered, of these with nothing, failed, answers from the cache, cost, and `found`, the
    facts by field; the dearest first."""
    sums = [sa.func.sum(table.c[name]).label(name) for name in ("answered", "empty", "failed", "from_cache", "cost")]
    days = table.c.day.between(since, until)
    total = rows(tx.execute(sa.select(table.c.source, *sums).where(days).group_by(table.c.source)))
    statement = (
        sa.select(finds.c.source, finds.c.field, sa.func.sum(finds.c.count).label("times"))
        .where(finds.c.day.between(since, until))
        .group_by(finds.c.source, finds.c.field)
        .order_by(finds.c.field)
    )
    found: dict[str, dict[str, int]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.source, {})[row.field] = int(row.times)
    ordered = sorted(total, key=lambda row: (-int(row["cost"]), row["source"]))
    return [{**_plain(row), "found": found.get(str(row["source"]), {})} for row in ordered]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    values = dict(row)
    counts = {name: int(values[name]) for name in ("answered", "empty", "failed", "from_cache")}
    return {"source": values["source"], **counts, "cost": int(values["cost"]) / MILLION}


def spent_on(tx: Transaction, source: str, day: date) -> float:
    """What was spent on a source in a day."""
    statement = sa.select(table.c.cost).where(table.c.source == source, table.c.day == day)
    return (tx.execute(statement).scalar() or 0) / MILLION
