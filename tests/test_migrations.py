"""The migrations make the tables that are declared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from worker import tables
from worker.store.engine import Database


def test_migrations_and_tables_agree(database: Database) -> None:
    with database.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    assert found == []


def test_the_schema_is_at_the_newest_revision(database: Database) -> None:
    current, newest = database.revision()
    assert current == newest is not None


def test_several_may_migrate_at_once(postgres_url: str, tmp_path: Path) -> None:
    for url in (postgres_url, f"sqlite:///{tmp_path / 'new.db'}"):
        databases = [Database(url) for _ in range(4)]
        with databases[0].write() as connection:
            if not url.startswith("sqlite"):
                connection.execute(sa.text("DROP SCHEMA public CASCADE"))
                connection.execute(sa.text("CREATE SCHEMA public"))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Database.migrate, databases))
        assert len({database.revision() for database in databases}) == 1
