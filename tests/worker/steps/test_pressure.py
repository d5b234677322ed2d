"""Imports wait before hooks do: while a hook does not move nothing of an import is sent, and none is opened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.states import Stage
from worker import steps
from worker.ports import Priority
from worker.steps import STEPS, intake, opening, pressure
from worker.steps.runtime import Runtime
from worker.store.sweep import Due

from .test_intake import delivery, receive_table


def hook(runtime: Runtime, name: str) -> str:
    body = b'{"nome": "%s", "email": "%s@example.com"}' % (name.encode(), name.encode())
    return steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id


def sent(runtime: Runtime) -> list[tuple[Priority, int]]:
    found: list[tuple[Priority, int]] = []
    steps.dispatch(runtime, lambda due: found.append((due.priority, len(due.ids))), filling=True)
    return found


def test_imports_wait_while_a_hook_does_not_move_and_go_on_when_it_does(runtime: Runtime, clock: Any) -> None:
    hook(runtime, "ana")
    batches: list[Due] = []
    steps.dispatch(runtime, batches.append)
    receive_table(runtime, 5)
    assert steps.pressure_now(runtime).urgent_seconds == 0
    assert sent(runtime) == [(Priority.IMPORT, 5)]  # the hook was only just sent: there is room

    clock.forward(pressure.YIELD_SECONDS + 1)
    later = receive_table(runtime, 7)
    now = steps.pressure_now(runtime)
    assert (now.urgent_seconds, now.imports_yield) == (3, True)
    assert sent(runtime) == []
    assert delivery(runtime, later)["state"] == "received"
    hook(runtime, "bia")
    assert sent(runtime) == [(Priority.LIVE, 1)]  # hooks wait for nobody

    for stage in (Stage.NORMALIZE, Stage.VALIDATE):  # the first has moved; the other was only just sent
        STEPS[stage](runtime, batches[0].ids)
    assert not steps.pressure_now(runtime).imports_yield
    assert sent(runtime) == [(Priority.IMPORT, 7)]
    assert delivery(runtime, later)["state"] == "opened"


def test_a_hook_that_waits_to_be_sent_counts_too_and_one_that_waits_for_the_crm_does_not(
    runtime: Runtime, clock: Any
) -> None:
    limits = runtime.settings.worker.model_copy(update={"in_flight": 1})
    narrow = replace(runtime, settings=runtime.settings.model_copy(update={"worker": limits}))
    hook(narrow, "ana")
    hook(narrow, "bia")
    assert sent(narrow) == [(Priority.LIVE, 1)]
    clock.forward(10)
    assert steps.pressure_now(narrow).urgent_seconds == 10
    clock.forward(21)  # now it has stalled, and is sent again
    steps.work_here(runtime)
    assert steps.pressure_now(narrow).urgent_seconds == 0


def test_only_so_many_rows_of_imports_wait_opened(
    runtime: Runtime, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "MOST_WAITING", 10)
    limits = runtime.settings.worker.model_copy(update={"in_flight": 5})
    narrow = replace(runtime, settings=runtime.settings.model_copy(update={"worker": limits}))
    first, second = receive_table(narrow, 20), receive_table(narrow, 8)
    assert sent(narrow) == [(Priority.IMPORT, 5)]
    assert [delivery(narrow, each)["state"] for each in (first, second)] == ["opened", "received"]
    assert steps.pressure_now(narrow).imports_waiting == 10  # it counts no further
    hook(narrow, "ana")
    assert sent(narrow) == [(Priority.LIVE, 1)]  # a hook is opened all the same
    steps.work_here(runtime)
    assert delivery(narrow, second)["state"] == "opened"


def test_a_hook_that_comes_while_a_large_import_is_opened_goes_out_before_its_end(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OPENED_AT_ONCE", 5)
    receive_table(runtime, 20)
    sent: list[tuple[Priority, int]] = []

    def send(due: Due) -> None:
        if not sent:  # the first piece of the import is on its way, the rest not read yet
            hook(runtime, "ana")
        sent.append((due.priority, len(due.ids)))

    steps.dispatch(runtime, send)
    assert sent[:2] == [(Priority.IMPORT, 5), (Priority.LIVE, 1)]
    assert sum(count for _, count in sent) == 21


def test_one_import_is_opened_at_a_time(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OPENED_AT_ONCE", 5)
    receive_table(runtime, 20)
    second = receive_table(runtime, 8)
    states: list[str] = []

    def send(due: Due) -> None:
        if not states:  # another worker dispatches in the middle of the first
            states.append("")
            steps.dispatch(runtime, lambda _: None)
            states[0] = delivery(runtime, second)["state"]

    steps.dispatch(runtime, send)
    assert states == ["received"]
    assert delivery(runtime, second)["state"] == "opened"


def test_hooks_that_come_faster_than_they_go_through_share_a_batch(runtime: Runtime, clock: Any) -> None:
    for number in range(intake.ALONE):
        hook(runtime, f"alone{number}")
        assert sent(runtime) == [(Priority.LIVE, 1)]  # each at once
    for number in range(3):
        hook(runtime, f"more{number}")
    assert sent(runtime) == []
    clock.forward(intake.FILL_SECONDS)
    assert sent(runtime) == [(Priority.LIVE, 3)]  # the next sweep

    for number in range(runtime.settings.worker.batch_size):
        hook(runtime, f"many{number}")
    assert sent(runtime) == [(Priority.LIVE, runtime.settings.worker.batch_size)]  # a full batch waits for nobody
