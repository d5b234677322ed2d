"""The whole store at once, for those who check it: everything of a kind, and who holds what right now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from pipelines.states import Stage
from worker import tables
from worker.store import writes
from worker.store.engine import Transaction, rows
from worker.store.submissions import BEFORE

_DELIVERIES = ("id", "source", "state", "reason", "digest", "lease_owner")
_SUBMISSIONS = ("id", "delivery_id", "position", "state", "reason", "decision", "contact_id", "lease_owner")
_CONTACTS = ("id", "merged_into", "contact")
_WRITES = ("key", "wanted_by", "contact_id", "kind", "state", "remote", "lease_owner")
_RUNS = ("id", "submission_id", "contact_id", "workflow", "temperature", "state", "reason", "lease_owner")
_NOTIFICATIONS = ("key", "run_id", "sink", "state", "lease_owner")


def deliveries(tx: Transaction) -> list[dict[str, Any]]:
    """All deliveries, without their bytes."""
    return _all(tx, tables.deliveries, _DELIVERIES)


def submissions(tx: Transaction) -> list[dict[str, Any]]:
    """All submissions, without what was said in them."""
    return _all(tx, tables.submissions, _SUBMISSIONS)


def contacts(tx: Transaction) -> list[dict[str, Any]]:
    """All contacts, merged ones too."""
    return _all(tx, tables.contacts, _CONTACTS)


def crm_writes(tx: Transaction) -> list[dict[str, Any]]:
    """All intended CRM writes and how they went."""
    return _all(tx, tables.crm_writes, _WRITES)


def runs(tx: Transaction) -> list[dict[str, Any]]:
    """All runs of workflows, without what their steps do."""
    return _all(tx, tables.workflow_runs, _RUNS)


def notifications(tx: Transaction) -> list[dict[str, Any]]:
    """All notifications."""
    return _all(tx, tables.notifications, _NOTIFICATIONS)


def moves(tx: Transaction) -> Iterator[tuple[str, list[Any]]]:
    """Each subject of the history with its moves, oldest first."""
    table = tables.history
    columns = (table.c.subject, table.c.event, table.c.before, table.c.after)
    found = tx.execution_options(yield_per=5000).execute(sa.select(*columns).order_by(table.c.subject, table.c.no))
    for subject, some in groupby(found, key=lambda row: row.subject):
        yield subject, list(some)


def progress(tx: Transaction) -> tuple[Any, ...]:
    """What changes whenever something goes on: the last entry of the history, and how much is in which state."""
    last = tx.execute(sa.select(sa.func.max(tables.history.c.no))).scalar_one()
    kinds = (tables.deliveries, tables.crm_writes, tables.workflow_runs, tables.notifications)
    counted = [sa.select(kind.c.state, sa.func.count()).group_by(kind.c.state).order_by(kind.c.state) for kind in kinds]
    return last, *(tuple(tuple(row) for row in tx.execute(each)) for each in counted)


def _all(tx: Transaction, table: sa.Table, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return rows(tx.execute(sa.select(*(table.c[name] for name in names))))


def holder(tx: Transaction, stages: Collection[Stage]) -> tuple[Stage, str] | None:
    """One of these stages at which some submission is right now, and who holds its lease."""
    table = tables.submissions
    states = [BEFORE[stage] for stage in stages]
    held = sa.select(table.c.stage, table.c.lease_owner)
    held = held.where(table.c.state.in_(states), table.c.lease_owner.is_not(None))
    row = tx.execute(held.limit(1)).first()
    return (Stage(row.stage), row.lease_owner) if row else None


def callers(tx: Transaction) -> list[str]:
    """Who is at a CRM write right now, or was when they died."""
    table = tables.crm_writes
    held = sa.select(table.c.lease_owner).where(table.c.state == writes.ATTEMPTED, table.c.lease_owner.is_not(None))
    return list(tx.execute(held.distinct()).scalars())


def is_between(tx: Transaction, stage: Stage) -> bool:
    """Whether some submission waits for this stage and nobody is at it: its message is in the broker."""
    table = tables.submissions
    waiting = sa.select(table.c.id).where(table.c.state == BEFORE[stage], table.c.lease_owner.is_(None))
    return tx.execute(waiting.limit(1)).first() is not None
