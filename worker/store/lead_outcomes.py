"""Outcomes of leads. Append-only; of each subject the newest is in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pipelines.dedupe.blocking import key_hash
from pipelines.lead_outcomes import LeadOutcome, Outcome
from worker import tables
from worker.store import contacts
from worker.store.engine import Transaction, chunks, insert_new

table = tables.lead_outcomes

OURS = "portaria"
SUBMISSION = "submission"
"""System and kind of a submission of ours: an outcome of one row of a list, of the several a contact may have."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome in force of one subject."""

    contact_id: str
    """Who it is today."""
    submission_id: str
    """Where the outcome is of one submission; else empty."""
    outcome: Outcome
    at: datetime


def record(tx: Transaction, told: Sequence[LeadOutcome], now: datetime) -> int:
    """Keep what is new of these; how many that were.

    Told twice is kept once: an outcome that is in force already, or was kept with the same time, changes nothing.
    """
    if not told:
        return 0
    new = 0
    now_in_force = in_force(tx, {one.subject for one in told})
    for one in told:
        before = now_in_force.get(one.subject)
        if before is not None and before[0] == one.outcome:
            continue
        if before is None and one.outcome is Outcome.OPEN:
            continue  # nobody had said that it was closed
        text = "\x1f".join((one.subject, one.outcome, one.at.isoformat()))
        remote = one.remote
        values = {
            "key": hashlib.sha256(text.encode()).hexdigest()[:32],
            "subject": one.subject,
            "contact_id": one.contact_id or None,
            "system": remote.system if remote else "",
            "kind": remote.kind if remote else "",
            "remote_id": remote.id if remote else "",
            "outcome": one.outcome,
            "value": one.value,
            "at": one.at,
            "by": one.by,
            "recorded_at": now,
        }
        new += insert_new(tx, table, values)
        if before is None or one.at >= before[1]:
            now_in_force[one.subject] = (one.outcome, one.at)
    return new


def in_force(tx: Transaction, subjects: Iterable[str]) -> dict[str, tuple[str, datetime]]:
    """The newest outcome of each of these subjects that has one, and since when."""
    found: dict[str, tuple[str, datetime]] = {}
    for some in chunks(sorted(subjects)):
        columns = (table.c.subject, table.c.outcome, table.c.at)
        statement = sa.select(*columns).where(table.c.subject.in_(some)).order_by(table.c.at, table.c.recorded_at)
        found |= {row.subject: (row.outcome, row.at) for row in tx.execute(statement)}
    return found


def ended(tx: Transaction, *, most: int) -> list[Ended]:
    """Won and lost, the newest `most` subjects whose contact is known, oldest first."""
    newest = sa.func.row_number().over(
        partition_by=table.c.subject, order_by=(table.c.at.desc(), table.c.recorded_at.desc())
    )
    ranked = sa.select(table, newest.label("place")).subquery()
    statement = (
        sa.select(ranked)
        .where(ranked.c.place == 1, ranked.c.outcome != Outcome.OPEN)
        .order_by(ranked.c.at.desc(), ranked.c.subject)
        .limit(most)
    )
    found = list(tx.execute(statement))
    whose = contacts_of(tx, [(row.system, row.kind, row.remote_id) for row in found if row.contact_id is None])
    ended_so = [
        (row, row.contact_id or whose.get((row.system, row.kind, row.remote_id), "")) for row in reversed(found)
    ]
    living = contacts.surviving(tx, {contact_id for _, contact_id in ended_so if contact_id})
    return [
        Ended(
            contact_id=living[contact_id],
            submission_id=row.remote_id if (row.system, row.kind) == (OURS, SUBMISSION) else "",
            outcome=Outcome(row.outcome),
            at=row.at,
        )
        for row, contact_id in ended_so
        if contact_id
    ]


Remote = tuple[str, str, str]
"""System, kind and id of a record of another system."""


def contacts_of(tx: Transaction, remotes: Iterable[Remote]) -> dict[Remote, str]:
    """Whose these records are: by what was written to the CRM, else by what hooks and files told. Oldest first."""
    wanted = sorted(set(remotes))
    found: dict[Remote, str] = {}
    links = tables.crm_links
    for some in chunks(wanted, 100):
        columns = (links.c.system, links.c.kind, links.c.remote_id, links.c.contact_id)
        same = sa.tuple_(*columns[:3]).in_(some)
        for row in tx.execute(sa.select(*columns).where(same)):
            found[row.system, row.kind, row.remote_id] = row.contact_id
    ours = {one[2]: one for one in wanted if one[:2] == (OURS, SUBMISSION)}
    told_by = tables.submissions
    for ids in chunks(sorted(ours)):
        statement = sa.select(told_by.c.id, told_by.c.contact_id).where(told_by.c.id.in_(ids))
        found |= {ours[row.id]: row.contact_id for row in tx.execute(statement) if row.contact_id}
    told = {key_hash("remote", "/".join(one).replace(" ", "_")): one for one in wanted if one not in found}
    for key, ids in holders(tx, told).items():
        found[told[key]] = ids[0]
    return found


def contacts_they_are_of(tx: Transaction, told: Iterable[LeadOutcome]) -> dict[str, str]:
    """By subject, the live contact of each of these outcomes whose contact is known."""
    of = {one.subject: one for one in told}
    remotes = {
        subject: (one.remote.system, one.remote.kind, one.remote.id) for subject, one in of.items() if one.remote
    }
    whose = contacts_of(tx, remotes.values())
    found = {
        subject: one.contact_id or whose.get(remotes[subject], "")
        for subject, one in of.items()
        if one.contact_id or subject in remotes
    }
    living = contacts.surviving(tx, {contact_id for contact_id in found.values() if contact_id})
    return {subject: living[contact_id] for subject, contact_id in found.items() if contact_id}


def holders(tx: Transaction, keys: Iterable[int]) -> dict[int, list[str]]:
    """Ids of the live contacts that hold each of these blocking keys, oldest first."""
    found: dict[int, list[str]] = {}
    index, people = tables.contact_keys, tables.contacts
    for some in chunks(sorted(set(keys))):
        statement = (
            sa.select(index.c.key, people.c.id)
            .join(people, people.c.no == index.c.contact_no)
            .where(index.c.key.in_(some), people.c.state == contacts.LIVE)
            .order_by(people.c.no)
        )
        for row in tx.execute(statement):
            found.setdefault(row.key, []).append(row.id)
    return found


def free_fields(tx: Transaction) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The id, the contact's id and the free fields of each resolved submission, oldest first. Reads them all: for an
    import, not for a hook."""
    told = tables.submissions
    columns = (told.c.id, told.c.contact_id, told.c.contact)
    statement = sa.select(*columns).where(told.c.contact_id.is_not(None)).order_by(told.c.id)
    for row in tx.execute(statement, execution_options={"yield_per": 1000}):
        yield row.id, row.contact_id, json.loads(row.contact or "{}").get("extra", {})


def counts(tx: Transaction) -> dict[str, int]:
    """How many subjects are won, lost and open now."""
    newest = sa.select(table.c.subject, sa.func.max(table.c.at).label("at")).group_by(table.c.subject).subquery()
    same = sa.and_(table.c.subject == newest.c.subject, table.c.at == newest.c.at)
    statement = sa.select(table.c.outcome, sa.func.count()).select_from(table.join(newest, same))
    return {row[0]: row[1] for row in tx.execute(statement.group_by(table.c.outcome))}


def listed(tx: Transaction, *, limit: int) -> list[dict[str, object]]:
    """The newest told first."""
    columns = (table.c.outcome, table.c.subject, table.c.value, table.c.at, table.c.by, table.c.recorded_at)
    statement = sa.select(*columns).order_by(table.c.recorded_at.desc(), table.c.key).limit(limit)
    return [dict(row) for row in tx.execute(statement).mappings()]
