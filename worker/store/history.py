"""The append-only history: every move of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import insert_rows
from worker.store.engine import Transaction, rows


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that happened: `subject` is the id of what it happened to."""

    subject: str
    event: str
    before: str = ""
    after: str = ""
    reason: str = ""
    by: str = ""


def record(tx: Transaction, moves: Sequence[Move], now: datetime) -> None:
    """Append the moves."""
    if moves:
        values = [
            {
                "at": now,
                "subject": move.subject,
                "event": move.event,
                "before": move.before,
                "after": move.after,
                "reason": move.reason,
                "by": move.by,
            }
            for move in moves
        ]
        insert_rows(tx, tables.history, values)


def of(tx: Transaction, subject: str) -> list[dict[str, Any]]:
    """What happened to `subject`, oldest first."""
    table = tables.history
    return rows(tx.execute(sa.select(table).where(table.c.subject == subject).order_by(table.c.no)))


def after(tx: Transaction, number: int, *, limit: int) -> list[tuple[int, str]]:
    """Number and subject of the newest moves beyond `number`, at most so many, oldest first."""
    table = tables.history
    newest = sa.select(table.c.no, table.c.subject).where(table.c.no > number).order_by(table.c.no.desc()).limit(limit)
    return [(row.no, row.subject) for row in reversed(tx.execute(newest).all())]
