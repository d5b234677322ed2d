"""The states of a workflow's run, and the one table of allowed moves. `docs/flow.md` draws it; a test holds the two
together.
"""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """Where a run of a workflow stands."""

    ACTIVE = "active"
    """Its next step is done when it is due."""
    PAUSED = "paused"
    """A person has it wait."""
    COMPLETED = "completed"
    """All its steps are done."""
    STOPPED = "stopped"
    """The contact wrote back, the lead was won or lost, or what else makes the rest pointless; `reason` says which."""
    CANCELLED = "cancelled"
    """A person ended it."""
    FAILED = "failed"
    """A step could not be done; `reason` and `detail` say why. Mend it, then `portaria workflows rerun`."""


class StepState(StrEnum):
    """Where one step of a run stands."""

    DECIDED = "decided"
    """What it does is recorded; whether it was done is not known yet."""
    DONE = "done"


class NotificationState(StrEnum):
    """Where a message that leaves the house stands."""

    PENDING = "pending"
    """To be sent, or sent again, when it is due."""
    SENT = "sent"
    FAILED = "failed"
    """Given up after the last try, or refused for good; `portaria workflows rerun` sends it again."""
    WITHHELD = "withheld"
    """Not sent: whom it was for has opted out, or its run ended before it went out."""


ALLOWED_RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.ACTIVE: frozenset(
        {
            RunState.ACTIVE,
            RunState.PAUSED,
            RunState.COMPLETED,
            RunState.STOPPED,
            RunState.CANCELLED,
            RunState.FAILED,
        }
    ),
    RunState.PAUSED: frozenset({RunState.ACTIVE, RunState.STOPPED, RunState.CANCELLED}),
    RunState.COMPLETED: frozenset({RunState.ACTIVE}),
    RunState.STOPPED: frozenset({RunState.ACTIVE}),
    RunState.CANCELLED: frozenset({RunState.ACTIVE}),
    RunState.FAILED: frozenset({RunState.ACTIVE, RunState.STOPPED, RunState.CANCELLED}),
}
"""From each state, where a run may go. Back to `active` is to resume or to run again."""

UNDER_WAY: frozenset[RunState] = frozenset({RunState.ACTIVE, RunState.PAUSED, RunState.FAILED})
"""States from which a run may still be stopped or cancelled."""


def may_run_move(before: RunState, after: RunState) -> bool:
    """Whether a run in `before` may go to `after`."""
    return after in ALLOWED_RUN_MOVES[before]
