"""Replays: by id or by filter, what was set aside and nothing else, and so many at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from worker import steps
from worker.config import SourceSection
from worker.errors import PermanentError
from worker.ports import Priority
from worker.steps.outcomes import outcomes_of
from worker.steps.runtime import Runtime
from worker.store import replays, submissions
from worker.store.replays import Wanted

NOBODY = {"xq7": "Olga Prates", "xq8": "Oficina Prates"}
"""Fields that nobody can guess: mended by a mapping."""
MAPPING = {"xq7": "name", "xq8": "company"}


def send(runtime: Runtime, body: object, source: str = "site") -> str:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    added = steps.receive(runtime, source, text, content_type="application/json", priority=Priority.LIVE)
    steps.work_here(runtime)
    return added.id


def mended(runtime: Runtime, mapping: dict[str, str]) -> Runtime:
    section = SourceSection(kind="generic", secret="invented-secret", mapping=mapping)
    settings = runtime.settings.model_copy(update={"sources": {**runtime.settings.sources, "site": section}})
    return replace(runtime, settings=settings)


def states(runtime: Runtime) -> dict[str, str]:
    with runtime.database.read() as tx:
        return {row["delivery_id"]: row["state"] for row in submissions.listed(tx)}


@pytest.fixture
def dead(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> str:
    """The delivery of a submission that was given up at its score."""

    def broken(*_: object, **__: object) -> None:
        raise PermanentError("the model is broken", code="broken")

    with monkeypatch.context() as patched:
        patched.setattr("worker.steps.scoring.score_features", broken)
        return send(runtime, {"nome": "Bruno Lima", "email": "bruno@example.com"})


def test_what_a_filter_lets_through_is_replayed_and_nothing_else(runtime: Runtime, dead: str) -> None:
    rejected, other = send(runtime, NOBODY), send(runtime, {"nome": "teste"}, "planilha")
    assert set(states(runtime).values()) == {"dead", "rejected"}
    house = mended(runtime, MAPPING)
    wanted = Wanted(states=["rejected"], sources=["site"])
    replayed = steps.replay(house, wanted, by="ana", limit=10)
    assert (len(replayed.submissions), replayed.deliveries, replayed.left) == (1, (), 0)
    assert not outcomes_of(house, (), replayed).is_settled
    steps.work_here(house)
    assert states(house) == {rejected: "done", other: "rejected", dead: "dead"}
    outcomes = outcomes_of(house, (), replayed)
    assert (outcomes.is_settled, outcomes.submissions, outcomes.counts["created"]) == (True, 1, 1)
    assert len(steps.replay(house, Wanted(reasons=["broken"]), by="ana", limit=10).submissions) == 1
    steps.work_here(house)
    assert states(house)[dead] == "done"


def test_a_quarantined_delivery_is_opened_again(runtime: Runtime, dead: str) -> None:
    delivery = send(runtime, b'{"form_response": ')
    for wanted in (Wanted(ids=[delivery]), Wanted(states=["quarantined"])):
        replayed = steps.replay(runtime, wanted, by="ana", limit=10)
        assert (replayed.submissions, replayed.deliveries) == ((), (delivery,))
        assert outcomes_of(runtime, (), replayed).unopened == 1
        steps.work_here(runtime)
        assert outcomes_of(runtime, (), replayed).quarantined == 1
    assert states(runtime) == {dead: "dead"}


def test_a_row_that_could_not_be_read_is_read_anew(runtime: Runtime) -> None:
    rows = b'{"nome": "Olga Prates", "email": "olga@example.com"}\n{"nome": \n'
    added = steps.receive(runtime, "lista", rows, content_type="application/x-ndjson", priority=Priority.IMPORT)
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        before = {row["position"]: row["state"] for row in submissions.listed(tx, delivery_id=added.id)}
    assert before == {0: "done", 1: "rejected"}
    replayed = steps.replay(runtime, Wanted(sources=["lista"]), by="ana", limit=10)
    assert (len(replayed.submissions), replayed.deliveries, replayed.reread) == (1, (), (added.id,))
    assert not outcomes_of(runtime, (), replayed).is_settled
    steps.work_here(runtime)
    outcomes = outcomes_of(runtime, (), replayed)
    assert (outcomes.is_settled, outcomes.submissions, outcomes.counts["rejected"]) == (True, 1, 1)


def test_so_many_at_a_time_and_those_set_aside_first_first(runtime: Runtime, clock: Any) -> None:
    deliveries = []
    for number in range(5):
        deliveries.append(send(runtime, {"nome": "teste", "n": number}))
        clock.forward(60)
    first = steps.replay(runtime, Wanted(states=["rejected"]), by="ana", limit=3)
    assert (len(first.submissions), first.left) == (3, 2)
    steps.work_here(runtime)
    clock.forward(60)
    second = steps.replay(runtime, Wanted(states=["rejected"]), by="ana", limit=3)
    assert set(second.submissions) > {f"sub_{each[4:]}_0" for each in deliveries[3:]}


def test_since_is_when_it_was_set_aside(runtime: Runtime, clock: Any) -> None:
    send(runtime, {"nome": "teste"})
    send(runtime, b"{")
    moment = clock.forward(60)
    later = send(runtime, {"nome": "teste", "n": 2})
    with runtime.database.read() as tx:
        assert sum(row["count"] for row in replays.counts(tx, Wanted())) == 3
        assert sum(row["count"] for row in replays.counts(tx, Wanted(since=moment + timedelta(seconds=1)))) == 0
    replayed = steps.replay(runtime, Wanted(since=moment), by="ana", limit=10)
    assert (replayed.submissions, replayed.deliveries) == ((f"sub_{later[4:]}_0",), ())


def test_an_id_that_cannot_be_replayed_is_told_and_nothing_is_touched(runtime: Runtime, dead: str) -> None:
    done = send(runtime, {"nome": "Olga Prates", "email": "olga@example.com"})
    before = states(runtime)
    sub = f"sub_{dead[4:]}_0"
    for wrong, word in ((f"sub_{done[4:]}_0", "is done"), (done, "is opened"), ("sub_x", "is not there")):
        with pytest.raises(PermanentError, match=word):
            steps.replay(runtime, Wanted(ids=[sub, wrong]), by="ana", limit=10)
    assert states(runtime) == before
