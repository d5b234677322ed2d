"""The queries that run each second are answered from an index, however long the queue."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.states import Stage
from worker.ports import Priority
from worker.store import notifications, submissions, sweep, workflows
from worker.store.engine import Database
from worker.store.leases import Leased


@pytest.mark.parametrize(
    "name", ["take_due", "in_flight", "is_due", "unbelievable", "stands_still", "waiting", "urgent_due"]
)
def test_the_sweep_uses_an_index(database: Database, clock: Any, name: str) -> None:
    statements: list[tuple[str, Any]] = []
    with database.write() as tx:
        sa.event.listen(
            tx, "before_cursor_execute", lambda _c, _cur, text, values, *_: statements.append((text, values))
        )
        if name == "take_due":
            sweep.take_due(tx, now=clock.now, limit=100, stall=30)
        elif name == "in_flight":
            sweep.in_flight(tx, now=clock.now, most=100)
        elif name == "is_due":
            sweep.is_due(tx, now=clock.now)
        elif name == "stands_still":
            sweep.stands_still(tx, now=clock.now, stall=30, least=Priority.MAIL)
        elif name == "urgent_due":
            sweep.urgent_due(tx, now=clock.now, most=100)
        elif name == "waiting":
            sweep.waiting_at_most(tx, now=clock.now, priority=Priority.IMPORT, most=100)
        else:
            sweep.unbelievable(tx, now=clock.now, stall=30)
    for plan in _plans(database, statements):
        # Not by the state alone: a queue of a million is a million of one state.
        assert re.search(r"ix_submissions_(due|in_flight)|state=\? AND updated_at|state_updated_at", plan), plan
        assert "ix_submissions_state_updated_at (state=?)" not in plan, plan
        assert "SCAN submissions" not in plan.replace("SCAN submissions USING", ""), plan
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("leased", [workflows.leased, notifications.leased], ids=["runs", "notifications"])
def test_what_waits_for_days_is_not_looked_through_each_second(database: Database, clock: Any, leased: Leased) -> None:
    statements: list[tuple[str, Any]] = []
    with database.write() as tx:
        sa.event.listen(
            tx, "before_cursor_execute", lambda _c, _cur, text, values, *_: statements.append((text, values))
        )
        leased.disbelieve(tx, now=clock.now, stall=30)
        leased.take_due(tx, now=clock.now, most=100, stall=30)
        tx.execute(leased._sent(clock.now))
    name = leased.table.name
    for plan in _plans(database, statements):
        assert re.search(rf"ix_{name}_(state_look_at|state_updated_at|sent)", plan), plan
        assert "state_look_at (state=? AND look_at>?)" not in plan, plan
        assert f"SCAN {name}" not in plan.replace(f"SCAN {name} USING", ""), plan
        assert "Seq Scan" not in plan, plan


def _plans(database: Database, statements: list[tuple[str, Any]]) -> list[str]:
    assert statements
    with database.write() as tx:
        if not database.is_sqlite:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # an empty table is never worth an index otherwise
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        return [
            "\n".join(str(tuple(row)) for row in tx.exec_driver_sql(explain + text, values))
            for text, values in statements
        ]


def test_a_batch_is_claimed_by_its_ids(database: Database, clock: Any) -> None:
    ids = [f"sub_{number}" for number in range(100)]
    statements: list[tuple[str, Any]] = []
    claimed = [
        submissions.Claimed(one, 1, Stage.NORMALIZE, 1, "del", "s", clock.now, "{}", None, None, None, None, None)
        for one in ids
    ]
    with database.write() as tx:
        sa.event.listen(
            tx, "before_cursor_execute", lambda _c, _cur, text, values, *_: statements.append((text, values))
        )
        submissions.claim(tx, ids, Stage.NORMALIZE, owner="me", now=clock.now, lease=60)
        submissions.still_ours(tx, claimed)
    for plan in _plans(database, statements):
        # By the primary key: a queue of a million holds a million of one state and stage.
        assert re.search(r"sqlite_autoindex_submissions_1|pk_submissions|submissions_pkey", plan), plan
        assert "ix_submissions" not in plan, plan
        assert "SCAN submissions" not in plan, plan
        assert "Seq Scan on submissions" not in plan, plan
