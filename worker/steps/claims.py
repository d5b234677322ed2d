"""Around every stage: claim, do the work for each submission, save; what fails in a batch leaves it alone."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pipelines.models import Contact, Score
from pipelines.states import Stage, State
from worker.errors import PermanentError, PortariaError, TransientError
from worker.steps.runtime import Runtime
from worker.store import submissions
from worker.store.engine import Transaction
from worker.store.submissions import Claimed, Outcome
from worker.store.values import read_contact, read_score

log = structlog.get_logger()

FIRST_WAIT = 5.0
LONGEST_WAIT = 3600.0
"""Seconds before the second try, doubled at each, and the most between two."""

UNEXPECTED = "unexpected_error"
"""Reason code: Portaria itself failed at this submission; the log names the place. Replay once it is mended."""
UNEXPECTED_TRIES = 5
"""After so many it is set aside; not while the schema is of a later release, whose workers may know better."""
LONGEST_UNEXPECTED_WAIT = 60.0
"""Seconds: the first four tries take 75, and a machine is upgraded within minutes."""

GAVE_UP = "gave_up"
"""Reason code: what it waited for did not come back within `worker.give_up_days`. Replay when it is back."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a step did, for Flower and the log: numbers only."""

    stage: str
    claimed: int
    went_on: int

    def __str__(self) -> str:
        return f"{self.stage}: {self.went_on} of {self.claimed} went on"


def claim(runtime: Runtime, stage: Stage, ids: Sequence[str]) -> list[Claimed]:
    """Lease those of `ids` that need this stage to this process."""
    owed = list(runtime.owed)
    with runtime.database.write() as tx:
        submissions.release(tx, owed)
        found = submissions.claim(
            tx,
            ids,
            stage,
            owner=runtime.owner,
            now=runtime.clock(),
            lease=runtime.settings.worker.lease_seconds,
        )
    del runtime.owed[: len(owed)]
    return found


@contextmanager
def claimed(runtime: Runtime, stage: Stage, ids: Sequence[str]) -> Iterator[list[Claimed]]:
    """Those of `ids` that need this stage, leased to this process for as long as the block takes.

    An error that leaves the block is what became of those not saved yet, and their leases are given back: a worker that
    lives to tell of an error was not killed by what it worked at. Where the store is away and cannot be told, they are
    given back with the next claim.
    """
    items = claim(runtime, stage, ids)
    try:
        yield items
    except Exception as error:
        now = runtime.clock()
        try:
            save(runtime, stage, [failed(runtime, item, error, now) for item in items])
        except PortariaError:
            runtime.owed.extend(items)
        raise


def renewing(runtime: Runtime, claimed: Sequence[Claimed]) -> Callable[[Transaction], set[str]]:
    """For `worker.steps.calls.perform`: renews these submissions' leases, and says which of them are still ours."""

    def renew(tx: Transaction) -> set[str]:
        lease = runtime.settings.worker.lease_seconds
        return submissions.renew(tx, claimed, now=runtime.clock(), lease=lease)

    return renew


def run(runtime: Runtime, stage: Stage, ids: Sequence[str], work: Callable[[Claimed, datetime], Outcome]) -> Report:
    """A whole step for a stage whose work touches nothing: claim, work, save."""
    with claimed(runtime, stage, ids) as items:
        now = runtime.clock()
        outcomes = [attempt(runtime, item, now, lambda item: work(item, now)) for item in items]
        return save(runtime, stage, outcomes)


def save(runtime: Runtime, stage: Stage, outcomes: Sequence[Outcome]) -> Report:
    """Save the outcomes in one transaction."""
    return report(stage, kept(runtime, outcomes), len(outcomes))


def kept(runtime: Runtime, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Save the outcomes in one transaction; those that were ours to save."""
    with runtime.database.write() as tx:
        return submissions.save(tx, outcomes, now=runtime.clock(), by=runtime.owner)


def report(stage: Stage, kept: Sequence[Outcome], claimed: int) -> Report:
    """The report of a step that claimed so many and saved these outcomes."""
    return Report(stage, claimed, sum(outcome.state not in {State.WAITING, State.DEAD} for outcome in kept))


def attempt(runtime: Runtime, item: Claimed, now: datetime, work: Callable[[Claimed], Outcome]) -> Outcome:
    """Do the work for one submission; an error becomes its outcome and stops nobody else."""
    try:
        return work(item)
    except Exception as error:
        return failed(runtime, item, error, now)


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error means for what it happened to."""

    code: str
    detail: str
    wait: float | None
    """Seconds to the next try; None: there is none."""


def judge(runtime: Runtime, error: Exception, attempts: int, since: datetime, **at: str) -> Failure:
    """What `error`, at try number `attempts` since `since`, means for what `at` names in the log."""
    if isinstance(error, PermanentError):
        return Failure(error.code, str(error), None)
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    if isinstance(error, TransientError):
        # The first waits double up to an hour; from then on each try is an hour. Where the other side says when to come
        # back there are more of them: the days count as well.
        days = runtime.settings.worker.give_up_days
        if attempts > 10 + days * 24 and runtime.clock() - since > timedelta(days=days):
            detail = f"still failing after {attempts} tries ({error.code}: {error}); replay when it is mended"
            return Failure(GAVE_UP, detail, None)
        return Failure(error.code, str(error), wait if error.retry_after is None else error.retry_after)
    # Its text may hold personal data, so only the kind of error and the places in the code are told.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("unexpected error", **at, error=type(error).__name__, at=places)
    detail = f"{type(error).__name__} at {places[-1].rpartition('/')[2]}"
    if attempts < UNEXPECTED_TRIES or runtime.database.is_newer():
        return Failure(UNEXPECTED, detail, min(wait, LONGEST_UNEXPECTED_WAIT))
    return Failure(UNEXPECTED, detail, None)


def failed(runtime: Runtime, item: Claimed, error: Exception, now: datetime) -> Outcome:
    """What becomes of a submission at which `error` happened: waiting for another try, or dead."""
    failure = judge(runtime, error, item.attempts, item.received_at, submission=item.id, stage=item.stage)
    if failure.wait is None:
        return Outcome(item, State.DEAD, item.stage, reason=failure.code, detail=failure.detail)
    due_at = now + timedelta(seconds=failure.wait)
    return Outcome(item, State.WAITING, item.stage, due_at, reason=failure.code, detail=failure.detail)


def score_of(item: Claimed) -> Score:
    """What the submission's stage score came to. Raises `PermanentError` where there is none."""
    if item.score is None:
        raise PermanentError("the submission has no score", code="no_score")
    return read_score(item.score)


def told_by(item: Claimed) -> Contact:
    """The person that the submission tells of; an empty one before it is normalized."""
    return read_contact(item.contact or "{}")


def next_look(runtime: Runtime, now: datetime) -> datetime:
    """When the sweeper looks at a submission that has just moved on, should its message be lost."""
    return now + timedelta(seconds=runtime.settings.worker.stall_seconds)
