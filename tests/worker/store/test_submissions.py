"""Claims are compare-and-set with a fence: one worker at a time, and nobody writes over who took over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipelines.states import Stage, State
from worker.ports import Priority
from worker.store import deliveries, history, submissions, sweep
from worker.store.engine import Database
from worker.store.submissions import KILLED_WORKER, Claimed, Outcome
from worker.store.sweep import Due

STALL = 30.0


@pytest.fixture
def add(database: Database, clock: Any) -> Any:
    """Add submissions that are due, and give their ids."""

    def _add(count: int, *, priority: int = Priority.LIVE, name: str = "a", late: float = 0) -> list[str]:
        due = clock.now - timedelta(seconds=late)
        with database.write() as tx:
            delivery = deliveries.add(
                tx, source="site", key=name, body=b"", content_type="", now=clock.now, priority=priority
            )
            values = [
                {
                    "id": f"sub_{name}_{position}",
                    "delivery_id": delivery.id,
                    "position": position,
                    "source": "site",
                    "priority": priority,
                    "state": State.RECEIVED,
                    "stage": Stage.NORMALIZE,
                    "record": "{}",
                    "due_at": due,
                    "received_at": clock.now,
                    "updated_at": clock.now,
                }
                for position in range(count)
            ]
            submissions.add(tx, values)
        return [value["id"] for value in values]

    return _add


def claim(
    database: Database, ids: list[str], clock: Any, owner: str = "a", stage: Stage = Stage.NORMALIZE
) -> list[Claimed]:
    with database.write() as tx:
        return submissions.claim(tx, ids, stage, owner=owner, now=clock.now, lease=60)


def save(database: Database, outcomes: list[Outcome], clock: Any) -> list[Outcome]:
    with database.write() as tx:
        return submissions.save(tx, outcomes, now=clock.now, by="a")


def read(database: Database, submission_id: str) -> dict[str, Any]:
    with database.read() as tx:
        found = submissions.read(tx, submission_id)
    assert found is not None
    return found


def take_due(database: Database, clock: Any, limit: int = 100) -> list[Due]:
    with database.write() as tx:
        return sweep.take_due(tx, now=clock.now, limit=limit, stall=STALL)


def test_two_workers_cannot_claim_one_submission(database: Database, add: Any, clock: Any) -> None:
    ids = add(3)
    assert [item.id for item in claim(database, ids, clock, "a")] == ids
    assert claim(database, ids, clock, "b") == []


def test_a_claim_gives_only_what_needs_that_stage(database: Database, add: Any, clock: Any) -> None:
    assert claim(database, add(2), clock, stage=Stage.VALIDATE) == []


def test_what_went_on_needs_the_next_stage(database: Database, add: Any, clock: Any) -> None:
    (item,) = claim(database, add(1), clock)
    save(database, [submissions.reached(item, due_at=clock.now, contact="{}")], clock)
    row = read(database, item.id)
    assert (row["state"], row["stage"], row["attempts"], row["lease_owner"]) == ("normalized", "validate", 0, None)


def test_a_paused_worker_cannot_write_over_who_took_over(database: Database, add: Any, clock: Any) -> None:
    (slow,) = claim(database, add(1), clock, "slow")
    clock.forward(61)
    (fast,) = claim(database, [slow.id], clock, "fast")
    assert save(database, [submissions.reached(fast, due_at=clock.now, contact='"fast"')], clock)
    assert save(database, [submissions.reached(slow, due_at=clock.now, contact='"slow"')], clock) == []
    assert read(database, slow.id)["contact"] == '"fast"'


def test_a_move_that_is_not_allowed_is_refused(database: Database, add: Any, clock: Any) -> None:
    (item,) = claim(database, add(1), clock)
    with pytest.raises(ValueError, match="may not go from received to done"):
        save(database, [Outcome(item, State.DONE, None)], clock)


def test_after_two_dead_workers_it_is_set_aside_and_the_rest_go_on(database: Database, add: Any, clock: Any) -> None:
    ids = add(2)
    for _ in range(submissions.MAX_CRASHES):
        claim(database, ids, clock)
        clock.forward(61)
        healthy = claim(database, [ids[1]], clock)
        if healthy:
            save(database, [submissions.reached(healthy[0], due_at=clock.now)], clock)
    assert claim(database, ids, clock) == []
    row = read(database, ids[0])
    assert (row["state"], row["reason"], row["stage"]) == ("dead", KILLED_WORKER, "normalize")
    assert read(database, ids[1])["state"] == "normalized"


def test_who_was_under_a_dead_worker_is_sent_alone(database: Database, add: Any, clock: Any) -> None:
    ids = add(3)
    claim(database, ids[:1], clock)
    clock.forward(61)
    alone, together = (ids[0],), tuple(ids[1:])
    assert take_due(database, clock) == [Due(Stage.NORMALIZE, some, Priority.LIVE) for some in (alone, together)]


def test_what_was_sent_is_not_due_again_until_it_stalls(database: Database, add: Any, clock: Any) -> None:
    ids = add(2)
    assert take_due(database, clock) == [Due(Stage.NORMALIZE, tuple(ids), Priority.LIVE)]
    assert take_due(database, clock) == []
    clock.forward(STALL)
    assert take_due(database, clock) == [Due(Stage.NORMALIZE, tuple(ids), Priority.LIVE)]


def test_a_hook_goes_before_an_older_import(database: Database, add: Any, clock: Any) -> None:
    rows = add(3, priority=Priority.IMPORT, name="file", late=100)
    hook = add(1, priority=Priority.LIVE, name="hook")
    # Each in a batch of its own: the broker hands out what is more urgent first.
    assert take_due(database, clock, limit=2) == [
        Due(Stage.NORMALIZE, tuple(hook), Priority.LIVE),
        Due(Stage.NORMALIZE, (rows[0],), Priority.IMPORT),
    ]


def test_who_waits_is_back_on_the_path_when_due(database: Database, add: Any, clock: Any) -> None:
    (item,) = claim(database, add(1), clock)
    due = clock.now + timedelta(seconds=5)
    save(database, [Outcome(item, State.WAITING, Stage.NORMALIZE, due, reason="crm_down")], clock)
    assert take_due(database, clock) == []
    clock.forward(5)
    assert take_due(database, clock) == [Due(Stage.NORMALIZE, (item.id,), Priority.LIVE)]
    assert read(database, item.id)["state"] == "received"
    with database.read() as tx:
        moves = [(move["before"], move["after"]) for move in history.of(tx, item.id)]
    assert moves == [("received", "waiting"), ("waiting", "received")]


def test_in_flight_counts_what_is_sent_up_to_a_bound(database: Database, add: Any, clock: Any) -> None:
    add(5)
    take_due(database, clock, limit=3)
    with database.read() as tx:
        assert sweep.in_flight(tx, now=clock.now, most=100) == 3
        assert sweep.in_flight(tx, now=clock.now, most=2) == 2


def test_only_the_leases_of_the_dead_are_freed(database: Database, add: Any, clock: Any) -> None:
    ids = add(3)
    for submission_id, owner in zip(ids, ("here:1:5", "here:2:5", "there:1:5"), strict=True):
        claim(database, [submission_id], clock, owner)
    with database.write() as tx:
        assert submissions.release_dead_owners(tx, ["here:2:5"], host="here", now=clock.now) == 1
    assert [read(database, submission_id)["lease_owner"] for submission_id in ids] == [None, "here:2:5", "there:1:5"]
    assert read(database, ids[0])["crashes"] == 0


def test_a_replay_starts_from_the_first_stage(database: Database, add: Any, clock: Any) -> None:
    first, second = claim(database, add(2), clock)
    save(database, [Outcome(first, State.REJECTED, None, reason="no_identity")], clock)
    with database.write() as tx:
        again = dict.fromkeys([first.id, second.id], State.RECEIVED)
        assert submissions.replay(tx, again, by="ana", now=clock.now) == 1
    row = read(database, first.id)
    assert (row["state"], row["stage"], row["reason"]) == ("received", "normalize", "")


def test_adding_again_changes_nothing(database: Database, add: Any, clock: Any) -> None:
    ids = add(2)
    claim(database, ids, clock)
    assert add(3) == [*ids, "sub_a_2"]
    assert read(database, ids[0])["lease_owner"] == "a"
