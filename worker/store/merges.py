"""The merge journal, and moving what belongs to a contact from one contact to another.

What belongs to a submission follows it: its contact id, the workflows it started and its CRM writes that are not made
yet. So putting submissions back is all that has to be remembered of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.models import Contact, CrmWrite, Moment, Score, Value, WriteKind
from pipelines.states import ON_THE_PATH, Stage, State
from worker import tables
from worker.store import contacts, writes
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction, chunks, page, rows

table = tables.merges
submissions = tables.submissions
links = tables.crm_links

MERGE = "merge"
SPLIT = "split"


class Side(Value):
    """A contact as it was before."""

    contact: Contact
    keys: tuple[int, ...] = ()
    members: tuple[str, ...] = ()
    """Ids of its submissions."""


class MovedLink(Value):
    """A record of a CRM that went from one contact to another, and when it was first linked."""

    system: str
    kind: str
    id: str
    at: Moment


class Journal(Value):
    """What undoing needs. Of a split, `kept` is the whole before it and `other` the part taken out."""

    kept: Side
    other: Side
    links: tuple[MovedLink, ...] = ()
    distinct: tuple[str, ...] = ()
    """Contacts that a person said differ from `other`, and so from `kept` while it holds it."""
    keyed: str = ""
    """The version of the keys of both sides; empty: of before there were versions."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One entry of the journal."""

    id: str
    kind: str
    kept_id: str
    other_id: str
    by: str
    why: str
    at: datetime
    journal: Journal
    undone_at: datetime | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A submission that tells of a contact."""

    id: str
    contact_id: str
    told: Contact
    score: Score | None
    received_at: datetime
    position: int
    lease_until: datetime | None


def add(tx: Transaction, merge: Merge) -> None:
    """Enter what was done into the journal."""
    values = {name: getattr(merge, name) for name in Merge.__slots__}
    tx.execute(sa.insert(table).values({**values, "journal": merge.journal.model_dump_json(), "tell_at": merge.at}))


def read(tx: Transaction, merge_id: str) -> Merge | None:
    """An entry of the journal."""
    found = rows(tx.execute(sa.select(table).where(table.c.id == merge_id)))
    return _merge(found[0]) if found else None


def of_contact(tx: Transaction, contact_id: str) -> list[Merge]:
    """The entries in which this contact took part, newest first."""
    either = sa.or_(table.c.kept_id == contact_id, table.c.other_id == contact_id)
    return [_merge(row) for row in rows(tx.execute(sa.select(table).where(either).order_by(table.c.id.desc())))]


def _merge(row: dict[str, Any]) -> Merge:
    journal = Journal.model_validate_json(row["journal"])
    return Merge(**{name: row[name] for name in Merge.__slots__ if name != "journal"}, journal=journal)


def listed(tx: Transaction, *, limit: int = 50, after: str = "") -> list[dict[str, Any]]:
    """The newest first, without their journals."""
    columns = [column for column in table.c if column.name != "journal"]
    return rows(tx.execute(page(table, sa.select(*columns), limit, after)))


def mark_undone(tx: Transaction, merge_id: str, *, by: str, now: datetime) -> None:
    """It was undone; the entry stays."""
    tx.execute(sa.update(table).where(table.c.id == merge_id).values(undone_at=now, undone_by=by, tell_at=now))


def untold(tx: Transaction, *, now: datetime, limit: int = 50) -> dict[str, Merge]:
    """The merges and splits, made or undone, that the CRM is due to be told of, by id."""
    statement = sa.select(table).where(table.c.tell_at <= now).order_by(table.c.tell_at).limit(limit)
    return {row["id"]: _merge(row) for row in rows(tx.execute(statement))}


def tell_again(tx: Transaction, ids: Iterable[str], at: datetime | None, *, now: datetime) -> None:
    """The CRM is told of these at `at`, or (None) has been. Not of one that was undone since `now`."""
    for some in chunks(sorted(ids)):
        tx.execute(sa.update(table).where(table.c.id.in_(some), table.c.tell_at <= now).values(tell_at=at))


def under_way(tx: Transaction, contact_ids: Iterable[str]) -> set[str]:
    """Those of these contacts of whom a submission is still on its way through the stages."""
    found: set[str] = set()
    of = submissions
    for some in chunks(sorted(set(contact_ids))):
        moving = of.c.state.in_(sorted({*ON_THE_PATH, State.WAITING}))
        statement = sa.select(of.c.contact_id).where(of.c.contact_id.in_(some), moving)
        found |= set(tx.execute(statement.distinct()).scalars())
    return found


def member_ids(tx: Transaction, contact_id: str) -> set[str]:
    """The submissions of a contact."""
    return set(tx.execute(sa.select(submissions.c.id).where(submissions.c.contact_id == contact_id)).scalars())


def members(tx: Transaction, ids: Iterable[str], *, locked: bool = False) -> list[Member]:
    """These submissions as far as they are known to be somebody, in the order in which they came."""
    found = []
    columns = ("id", "contact_id", "contact", "score", "received_at", "position", "lease_until")
    for some in chunks(sorted(set(ids))):
        statement = sa.select(*(submissions.c[name] for name in columns))
        statement = statement.where(submissions.c.id.in_(some), submissions.c.contact_id.is_not(None))
        statement = statement.order_by(submissions.c.id)
        for row in tx.execute(statement.with_for_update() if locked else statement):
            told = Contact.model_validate_json(row.contact or "{}")
            score = Score.model_validate_json(row.score) if row.score else None
            found.append(
                Member(row.id, row.contact_id, told, score, row.received_at, row.position, row.lease_until)
            )  # fmt: skip
    return sorted(found, key=lambda member: (member.received_at, member.position, member.id))


def move_members(tx: Transaction, ids: Sequence[str], contact_id: str, now: datetime) -> None:
    """These submissions tell of `contact_id`, and what they still have to do is done for it.

    Their fences rise, so that a worker that was paused at one of them does not save what it meant for the other
    contact.
    """
    for some in chunks(sorted(ids)):
        theirs = sa.update(submissions).where(submissions.c.id.in_(some))
        tx.execute(theirs.values(contact_id=contact_id, fence=submissions.c.fence + 1, updated_at=now))
        run = tables.workflow_runs
        started = sa.update(run).where(run.c.submission_id.in_(some))
        moved = started.values(contact_id=contact_id, fence=run.c.fence + 1, updated_at=now).returning(run.c.id)
        _move_writes(tx, [*some, *tx.execute(moved).scalars()], contact_id, now)


def _move_writes(tx: Transaction, ids: Sequence[str], contact_id: str, now: datetime) -> None:
    """CRM writes that are not made yet. What the stage create meant to do to a record it plans anew."""
    of = tables.crm_writes
    planned_anew = (of.c.stage == Stage.CREATE, of.c.kind.in_([WriteKind.CREATE_CONTACT, WriteKind.UPDATE_CONTACT]))
    tx.execute(sa.delete(of).where(of.c.wanted_by.in_(ids), of.c.state == writes.INTENDED, *planned_anew))
    for row in rows(tx.execute(sa.select(of).where(of.c.wanted_by.in_(ids), of.c.state != writes.DONE))):
        write = CrmWrite.model_validate_json(row["write"]).model_copy(update={"contact_id": contact_id})
        same = sa.update(of).where(of.c.key == row["key"])
        tx.execute(same.values(contact_id=contact_id, write=write.model_dump_json(), updated_at=now))


def keys_of(tx: Transaction, ids: Iterable[str]) -> dict[str, set[int]]:
    """The blocking keys under which each of these contacts is found."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    key = contacts.keys
    joined = sa.join(key, contacts.table, key.c.contact_no == contacts.table.c.no)
    for some in chunks(sorted(set(ids))):
        statement = sa.select(contacts.table.c.id, key.c.key).select_from(joined).where(contacts.table.c.id.in_(some))
        for row in tx.execute(statement):
            found[row.id].add(row.key)
    return dict(found)


def set_keys(tx: Transaction, number: int, wanted: Iterable[int]) -> None:
    """Contact `number` is found under these keys and no others."""
    tx.execute(sa.delete(contacts.keys).where(contacts.keys.c.contact_no == number))
    contacts.add_keys(tx, ((key, number) for key in wanted))


def set_golden(
    tx: Transaction, number: int, contact: Contact, features: str, arrivals: int, *, into: str | None, now: datetime
) -> None:
    """The contact is this from now on; merged `into` another one, or live."""
    tx.execute(
        sa.update(contacts.table)
        .where(contacts.table.c.no == number)
        .values(
            version=contacts.table.c.version + 1,
            state=contacts.MERGED if into else contacts.LIVE,
            merged_into=into,
            name=contact.name.full,
            contact=contact.model_dump_json(),
            features=features,
            arrivals=arrivals,
            updated_at=now,
        )
    )


def links_of(tx: Transaction, contact_id: str) -> tuple[MovedLink, ...]:
    """Every record of every CRM that is linked to the contact, oldest first."""
    statement = sa.select(links).where(links.c.contact_id == contact_id).order_by(links.c.at, links.c.remote_id)
    return tuple(
        MovedLink(system=row.system, kind=row.kind, id=row.remote_id, at=row.at) for row in tx.execute(statement)
    )


def move_links(
    tx: Transaction, moved: Iterable[MovedLink], *, source: str, target: str, at: datetime | None = None
) -> None:
    """These records are linked to `target`, where they still were to `source`: as old as they are, or as of `at` (each
    later by a moment than the one before it)."""
    for number, link in enumerate(moved):
        same = (links.c.system == link.system, links.c.kind == link.kind, links.c.remote_id == link.id)
        statement = sa.update(links).where(*same, links.c.contact_id == source)
        tx.execute(statement.values(contact_id=target, at=at + number * contacts.A_MOMENT if at else link.at))


def spread_distinct(tx: Transaction, source: str, target: str, *, by: str, now: datetime) -> tuple[str, ...]:
    """Whoever is not `source` is not `target` either; those of whom that was not known yet."""
    known = contacts.distinct_from(tx, [source, target])
    new = sorted(known.get(source, set()) - known.get(target, set()) - {target})
    pairs = [sorted((target, other)) for other in new]
    values = [{"left_id": left, "right_id": right, "at": now, "by": by} for left, right in pairs]
    insert_ignoring(tx, tables.distinct_contacts, values)
    return tuple(new)
