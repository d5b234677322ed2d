"""Turns of sellers, taken one at a time by workers that know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import psycopg

from pipelines.models import Contact
from pipelines.sellers import choose_seller, read_sellers
from worker.store import sellers
from worker.store.engine import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SELLERS = read_sellers({"ana": {"capacity": 1}, "bia": {"capacity": 1}})


def assign(database: Database, contact_id: str, looked: Callable[[], object] = lambda: None) -> str:
    with database.write() as tx:
        turns = sellers.take_turn(tx)
        looked()
        chosen = choose_seller(SELLERS, turns, Contact(), source="site", today=NOW.date())
        if chosen.seller:
            sellers.took(tx, contact_id, chosen, today=NOW.date(), now=NOW)
    return chosen.seller


def test_two_workers_at_one_instant_take_two_turns(postgres_url: str, until: Callable[..., None]) -> None:
    databases = [Database(postgres_url), Database(postgres_url)]
    looked, go_on = Event(), Event()

    def hold() -> None:
        looked.set()
        assert go_on.wait(30)

    def is_waiting() -> bool:
        with psycopg.connect(postgres_url) as connection:
            found = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return found.fetchone() == (1,)

    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(assign, databases[0], "con_1", hold)
        assert looked.wait(30)
        second = workers.submit(assign, databases[1], "con_2")
        try:
            until(is_waiting, "the second worker's wait for its turn")
        finally:
            go_on.set()
        assert [first.result(), second.result()] == ["ana", "bia"]
    assert assign(databases[0], "con_3") == "", "both have as many as they can take today"
    with databases[0].read() as tx:
        assert {one: found.seller for one, found in sellers.of_contacts(tx, ["con_1", "con_2"]).items()} == {
            "con_1": "ana", "con_2": "bia"
        }  # fmt: skip
    for database in databases:
        database.close()
