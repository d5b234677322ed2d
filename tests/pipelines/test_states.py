"""The table of allowed moves, and the picture of it in docs/flow.md."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.states import (
    ALLOWED_MOVES,
    NEXT_STAGE,
    ON_THE_PATH,
    REACHED_BY,
    SETTLED,
    STAGES,
    Stage,
    State,
    may_move,
    tail_from,
)

FLOW = Path(__file__).parents[2] / "docs" / "flow.md"


def test_the_path_leads_from_received_through_every_stage_to_done() -> None:
    state, passed = State.RECEIVED, []
    while state in NEXT_STAGE:
        stage = NEXT_STAGE[state]
        assert may_move(state, REACHED_BY[stage])
        passed.append(stage)
        state = REACHED_BY[stage]
    assert (passed, state) == ([*STAGES], State.DONE)


def test_every_state_can_be_left_or_replayed() -> None:
    assert set(ALLOWED_MOVES) == set(State)
    assert all(ALLOWED_MOVES[state] for state in State)
    assert not may_move(State.DONE, State.CREATED)


def test_what_is_on_the_path_may_wait_be_rejected_or_die() -> None:
    for state in ON_THE_PATH:
        assert {State.WAITING, State.REJECTED, State.DEAD} <= ALLOWED_MOVES[state]
    assert not ON_THE_PATH & SETTLED


def test_the_tail_is_what_remains_of_the_chain() -> None:
    assert tail_from(Stage.NORMALIZE) == STAGES
    assert tail_from(Stage.ADMIT) == (Stage.ADMIT, *STAGES)
    assert tail_from(Stage.CREATE) == (Stage.CREATE, Stage.TRIGGER)


def test_the_picture_shows_the_table() -> None:
    text = FLOW.read_text(encoding="utf-8").split("\n## States of a run")[0]
    drawn = {(State(before), State(after)) for before, after in re.findall(r"^  (\w+) --> (\w+):", text, re.MULTILINE)}
    told = {
        *((before, after) for before in ON_THE_PATH for after in (State.WAITING, State.REJECTED, State.DEAD)),
        *((before, after) for before in (State.WAITING, State.DEAD) for after in ON_THE_PATH),
        (State.WAITING, State.DEAD),
    }
    assert drawn | told == {(before, after) for before, moves in ALLOWED_MOVES.items() for after in moves}
