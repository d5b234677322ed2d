"""The stages, the states of a submission and of a delivery, and the one table of allowed moves.

`docs/flow.md` draws this table; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise


class Stage(StrEnum):
    """What happens to a submission, in this order."""

    ADMIT = "admit"
    """Only where something outside has to be asked first: the record that a hook only names, whether a captcha was
    solved."""
    NORMALIZE = "normalize"
    VALIDATE = "validate"
    DEDUPE = "dedupe"
    ENRICH = "enrich"
    SCORE = "score"
    CREATE = "create"
    TRIGGER = "trigger"


class State(StrEnum):
    """Where a submission stands."""

    ARRIVED = "arrived"
    """It has to be admitted first."""
    RECEIVED = "received"
    NORMALIZED = "normalized"
    VALIDATED = "validated"
    RESOLVED = "resolved"
    ENRICHED = "enriched"
    SCORED = "scored"
    CREATED = "created"
    DONE = "done"
    REJECTED = "rejected"
    HELD = "held"
    """It looks like spam: kept with the reason until a person releases or rejects it."""
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


PATH: tuple[Stage, ...] = tuple(Stage)

STAGES: tuple[Stage, ...] = tuple(stage for stage in PATH if stage is not Stage.ADMIT)
"""What every submission goes through."""

REACHED_BY: dict[Stage, State] = {
    Stage.ADMIT: State.RECEIVED,
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
    State.ARRIVED: Stage.ADMIT,
    **{REACHED_BY[done]: following for done, following in pairwise(PATH)},
}
"""The stage that a submission on the path needs next."""

ON_THE_PATH: frozenset[State] = frozenset(NEXT_STAGE)
"""States from which the chain carries a submission on."""

SETTLED: frozenset[State] = frozenset({State.DONE, State.REJECTED, State.HELD, State.REVIEW, State.DEAD})
"""States in which nothing happens by itself any more; `waiting` is not one, it goes on when it is due."""

_OFF_THE_PATH = {State.WAITING, State.REJECTED, State.DEAD}
_BEFORE_A_PERSON = {Stage.ADMIT: {State.HELD}, Stage.DEDUPE: {State.REVIEW}}
"""The stages that may leave it to a person."""

ALLOWED_MOVES: dict[State, frozenset[State]] = {
    **{
        state: frozenset({REACHED_BY[stage], *_OFF_THE_PATH} | _BEFORE_A_PERSON.get(stage, set()))
        for state, stage in NEXT_STAGE.items()
    },
    State.WAITING: frozenset(ON_THE_PATH | {State.DEAD}),
    State.HELD: frozenset({State.RECEIVED, State.ARRIVED, State.REJECTED}),
    State.REVIEW: frozenset({State.RESOLVED, State.REJECTED, State.RECEIVED}),
    State.DONE: frozenset({State.RECEIVED, State.RESOLVED}),
    State.REJECTED: frozenset({State.RECEIVED, State.ARRIVED}),
    State.DEAD: frozenset(ON_THE_PATH),
}
"""From each state, where a submission may go. `received` again is a replay; `resolved` after `done`, a late finding."""


def may_move(before: State, after: State) -> bool:
    """Whether a submission in `before` may go to `after`."""
    return after in ALLOWED_MOVES[before]


def tail_from(stage: Stage) -> tuple[Stage, ...]:
    """The stages from `stage` to the last: what remains of the chain."""
    return PATH[PATH.index(stage) :]
