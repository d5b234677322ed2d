"""What looks like spam is held: nothing is lost, and a person releases what was no spam after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.states import State
from worker.config import SourceSection
from worker.errors import PermanentError
from worker.ports import Delivery, Priority
from worker.sources.spam import HONEYPOT, MEND, TOO_MANY, honeypot_of
from worker.steps.admit import first_states
from worker.steps.runtime import Runtime
from worker.store import submissions


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why something is held."""

    reason: str
    """A reason code of `worker.sources.spam`."""
    detail: str


def suspicion_of(runtime: Runtime, delivery: Delivery) -> Suspicion | None:
    """What speaks against a delivery before anybody is asked; only against what came through a hook."""
    section = _guarded(runtime, delivery)
    if delivery.suspicion == TOO_MANY:
        limit = section.rate if section else "rate"
        return Suspicion(TOO_MANY, f"its address has sent more than {limit} to this source; {MEND}")
    if section and (name := honeypot_of(delivery, section.honeypot)):
        what = repr(section.honeypot) if name.lower() == section.honeypot.lower() else "a known one"
        return Suspicion(HONEYPOT, f"a field that people do not see ({what}) is filled in; {MEND}")
    return None


def has_captcha(runtime: Runtime, delivery: Delivery) -> bool:
    """Whether the delivery has to show a captcha's token."""
    section = _guarded(runtime, delivery)
    return bool(section and section.captcha)


def _guarded(runtime: Runtime, delivery: Delivery) -> SourceSection | None:
    return runtime.settings.sources.get(delivery.source) if delivery.priority == Priority.LIVE else None


def let_go_on(runtime: Runtime, ids: Sequence[str], *, by: str) -> int:
    """A person says that these held submissions are somebody's: they go on by themselves; how many that were.

    Raises `PermanentError` naming those that are not held.
    """
    now = runtime.clock()
    with runtime.database.write() as tx:
        first = first_states(runtime, submissions.records(tx, ids))
        done = submissions.let_go_on(tx, first, by=by, now=now)
        _need_all(ids, done)
    return done


def reject_held(runtime: Runtime, ids: Sequence[str], *, by: str) -> int:
    """A person says that these held submissions are spam. Raises `PermanentError` as `let_go_on`."""
    with runtime.database.write() as tx:
        done = submissions.reject_held(tx, ids, by=by, now=runtime.clock())
        _need_all(ids, done)
    return done


def _need_all(ids: Sequence[str], done: int) -> None:
    if done < len(set(ids)):
        raise PermanentError(
            f"{len(set(ids)) - done} of these are not held, so none was touched; see portaria submissions list --state"
            f" {State.HELD}"
        )
