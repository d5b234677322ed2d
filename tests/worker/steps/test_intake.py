"""Opening deliveries: each ends as what it is, whatever the store does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from worker import steps
from worker.errors import TransientError
from worker.ports import Priority
from worker.steps import intake
from worker.steps.runtime import Runtime
from worker.store import deliveries

Clock = Any


def receive_table(runtime: Runtime, rows: int) -> str:
    lines = ["nome,email", *(f"Pessoa {number},pessoa{number}@example.com" for number in range(rows))]
    body = "\n".join(lines).encode()
    return steps.receive(runtime, "site", body, content_type="text/csv", priority=Priority.IMPORT, name="p.csv").id


def delivery(runtime: Runtime, delivery_id: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        found = deliveries.summary(tx, delivery_id)
    assert found is not None
    return found


def test_a_store_that_is_away_while_a_delivery_is_opened_quarantines_nothing(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "OPENED_AT_ONCE", 10)
    extend = deliveries.extend
    failures = [TransientError("the database did not answer", code="database")]

    def away_once(*arguments: Any, **keywords: Any) -> bool:
        if failures:
            raise failures.pop()
        return extend(*arguments, **keywords)

    monkeypatch.setattr(deliveries, "extend", away_once)
    opened = receive_table(runtime, 25)
    with pytest.raises(TransientError):
        steps.work_here(runtime)
    assert delivery(runtime, opened)["state"] == "received"
    clock.forward(intake.OPENING_LEASE + 1)
    steps.work_here(runtime)
    assert delivery(runtime, opened)["state"] == "opened"
    assert sum(steps.standing(runtime).submissions.values()) == 25
