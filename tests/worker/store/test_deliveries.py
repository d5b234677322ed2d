"""Deliveries are kept once for each key, and opened by one process at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.states import DeliveryState
from worker.ports import Priority
from worker.store import deliveries, history
from worker.store.deliveries import Added
from worker.store.engine import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def add(database: Database, body: bytes = b"{}", key: str | None = None, **given: object) -> Added:
    values = {"source": "site", "content_type": "application/json", "now": NOW, "priority": Priority.LIVE, **given}
    with database.write() as tx:
        return deliveries.add(tx, key=key, body=body, **values)  # type: ignore[arg-type]


def test_the_same_bytes_without_a_key_are_kept_once(database: Database) -> None:
    first = add(database, b"same")
    again = add(database, b"same")
    assert (again.id, first.repeated, again.repeated) == (first.id, False, True)
    assert add(database, b"other").id != first.id


def test_a_key_decides_whatever_the_bytes(database: Database) -> None:
    first = add(database, b"attempt 1", key="event-1")
    assert add(database, b"attempt 2", key="event-1") == Added(first.id, repeated=True)


def test_sources_do_not_share_keys(database: Database) -> None:
    assert add(database, key="1").id != add(database, key="1", source="other").id


def test_a_body_is_kept_byte_for_byte(database: Database) -> None:
    body = bytes(range(256)) * 3
    added = add(database, body)
    with database.read() as tx:
        kept = deliveries.read(tx, added.id)
    assert kept is not None
    assert (kept.body, kept.received_at, kept.content_type) == (body, NOW, "application/json")


def test_one_process_opens_a_delivery_until_its_lease_runs_out(database: Database) -> None:
    added = add(database)
    claim = {"now": NOW, "lease": 30}
    with database.write() as tx:
        first = deliveries.claim_to_open(tx, owner="a", **claim)  # type: ignore[arg-type]
    with database.write() as tx:
        assert deliveries.claim_to_open(tx, owner="b", **claim) is None  # type: ignore[arg-type]
    with database.write() as tx:
        later = deliveries.claim_to_open(tx, owner="b", now=NOW + timedelta(seconds=31), lease=30)
    assert first is not None
    assert later is not None
    assert first.id == later.id == added.id
    with database.write() as tx:
        assert not deliveries.settle(tx, added.id, DeliveryState.OPENED, owner="a", now=NOW)
        assert deliveries.settle(tx, added.id, DeliveryState.OPENED, owner="b", now=NOW)


def test_who_waits_for_an_answer_is_opened_before_a_file(database: Database) -> None:
    add(database, b"file", priority=Priority.IMPORT)
    hook = add(database, b"hook", now=NOW + timedelta(seconds=5))
    with database.write() as tx:
        claimed = deliveries.claim_to_open(tx, owner="a", now=NOW + timedelta(seconds=6), lease=30)
    assert claimed is not None
    assert claimed.id == hook.id


def test_history_tells_each_move(database: Database) -> None:
    added = add(database)
    with database.write() as tx:
        deliveries.claim_to_open(tx, owner="a", now=NOW, lease=30)
        deliveries.settle(tx, added.id, DeliveryState.QUARANTINED, owner="a", now=NOW, reason="broken")
        deliveries.reopen(tx, added.id, by="ana", now=NOW)
    with database.read() as tx:
        moves = [(move["event"], move["after"], move["reason"]) for move in history.of(tx, added.id)]
    assert moves == [("received", "received", ""), ("opened", "quarantined", "broken"), ("replayed", "received", "")]


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_go_on_where_the_last_one_ended(database: Database, limit: int) -> None:
    ids = [add(database, str(number).encode(), now=NOW + timedelta(seconds=number)).id for number in range(5)]
    seen: list[str] = []
    with database.read() as tx:
        while page := deliveries.summaries(tx, limit=limit, after=seen[-1] if seen else ""):
            seen += [row["id"] for row in page]
    assert seen == ids[::-1]
