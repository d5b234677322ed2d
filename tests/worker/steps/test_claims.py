"""Leases: given back by who lives to tell of an error, counted where a worker died."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipelines.states import Stage, State
from worker import steps
from worker.errors import TransientError
from worker.ports import Priority
from worker.steps import claims
from worker.steps.runtime import Runtime
from worker.store import submissions
from worker.store.engine import Database, Transaction
from worker.store.submissions import Claimed


def received(runtime: Runtime) -> str:
    delivery = steps.receive(
        runtime, "site", b'{"nome": "Olga", "email": "olga@example.com"}', content_type="application/json",
        priority=Priority.LIVE,
    )  # fmt: skip
    steps.dispatch(runtime, lambda _: None)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=delivery.id)
    return str(row["id"])


def row_of(runtime: Runtime, submission: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission)
    assert row is not None
    return row


AWAY = TransientError("the database did not answer", code="database")


def failing(
    runtime: Runtime, submission: str, error: Exception, before: Callable[[Claimed], object] = lambda _: None
) -> None:
    """A step that ends in `error`, with `before` done in the middle of it."""

    def step() -> None:
        with claims.claimed(runtime, Stage.NORMALIZE, [submission]) as (item,):
            before(item)
            raise error

    with pytest.raises(type(error)):
        step()


def test_an_error_outside_is_waited_for_and_no_crash(runtime: Runtime, clock: Any) -> None:
    submission = received(runtime)
    for _ in range(5):
        failing(runtime, submission, AWAY)
        row = row_of(runtime, submission)
        assert (row["state"], row["reason"], row["lease_owner"]) == (State.WAITING, "database", None)
        clock.forward(3601)
        steps.dispatch(runtime, lambda _: None)
    assert row_of(runtime, submission)["crashes"] == 0
    steps.work_here(runtime)
    clock.forward(60)
    steps.work_here(runtime)
    assert row_of(runtime, submission)["state"] == State.DONE


def test_an_error_of_ours_is_said_and_ends(runtime: Runtime, clock: Any) -> None:
    submission = received(runtime)
    for _ in range(claims.UNEXPECTED_TRIES):
        failing(runtime, submission, ZeroDivisionError())
        clock.forward(3601)
        steps.dispatch(runtime, lambda _: None)
    row = row_of(runtime, submission)
    assert (row["state"], row["reason"]) == (State.DEAD, claims.UNEXPECTED)


def test_what_cannot_be_given_back_is_given_back_with_the_next_claim(
    runtime: Runtime, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = received(runtime)

    @contextmanager
    def away(_self: Database, *, urgent: bool = False) -> Iterator[Transaction]:
        raise AWAY
        yield

    with monkeypatch.context() as patched:
        failing(runtime, submission, AWAY, lambda _: patched.setattr(Database, "write", away))
    assert row_of(runtime, submission)["lease_owner"] is not None
    assert [item.id for item in runtime.owed] == [submission]
    (again,) = claims.claim(runtime, Stage.NORMALIZE, [submission])
    assert (again.id, runtime.owed) == (submission, [])
    assert row_of(runtime, submission)["crashes"] == 0


def test_what_was_saved_before_the_error_stays_saved(runtime: Runtime) -> None:
    submission = received(runtime)
    reached = lambda item: claims.kept(runtime, [submissions.reached(item, due_at=runtime.clock())])  # noqa: E731
    failing(runtime, submission, AWAY, reached)
    assert row_of(runtime, submission)["state"] == State.NORMALIZED
