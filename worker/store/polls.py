"""How far what changed at providers was asked for, and when to ask again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from worker import tables
from worker.store.engine import Transaction, insert_new

table = tables.polls


def take(tx: Transaction, source: str, entity: str, *, now: datetime, again: datetime) -> datetime | None:
    """From when on to ask, where it is due, and due again at `again`; None where it is not, or another has taken it.

    The first time there is nothing to make up for: what is asked for begins now.
    """
    if insert_new(tx, table, {"source": source, "entity": entity, "reached": now, "due_at": again}):
        return None
    taken = sa.update(table).where(*_row(source, entity), table.c.due_at <= now).values(due_at=again)
    return tx.execute(taken.returning(table.c.reached)).scalar_one_or_none()


def reach(tx: Transaction, source: str, entity: str, reached: datetime) -> None:
    """All that changed before `reached` is kept. Never takes back what was said."""
    tx.execute(sa.update(table).where(*_row(source, entity), table.c.reached < reached).values(reached=reached))


def hurry(tx: Transaction, source: str, entity: str, due_at: datetime) -> None:
    """Ask again as early as that: there is more."""
    tx.execute(sa.update(table).where(*_row(source, entity)).values(due_at=due_at))


def _row(source: str, entity: str) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.source == source, table.c.entity == entity
