"""A store as it is after so many arrivals of `crm_people`: submissions, golden records, key index. Seeded.

Who is who is taken from the labels, so a store of a million takes minutes, not the hours that a million decisions take
beside everything else. Submissions go in first, contacts are merged from them one after the other, and the key index is
entered in its own order: memory stays bounded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

import numpy as np
import sqlalchemy as sa

from benchmarks.dedupe.arrivals import arrivals
from pipelines.dedupe.blocking import keys_of
from pipelines.dedupe.features import dump_features, features
from pipelines.dedupe.merge import merge_contacts
from pipelines.models import Contact
from pipelines.states import State
from worker import tables
from worker.store import contacts, submissions
from worker.store.contacts import NewContact
from worker.store.engine import Database, chunks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_DELIVERY = "del_filled"
_TOGETHER = 5_000


def contact_id_of(person: int) -> str:
    return f"con_{person:08d}"


def fill(database: Database, size: int, seed: int) -> None:
    """Bring the store to `size` arrivals; one that holds as many already is left as it is."""
    database.migrate()
    with database.read() as tx:
        held = tx.execute(sa.select(sa.func.count()).select_from(tables.submissions)).scalar_one()
        keyed = tx.execute(sa.select(tables.contact_keys.c.key).limit(1)).first() is not None
    if held == size and keyed:
        return
    if held:
        raise SystemExit(f"the store holds {held:,} submissions, not {size:,}: name another folder or database")
    _fill_submissions(database, size, seed)
    _fill_contacts(database)
    _say("")


def _fill_submissions(database: Database, size: int, seed: int) -> None:
    delivery = {
        "id": _DELIVERY, "source": "bench", "kind": "", "key": "filled", "digest": "", "state": "opened",
        "content_type": "", "priority": 3, "size": 0, "body": b"", "received_at": NOW,
    }  # fmt: skip
    with database.write() as tx:
        tx.execute(sa.insert(tables.deliveries).values(delivery))
    stream = enumerate(islice(arrivals(size, seed), size))
    for some in chunks(stream, _TOGETHER):
        values = [
            {
                "id": f"sub_{at:08d}", "delivery_id": _DELIVERY, "position": at, "source": "bench", "priority": 3,
                "state": State.DONE, "record": "{}", "contact": contact.model_dump_json(), "decision": "new",
                "contact_id": contact_id_of(person), "received_at": NOW + timedelta(seconds=at), "updated_at": NOW,
            }
            for at, (contact, person) in some
        ]  # fmt: skip
        with database.write() as tx:
            submissions.add(tx, values)
        _say(f"submissions {values[-1]['position'] + 1:,}")


def _goldens(database: Database) -> Iterator[tuple[str, list[Contact]]]:
    table = tables.submissions
    with database.read() as tx:
        statement = sa.select(table.c.contact_id, table.c.contact).order_by(table.c.contact_id, table.c.id)
        result = tx.execution_options(stream_results=True, yield_per=_TOGETHER).execute(statement)
        for contact_id, rows in groupby(result, key=lambda row: row[0]):
            yield contact_id, [Contact.model_validate_json(row[1]) for row in rows]


def _fill_contacts(database: Database) -> None:
    hashes: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    done = 0
    for some in chunks(_goldens(database), _TOGETHER):
        new, keys = [], {}
        for contact_id, told in some:
            golden = told[0] if len(told) == 1 else merge_contacts(told)
            value = features(golden)
            new.append(NewContact(contact_id, golden, dump_features(value), len(told)))
            keys[contact_id] = [key.hash for key in keys_of(value)]
        with database.write() as tx:
            numbers = contacts.add(tx, new, NOW)
        hashes.append(np.array([key for found in keys.values() for key in found], dtype=np.int64))
        owners.append(np.repeat([numbers[each] for each in keys], [len(found) for found in keys.values()]))
        done += len(new)
        _say(f"contacts {done:,}")
    keyed, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.lexsort((owner, keyed))
    keyed, owner = keyed[order], owner[order]
    for start in range(0, len(keyed), 100_000):
        part = slice(start, start + 100_000)
        with database.write() as tx:
            contacts.add_keys(tx, zip(keyed[part].tolist(), owner[part].tolist(), strict=True))
        _say(f"keys {min(start + 100_000, len(keyed)):,} of {len(keyed):,}")
    with database.write() as tx:
        tx.exec_driver_sql("ANALYZE")
    database.checkpoint()


def _say(text: str) -> None:
    print(f"\r{time.strftime('%H:%M:%S')} {text:<40}" if text else "\r" + " " * 60 + "\r", end="", file=sys.stderr)
