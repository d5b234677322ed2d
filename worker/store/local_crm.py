"""The built-in CRM's records, in the same database: contacts, leads, tasks and notes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pipelines.models import RemoteRef
from pipelines.text import fold
from worker import tables
from worker.ports import CrmRecord, NewLocalRecord
from worker.store.bulk import among, insert_ignoring
from worker.store.engine import Database, Transaction, chunks

table = tables.local_crm
SYSTEM = "local"


class _Open(threading.local):
    """The transaction that this thread is in: the threads of a worker share the table, and must not share that."""

    transaction: Transaction | None = None


class LocalRecordTable:
    """`worker.ports.LocalRecords` over the table `local_crm`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._open = _Open()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything in the block is saved in one transaction."""
        with self._database.write() as tx:
            self._open.transaction = tx
            try:
                yield
            finally:
                self._open.transaction = None

    def _transaction(self) -> AbstractContextManager[Transaction]:
        return nullcontext(tx) if (tx := self._open.transaction) is not None else self._database.write()

    def _snapshot(self) -> AbstractContextManager[Transaction]:
        return nullcontext(tx) if (tx := self._open.transaction) is not None else self._database.read()

    def add(self, new: Sequence[NewLocalRecord]) -> list[RemoteRef]:
        """Keep new records; of one whose marker is there already, that one."""
        now = self._clock()
        values = [
            {
                "kind": record.kind,
                "marker": record.marker,
                "parent_kind": record.parent.kind if record.parent else None,
                "parent_id": int(record.parent.id) if record.parent else None,
                "fields": json.dumps(dict(record.fields), ensure_ascii=False),
                "created_at": now,
                "updated_at": now,
            }
            for record in new
        ]
        found: dict[str, RemoteRef] = {}
        with self._transaction() as tx:
            insert_ignoring(tx, table, values)
            for markers in chunks(record.marker for record in new):
                statement = sa.select(table.c.kind, table.c.id, table.c.marker).where(among(table.c.marker, markers))
                found |= {row.marker: _ref(row.kind, row.id) for row in tx.execute(statement)}
        return [found[record.marker] for record in new]

    def change(self, ref: RemoteRef, fields: Mapping[str, Any]) -> bool:
        """Set these fields, leave the others; False when there is no such record."""
        with self._transaction() as tx:
            same = (table.c.id == int(ref.id), table.c.kind == ref.kind)
            text = tx.execute(sa.select(table.c.fields).where(*same).with_for_update()).scalar_one_or_none()
            if text is None:
                return False
            merged = json.dumps({**json.loads(text), **fields}, ensure_ascii=False)
            tx.execute(sa.update(table).where(*same).values(fields=merged, updated_at=self._clock()))
            return True

    def attach(self, ref: RemoteRef, parent: RemoteRef) -> None:
        """Have it hang on `parent`."""
        with self._transaction() as tx:
            same = (table.c.id == int(ref.id), table.c.kind == ref.kind)
            values = {"parent_kind": parent.kind, "parent_id": int(parent.id), "updated_at": self._clock()}
            tx.execute(sa.update(table).where(*same).values(values))

    def attached(self, kind: str, parent: RemoteRef) -> list[RemoteRef]:
        """The records of a kind that hang on `parent`, the oldest first."""
        of_parent = (table.c.parent_kind == parent.kind, table.c.parent_id == int(parent.id))
        statement = sa.select(table.c.id).where(table.c.kind == kind, *of_parent).order_by(table.c.id)
        with self._snapshot() as tx:
            return [_ref(kind, number) for number in tx.execute(statement).scalars()]

    def by_marker(self, marker: str) -> RemoteRef | None:
        """The record that carries this marker."""
        with self._snapshot() as tx:
            row = tx.execute(sa.select(table.c.kind, table.c.id).where(table.c.marker == marker)).one_or_none()
        return _ref(row.kind, row.id) if row else None

    def read(self, refs: Sequence[RemoteRef]) -> dict[RemoteRef, CrmRecord]:
        """Those of these records that there are."""
        wanted = {int(ref.id): ref for ref in refs if ref.system == SYSTEM}
        found: dict[RemoteRef, CrmRecord] = {}
        with self._snapshot() as tx:
            for ids in chunks(sorted(wanted)):
                records = map(_record, tx.execute(sa.select(table).where(table.c.id.in_(ids))))
                found |= {record.ref: record for record in records if record.ref == wanted[int(record.ref.id)]}
        return found

    def search(self, kind: str, text: str, *, limit: int = 50) -> list[CrmRecord]:
        """The records of a kind whose fields hold `text`, whatever its capitals and accents; newest first.

        Looks through them one after the other: the built-in CRM is for those who have no other yet.
        """
        wanted = fold(text)
        statement = sa.select(table).where(table.c.kind == kind).order_by(table.c.id.desc())
        with self._snapshot() as tx:
            records = map(_record, tx.execute(statement))
            holding = (one for one in records if any(wanted in fold(str(value)) for value in one.fields.values()))
            return list(islice(holding, limit))


def listed(tx: Transaction, kind: str, *, limit: int = 50) -> list[CrmRecord]:
    """The newest records of a kind first."""
    statement = sa.select(table).where(table.c.kind == kind).order_by(table.c.id.desc()).limit(limit)
    return [_record(row) for row in tx.execute(statement)]


def _record(row: Any) -> CrmRecord:
    parent = _ref(row.parent_kind, row.parent_id) if row.parent_kind else None
    version = hashlib.blake2b(row.fields.encode(), digest_size=8).hexdigest()
    return CrmRecord(_ref(row.kind, row.id), json.loads(row.fields), parent, version)


def _ref(kind: str, number: int) -> RemoteRef:
    return RemoteRef(system=SYSTEM, kind=kind, id=str(number))
