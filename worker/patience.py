"""How long to wait for processes that may only be slow: as long as anything moves, in the time they were given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

Seconds = Callable[[], float]
"""A clock that only goes forward."""

LEAST_SHARE = 0.05
"""Of the time passed, so much always counts: whoever hangs is found, if late."""


class GivenTime:
    """Seconds in which none of some processes stood in line for a CPU.

    On a machine with much else to do a process that hangs and one that is not let run look alike from outside, and
    minutes say nothing of either. Linux tells them apart: nanoseconds that a process waited for a CPU
    (`/proc/PID/schedstat`, Documentation/scheduler/sched-stats.rst). Elsewhere this is the time that passed.
    """

    def __init__(
        self,
        pids: Callable[[], Iterable[int]],
        *,
        clock: Seconds = time.monotonic,
        waited: Callable[[int], float] | None = None,
    ) -> None:
        """`waited` tells for how many seconds of its life a process stood in line."""
        self._pids = pids
        self._clock = clock
        self._waited = waited or seconds_in_line
        self._at = clock()
        self._before: dict[int, float] = {}
        self._given = 0.0

    def __call__(self) -> float:
        now = self._clock()
        in_line = {pid: self._waited(pid) for pid in self._pids()}
        longest = max((waited - self._before.get(pid, waited) for pid, waited in in_line.items()), default=0.0)
        passed = now - self._at
        self._given += max(passed - longest, passed * LEAST_SHARE)
        self._at, self._before = now, in_line
        return self._given


class Patience:
    """Is at its end when nothing has moved for `still` seconds of a clock, or after `most` seconds whatever moved."""

    def __init__(self, still: float, most: float, clock: Seconds, *, wall: Seconds = time.monotonic) -> None:
        self._still = still
        self._most = most
        self._clock = clock
        self._wall = wall
        self._began = wall()
        self._moved_at = clock()
        self._seen: object = None

    def look(self, seen: object) -> None:
        """What can be seen of the work now: it has moved when that is not what was seen before."""
        now = self._clock()
        if seen != self._seen:
            self._seen, self._moved_at = seen, now

    def is_over(self) -> str:
        """Why not to wait any longer; empty while there is hope."""
        if self._clock() - self._moved_at > self._still:
            return f"nothing has moved for {self._still:.0f} s"
        if self._wall() - self._began > self._most:
            return f"not over after {self._most:.0f} s"
        return ""


def family(pid: int) -> list[int]:
    """The pids of a process and of all that it started; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return []


def seconds_in_line(pid: int) -> float:
    """For how long of its life a process was able to run and had no CPU; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
