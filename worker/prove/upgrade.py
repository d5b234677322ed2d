"""Versions that come after this code, for rolling upgrades: each is this code and what a release brings.

Version 1 is one release ahead, version 2 two. Each brings a migration that widens the schema (a column, a table),
writes to the column, and sends a task that no version before it knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.config import Config
from celery import chain

from pipelines.states import tail_from
from worker import tables, tasks
from worker.celery_app import STAGES, app
from worker.store import engine
from worker.store.sweep import Due

MIGRATIONS: Final = "migrations-of-later-versions"
"""A folder in the folder of the proof."""

_MIGRATION = '''"""Version {version} of a proof"""

import sqlalchemy as sa
from alembic import op

revision = "later_{version}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("submissions", sa.Column("later_{version}", sa.Integer(), nullable=True))
    op.create_index("submissions_later_{version}", "submissions", ["later_{version}"])
    op.create_table("later_{version}", sa.Column("id", sa.Text(), primary_key=True))
'''


def write_migrations(folder: Path, version: int, newest: str) -> Path:
    """The folder with all that this version brings on top of this code, whose last migration is `newest`."""
    mine = folder / MIGRATIONS / str(version)
    mine.mkdir(parents=True, exist_ok=True)
    for each in range(1, version + 1):
        before = newest if each == 1 else f"later_{each - 1}"
        (mine / f"later_{each}.py").write_text(_MIGRATION.format(version=each, before=before))
    return mine


def with_later_ones(migrations: Path) -> Callable[[engine.Transaction], Config]:
    """For `worker.store.engine`: the migrations of this code, and these."""
    ours = engine._alembic

    def config_of(connection: engine.Transaction) -> Config:
        config = ours(connection)
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", f"{engine._MIGRATIONS / 'versions'}\n{migrations}")
        return config

    return config_of


def become(migrations: Path) -> None:
    """Make this process one of the version that brings these migrations (`write_migrations`)."""
    version = int(migrations.name)
    engine._alembic = with_later_ones(migrations)  # type: ignore[assignment]  # the name of its parameter
    for each in range(1, version + 1):
        tables.submissions.append_column(sa.Column(f"later_{each}", sa.Integer(), default=version))
        app.task(name=f"portaria.later_{each}")(_nothing)

    def send(due: Due) -> None:
        ids = list(due.ids)
        first = app.signature(f"portaria.later_{version}", args=[ids], immutable=True, queue=STAGES)
        chain(first, *(tasks.TASKS[stage].si(ids) for stage in tail_from(due.stage))).apply_async()

    tasks.send = send


def _nothing(_ids: list[str]) -> None:
    """What a later version does first."""
