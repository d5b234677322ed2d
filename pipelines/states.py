"""The stages, the states of a submission and of a delivery, and the one table of allowed moves.

`docs/flow.md` draws this table; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise


class Stage(StrEnum):
    """What happens to a submission, in this order."""

    NORMALIZE = "normalize"
    VALIDATE = "validate"
    DEDUPE = "dedupe"
    ENRICH = "enrich"
    SCORE = "score"
    CREATE = "create"
    TRIGGER = "trigger"


class State(StrEnum):
    """Where a submission stands."""

    RECEIVED = "received"
    NORMALIZED = "normalized"
    VALIDATED = "validated"
    RESOLVED = "resolved"
    ENRICHED = "enriched"
    SCORED = "scored"
    CREATED = "created"
    DONE = "done"
    REJECTED = "rejected"
    REVIEW = "review"
    WAITING = "waiting"
    DEAD = "dead"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    RECEIVED = "received"
    """Committed, not opened yet."""
    OPENED = "opened"
    """Its submissions are in the store."""
    QUARANTINED = "quarantined"
    """Authentic, but not readable as what its source sends: kept for a person to mend and replay."""
    NOT_CONTACT = "not_contact"
    """Readable, but holds nobody (a task hook, a bounce): kept with the reason."""


STAGES: tuple[Stage, ...] = tuple(Stage)

REACHED_BY: dict[Stage, State] = {
    Stage.NORMALIZE: State.NORMALIZED,
    Stage.VALIDATE: State.VALIDATED,
    Stage.DEDUPE: State.RESOLVED,
    Stage.ENRICH: State.ENRICHED,
    Stage.SCORE: State.SCORED,
    Stage.CREATE: State.CREATED,
    Stage.TRIGGER: State.DONE,
}
"""The state that a stage's success leads to."""

NEXT_STAGE: dict[State, Stage] = {
    State.RECEIVED: Stage.NORMALIZE,
    **{REACHED_BY[done]: following for done, following in pairwise(STAGES)},
}
"""The stage that a submission on the path needs next."""

ON_THE_PATH: frozenset[State] = frozenset(NEXT_STAGE)
"""States from which the chain carries a submission on."""

SETTLED: frozenset[State] = frozenset({State.DONE, State.REJECTED, State.REVIEW, State.DEAD})
"""States in which nothing happens by itself any more; `waiting` is not one, it goes on when it is due."""

_OFF_THE_PATH = {State.WAITING, State.REJECTED, State.DEAD}

ALLOWED_MOVES: dict[State, frozenset[State]] = {
    **{
        state: frozenset({REACHED_BY[stage], *_OFF_THE_PATH} | ({State.REVIEW} if stage is Stage.DEDUPE else set()))
        for state, stage in NEXT_STAGE.items()
    },
    State.WAITING: frozenset(ON_THE_PATH | {State.DEAD}),
    State.REVIEW: frozenset({State.RESOLVED, State.REJECTED, State.RECEIVED}),
    State.DONE: frozenset({State.RECEIVED}),
    State.REJECTED: frozenset({State.RECEIVED}),
    State.DEAD: frozenset(ON_THE_PATH),
}
"""From each state, where a submission may go. `received` again is a replay."""


def may_move(before: State, after: State) -> bool:
    """Whether a submission in `before` may go to `after`."""
    return after in ALLOWED_MOVES[before]


def tail_from(stage: Stage) -> tuple[Stage, ...]:
    """The stages from `stage` to the last: what remains of the chain."""
    return STAGES[STAGES.index(stage) :]
