"""Look-ups that are due later: the source did not answer, and the contact went on without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import among, insert_ignoring
from worker.store.engine import Transaction, chunks

table = tables.due_lookups

LEASE = timedelta(seconds=300)
"""For how long one that was taken is nobody else's: longer than a round of look-ups may take."""


@dataclass(frozen=True, slots=True)
class DueLookup:
    """A contact about which a source is to be asked again."""

    contact_id: str
    source: str
    submission_id: str
    """The newest submission that wanted to know."""
    tries: int
    reason: str
    since: datetime
    due_at: datetime


def put_off(tx: Transaction, new: Sequence[DueLookup]) -> None:
    """Keep look-ups for later. One that waits already keeps its `since` and its tries, and is due no later."""
    insert_ignoring(tx, table, [{name: getattr(one, name) for name in DueLookup.__slots__} for one in new])
    for one in new:
        known = (table.c.contact_id == one.contact_id, table.c.source == one.source)
        tx.execute(
            sa.update(table)
            .where(*known)
            .values(
                submission_id=one.submission_id,
                reason=one.reason,
                due_at=sa.case((table.c.due_at < one.due_at, table.c.due_at), else_=one.due_at),
            )
        )


def forget(tx: Transaction, pairs: Iterable[tuple[str, str]]) -> None:
    """These (contact, source) need no further look."""
    for contact_id, source in sorted(set(pairs)):
        tx.execute(sa.delete(table).where(table.c.contact_id == contact_id, table.c.source == source))


def is_due(tx: Transaction, now: datetime) -> bool:
    """Whether any look-up is due."""
    return tx.execute(sa.select(table.c.contact_id).where(table.c.due_at <= now).limit(1)).first() is not None


def take(tx: Transaction, now: datetime, limit: int) -> list[DueLookup]:
    """Up to `limit` that are due, put off for everybody else for `LEASE`."""
    statement = sa.select(table).where(table.c.due_at <= now).order_by(table.c.due_at).limit(limit)
    found = [DueLookup(**row) for row in tx.execute(statement.with_for_update(skip_locked=True)).mappings()]
    for one in found:
        _again_at(tx, one, now + LEASE)
    return found


def try_again(tx: Transaction, one: DueLookup, *, at: datetime, reason: str) -> None:
    """It was asked and did not answer: once more, later."""
    mine = (table.c.contact_id == one.contact_id, table.c.source == one.source)
    tx.execute(sa.update(table).where(*mine).values(due_at=at, tries=one.tries + 1, reason=reason))


def _again_at(tx: Transaction, one: DueLookup, at: datetime) -> None:
    mine = (table.c.contact_id == one.contact_id, table.c.source == one.source)
    tx.execute(sa.update(table).where(*mine).values(due_at=at))


def of_contacts(tx: Transaction, contact_ids: Iterable[str]) -> list[DueLookup]:
    """What is due later about these contacts."""
    found: list[DueLookup] = []
    for some in chunks(sorted(set(contact_ids))):
        statement = sa.select(table).where(among(table.c.contact_id, some)).order_by(table.c.contact_id, table.c.source)
        found += [DueLookup(**row) for row in tx.execute(statement).mappings()]
    return found


def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """How many wait, by source and reason."""
    columns = (table.c.source, table.c.reason)
    statement = sa.select(*columns, sa.func.count()).group_by(*columns).order_by(*columns)
    return {(row[0], row[1]): row[2] for row in tx.execute(statement)}
