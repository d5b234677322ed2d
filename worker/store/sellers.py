"""Whose turn it is among the sellers, and who has whom. Turns are taken one at a time across all workers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import sqlalchemy as sa

from pipelines.sellers import Assigned, Turn
from worker import tables
from worker.store.bulk import among, insert_ignoring
from worker.store.engine import Transaction, chunks

turns = tables.seller_turns
assignments = tables.seller_assignments

_LOCK = 726674
"""The number of PostgreSQL's advisory lock on the turns."""


def take_turn(tx: Transaction) -> dict[str, Turn]:
    """How the sellers stand in the round, nobody else taking a turn until the transaction ends. SQLite has one writer
    at a time anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    return standing(tx)


def standing(tx: Transaction) -> dict[str, Turn]:
    """How the sellers stand in the round."""
    return {row.seller: Turn(row.last, row.day, row.taken) for row in tx.execute(sa.select(turns))}


def took(tx: Transaction, contact_id: str, assigned: Assigned, *, today: date, now: datetime) -> None:
    """It was this seller's turn, and the contact is theirs."""
    last = tx.execute(sa.select(sa.func.max(turns.c.last))).scalar_one() or 0
    insert_ignoring(tx, turns, [{"seller": assigned.seller, "last": 0, "day": today, "taken": 0}])
    taken = sa.case((turns.c.day == today, turns.c.taken), else_=0) + 1
    same = sa.update(turns).where(turns.c.seller == assigned.seller)
    tx.execute(same.values(last=last + 1, taken=taken, day=today))
    values = {"seller": assigned.seller, "reason": assigned.reason, "at": now}
    changed = sa.update(assignments).where(assignments.c.contact_id == contact_id).values(values)
    if not tx.execute(changed).rowcount:
        insert_ignoring(tx, assignments, [{"contact_id": contact_id, **values}])


def of_contacts(tx: Transaction, contact_ids: Iterable[str]) -> dict[str, Assigned]:
    """Who has these contacts, and why."""
    found: dict[str, Assigned] = {}
    for some in chunks(sorted(set(contact_ids))):
        statement = sa.select(assignments).where(among(assignments.c.contact_id, some))
        found |= {row.contact_id: Assigned(row.seller, row.reason) for row in tx.execute(statement)}
    return found
