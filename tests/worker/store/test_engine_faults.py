"""The database's errors are said plainly: what may go away by itself is transient, whatever the driver calls it."""

from __future__ import annotations

import fcntl
import resource
import socket
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from worker.errors import TransientError
from worker.store import engine
from worker.store.engine import Database


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("name", ["absent/portaria.db", "garbage.db"])
def test_a_file_that_cannot_be_used_is_transient(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "garbage.db").write_bytes(b"garbage" * 1000)
    database = Database(f"sqlite:///{tmp_path / name}")
    with pytest.raises(TransientError), getattr(database, kind)() as tx:
        tx.execute(sa.text("SELECT 1"))


def test_a_writer_who_never_ends_is_not_waited_for_longer_than_sqlite_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SQLITE_WAIT", 0.05)
    database = Database(f"sqlite:///{tmp_path / 'portaria.db'}")
    with (tmp_path / "portaria.db.turn").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TransientError), database.write(urgent=True):
            pass
        with pytest.raises(TransientError), database.write():
            pass
    with database.write(urgent=True) as tx:
        tx.execute(sa.text("SELECT 1"))
    database.close()


def test_too_many_at_once_is_transient(tmp_path: Path) -> None:
    with pytest.raises(TransientError), engine._said_plainly():
        raise sa.exc.TimeoutError("QueuePool limit reached")


def test_a_server_that_became_a_replica_is_transient(postgres_url: str) -> None:
    database = Database(postgres_url)
    both = "SET TRANSACTION READ ONLY; CREATE TABLE x (y int)"
    with pytest.raises(TransientError), database.write() as tx:
        tx.exec_driver_sql(both)
    database.close()


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 2)  # the least that libpq takes
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://x@127.0.0.1:{silent.getsockname()[1]}/x")
        with pytest.raises(TransientError), database.read():
            pass


def test_a_mistake_of_ours_is_no_transient_error(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(sa.exc.ProgrammingError), database.read() as tx:
        tx.execute(sa.text("SELECT * FROM nowhere"))
    assert not issubclass(psycopg.errors.UndefinedTable, psycopg.OperationalError)
    database.close()


def test_a_full_disk_does_not_keep_the_log_from_being_copied_later(tmp_path: Path) -> None:
    file = tmp_path / "portaria.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    database.checkpoint()
    size = file.stat().st_size
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TABLE filler AS SELECT randomblob(200000) AS some")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        database.checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert file.stat().st_size <= size
    database.checkpoint()
    database.close()
    assert file.stat().st_size > size


@pytest.mark.parametrize("checked_after", [0.0, float("inf")])
def test_a_connection_that_broke_while_it_rested_is_not_taken(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, checked_after: float
) -> None:
    monkeypatch.setattr(engine, "CHECKED_AFTER", checked_after)
    database, other = Database(postgres_url), Database(postgres_url)
    try:
        with database.read() as tx:
            backend = tx.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
        with other.write() as tx:
            tx.execute(sa.select(sa.func.pg_terminate_backend(backend, 10_000)))
        if checked_after:  # one that hardly rested is not checked: whoever takes it tries again
            with pytest.raises(TransientError), database.read() as tx:
                tx.execute(sa.select(1))
        with database.read() as tx:
            assert tx.execute(sa.select(sa.func.pg_backend_pid())).scalar_one() != backend
    finally:
        database.close()
        other.close()
