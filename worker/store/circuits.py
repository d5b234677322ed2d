"""The circuits of `worker.breaker`, shared by all workers."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from worker import tables
from worker.breaker import Circuit
from worker.store.bulk import insert_ignoring
from worker.store.engine import Database, Transaction

table = tables.circuits


class CircuitTable:
    """`worker.breaker.Circuits` over the table `circuits`. A circuit that never failed has no row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str) -> Circuit:
        """The circuit as it is; a closed one where nothing is known."""
        with self._database.read() as tx:
            return _read(tx, sa.select(table).where(table.c.name == name)) or Circuit()

    def change(self, name: str, decide: Callable[[Circuit], Circuit]) -> bool:
        """Replace the circuit by what `decide` makes of it, nobody coming in between; whether that was another."""
        with self._database.write() as tx:
            insert_ignoring(tx, table, [{"name": name, "failures": 0, "paused_until": None, "why": ""}])
            found = _read(tx, sa.select(table).where(table.c.name == name).with_for_update()) or Circuit()
            wanted = decide(found)
            if wanted == found:
                return False
            values = {"failures": wanted.failures, "paused_until": wanted.paused_until, "why": wanted.why}
            tx.execute(sa.update(table).where(table.c.name == name).values(values))
            return True


def _read(tx: Transaction, statement: sa.Select[tuple[object, ...]]) -> Circuit | None:
    row = tx.execute(statement).mappings().first()
    return Circuit(row["failures"], row["paused_until"], row["why"]) if row else None


def paused(tx: Transaction) -> dict[str, Circuit]:
    """Every circuit that is not closed, by name."""
    found = tx.execute(sa.select(table).where(table.c.paused_until.is_not(None))).mappings()
    return {row["name"]: Circuit(row["failures"], row["paused_until"], row["why"]) for row in found}
