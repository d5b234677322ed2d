"""10,000 contacts from a file through the whole chain: contacts/s, and what of it is Celery.

    python -m benchmarks.chain --count 10000 --workers 2 [--database sqlite]

The same submissions are first worked off in one process without a broker: its CPU seconds are what the stages and the
store cost. What the workers burn on top is Celery's share. With --memory the workers' resident memory is sampled.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.installation import receive, runtime_of, servers, table_of, tree_cpu, until_settled, workers
from benchmarks.machine import describe
from benchmarks.people import people
from worker import steps

WARM_UP = 300
"""Contacts that each process has worked at before anything is measured: what it pays once is not the chain's."""


def _sample_memory(processes: list[psutil.Process], stop: threading.Event, seen: list[float]) -> None:
    while not stop.wait(2):
        rss = [
            child.memory_info().rss
            for process in processes
            for child in process.children(recursive=True)
            if child.is_running()
        ]
        if rss:
            seen.append(max(rss) / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    describe(**vars(given), batch_size=100, warm_up=WARM_UP)
    everybody = people(WARM_UP + given.count)
    before, body = table_of(next(everybody) for _ in range(WARM_UP)), table_of(everybody)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with servers(given.database, folder, ["alone", "workers"]) as beside:
            alone = 0.0
            if not given.memory:
                runtime = runtime_of(folder, beside.urls[0], beside.broker)
                receive(runtime, before)
                steps.work_here(runtime)
                receive(runtime, body)
                cpu, wall = time.process_time(), time.perf_counter()
                steps.work_here(runtime)
                alone, wall = time.process_time() - cpu, time.perf_counter() - wall
                print(f"one process, no broker: {given.count / wall:.0f} contacts/s, {alone:.1f} CPU s")
                runtime.database.close()
            _with_workers(given, folder, (before, body), beside.urls[1], beside.broker, alone)


def _with_workers(
    given: argparse.Namespace, folder: Path, bodies: tuple[bytes, bytes], url: str, broker: str, alone: float
) -> None:
    runtime = runtime_of(folder, url, broker)
    with workers(folder, given.workers) as processes:
        until_settled(runtime, receive(runtime, bodies[0]))
        cpu = sum(map(tree_cpu, processes))
        stop, seen = threading.Event(), list[float]()
        threading.Thread(target=_sample_memory, args=(processes, stop, seen), daemon=True).start()
        wall = time.perf_counter()
        outcomes = until_settled(runtime, receive(runtime, bodies[1]))
        wall = time.perf_counter() - wall
        stop.set()
        cpu = sum(map(tree_cpu, processes)) - cpu
    print(f"{given.workers} workers: {given.count / wall:.0f} contacts/s, {cpu:.1f} CPU s; {outcomes.counts}")
    if alone:
        print(f"Celery's share of the workers' CPU: {(cpu - alone) / cpu:.1%}")
    if given.memory and seen:
        tenth = max(len(seen) // 10, 1)
        parts = [seen[start : start + tenth] for start in range(0, len(seen) - tenth + 1, tenth)]
        told = ", ".join(f"{sum(part) / len(part):.0f}" for part in parts)
        print(f"largest pool process, MB, by tenths of the time: {told}")
    runtime.database.close()


if __name__ == "__main__":
    main()
