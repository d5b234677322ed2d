"""A deep queue: 1,000,000 submissions of an import wait, and hooks come in.

    python -m benchmarks.deep_queue --count 1000000 --seconds 120 [--database postgresql]

All of one file, opened before anything runs. Told are the sweeper's queries, how long a hook takes from its acceptance
to "created", and the resident memory of every process of `portaria up`, as it was in each quarter of the time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path

import psutil

from benchmarks.installation import receive, table_of
from benchmarks.machine import describe
from benchmarks.people import people
from benchmarks.speed.latency import WARM_UP, imports_waiting, installed, lone, running
from worker import steps
from worker.ports import Priority
from worker.steps.opening import OPENING_LEASE, open_delivery
from worker.steps.pressure import pressure_now
from worker.steps.runtime import Runtime
from worker.store import deliveries, sweep

HOOKS_RATE = 2.0
LOOKS = 50


def _fill(runtime: Runtime, count: int) -> None:
    started = time.perf_counter()
    receive(runtime, table_of(people(count, seed=10)))
    with runtime.database.write() as tx:
        delivery = deliveries.claim_to_open(
            tx, owner=runtime.owner, now=runtime.clock(), lease=OPENING_LEASE, least=Priority.IMPORT
        )
    assert delivery is not None
    for _ in open_delivery(runtime, delivery):
        runtime.database.checkpoint()
    with runtime.database.write() as tx:
        tx.exec_driver_sql("ANALYZE")
    print(f"{imports_waiting(runtime):,} submissions wait; one file, opened in {time.perf_counter() - started:.0f} s")


def _sweep(runtime: Runtime) -> str:
    """The queries of each sweep, `LOOKS` times."""
    taken = defaultdict[str, list[float]](list)

    def timed(name: str, since: float) -> None:
        taken[name].append(1000 * (time.perf_counter() - since))

    stall = runtime.settings.worker.stall_seconds
    for _ in range(LOOKS):
        now = runtime.clock()
        with runtime.database.read() as tx:
            at = time.perf_counter()
            sweep.is_due(tx, now=now)
            timed("due", at)
            at = time.perf_counter()
            sweep.in_flight(tx, now=now, most=runtime.settings.worker.in_flight)
            timed("in flight", at)
            at = time.perf_counter()
            sweep.unbelievable(tx, now=now, stall=stall)
            timed("put off too far", at)
        at = time.perf_counter()
        pressure_now(runtime)
        timed("pressure", at)
        at = time.perf_counter()
        with runtime.database.write() as tx:
            sweep.take_due(tx, now=now, limit=runtime.settings.worker.batch_size, stall=0.0)
        timed("take a batch", at)
    at = time.perf_counter()
    steps.standing(runtime)
    whole = 1000 * (time.perf_counter() - at)
    parts = ", ".join(f"{name} {statistics.median(each):.2f}" for name, each in taken.items())
    return f"ms, median: {parts}; the counts of the status page {whole:.0f}"


class _Memory:
    """Resident memory of a process and all its children, sampled twice a second."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._stop = threading.Event()
        self._seen: defaultdict[str, list[float]] = defaultdict(list)
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            for each in (self._root, *self._root.children(recursive=True)):
                try:
                    self._seen[f"{each.pid} {_role(each)}"].append(each.memory_info().rss / 2**20)
                except psutil.Error:
                    continue

    def told(self) -> list[str]:
        """A line for each process that lived all the time."""
        self._stop.set()
        self._thread.join()
        longest = max(map(len, self._seen.values()))
        lines = []
        for name, seen in sorted(self._seen.items()):
            if len(seen) >= longest * 0.9:
                quarters = [seen[len(seen) * part // 4 : len(seen) * (part + 1) // 4] for part in range(4)]
                lines.append(f"{name.split(' ', 1)[1]}: {', '.join(f'{max(part):.0f}' for part in quarters)} MiB")
        return lines


_ROLES = frozenset({"up", "web", "worker", "beat"})


def _role(process: psutil.Process) -> str:
    words = process.cmdline()
    role = next((word for word in words if word in _ROLES), process.name())
    parent = process.parent()
    return f"{role}, pool" if parent is not None and parent.cmdline() == words else role


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    describe(**vars(given), hooks_a_second=HOOKS_RATE)
    with tempfile.TemporaryDirectory(prefix="portaria-deep-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with installed(folder, given.database, "deep") as runtime:
            _fill(runtime, given.count)
            print(f"sweeper, {_sweep(runtime)}")
            told = (json.dumps(person).encode() for person in people(10**6, seed=9))
            with running(folder) as (up, port):
                lone(runtime, port, list(islice(told, WARM_UP)), HOOKS_RATE)
                memory = _Memory(up)
                before, at = imports_waiting(runtime), time.perf_counter()
                waits = lone(runtime, port, list(islice(told, int(HOOKS_RATE * given.seconds))), HOOKS_RATE)
                rate = (before - imports_waiting(runtime)) / (time.perf_counter() - at)
                print(f"{HOOKS_RATE:g} hooks/s: {waits}; of the import meanwhile {rate:.0f}/s")
                print("largest resident memory in each quarter of that time:")
                for line in memory.told():
                    print(f"  {line}")


if __name__ == "__main__":
    main()
