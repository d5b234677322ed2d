"""The circuit breaker, over the store that all workers share."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest

from worker.breaker import PAUSED, Breaker, Patience
from worker.errors import PermanentError, TransientError
from worker.store import circuits
from worker.store.circuits import CircuitTable
from worker.store.engine import Database

PATIENCE = Patience(trip_after=3, pause=30, longest_pause=100, trial_seconds=60)


def call(breaker: Breaker, error: Exception | None = None) -> None:
    with suppress(type(error) if error else ()), breaker.attempt():
        if error:
            raise error


def paused_for(breaker: Breaker) -> float | None:
    """Seconds, as a call is told; None: it went through; -1: it failed for another reason."""
    try:
        call(breaker)
    except TransientError as problem:
        return problem.retry_after if problem.code == PAUSED else -1
    return None


@pytest.fixture
def one(database: Database, clock: Any) -> Breaker:
    return Breaker("enrichment:registry", CircuitTable(database), clock, PATIENCE)


@pytest.fixture
def other(database: Database, clock: Any) -> Breaker:
    """The same circuit in another worker."""
    return Breaker("enrichment:registry", CircuitTable(database), clock, PATIENCE)


DOWN = TransientError("down")


def test_failures_in_a_row_pause_it_for_all_workers(one: Breaker, other: Breaker) -> None:
    for _ in range(2):
        call(one, DOWN)
    assert paused_for(other) is None  # which ends the row
    for breaker in (one, other, one):
        call(breaker, DOWN)
    assert paused_for(one) == 30
    assert paused_for(other) == 30


def test_one_trial_closes_it(one: Breaker, other: Breaker, clock: Any, database: Database) -> None:
    for _ in range(3):
        call(one, DOWN)
    clock.forward(30)
    with one.attempt(), pytest.raises(TransientError, match="left in peace"):
        call(other)
    with database.read() as tx:
        assert circuits.paused(tx) == {}
    assert paused_for(other) is None
    for _ in range(2):
        call(other, DOWN)
    assert paused_for(one) is None


def test_a_failed_trial_doubles_the_pause_up_to_the_longest(one: Breaker, clock: Any) -> None:
    for _ in range(3):
        call(one, DOWN)
    for expected in (60, 100, 100):
        clock.forward(paused_for(one) or 0)
        call(one, DOWN)
        assert paused_for(one) == expected


def test_a_worker_that_dies_in_its_trial_leaves_it_to_the_next(one: Breaker, other: Breaker, clock: Any) -> None:
    for _ in range(3):
        call(one, DOWN)
    clock.forward(30)
    trial = one.attempt()
    trial.__enter__()
    assert paused_for(other) is not None
    clock.forward(60)
    assert paused_for(other) is None


def test_calls_under_way_when_it_opens_say_nothing_more(one: Breaker, other: Breaker, clock: Any) -> None:
    late = other.attempt()
    late.__enter__()
    slow = other.attempt()
    slow.__enter__()
    for _ in range(3):
        call(one, DOWN)
    late.__exit__(None, None, None)
    with suppress(TransientError):
        slow.__exit__(TransientError, DOWN, None)
    assert paused_for(one) == 30


def test_what_the_other_side_asks_for_is_kept_to_at_once(one: Breaker, other: Breaker) -> None:
    call(one, TransientError("busy", retry_after=7))
    assert paused_for(other) == 7


def test_an_answer_is_no_failure_and_a_fault_of_ours_says_nothing(one: Breaker) -> None:
    for error in (PermanentError("no"), ValueError()) * 3:
        call(one, error)
    assert paused_for(one) is None


def test_threads_that_fail_together_open_it_once(one: Breaker, database: Database) -> None:
    together = threading.Barrier(8)

    def fail() -> None:
        with suppress(TransientError), one.attempt():
            together.wait(20)
            raise DOWN

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with database.read() as tx:
        assert circuits.paused(tx)["enrichment:registry"].failures == 3


def test_an_outcome_is_an_outcome_even_when_it_cannot_be_noted(one: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    call(one, DOWN)

    def away(*_: object) -> bool:
        raise TransientError("the database did not answer", code="database")

    monkeypatch.setattr(CircuitTable, "change", away)
    call(one)
