"""All machines go by the database's clock, however wrong their own are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from worker.errors import TransientError
from worker.steps import runtime
from worker.steps.runtime import SharedClock
from worker.store.engine import Database

SAID = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_it_is_asked_now_and_then_and_goes_on_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = [1000.0]
    answers: list[Any] = [SAID, TransientError("away"), SAID + timedelta(seconds=500)]
    monkeypatch.setattr(runtime.time, "monotonic", lambda: passed[0])

    def ask() -> datetime:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = SharedClock(SimpleNamespace(now=ask))  # type: ignore[arg-type]
    assert clock() == SAID
    passed[0] += 59
    assert clock() == SAID + timedelta(seconds=59)
    passed[0] += 2
    assert clock() == SAID + timedelta(seconds=61)  # nobody answered
    passed[0] += 61
    assert clock() == SAID + timedelta(seconds=500)
    assert answers == []


def test_postgres_says_what_time_it_is(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        assert abs(database.now() - datetime.now(UTC)) < timedelta(minutes=5)
    finally:
        database.close()
