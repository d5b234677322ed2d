"""Deliveries: kept byte for byte, once for each (source, key), before anyone is told that they were."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.states import DeliveryState
from worker import tables
from worker.ids import new_id
from worker.ports import Delivery, Priority
from worker.store import history
from worker.store.engine import Transaction, chunks, insert_new, page, rows
from worker.store.submissions import is_free

table = tables.deliveries
WHOLE = [table.c[name] for name in Delivery.__slots__]
SUMMARY = [column for column in table.c if column.name != "body"]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a delivery at the door."""

    id: str
    repeated: bool
    """It was there already: the answer is the same, nothing was stored."""


def add(
    tx: Transaction,
    *,
    source: str,
    key: str | None,
    body: bytes,
    content_type: str,
    now: datetime,
    priority: int,
    name: str = "",
    kind: str = "",
    suspicion: str = "",
) -> Added:
    """Keep a delivery. Where its source gives no key, the SHA-256 of its bytes is the key."""
    digest = hashlib.sha256(body).hexdigest()
    key = f"id:{key}" if key else f"sha256:{digest}"
    fresh = new_id("del", now)
    values = {
        "id": fresh,
        "source": source,
        "kind": kind,
        "suspicion": suspicion,
        "key": key,
        "digest": digest,
        "state": DeliveryState.RECEIVED,
        "content_type": content_type,
        "name": name,
        "priority": priority,
        "size": len(body),
        "body": body,
        "received_at": now,
    }
    if insert_new(tx, table, values):
        history.record(tx, [history.Move(fresh, "received", after=DeliveryState.RECEIVED, by=source)], now)
        return Added(fresh, repeated=False)
    known = tx.execute(sa.select(table.c.id).where(table.c.source == source, table.c.key == key)).scalar_one()
    return Added(known, repeated=True)


def by_key(tx: Transaction, source: str, key: str) -> str | None:
    """The delivery that this source has sent with that key, the source's own."""
    same = (table.c.source == source, table.c.key == f"id:{key}")
    return tx.execute(sa.select(table.c.id).where(*same)).scalar_one_or_none()


def known(tx: Transaction, source: str, keys: Sequence[str]) -> set[str]:
    """Those of these keys under which a delivery of the source is kept."""
    found: set[str] = set()
    for some in chunks(f"id:{key}" for key in keys):
        statement = sa.select(table.c.key).where(table.c.source == source, table.c.key.in_(some))
        found |= {key.removeprefix("id:") for key in tx.execute(statement).scalars()}
    return found


def claim_to_open(
    tx: Transaction, *, owner: str, now: datetime, lease: float, least: Priority = Priority.IMPORT
) -> Delivery | None:
    """The next received delivery, at least so urgent, that nobody is opening, leased to `owner` for `lease` seconds.

    One import at a time: two large ones would take up two processes for as long as they are opened.
    """
    free = is_free(table, now, lease)
    if least == Priority.IMPORT and _opens_import(tx, now, lease):
        least = Priority.MAIL
    next_one = (
        sa.select(table.c.id)
        .where(table.c.state == DeliveryState.RECEIVED, table.c.priority <= least, free)
        .order_by(table.c.priority, table.c.received_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = tx.execute(next_one).scalar_one_or_none()
    if found is None:
        return None
    row = tx.execute(
        sa.update(table)
        .where(table.c.id == found)
        .values(lease_owner=owner, lease_until=now + timedelta(seconds=lease))
        .returning(*WHOLE)
    ).one()
    return Delivery(**row._mapping)


def _opens_import(tx: Transaction, now: datetime, lease: float) -> bool:
    received = (table.c.state == DeliveryState.RECEIVED, table.c.priority == Priority.IMPORT)
    opened = sa.select(table.c.id).where(*received, sa.not_(is_free(table, now, lease))).limit(1)
    return tx.execute(opened).first() is not None


def extend(tx: Transaction, delivery_id: str, *, owner: str, now: datetime, lease: float) -> bool:
    """Keep the lease for `lease` seconds more; False when somebody else has taken it over."""
    changed = tx.execute(
        sa.update(table)
        .where(table.c.id == delivery_id, table.c.lease_owner == owner)
        .values(lease_until=now + timedelta(seconds=lease))
    )
    return changed.rowcount == 1


def settle(
    tx: Transaction,
    delivery_id: str,
    state: DeliveryState,
    *,
    owner: str,
    now: datetime,
    reason: str = "",
    detail: str = "",
) -> bool:
    """Opening is over: opened, quarantined or about nobody. False when somebody else has taken it over."""
    changed = tx.execute(
        sa.update(table)
        .where(table.c.id == delivery_id, table.c.lease_owner == owner, table.c.state == DeliveryState.RECEIVED)
        .values(state=state, reason=reason, detail=detail, opened_at=now, lease_owner=None, lease_until=None)
    )
    if changed.rowcount:
        move = history.Move(delivery_id, "opened", before=DeliveryState.RECEIVED, after=state, reason=reason, by=owner)
        history.record(tx, [move], now)
    return changed.rowcount == 1


def reopen(tx: Transaction, delivery_id: str, *, by: str, now: datetime) -> bool:
    """Have it opened again. Its submissions that are there already stay; only missing ones are added."""
    before = tx.execute(sa.select(table.c.state).where(table.c.id == delivery_id)).scalar_one_or_none()
    if before is None:
        return False
    tx.execute(
        sa.update(table)
        .where(table.c.id == delivery_id)
        .values(state=DeliveryState.RECEIVED, reason="", detail="", lease_owner=None, lease_until=None)
    )
    move = history.Move(delivery_id, "replayed", before=before, after=DeliveryState.RECEIVED, by=by)
    history.record(tx, [move], now)
    return True


def read(tx: Transaction, delivery_id: str) -> Delivery | None:
    """The delivery with its bytes."""
    row = tx.execute(sa.select(*WHOLE).where(table.c.id == delivery_id)).one_or_none()
    return Delivery(**row._mapping) if row else None


def summary(tx: Transaction, delivery_id: str) -> dict[str, Any] | None:
    """All but the bytes."""
    found = rows(tx.execute(sa.select(*SUMMARY).where(table.c.id == delivery_id)))
    return found[0] if found else None


def summaries(
    tx: Transaction, *, state: str | None = None, source: str | None = None, limit: int = 50, after: str = ""
) -> list[dict[str, Any]]:
    """The newest deliveries first, without their bytes."""
    statement = sa.select(*SUMMARY)
    if state:
        statement = statement.where(table.c.state == state)
    if source:
        statement = statement.where(table.c.source == source)
    return rows(tx.execute(page(table, statement, limit, after)))


def states(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """The state of each of these."""
    found: dict[str, str] = {}
    for some in chunks(ids):
        found |= {
            row.id: row.state for row in tx.execute(sa.select(table.c.id, table.c.state).where(table.c.id.in_(some)))
        }
    return found


def counts(tx: Transaction) -> dict[str, int]:
    """How many deliveries are in each state."""
    found = tx.execute(sa.select(table.c.state, sa.func.count()).group_by(table.c.state))
    return {row[0]: row[1] for row in found}


def is_waiting(tx: Transaction) -> bool:
    """Whether some delivery has yet to be opened."""
    return tx.execute(sa.select(table.c.id).where(table.c.state == DeliveryState.RECEIVED).limit(1)).first() is not None
