"""How far the contacts of each CRM account were read into the index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction

table = tables.account_imports


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one account was read."""

    system: str
    start: int
    """The first reading goes on at this contact."""
    contacts: int
    """So many were read, in all."""
    read_since: datetime
    """What changed from then on is still to be read."""
    complete: bool
    """The first reading came to its end."""
    looked_at: datetime


def progress(tx: Transaction, system: str) -> Progress | None:
    """How far this account was read; None: not at all."""
    row = tx.execute(sa.select(table).where(table.c.system == system)).mappings().first()
    if row is None:
        return None
    return Progress(system, row["page"], row["contacts"], row["read_since"], row["complete"], row["looked_at"])


def save(tx: Transaction, so_far: Progress) -> None:
    """It was read so far."""
    values = {
        "page": so_far.start, "contacts": so_far.contacts, "read_since": so_far.read_since,
        "complete": so_far.complete, "looked_at": so_far.looked_at,
    }  # fmt: skip
    insert_ignoring(tx, table, [{"system": so_far.system, **values}])
    tx.execute(sa.update(table).where(table.c.system == so_far.system).values(values))
