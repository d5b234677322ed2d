"""Opens the database: SQLite or PostgreSQL, the same store code on both."""

from __future__ import annotations

import fcntl
import math
import shutil
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite

from worker.errors import ConfigurationError, Conflict, TransientError

T = TypeVar("T")

Transaction = sa.Connection
"""An open transaction; the functions of the store take one, so that a step decides what is saved together."""

CHUNK = 500
"""The most values put in one IN list: SQLite's planner and PostgreSQL's parser both like it bounded."""

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_SQLITE_WAIT = 30.0
"""Seconds to wait for another writer of the same SQLite file."""
MIGRATION_LOCK_SECONDS = 3
"""For so long a migration waits for a table that somebody uses, with everybody who comes later waiting behind it."""
MIGRATION_TRIES = 20
MIGRATION_PAUSE = 1.0
CHECKED_AFTER = 1.0
"""Seconds a connection to PostgreSQL rests before it is asked whether it still stands."""
CONNECT_SECONDS = 5
"""Seconds to wait for a connection to PostgreSQL; libpq would wait for minutes, and a hook's sender does not."""
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that is gone without a word is noticed within a minute or so (libpq's names; the last in milliseconds)."""


class Database:
    """The store's database. One object a process; safe across threads, not across forks."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's. Raises `ConfigurationError` when it is neither SQLite nor PostgreSQL."""
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise ConfigurationError("database.url is not a URL; write sqlite:///FILE or postgresql://...") from None
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            patience = {"connect_timeout": CONNECT_SECONDS, **_KEEPALIVE}
            given = {name: value for name, value in patience.items() if name not in parsed.query}
            self._engine = sa.create_engine(
                parsed, hide_parameters=True, pool_size=5, max_overflow=20, connect_args=given
            )
            sa.event.listen(self._engine, "checkin", _note_rest)
            sa.event.listen(self._engine, "checkout", _check_rested)
        elif parsed.get_backend_name() == "sqlite":
            self._engine = sa.create_engine(parsed, hide_parameters=True, connect_args={"timeout": _SQLITE_WAIT})
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        else:
            raise ConfigurationError(
                f"database.url names {parsed.get_backend_name()}; Portaria keeps its data in sqlite or postgresql"
            )
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        file = parsed.database if self.is_sqlite else None
        self._turns = Path(file) if file and file != ":memory:" else None
        self._reading = self._engine.execution_options(reads=True)
        self._asking = self._reading if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Transaction]:
        """A transaction that commits at the end of the block. On SQLite it has the write lock from the start.

        `urgent` (somebody waits for an answer) has the next turn at an SQLite file; PostgreSQL needs no turns.
        """
        with _said_plainly(), self._turn(urgent), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _turn(self, urgent: bool) -> Iterator[None]:
        """Wait for a turn to write to the SQLite file.

        SQLite itself polls for its lock with sleeps of up to 100 ms, and whoever polls at the right moment has it:
        a door beside busy workers waits for seconds. These file locks wake the next one at once. All but the urgent
        queue at the first lock, so that at most one of them stands before the urgent at the second.
        """
        if self._turns is None:
            yield
            return
        with ExitStack() as held:
            for name in ("turn",) if urgent else ("queue", "turn"):
                try:
                    file = held.enter_context(self._turns.with_name(f"{self._turns.name}.{name}").open("a"))
                except OSError as problem:
                    raise _away(f"{problem.strerror}: {problem.filename}") from None
                _lock(file, _SQLITE_WAIT)  # let go of when the file is closed
            yield

    @contextmanager
    def read(self, *, in_pieces: bool = False) -> Iterator[Transaction]:
        """A transaction that only reads: from one snapshot on SQLite.

        On PostgreSQL, where each statement sees what is committed by then anyhow, it is none: to begin and to end one
        took a fifth of a look-up. `in_pieces`: results may be fetched piece by piece (`yield_per`), for which
        PostgreSQL wants a transaction.
        """
        with _said_plainly(), (self._reading if in_pieces else self._asking).connect() as connection:
            if self.is_sqlite:
                _begin_sqlite(connection)  # SQLAlchemy would at its first statement, at twice the price
            yield connection

    def free_bytes(self) -> int | None:
        """How much room is left on the disk of an SQLite file; None where the server alone knows."""
        return shutil.disk_usage(self._turns.parent).free if self._turns else None

    def now(self) -> datetime:
        """What the server's clock says (PostgreSQL)."""
        with self.read() as tx:
            at: datetime = tx.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)

    def checkpoint(self) -> None:
        """Copy what is committed from SQLite's log into its file, without holding up anybody who writes.

        Where that cannot be done now (a full disk) it is done later: what is committed is in the log.
        """
        if self.is_sqlite:
            with _said_plainly(), self._engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                with suppress(sqlite3.OperationalError):
                    driver.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def migrate(self) -> None:
        """Bring the schema to the newest revision that this code has; one that is newer stays as it is. Safe when
        several processes do it at once, and while others work on the store.

        What is in the way of a change of tables (a long report) is not waited for long: whoever works on the store
        would wait behind us. Raises `Conflict` when it does not go away.
        """
        for tries_left in reversed(range(MIGRATION_TRIES)):
            try:
                with self.write() as connection:
                    if connection.dialect.name == "postgresql":
                        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(726673)")
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_SECONDS}s'")
                    if not _is_newer(connection):
                        command.upgrade(_alembic(connection), "head")
                    return
            except Conflict:
                if not tries_left:
                    raise
                time.sleep(MIGRATION_PAUSE)

    def draft_migration(self, message: str) -> None:
        """Write a migration from the schema as it is to the tables as they are declared (for developers)."""
        with self.write() as connection:
            command.revision(_alembic(connection), message, autogenerate=True)

    def revision(self) -> tuple[str | None, str | None]:
        """The schema's revision and the newest one there is."""
        with self.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            return current, ScriptDirectory.from_config(_alembic(connection)).get_current_head()

    def lacks(self) -> str:
        """What the schema lacks that this code needs, and how to mend it; empty when it is as new as this code, or
        newer: what a later release adds is in nobody's way (docs/decisions/0012)."""
        with self.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if _is_newer(connection):
                return ""
            newest = ScriptDirectory.from_config(_alembic(connection)).get_current_head()
        what = f"the database is at revision {current}" if current else "the database is empty"
        return "" if current == newest else f"{what}, not {newest}; run `portaria migrate`"

    def is_newer(self) -> bool:
        """Whether the schema is of a release that comes after this code."""
        with self.read() as connection:
            return _is_newer(connection)

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()


def _is_newer(connection: Transaction) -> bool:
    """Whether the schema is at a revision that this code has never heard of."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return False
    try:
        return ScriptDirectory.from_config(_alembic(connection)).get_revision(current) is None
    except CommandError:
        return True


def _alembic(connection: Transaction) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn a driver's error into ours, without the statement's parameters: they are personal data."""
    try:
        yield
    except _OURS:
        raise
    except sa.exc.TimeoutError:
        raise _away("all connections are in use") from None
    except sa.exc.DatabaseError as problem:  # a file that is no database; a server that is only a replica now
        raise _plainly(problem.orig) from None
    except (sqlite3.DatabaseError, psycopg.DatabaseError) as problem:  # of `fetched`
        raise _plainly(problem) from None


def _plainly(problem: BaseException | None) -> TransientError:
    if isinstance(problem, _IN_THE_WAY):
        return Conflict("another transaction was in the way of this one")
    hint = f" {str(problem).splitlines()[0]}" if isinstance(problem, sqlite3.Error) else ""
    return _away(f"{type(problem).__name__}{hint}")


_IN_THE_WAY = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
)
"""Others were at what we wanted, and it will be free."""

_OURS = tuple(
    getattr(driver, name)
    for driver in (sa.exc, sqlite3, psycopg)
    for name in ("IntegrityError", "ProgrammingError", "DataError", "NotSupportedError")
)
"""Errors of what we asked for: to try again does not help."""


def _away(what: str) -> TransientError:
    return TransientError(f"the database did not answer ({what})", code="database")


def _lock(file: IO[str], seconds: float) -> None:
    """Lock the file, waiting at most so long. Raises `TransientError`."""
    waiting: Future[None] = Future()

    def wait() -> None:
        with suppress(InvalidStateError, OSError):  # nobody waits any more, and the file is closed
            fcntl.flock(file, fcntl.LOCK_EX)
            waiting.set_result(None)

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # A call that blocks in flock cannot be given up, so a thread makes it.
        threading.Thread(target=wait, name="turn", daemon=True).start()
        try:
            waiting.result(seconds)
        except TimeoutError:
            if waiting.cancel():
                raise _away("another process keeps it locked") from None


def _note_rest(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _check_rested(connection: psycopg.Connection[Any], record: sa.pool.ConnectionPoolEntry, _proxy: object) -> None:
    """Take no connection that broke while nobody used it. SQLAlchemy's own check asks the server each time: a sixteenth
    of a busy worker's time."""
    if time.monotonic() - record.info.get("rests_since", math.inf) < CHECKED_AFTER:
        return
    try:
        connection.execute("")
        connection.rollback()
    except psycopg.Error:
        raise sa.exc.DisconnectionError from None  # SQLAlchemy opens another


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # so that BEGIN is ours to say, below
    for pragma in (
        "journal_mode = WAL",  # readers and the writer do not wait for each other
        "wal_autocheckpoint = 0",  # a commit must not stop to copy pages: `checkpoint` does, beside the writers
        "synchronous = FULL",  # an acknowledged delivery survives a power cut
        "foreign_keys = ON",
        "cache_size = -65536",  # 64 MiB: the key index of a million contacts stays warm
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails at once when another wrote in between, however long the
    # time-out is. Taking the write lock at BEGIN makes it wait instead.
    driver: Any = connection.connection.driver_connection
    if not connection.get_execution_options().get("reads"):
        driver.execute("BEGIN IMMEDIATE")
    elif not driver.in_transaction:
        driver.execute("BEGIN DEFERRED")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The values in pieces of at most `size`."""
    iterator = iter(values)
    while piece := tuple(islice(iterator, size)):
        yield piece


def fetched(tx: Transaction, text: str, *parameters: object) -> list[Any]:
    """The rows of a statement that the driver has as it stands, as plain tuples.

    For the few statements of a look-up: SQLAlchemy's own work would take three times as long as the database's. `text`
    is ours, never a user's, and its placeholders are the driver's.
    """
    driver: Any = tx.connection.driver_connection
    found: list[Any] = driver.execute(text, parameters).fetchall()
    return found


def having(tx: Transaction, text: str, numbers: Collection[int]) -> list[Any]:
    """The rows of a statement that ends in the column which is to be one of these whole numbers, however many.

    All are one parameter (on SQLite a JSON array): the text stays the same, so that it is parsed only once.
    """
    if not numbers:
        return []
    values = list(numbers)
    return fetched(tx, text + _AMONG[tx.dialect.name], str(values) if tx.dialect.name == "sqlite" else values)


_AMONG = {"sqlite": " IN (SELECT value FROM json_each(?))", "postgresql": " = ANY (%s::bigint[])"}


def rows(result: sa.CursorResult[Any]) -> list[dict[str, Any]]:
    """A result as plain mappings: what leaves the store is values, not its own types."""
    return [dict(row) for row in result.mappings()]


def page(table: sa.Table, statement: sa.Select[Any], limit: int, after: str = "") -> sa.Select[Any]:
    """The newest first, `limit` of them, going on after the id `after`."""
    if after:
        statement = statement.where(table.c.id < after)
    return statement.order_by(table.c.id.desc()).limit(limit)


def insert_new(tx: Transaction, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert the row unless it is there already, by any unique key; whether it was new."""
    first = next(iter(table.primary_key.columns))
    return tx.execute(_upsert(tx, table).values(values).returning(first)).first() is not None


def _upsert(tx: Transaction, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    if tx.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
