"""CRM writes: intents, recorded before they are acted on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker import tables
from worker.store import plans, submissions
from worker.store.bulk import among, insert_ignoring, update_rows
from worker.store.engine import Transaction, chunks, rows

table = tables.crm_writes

INTENDED = "intended"
ATTEMPTED = "attempted"
"""The call was about to be made; until it is `done` nobody knows whether it was."""
DONE = "done"
SUPERSEDED = "superseded"
"""What it wanted to say is said by a later write."""
MAYBE_MADE = frozenset({ATTEMPTED, DONE})


class Standing(StrEnum):
    """What may be done about a recorded write."""

    FRESH = "fresh"
    """Never attempted: make the call."""
    UNKNOWN = "unknown"
    """Attempted by somebody who did not say how it went: look it up before making the call."""
    BUSY = "busy"
    """Somebody else is at it now: come back later."""
    PENDING = "pending"
    """An earlier call to the same record had no answer and may still land on top: come back then."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who makes a call, and until when. Together they tell one taking of a write from every other, that of another
    thread of the same process too."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """A recorded write and what may be done about it."""

    standing: Standing
    remote: RemoteRef | None = None
    repeat_at: datetime | None = None
    """Until then the last call may still land: an unknown one is looked up and not made again, another one that is
    pending waits."""
    asked: CrmWrite | None = None
    """Of an unknown one and of one that is done: the write as it was called last."""

    @property
    def is_ours(self) -> bool:
        return self.standing in {Standing.FRESH, Standing.UNKNOWN}


def intend(tx: Transaction, writes: Mapping[str, Sequence[CrmWrite]], stage: str, now: datetime) -> None:
    """Record the writes that `stage` wants, by the id of whoever wants them, before any of them is made.

    Raises `PermanentError` for those of a plan that is not permitted to make them now.
    """
    for wanted_by, some in writes.items():
        if plans.is_plans(wanted_by):
            plans.check_permitted(tx, wanted_by, [write.key for write in some])
    values = [
        {
            "key": write.key,
            "wanted_by": wanted_by,
            "contact_id": write.contact_id,
            "kind": write.kind,
            "write": write.model_dump_json(),
            "stage": stage,
            "state": INTENDED,
            "created_at": now,
            "updated_at": now,
        }
        for wanted_by, some in writes.items()
        for write in some
    ]
    insert_ignoring(tx, table, values)


def outstanding(tx: Transaction, wanted_by: Iterable[str], stage: str) -> dict[str, list[CrmWrite]]:
    """Writes that `stage` wanted for these and that are not known to be made, by who wanted them."""
    found: defaultdict[str, list[CrmWrite]] = defaultdict(list)
    for some in chunks(sorted(set(wanted_by))):
        wanted = (among(table.c.wanted_by, some), table.c.stage == stage, table.c.state.not_in([DONE, SUPERSEDED]))
        statement = sa.select(table.c.wanted_by, table.c.write).where(*wanted).order_by(table.c.key)
        for row in tx.execute(statement):
            found[row.wanted_by].append(CrmWrite.model_validate_json(row.write))
    return dict(found)


def supersede(tx: Transaction, keys: Iterable[str], now: datetime) -> None:
    """These writes will not be made: what they wanted to say was said since."""
    for some in chunks(sorted(keys)):
        over = sa.update(table).where(among(table.c.key, some), table.c.state != DONE)
        tx.execute(over.values(state=SUPERSEDED, lease_owner=None, lease_until=None, updated_at=now))


def in_the_air(tx: Transaction, wanted_by: Iterable[str], stage: str) -> set[str]:
    """Those of these for whom `stage` has made a call of which it is not known how it went."""
    found: set[str] = set()
    for some in chunks(sorted(set(wanted_by))):
        called = (among(table.c.wanted_by, some), table.c.stage == stage, table.c.state == ATTEMPTED)
        found |= set(tx.execute(sa.select(table.c.wanted_by).where(*called)).scalars())
    return found


def call_off(tx: Transaction, wanted_by: Iterable[str], stage: str, now: datetime) -> None:
    """What `stage` wanted for these and has not begun will not be made."""
    for some in chunks(sorted(set(wanted_by))):
        not_begun = (among(table.c.wanted_by, some), table.c.stage == stage, table.c.state == INTENDED)
        tx.execute(sa.update(table).where(*not_begun).values(state=SUPERSEDED, updated_at=now))


OF_RECORD = frozenset({WriteKind.CREATE_CONTACT, WriteKind.UPDATE_CONTACT})
"""Kinds that write the contact's own record, of which the last one stays."""


def attempting(
    tx: Transaction, writes: Iterable[CrmWrite], *, lease: Lease, now: datetime, settle: float = 0.0
) -> dict[str, Attempt]:
    """Record that these intended writes are about to be made by the lease's owner; by key, what may be done about each.
    A call made now may land for up to `settle` seconds.

    One owner at a time: of two workers with submissions of one contact, one makes the call and the other waits. That
    holds for the contact's record too, whatever the key: nobody else writes to it until it is known how the call went,
    or the lease has run out. The caller holds the rows of the contacts whose records are written
    (`contacts.lock`), so that two never both find that nobody is at it.
    """
    found: dict[str, Attempt] = {}
    wanted = {write.key: write for write in writes}
    for some in chunks(sorted(wanted)):
        is_free = submissions.is_free(table, now, (lease.until - now).total_seconds())
        landing = _landing(tx, [wanted[key] for key in some], is_free, now, settle)
        columns = (table.c.key, table.c.state, table.c.remote, table.c.repeat_at, table.c.write)
        statement = sa.select(*columns, is_free.label("is_free"))
        for row in tx.execute(statement.where(among(table.c.key, some)).order_by(table.c.key).with_for_update()):
            remote = RemoteRef.model_validate_json(row.remote) if row.remote else None
            standing = _standing(row.state, is_free=row.is_free)
            write = wanted[row.key]
            repeat_at = row.repeat_at
            if standing is not Standing.DONE and write.kind in OF_RECORD and write.contact_id in landing:
                repeat_at = landing[write.contact_id]
                standing = Standing.PENDING if repeat_at else Standing.BUSY
            asked = CrmWrite.model_validate_json(row.write) if standing in {Standing.UNKNOWN, Standing.DONE} else None
            found[row.key] = Attempt(standing, remote, repeat_at, asked)
        ours = [key for key in some if found[key].is_ours]
        taken = sa.update(table).where(among(table.c.key, ours))
        tx.execute(taken.values(state=ATTEMPTED, lease_owner=lease.owner, lease_until=lease.until, updated_at=now))
        fresh = [wanted[key] for key in ours if found[key].standing is Standing.FRESH]
        calling(tx, fresh, now=now, settle=settle)
    return found


def held(tx: Transaction, keys: Iterable[str], lease: Lease) -> set[str]:
    """Those of these attempted writes that are still to be called under `lease`: nobody has taken them over, nor does
    until the transaction ends. In one order, as `attempting` takes them."""
    found: set[str] = set()
    for some in chunks(sorted(set(keys))):
        ours = sa.select(table.c.key).where(*_under(lease, some)).order_by(table.c.key).with_for_update()
        found |= set(tx.execute(ours).scalars())
    return found


def hold(tx: Transaction, keys: Iterable[str], lease: Lease, *, until: datetime) -> set[str]:
    """Those of these that are `held`, from now on until `until`."""
    found = held(tx, keys, lease)
    for some in chunks(sorted(found)):
        tx.execute(sa.update(table).where(among(table.c.key, some)).values(lease_until=until))
    return found


def _under(lease: Lease, keys: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    taken_so = (table.c.lease_owner == lease.owner, table.c.lease_until == lease.until, table.c.state == ATTEMPTED)
    return among(table.c.key, keys), *taken_so


def calling(tx: Transaction, calls: Iterable[CrmWrite], *, now: datetime, settle: float) -> None:
    """These are about to be called: until `settle` seconds from now they may land, whatever is heard of them.

    What is kept is what is sent. It may differ from what was intended first: of two submissions of one contact, one
    knows less of it, and whoever finds the record has to know which of the two made it.
    """
    until = now + timedelta(seconds=settle) if settle else None
    rows = [{"key": one.key, "write": one.model_dump_json(), "repeat_at": until} for one in calls]
    update_rows(tx, table, rows, by=["key"])


def _landing(
    tx: Transaction, writes: Sequence[CrmWrite], is_free: sa.ColumnElement[bool], now: datetime, settle: float
) -> dict[str, datetime | None]:
    """The contacts among those to be written whose record another write may still reach, and until when: one that is
    being made right now (None), or one of which nobody has heard. What was told by a clock that was ahead is not
    believed."""
    to_record = [write for write in writes if write.kind in OF_RECORD]
    if not to_record:
        return {}
    at_it = sa.and_(table.c.state == ATTEMPTED, sa.not_(is_free))
    longest = now + timedelta(seconds=settle) + submissions.CLOCKS_DIFFER
    unheard = sa.and_(table.c.state.in_([ATTEMPTED, SUPERSEDED]), table.c.repeat_at > now, table.c.repeat_at <= longest)
    others = sa.select(table.c.contact_id, table.c.repeat_at, at_it.label("at_it")).where(
        table.c.contact_id.in_(sorted({write.contact_id for write in to_record})),
        table.c.kind.in_(sorted(OF_RECORD)),
        table.c.key.not_in([write.key for write in to_record]),
        sa.or_(at_it, unheard),
    )
    found: dict[str, datetime | None] = {}
    for row in tx.execute(others):
        until = found.get(row.contact_id, now)
        found[row.contact_id] = None if row.at_it or until is None else max(until, row.repeat_at)
    return found


def _standing(state: str, *, is_free: bool) -> Standing:
    if state == DONE:
        return Standing.DONE
    if state == INTENDED:
        return Standing.FRESH
    return Standing.UNKNOWN if is_free else Standing.BUSY


def is_attempted(tx: Transaction, key: str) -> bool:
    """Whether the write's call was made and nobody knows yet how it went."""
    return tx.execute(sa.select(table.c.key).where(table.c.key == key, table.c.state == ATTEMPTED)).first() is not None


def done(tx: Transaction, remotes: Mapping[str, RemoteRef], now: datetime) -> None:
    """Record the outcome of writes, by key."""
    over = {"state": DONE, "updated_at": now, "lease_owner": None, "lease_until": None}
    values = [{"key": key, "remote": remote.model_dump_json(), **over} for key, remote in sorted(remotes.items())]
    update_rows(tx, table, values, by=["key"])


def not_made(tx: Transaction, keys: Iterable[str], lease: Lease) -> None:
    """The CRM said, or nobody could tell it, so that these were not made: they are as if never attempted."""
    over = {"state": INTENDED, "lease_owner": None, "lease_until": None, "repeat_at": None}
    for some in chunks(sorted(keys)):
        tx.execute(sa.update(table).where(*_under(lease, some)).values(**over))


def give_up(tx: Transaction, keys: Iterable[str], lease: Lease) -> None:
    """Let others try these writes, which did not go well: they look them up first."""
    for some in chunks(sorted(keys)):
        tx.execute(sa.update(table).where(*_under(lease, some)).values(lease_owner=None, lease_until=None))


def made(tx: Transaction, keys: Iterable[str], states: Collection[str] = (DONE,)) -> set[str]:
    """Those of these writes that are known to be made; with `MAYBE_MADE`, or may have been."""
    found: set[str] = set()
    for some in chunks(sorted(set(keys))):
        statement = sa.select(table.c.key).where(among(table.c.key, some), table.c.state.in_(sorted(states)))
        found |= set(tx.execute(statement).scalars())
    return found


def wanted_by(tx: Transaction, subject: str) -> list[dict[str, Any]]:
    """The CRM writes that a submission (or whatever else has this id) caused, oldest first."""
    return rows(tx.execute(sa.select(table).where(table.c.wanted_by == subject).order_by(table.c.created_at)))
