"""Contacts: the golden records, the key index that finds them, and their links to the CRM."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.dedupe.blocking import KEYS_VERSION
from pipelines.models import Contact, RemoteRef
from worker import tables
from worker.store.bulk import among, insert_ignoring, insert_rows, update_rows
from worker.store.engine import Transaction, chunks, fetched, having, page, rows
from worker.store.values import read_contact

table = tables.contacts
keys = tables.contact_keys
links = tables.crm_links
A_MOMENT = timedelta(microseconds=1)
"""Of what is linked at once each is later by that than the one before: the oldest link of a contact is the record that
is written to."""

LIVE = "live"
MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Golden:
    """A contact as the store keeps it."""

    no: int
    id: str
    version: int
    contact: Contact
    arrivals: int
    merged_into: str | None = None
    """The contact that it has become part of; None while it is live."""


@dataclass(frozen=True, slots=True)
class NewContact:
    id: str
    contact: Contact
    features: str
    arrivals: int = 1


@dataclass(frozen=True, slots=True)
class Link:
    """A contact's record in a CRM."""

    ref: RemoteRef
    written: Contact | None
    """What we last wrote there; None when it was there before us."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A record of a CRM that was made or found to be a contact's."""

    contact_id: str
    ref: RemoteRef
    written: Contact | None
    """The contact as written there; None for what is no contact record, and for what was there before us."""


def lock_keys(tx: Transaction, hashes: Iterable[int]) -> None:
    """Wait until nobody else resolves a submission that shares one of these blocking keys.

    Two submissions of one person share a key, or they could not be told to be one: so the second sees the contact
    that the first made. PostgreSQL locks each key until the transaction ends; SQLite has one writer at a time anyway.
    Taken in one order, so that two batches never wait for each other.
    """
    if tx.dialect.name != "postgresql":
        return
    for some in chunks(sorted(set(hashes))):
        locked = sa.select(sa.func.pg_advisory_xact_lock(sa.func.unnest(sa.cast(list(some), _BIGINTS))))
        tx.execute(locked)


_BIGINTS = sa.ARRAY(sa.BigInteger)


def blocks(tx: Transaction, hashes: Iterable[int]) -> dict[int, list[int]]:
    """For each blocking key that some contact holds, the numbers of the contacts."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for key, number in having(tx, "SELECT key, contact_no FROM contact_keys WHERE key", set(hashes)):
        found[key].append(number)
    return dict(found)


def candidates(tx: Transaction, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Id and comparable features of each of these contacts."""
    found = having(tx, "SELECT no, id, features FROM contacts WHERE no", set(numbers))
    return {number: (known, line) for number, known, line in found}


def population(tx: Transaction) -> int:
    """About how many contacts there are (the highest number given out)."""
    highest: int | None = fetched(tx, "SELECT max(no) FROM contacts")[0][0]
    return highest or 0


def add(tx: Transaction, new: Sequence[NewContact], now: datetime) -> dict[str, int]:
    """Keep new contacts; their numbers by id."""
    insert_ignoring(
        tx,
        table,
        [
            {
                "id": item.id,
                "version": 1,
                "state": LIVE,
                "name": item.contact.name.full,
                "contact": item.contact.model_dump_json(),
                "features": item.features,
                "keyed": KEYS_VERSION,
                "arrivals": item.arrivals,
                "created_at": now,
                "updated_at": now,
            }
            for item in new
        ],
    )
    numbers: dict[str, int] = {}
    for some in chunks(item.id for item in new):
        statement = sa.select(table.c.id, table.c.no).where(among(table.c.id, some))
        numbers |= {row.id: row.no for row in tx.execute(statement)}
    return numbers


def change(
    tx: Transaction, golden: Golden, contact: Contact, features: str, *, now: datetime, arrived: int = 0
) -> None:
    """Replace the golden record; `arrived` more submissions told of it."""
    tx.execute(
        sa.update(table)
        .where(table.c.no == golden.no)
        .values(
            version=table.c.version + 1,
            name=contact.name.full,
            contact=contact.model_dump_json(),
            features=features,
            arrivals=table.c.arrivals + arrived,
            updated_at=now,
        )
    )


def set_scores(tx: Transaction, scores: Mapping[str, str], now: datetime) -> None:
    """Keep the newest score (JSON) of each contact, by id."""
    lock(tx, scores)
    values = [{"id": contact_id, "score": score, "updated_at": now} for contact_id, score in scores.items()]
    update_rows(tx, table, values, by=["id"])


def add_keys(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> None:
    """Enter (key, contact number) pairs into the key index."""
    insert_ignoring(tx, keys, [{"key": key, "contact_no": number} for key, number in sorted(set(pairs))])


def golden(tx: Transaction, ids: Iterable[str], *, locked: bool = False) -> dict[str, Golden]:
    """The golden records of these contacts; `locked` against other writers until the transaction ends."""
    found: dict[str, Golden] = {}
    for some in chunks(sorted(set(ids))):
        columns = (table.c.no, table.c.id, table.c.version, table.c.contact, table.c.arrivals, table.c.merged_into)
        statement = sa.select(*columns).where(among(table.c.id, some)).order_by(table.c.id)
        for row in tx.execute(statement.with_for_update() if locked else statement):
            contact = read_contact(row.contact)
            found[row.id] = Golden(row.no, row.id, row.version, contact, row.arrivals, row.merged_into)
    return found


def lock(tx: Transaction, ids: Iterable[str]) -> dict[str, int]:
    """Keep others from changing these contacts until the transaction ends; the version of each."""
    found: dict[str, int] = {}
    for some in chunks(sorted(set(ids))):
        statement = sa.select(table.c.id, table.c.version).where(among(table.c.id, some)).order_by(table.c.id)
        found |= {row.id: row.version for row in tx.execute(statement.with_for_update())}
    return found


def surviving(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """For each of these ids, the live contact that it is part of: itself, unless it was merged into another.

    An id that there is no contact of stands for itself. One query for each merge on the longest way.
    """
    goes_to = {contact_id: contact_id for contact_id in ids}
    following = set(goes_to.values())
    while following:
        into: dict[str, str] = {}
        for some in chunks(sorted(following)):
            gone = sa.select(table.c.id, table.c.merged_into).where(among(table.c.id, some), table.c.state == MERGED)
            into |= {row.id: row.merged_into for row in tx.execute(gone)}
        goes_to = {contact_id: into.get(at, at) for contact_id, at in goes_to.items()}
        following = set(into.values())
    return goes_to


def existing(tx: Transaction, ids: Iterable[str]) -> set[str]:
    """Those of these ids that there are contacts of, merged ones too."""
    found: set[str] = set()
    for some in chunks(sorted(set(ids))):
        found |= set(tx.execute(sa.select(table.c.id).where(among(table.c.id, some))).scalars())
    return found


def names(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """The names of these contacts."""
    found: dict[str, str] = {}
    for some in chunks(sorted(set(ids))):
        found |= {
            row.id: row.name for row in tx.execute(sa.select(table.c.id, table.c.name).where(among(table.c.id, some)))
        }
    return found


def linked(tx: Transaction, ids: Iterable[str], *, system: str) -> dict[str, list[Link]]:
    """Links of these contacts to contacts of the CRM `system`, oldest first."""
    found: defaultdict[str, list[Link]] = defaultdict(list)
    for some in chunks(sorted(set(ids))):
        statement = (
            sa.select(links)
            .where(among(links.c.contact_id, some), links.c.system == system, links.c.kind == "contact")
            .order_by(links.c.at, links.c.remote_id)
        )
        for row in tx.execute(statement):
            written = read_contact(row.written) if row.written else None
            ref = RemoteRef(system=row.system, kind=row.kind, id=row.remote_id)
            found[row.contact_id].append(Link(ref, written))
    return dict(found)


def link(tx: Transaction, new: Sequence[NewLink], now: datetime) -> None:
    """Remember whose these records of the CRM are, and what was written to them. Of several of one contact the first
    named is the oldest.

    A contact that was merged into another while the CRM was being written to is that other one.
    """
    whose = surviving(tx, {one.contact_id for one in new})
    values = [
        {
            "system": one.ref.system,
            "kind": one.ref.kind,
            "remote_id": one.ref.id,
            "contact_id": whose[one.contact_id],
            "at": now + number * A_MOMENT,
        }
        for number, one in enumerate(new)
    ]
    insert_ignoring(tx, links, sorted(values, key=lambda row: (row["kind"], row["remote_id"])))
    told = {
        (one.ref.system, one.ref.kind, one.ref.id): {
            "system": one.ref.system,
            "kind": one.ref.kind,
            "remote_id": one.ref.id,
            "written": one.written.model_dump_json(),
        }
        for one in new
        if one.written is not None
    }
    update_rows(tx, links, list(told.values()), by=["system", "kind", "remote_id"])


def forget_link(tx: Transaction, contact_id: str, ref: RemoteRef) -> bool:
    """This record is gone from the CRM: where the contact has another one there, it is no longer the contact's. Whether
    that was so."""
    ours = (links.c.contact_id == contact_id, links.c.system == ref.system, links.c.kind == ref.kind)
    others = sa.select(links.c.remote_id).where(*ours, links.c.remote_id != ref.id).limit(1)
    if tx.execute(others).first() is None:
        return False
    return bool(tx.execute(sa.delete(links).where(*ours, links.c.remote_id == ref.id)).rowcount)


def with_several_records(tx: Transaction, system: str) -> dict[str, list[RemoteRef]]:
    """Contacts of which the CRM `system` has more than one record, with these: the one that is written to first."""
    ours = (links.c.system == system, links.c.kind == "contact")
    several = sa.select(links.c.contact_id).where(*ours).group_by(links.c.contact_id).having(sa.func.count() > 1)
    ids = list(tx.execute(several.order_by(links.c.contact_id)).scalars())
    return {contact: [link.ref for link in some] for contact, some in linked(tx, ids, system=system).items()}


def linked_refs(tx: Transaction, refs: Iterable[RemoteRef]) -> set[RemoteRef]:
    """Those of these records that are some contact's of ours."""
    wanted = {(ref.system, ref.kind, ref.id): ref for ref in refs}
    found: set[RemoteRef] = set()
    for some in chunks(sorted({number for _, _, number in wanted})):
        for row in tx.execute(
            sa.select(links.c.system, links.c.kind, links.c.remote_id).where(among(links.c.remote_id, some))
        ):
            found |= {wanted[key] for key in [(row.system, row.kind, row.remote_id)] if key in wanted}
    return found


def distinct_from(tx: Transaction, ids: Iterable[str]) -> dict[str, set[str]]:
    """For each of these contact ids, those that a person said are somebody else."""
    pairs = tables.distinct_contacts
    found: defaultdict[str, set[str]] = defaultdict(set)
    for some in chunks(sorted(set(ids))):
        either = sa.or_(among(pairs.c.left_id, some), among(pairs.c.right_id, some))
        for row in tx.execute(sa.select(pairs.c.left_id, pairs.c.right_id).where(either)):
            found[row.left_id].add(row.right_id)
            found[row.right_id].add(row.left_id)
    return dict(found)


def keep_distinct(tx: Transaction, left: str, right: str, *, by: str, now: datetime) -> None:
    """Remember that these two are not the same person."""
    first, second = sorted((left, right))
    values = {"left_id": first, "right_id": second, "at": now, "by": by}
    insert_ignoring(tx, tables.distinct_contacts, [values])


def forget_distinct(tx: Transaction, left: str, right: str) -> None:
    """It was taken back that these two are not the same person."""
    pairs = tables.distinct_contacts
    first, second = sorted((left, right))
    tx.execute(sa.delete(pairs).where(pairs.c.left_id == first, pairs.c.right_id == second))


def add_decisions(tx: Transaction, values: Sequence[dict[str, Any]]) -> None:
    """Append decisions; the last one of a submission is the one in force."""
    insert_rows(tx, tables.decisions, values)


def decisions(tx: Transaction, submission_id: str) -> list[dict[str, Any]]:
    """What was decided of a submission, by dedupe and by people, newest first."""
    of = tables.decisions
    return rows(tx.execute(sa.select(of).where(of.c.submission_id == submission_id).order_by(of.c.no.desc())))


def read(tx: Transaction, contact_id: str) -> dict[str, Any] | None:
    """All that is kept of one contact, its CRM links included."""
    found = rows(tx.execute(sa.select(table).where(table.c.id == contact_id)))
    return {**found[0], "crm": crm_refs(tx, [contact_id]).get(contact_id, [])} if found else None


def listed(tx: Transaction, *, limit: int = 50, after: str = "") -> list[dict[str, Any]]:
    """The newest live contacts first, their CRM links included."""
    found = rows(tx.execute(page(table, sa.select(table).where(table.c.state == LIVE), limit, after)))
    crm = crm_refs(tx, [row["id"] for row in found])
    return [{**row, "crm": crm.get(row["id"], [])} for row in found]


def whose(tx: Transaction, refs: Iterable[RemoteRef]) -> dict[RemoteRef, str]:
    """The contacts that these records of a CRM are known to be of."""
    found: dict[RemoteRef, str] = {}
    for some in chunks(sorted(set(refs), key=lambda ref: (ref.system, ref.kind, ref.id))):
        wanted = sa.tuple_(links.c.system, links.c.kind, links.c.remote_id).in_(
            [(ref.system, ref.kind, ref.id) for ref in some]
        )
        for row in tx.execute(sa.select(links).where(wanted)):
            found[RemoteRef(system=row.system, kind=row.kind, id=row.remote_id)] = row.contact_id
    return found


def crm_refs(tx: Transaction, ids: Iterable[str]) -> dict[str, list[RemoteRef]]:
    """Every record of every CRM that is known of these contacts, oldest first."""
    found: defaultdict[str, list[RemoteRef]] = defaultdict(list)
    for some in chunks(sorted(set(ids))):
        statement = sa.select(links).where(among(links.c.contact_id, some)).order_by(links.c.at, links.c.remote_id)
        for row in tx.execute(statement):
            found[row.contact_id].append(RemoteRef(system=row.system, kind=row.kind, id=row.remote_id))
    return dict(found)


def count(tx: Transaction) -> int:
    """How many live contacts there are."""
    return tx.execute(sa.select(sa.func.count()).where(table.c.state == LIVE)).scalar_one()


_STALE = (table.c.state == LIVE, table.c.keyed != KEYS_VERSION)


def count_stale(tx: Transaction) -> int:
    """How many live contacts are found by keys of another version."""
    return tx.execute(sa.select(sa.func.count()).where(*_STALE)).scalar_one()


def stale(tx: Transaction, *, after: int, limit: int) -> dict[str, int]:
    """The next of them behind number `after`: ids with their numbers."""
    statement = sa.select(table.c.id, table.c.no).where(*_STALE, table.c.no > after).order_by(table.c.no).limit(limit)
    return {row.id: row.no for row in tx.execute(statement)}


def set_keyed(tx: Transaction, number: int, features: str) -> None:
    """The contact is found by the keys of this version, and compared by these features."""
    tx.execute(sa.update(table).where(table.c.no == number).values(keyed=KEYS_VERSION, features=features))


def stale_together(tx: Transaction, ids: Iterable[str], *, anyway: bool) -> None:
    """Contacts that had keys of one another are all found by keys of another version, if one of them is or `anyway`."""
    together = table.c.id.in_(sorted(set(ids)))
    if anyway or tx.execute(sa.select(table.c.no).where(together, table.c.keyed != KEYS_VERSION)).first():
        tx.execute(sa.update(table).where(together).values(keyed=""))
