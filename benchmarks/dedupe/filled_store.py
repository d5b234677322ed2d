"""A store as it is after so many arrivals of `crm_people`: submissions, golden records, key index. Seeded.

Who is who is taken from the labels, so a store of a million takes minutes, not the hours that a million decisions take
beside everything else. Submissions go in first, contacts are merged from them one after the other, and the key index is
entered in its own order. Two processes beside this one normalise, merge and make keys; rows go to the driver as they
are (`COPY` on PostgreSQL). Memory stays bounded, but for some 20 bytes
a key.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, groupby, islice
from multiprocessing import get_context
from multiprocessing.pool import Pool
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa

from benchmarks.dedupe.arrivals import contact_of
from benchmarks.dedupe.crm_people import generate
from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.features import dump_features, features, load_features
from pipelines.dedupe.merge import merge_contacts
from pipelines.models import Contact
from pipelines.states import State
from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.contacts import LIVE
from worker.store.engine import Database, Transaction, chunks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_DELIVERY = "del_filled"
"""Its size is that of the store once all is in."""
_PIECE = 2_500
_TOGETHER = 4 * _PIECE
_PROCESSES = 2

T = TypeVar("T")
R = TypeVar("R")


def contact_id_of(person: int) -> str:
    return f"con_{person:08d}"


def fill(database: Database, size: int, seed: int) -> None:
    """Bring the store to `size` arrivals: goes on where it was ended, and leaves one alone that is filled already."""
    database.migrate()
    with database.read() as tx:
        held = tx.execute(sa.select(sa.func.count()).select_from(tables.submissions)).scalar_one()
        made = tx.execute(sa.select(sa.func.count()).select_from(tables.contacts)).scalar_one()
        delivery = sa.select(tables.deliveries.c.size).where(tables.deliveries.c.id == _DELIVERY)
        filled = tx.execute(delivery).scalar() or 0
    if filled == size:
        return
    if filled or held > size:
        raise SystemExit(f"the store holds {held:,} submissions, not {size:,}: name another folder or database")
    with get_context("spawn").Pool(_PROCESSES) as pool:
        _fill_submissions(database, pool, size, seed, held)
        _fill_contacts(database, pool, made)
        _fill_keys(database, pool)
    with database.write() as tx:
        if not database.is_sqlite:
            tx.exec_driver_sql("SELECT setval(pg_get_serial_sequence('contacts', 'no'), max(no)) FROM contacts")
        tx.exec_driver_sql("ANALYZE")
        tx.execute(sa.update(tables.deliveries).where(tables.deliveries.c.id == _DELIVERY).values(size=size))
    database.checkpoint()
    _say("")


def _fill_submissions(database: Database, pool: Pool, size: int, seed: int, held: int) -> None:
    delivery = {
        "id": _DELIVERY, "source": "bench", "kind": "", "key": "filled", "digest": "", "state": "opened",
        "content_type": "", "priority": 3, "size": 0, "body": b"", "received_at": NOW,
    }  # fmt: skip
    with database.write() as tx:
        insert_ignoring(tx, tables.deliveries, [delivery])
    number = count(held)
    for told in _worked(pool, _normalized, islice(generate(size, seed), held, size)):
        rows = [
            {
                "id": f"sub_{at:08d}", "delivery_id": _DELIVERY, "position": at, "source": "bench", "priority": 3,
                "state": State.DONE, "record": "{}", "contact": contact, "decision": "new",
                "contact_id": contact_id_of(person), "received_at": NOW + timedelta(seconds=at), "updated_at": NOW,
            }
            for (contact, person), at in zip(told, number, strict=False)
        ]  # fmt: skip
        with database.write() as tx:
            _enter(tx, tables.submissions, rows)
        database.checkpoint()
        held += len(rows)
        _say(f"submissions {held:,}")


def _normalized(arrived: Sequence[tuple[dict[str, str], int]]) -> list[tuple[str, int]]:
    return [(contact_of(fields).model_dump_json(), person) for fields, person in arrived]


def _fill_contacts(database: Database, pool: Pool, made: int) -> None:
    number = count(made + 1)
    for some in _worked(pool, _merged, _tellings(database, made)):
        rows = [
            {
                "no": next(number), "id": contact_id, "version": 1, "state": LIVE, "name": name,
                "contact": contact, "features": line, "arrivals": arrivals, "created_at": NOW, "updated_at": NOW,
            }
            for contact_id, name, contact, line, arrivals in some
        ]  # fmt: skip
        with database.write() as tx:
            _enter(tx, tables.contacts, rows)
        database.checkpoint()
        _say(f"contacts {rows[-1]['no']:,}")


def _tellings(database: Database, first: int) -> Iterator[tuple[str, list[str]]]:
    """Each person from the number `first` up with what they told, in JSON; no number is left out."""
    table = tables.submissions
    for start in count(first, _TOGETHER):
        within = table.c.contact_id.between(contact_id_of(start), contact_id_of(start + _TOGETHER - 1))
        statement = sa.select(table.c.contact_id, table.c.contact).where(within)
        with database.read() as tx:
            rows = tx.execute(statement.order_by(table.c.contact_id, table.c.id)).all()
        if not rows:
            return
        for contact_id, told in groupby(rows, key=lambda row: row[0]):
            yield contact_id, [row[1] for row in told]


def _merged(some: Sequence[tuple[str, list[str]]]) -> list[tuple[str, str, str, str, int]]:
    made = []
    for contact_id, texts in some:
        told = [Contact.model_validate_json(text) for text in texts]
        golden = told[0] if len(told) == 1 else merge_contacts(told)
        whole = texts[0] if len(told) == 1 else golden.model_dump_json()
        made.append((contact_id, golden.name.full, whole, dump_features(features(golden)), len(told)))
    return made


def _fill_keys(database: Database, pool: Pool) -> None:
    """The key index of all contacts; no key has more of them than arrivals would have entered."""
    with database.write() as tx:
        tx.exec_driver_sql("DELETE FROM contact_keys")
    found = [piece for some in _worked(pool, _keyed, _lines(database)) for piece in some]
    keyed, owner = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.lexsort((owner, keyed))
    keyed, owner = keyed[order], owner[order]
    usable = np.arange(len(keyed)) - np.searchsorted(keyed, keyed) < MAX_BLOCK
    keyed, owner = keyed[usable], owner[usable]
    for start in range(0, len(keyed), 200_000):
        part = slice(start, start + 200_000)
        pairs = zip(keyed[part].tolist(), owner[part].tolist(), strict=True)
        with database.write() as tx:
            _enter(tx, tables.contact_keys, [{"key": key, "contact_no": no} for key, no in pairs])
        database.checkpoint()
        _say(f"keys {min(start + 200_000, len(keyed)):,} of {len(keyed):,}")


def _lines(database: Database) -> Iterator[tuple[int, str]]:
    table = tables.contacts
    last = 0
    while True:
        statement = sa.select(table.c.no, table.c.features).where(table.c.no > last).order_by(table.c.no)
        with database.read() as tx:
            rows = tx.execute(statement.limit(_TOGETHER)).all()
        if not rows:
            return
        yield from map(tuple, rows)
        last = rows[-1].no


def _keyed(some: Sequence[tuple[int, str]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keys and the contacts that hold them, as two arrays of equal length."""
    keys = [[key.hash for key in keys_of(load_features(line))] for _, line in some]
    owners = np.repeat(np.array([no for no, _ in some], dtype=np.int32), [len(each) for each in keys])
    return [(np.array([key for each in keys for key in each], dtype=np.int64), owners)]


def _worked(pool: Pool, work: Callable[[Sequence[T]], list[R]], values: Iterable[T]) -> Iterator[list[R]]:
    """What `work` makes of the values, piece by piece: the next pieces are read while the processes are busy."""
    pieces = chunks(values, _PIECE)
    running = pool.map_async(work, list(islice(pieces, 4)), chunksize=1)
    while True:
        following = list(islice(pieces, 4))
        done = [result for piece in running.get() for result in piece]
        running = pool.map_async(work, following, chunksize=1)
        if done:
            yield done
        if not following:
            return


def _enter(tx: Transaction, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, past SQLAlchemy: a third of the time."""
    names = list(rows[0])
    columns = ", ".join(names)
    bound = {name: table.c[name].type.dialect_impl(tx.dialect).bind_processor(tx.dialect) for name in names}
    values = [[bind(row[name]) if (bind := bound[name]) else row[name] for name in names] for row in rows]
    driver: Any = tx.connection.driver_connection
    if tx.dialect.name == "sqlite":
        driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(names))})", values)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
        for row in values:
            copy.write_row(row)


def _say(text: str) -> None:
    print(f"\r{time.strftime('%H:%M:%S')} {text:<40}" if text else "\r" + " " * 60 + "\r", end="", file=sys.stderr)
