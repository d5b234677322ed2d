"""The table of a run's allowed moves, and the picture of it in docs/flow.md."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.run_states import ALLOWED_RUN_MOVES, UNDER_WAY, RunState, may_run_move

FLOW = Path(__file__).parents[2] / "docs" / "flow.md"


def test_the_picture_shows_the_table() -> None:
    text = FLOW.read_text(encoding="utf-8").split("\n## States of a run of a workflow\n")[1].split("\n## ")[0]
    drawn = {(RunState(one), RunState(other)) for one, other in re.findall(r"^  (\w+) --> (\w+):", text, re.MULTILINE)}
    assert drawn == {(before, after) for before, moves in ALLOWED_RUN_MOVES.items() for after in moves}


def test_every_end_can_be_run_again_and_no_end_is_stopped_once_more() -> None:
    ends = set(RunState) - UNDER_WAY
    assert ends == {RunState.COMPLETED, RunState.STOPPED, RunState.CANCELLED}
    assert all(ALLOWED_RUN_MOVES[state] == {RunState.ACTIVE} for state in ends)
    assert all(may_run_move(state, RunState.STOPPED) and may_run_move(state, RunState.CANCELLED) for state in UNDER_WAY)
