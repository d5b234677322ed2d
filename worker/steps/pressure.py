"""Back-pressure: when the store is behind, imports wait before hooks and mails do.

An import is taken in and kept at any time (unless the disk is nearly full); what waits is its work. While something
urgent has not moved for `YIELD_SECONDS`, nothing of an import is sent; while `MOST_WAITING` of its rows wait, and while
it yields, no further import is opened. What is under way comes to its end, so the next urgent one finds idle workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worker.ports import Priority
from worker.steps.runtime import Runtime
from worker.store import sweep
from worker.store.engine import Transaction

YIELD_SECONDS = 2.0
"""A hook takes well under a second when there is room for it."""
MOST_WAITING = 20_000
"""Rows of imports that wait opened; the others wait in their files, which is cheaper."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """How far behind the store is."""

    urgent_seconds: float
    """For how long that of the hooks and mails has not moved which has not moved for longest."""
    imports_waiting: int
    """Opened rows of imports that wait to be sent, counted up to `MOST_WAITING`."""

    @property
    def imports_yield(self) -> bool:
        """Whether nothing of an import is sent now."""
        return self.urgent_seconds >= YIELD_SECONDS

    @property
    def imports_stay_closed(self) -> bool:
        """Whether no import is opened now."""
        return self.imports_yield or self.imports_waiting >= MOST_WAITING


def pressure_now(runtime: Runtime) -> Pressure:
    """The pressure now."""
    with runtime.database.read() as tx:
        return pressure_in(tx, runtime, runtime.clock())


def imports_yield(tx: Transaction, runtime: Runtime, now: datetime) -> bool:
    """Whether nothing of an import is to be sent now."""
    return _urgent_seconds(tx, runtime, now) >= YIELD_SECONDS


def pressure_in(tx: Transaction, runtime: Runtime, now: datetime) -> Pressure:
    """The pressure as this transaction sees it: three look-ups in an index."""
    waiting = sweep.waiting_at_most(tx, now=now, priority=Priority.IMPORT, most=MOST_WAITING)
    return Pressure(_urgent_seconds(tx, runtime, now), waiting)


def _urgent_seconds(tx: Transaction, runtime: Runtime, now: datetime) -> float:
    stall = runtime.settings.worker.stall_seconds
    return sweep.stands_still(tx, now=now, stall=stall, least=Priority.MAIL)
