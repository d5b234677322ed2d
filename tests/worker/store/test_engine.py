"""Turns at the SQLite file, and errors of the database told without personal data."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from worker import tables
from worker.errors import ConfigurationError, TransientError
from worker.store.engine import Database, Transaction, chunks, fetched

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="who waits for a lock is told by Linux alone")
def test_the_urgent_stand_behind_one_writer_however_many_queue(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    order: list[str] = []
    writing, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with database.write():
            writing.set()
            go_on.wait(60)
            order.append("worker")

    def other(name: str, *, urgent: bool) -> None:
        with database.write(urgent=urgent):
            order.append(name)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert writing.wait(10)
    threads += [threading.Thread(target=other, args=("worker",), kwargs={"urgent": False}) for _ in range(3)]
    for thread in threads[1:]:
        thread.start()
    door = threading.Thread(target=other, args=("door",), kwargs={"urgent": True})
    door.start()
    queue, turn = tmp_path / "x.db.queue", tmp_path / "x.db.turn"
    deadline = monotonic() + 30
    while (_waiting(queue), _waiting(turn)) != (3, 1) and monotonic() < deadline:
        pass
    waiting = _waiting(queue), _waiting(turn)
    go_on.set()
    for thread in [*threads, door]:
        thread.join(30)
    database.close()
    assert waiting == (3, 1)  # for the turn waits the door alone, and whoever comes first of the queue after it
    assert sorted(order) == ["door", *["worker"] * 4]


def _waiting(lock: Path) -> int:
    """How many wait for this lock."""
    inode = str(lock.stat().st_ino)
    lines = Path("/proc/locks").read_text().splitlines()
    return sum("->" in line and line.split()[-3].endswith(f":{inode}") for line in lines)


def test_a_database_that_is_away_is_said_plainly() -> None:
    with pytest.raises(TransientError, match="did not answer"), Database("postgresql://x@127.0.0.1:1/x").read():
        pass


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", ""])
def test_only_sqlite_and_postgresql(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url"):
        Database(url)


def test_chunks_cover_everything_once() -> None:
    assert [list(piece) for piece in chunks(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []


def test_the_log_is_copied_into_the_file_beside_the_writers(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    before = (tmp_path / "x.db").stat().st_size
    assert (tmp_path / "x.db-wal").stat().st_size > before
    with database.write():
        database.checkpoint()
    assert (tmp_path / "x.db").stat().st_size > before
    database.close()


def test_a_write_on_a_connection_that_has_read_is_a_transaction_still(database: Database) -> None:
    with database.read() as tx:
        assert tx.execute(sa.select(sa.literal(1))).scalar_one() == 1
        if not database.is_sqlite:  # to begin and to end one would be two round trips more
            driver = tx.connection.driver_connection
            assert driver is not None
            assert driver.info.transaction_status == TransactionStatus.IDLE
    with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
        _opt_out_twice(tx)
    with database.read() as tx:
        assert tx.execute(sa.select(tables.opt_outs.c.digest)).all() == []


def test_a_reader_of_an_sqlite_file_sees_one_snapshot_and_is_in_no_writers_way(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    with database.read() as tx:
        assert fetched(tx, "SELECT count(*) FROM opt_outs") == [(0,)]
        with database.write() as other:
            other.execute(sa.insert(tables.opt_outs).values(digest="x", at=AT, how="mail"))
        assert fetched(tx, "SELECT count(*) FROM opt_outs") == [(0,)]
        assert tx.execute(sa.select(tables.opt_outs.c.digest)).all() == []
    with database.read() as tx:
        assert fetched(tx, "SELECT count(*) FROM opt_outs") == [(1,)]
    database.close()


def test_a_writer_that_begins_in_the_midst_of_something_is_told() -> None:
    database = Database("sqlite:///:memory:")  # one connection for all
    with database.read() as tx:
        assert fetched(tx, "SELECT 1") == [(1,)]
        with pytest.raises(TransientError, match="within a transaction"), database.write():
            pass
    database.close()


def _opt_out_twice(tx: Transaction) -> None:
    for _ in range(2):
        tx.execute(sa.insert(tables.opt_outs).values(digest="x", at=AT, how="mail"))


def test_a_large_result_is_read_in_pieces(database: Database) -> None:
    with database.write() as tx:
        rows = [{"digest": f"{number:04}", "at": AT, "how": "mail"} for number in range(250)]
        tx.execute(sa.insert(tables.opt_outs), rows)
    statement = sa.select(tables.opt_outs.c.digest).order_by(tables.opt_outs.c.digest)
    with database.read(in_pieces=True) as tx:
        found = [row.digest for row in tx.execute(statement, execution_options={"yield_per": 100})]
    assert found == [f"{number:04}" for number in range(250)]
