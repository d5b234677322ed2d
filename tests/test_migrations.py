"""The migrations make the tables that are declared, and from the first release on they only add."""

from __future__ import annotations

import re
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


NARROWING = ("drop_table", "drop_column", "drop_constraint", "alter_column", "rename_")
"""What a migration may not call; the release after the one that stopped using a thing may (docs/decisions/0012). An
index may go: the release before does not know the difference."""
BEFORE_THE_FIRST_RELEASE = "0016"


def _narrows(migration: str) -> list[str]:
    upgrade = migration.partition("def upgrade")[2].partition("def downgrade")[0]
    calls = re.findall(r"\bop\.(\w+)\(", upgrade) + re.findall(r"\bbatch\w*\.(\w+)\(", upgrade)
    added = [part.partition("\n")[0] for part in upgrade.split("add_column(")[1:]]
    required = [column for column in added if "nullable=False" in column and "server_default" not in column]
    return [call for call in calls if call.startswith(NARROWING)] + required


def test_migrations_only_add() -> None:
    folder = Path(__file__).parents[1] / "migrations" / "versions"
    later = [file for file in sorted(folder.glob("*.py")) if file.name[:4] > BEFORE_THE_FIRST_RELEASE]
    assert {file.name: found for file in later if (found := _narrows(file.read_text()))} == {}
    assert _narrows((folder / "0016_workflow_runs.py").read_text()) == ["drop_table", "drop_table"]
    assert _narrows('def upgrade():\n    op.add_column("x", sa.Column("y", sa.Text(), nullable=False))\n')


def test_a_schema_of_a_later_release_is_worked_on_and_left_as_it_is(database: Database) -> None:
    assert database.lacks() == ""
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'of_a_later_release'")
    database.migrate()
    assert database.revision()[0] == "of_a_later_release"
    assert database.is_newer()
    assert database.lacks() == ""


def test_an_old_schema_lacks_what_a_migration_brings(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert not database.is_newer()
    assert database.lacks() == f"the database is at revision 0001, not {database.revision()[1]}; run `portaria migrate`"
