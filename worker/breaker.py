"""A circuit breaker (Nygard 2018, "Release It!", chapter 5): who does not answer is left in peace for a while, by all
workers together.

After `trip_after` failures in a row the circuit is open: calls fail at once and cost nobody a time-out. When the pause
is over one call is let through as a trial; it closes the circuit, or opens it again for twice as long. Half-open is no
state of its own: taking the trial is a compare-and-set that puts the pause off by `trial_seconds`, so that a worker
that dies in its trial leaves it to the next.

pybreaker and purgatory share their state through Redis only, read the clock themselves, and let every worker try at
once when the pause is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from worker.errors import PermanentError, TransientError

log = structlog.get_logger()

PAUSED: Final = "paused"
"""Reason code: the other side did not answer several times in a row and is left in peace; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """How it stands with one other side."""

    failures: int = 0
    """In a row, those while it was paused left out."""
    paused_until: datetime | None = None
    """Open until then, half-open from then on; None while it is closed."""
    why: str = ""
    """What the last failure said, for whoever waits: no personal data in it, as in every text of our errors."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much a breaker bears; seconds."""

    trip_after: int = 5
    pause: float = 30.0
    longest_pause: float = 1800.0
    trial_seconds: float = 60.0
    """For how long the one trial has the circuit to itself: longer than any call takes."""

    def after_failure(self, failures: int, retry_after: float | None) -> float | None:
        """For how long to pause after so many failures in a row; None: not at all. What the other side asks for
        (`retry_after`) is kept to at the first."""
        if retry_after is not None:
            return min(retry_after, self.longest_pause)
        if failures < self.trip_after:
            return None
        return min(self.pause * 2.0 ** min(failures - self.trip_after, 20), self.longest_pause)


class Circuits(Protocol):
    """Where circuits are kept for all workers; `worker.store.circuits` implements it."""

    def read(self, name: str) -> Circuit:
        """The circuit as it is; a closed one where nothing is known."""

    def change(self, name: str, decide: Callable[[Circuit], Circuit]) -> bool:
        """Replace the circuit by what `decide` makes of it, nobody coming in between; whether that was another."""


class Breaker:
    """The breaker of one other side. Thread-safe. Not to be used inside a transaction: it has its own."""

    def __init__(
        self, name: str, circuits: Circuits, clock: Callable[[], datetime], patience: Patience | None = None
    ) -> None:
        """`name` says whom it is about, the same in all workers: `crm:kommo`, `enrichment:website`."""
        self.name = name
        self._circuits = circuits
        self._clock = clock
        self._patience = patience or Patience()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around one call. Raises `TransientError` with code `PAUSED` instead of beginning it while the circuit is
        open; its `retry_after` says for how long.

        A `TransientError` of the block counts as a failure; a `PermanentError` is an answer, as a success is; any
        other exception is a fault of ours and says nothing of them.
        """
        trial = self._enter()
        try:
            yield
        except PermanentError:
            self._succeeded(trial)
            raise
        except TransientError as problem:
            self._failed(trial, problem)
            raise
        self._succeeded(trial)

    def close(self) -> None:
        """It was mended, as somebody has seen: calls go through again."""
        self._circuits.change(self.name, lambda _: Circuit())

    def _enter(self) -> _Trial:
        seen = self._circuits.read(self.name)
        now = self._clock()
        if seen.paused_until is None:
            return _Trial(seen.failures, None)
        until = now + timedelta(seconds=self._patience.trial_seconds)
        if now < seen.paused_until or not self._take_trial(seen, until):
            left = max((seen.paused_until - now).total_seconds(), 1.0)
            why = f": {seen.why}" if seen.why else ""
            raise TransientError(f"{self.name} is left in peace for now{why}", code=PAUSED, retry_after=left)
        return _Trial(seen.failures, until)

    def _take_trial(self, seen: Circuit, until: datetime) -> bool:
        mine = Circuit(seen.failures, until, seen.why)
        return self._circuits.change(self.name, lambda found: mine if found == seen else found)

    def _succeeded(self, trial: _Trial) -> None:
        if trial.failures or trial.until:
            self._keep(lambda found: Circuit() if found.paused_until == trial.until else found)

    def _failed(self, trial: _Trial, problem: TransientError) -> None:
        def decide(found: Circuit) -> Circuit:
            if found.paused_until != trial.until:  # it was opened while this call was under way
                return found
            failures = found.failures + 1
            pause = self._patience.after_failure(failures, problem.retry_after)
            return Circuit(failures, None if pause is None else self._clock() + timedelta(seconds=pause), str(problem))

        if self._keep(decide):
            log.warning("a call failed", breaker=self.name)

    def _keep(self, decide: Callable[[Circuit], Circuit]) -> bool:
        """Note what came of a call. The call was made: that it could not be noted changes nothing of its outcome."""
        try:
            return self._circuits.change(self.name, decide)
        except TransientError as problem:
            log.warning("a breaker could not be noted", breaker=self.name, reason=problem.code)
            return False


@dataclass(frozen=True, slots=True)
class _Trial:
    """What was known when a call began."""

    failures: int
    until: datetime | None
    """Its time, where it is the one trial of an open circuit."""
