"""A later schema: the code before it works on it, and a migration that waits for a table lets others pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.states import State
from worker import steps
from worker.config import load_settings
from worker.errors import Conflict
from worker.ports import Priority
from worker.prove.upgrade import with_later_ones, write_migrations
from worker.steps.runtime import build_runtime
from worker.store import audit, engine
from worker.store.engine import Database


def _bring_later_schema(database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = Database(database_url).revision()[1]
    with monkeypatch.context() as later:
        later.setattr(engine, "_alembic", with_later_ones(write_migrations(folder, 2, str(newest))))
        Database(database_url).migrate()


def test_this_code_works_on_the_schema_of_a_later_release(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "portaria.toml").write_text(
        f'[sources.site]\nsecret = "x"\n[database]\nurl = "{database_url}"\n[validation]\ncheck_mail_domains = false\n'
    )
    runtime = build_runtime(load_settings(tmp_path))
    _bring_later_schema(database_url, tmp_path, monkeypatch)
    assert database.is_newer()
    runtime.database.migrate()
    body = b'{"nome": "Ana Castro", "email": "ana.castro@firma1.example.com", "celular": "(11) 96000-0001"}'
    steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE)
    while steps.work_here(runtime):
        pass
    with runtime.database.read() as tx:
        assert [row["state"] for row in audit.submissions(tx)] == [State.DONE]


def test_a_migration_lets_others_pass_until_its_table_is_free(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes after an ALTER TABLE that waits, waits behind it."""
    monkeypatch.setattr(engine, "MIGRATION_LOCK_SECONDS", 0.05)
    monkeypatch.setattr(engine, "MIGRATION_TRIES", 2)
    slept = []
    with sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://")).connect() as report:
        report.exec_driver_sql("SELECT count(*) FROM submissions")
        monkeypatch.setattr(engine.time, "sleep", slept.append)
        with pytest.raises(Conflict):
            _bring_later_schema(postgres_url, tmp_path, monkeypatch)
        assert slept == [engine.MIGRATION_PAUSE]
        monkeypatch.setattr(engine.time, "sleep", lambda _seconds: report.rollback())
        _bring_later_schema(postgres_url, tmp_path, monkeypatch)
    assert Database(postgres_url).revision()[0] == "later_2"
