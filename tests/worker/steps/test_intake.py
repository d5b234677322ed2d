"""Opening deliveries: each ends as what it is, whatever the store does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.states import Stage
from worker import steps
from worker.errors import TransientError
from worker.ports import Priority
from worker.steps import opening
from worker.steps.runtime import UNKNOWN_SOURCE, Runtime
from worker.store import deliveries, submissions
from worker.store.sweep import Due

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
    monkeypatch.setattr(opening, "OPENED_AT_ONCE", 10)
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
    clock.forward(opening.OPENING_LEASE + 1)
    steps.work_here(runtime)
    assert delivery(runtime, opened)["state"] == "opened"
    assert sum(steps.standing(runtime).submissions.values()) == 25


def test_what_waits_when_its_source_is_removed_is_kept_for_it(runtime: Runtime) -> None:
    hook = b"leads[add][0][id]=1&leads[add][0][name]=Olga+Prates&account[subdomain]=acme"
    kept = steps.receive(
        runtime, "kommo", hook, content_type="application/x-www-form-urlencoded", priority=Priority.LIVE
    ).id
    without = runtime.settings.model_copy(update={"sources": {}})
    steps.work_here(replace(runtime, settings=without))
    row = delivery(runtime, kept)
    assert (row["state"], row["reason"]) == ("quarantined", UNKNOWN_SOURCE)
    assert "[sources.kommo]" in row["detail"]
    steps.replay_delivery(runtime, kept, by="test")
    steps.work_here(runtime)
    assert delivery(runtime, kept)["state"] == "opened"


def test_a_file_needs_no_source_of_its_own(runtime: Runtime) -> None:
    without = replace(runtime, settings=runtime.settings.model_copy(update={"sources": {}}))
    kept = receive_table(without, 2)
    steps.work_here(without)
    assert delivery(without, kept)["state"] == "opened"


def test_a_hook_goes_out_while_an_import_fills_what_may_be_under_way(runtime: Runtime) -> None:
    limits = runtime.settings.worker.model_copy(update={"in_flight": 20, "batch_size": 10})
    narrow = replace(runtime, settings=runtime.settings.model_copy(update={"worker": limits}))
    sent: list[str] = []

    def send(due: Due) -> None:
        sent.extend(due.ids)

    receive_table(narrow, 50)
    steps.dispatch(narrow, send)
    assert len(sent) == 20
    hook = steps.receive(narrow, "site", b'{"nome": "x"}', content_type="application/json", priority=Priority.LIVE)
    steps.dispatch(narrow, send)
    assert len(sent) == 21
    assert sent[-1].startswith(hook.id.replace("del_", "sub_"))
    for number in range(30):
        body = b'{"nome": "%d"}' % number
        steps.receive(narrow, "site", body, content_type="application/json", priority=Priority.LIVE)
    steps.dispatch(narrow, send)
    assert len(sent) == 40


def test_a_clock_that_was_ahead_puts_nothing_off(runtime: Runtime, clock: Any) -> None:
    right = clock.now
    clock.forward(3600)
    arrived = receive_table(runtime, 1)
    sent: list[Due] = []
    steps.dispatch(runtime, sent.append)
    held = sent[0].ids
    with runtime.database.write() as tx:
        assert submissions.claim(tx, held, Stage.NORMALIZE, owner="elsewhere", now=clock.now, lease=60)
    clock.now = right
    sent.clear()
    steps.dispatch(runtime, sent.append)
    assert [due.ids for due in sent] == [held]
    steps.normalize(runtime, held)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=arrived)
    assert row["state"] == "normalized"
