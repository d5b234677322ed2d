"""Secrets that all processes share: logins that change by themselves, renewed by one worker at a time, and keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Database

table = tables.credentials


class CredentialTable:
    """`worker.ports.Credentials` over the table `credentials`. Two objects are two workers."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._owner = secrets.token_hex(8)

    def read(self, name: str) -> str:
        """What is kept under this name; empty: nothing."""
        with self._database.read() as tx:
            return tx.execute(sa.select(table.c.secret).where(table.c.name == name)).scalar_one_or_none() or ""

    def read_or_keep(self, name: str, fresh: str) -> str:
        """What is kept under this name; where nothing is, `fresh` is kept, and is what everybody reads from then on."""
        with self._database.write() as tx:
            insert_ignoring(tx, table, [{"name": name, "secret": fresh, "updated_at": self._clock()}])
            return str(tx.execute(sa.select(table.c.secret).where(table.c.name == name)).scalar_one())

    def take(self, name: str, *, seconds: float) -> bool:
        """Lease it to this worker; False: somebody else has it."""
        now = self._clock()
        with self._database.write() as tx:
            insert_ignoring(tx, table, [{"name": name, "updated_at": now}])
            free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until < now)
            taken = sa.update(table).where(table.c.name == name, free)
            lease = {"lease_owner": self._owner, "lease_until": now + timedelta(seconds=seconds)}
            return tx.execute(taken.values(lease)).rowcount == 1

    def save(self, name: str, secret: str) -> None:
        """Keep it; committed when this returns. Whoever's lease ran out saves too: its tokens are the newer ones, since
        Kommo took the old ones from it."""
        with self._database.write() as tx:
            values = {"secret": secret, "version": table.c.version + 1, "updated_at": self._clock()}
            tx.execute(sa.update(table).where(table.c.name == name).values(values))

    def release(self, name: str) -> None:
        """End this worker's lease."""
        with self._database.write() as tx:
            ours = sa.update(table).where(table.c.name == name, table.c.lease_owner == self._owner)
            tx.execute(ours.values(lease_owner=None, lease_until=None))
