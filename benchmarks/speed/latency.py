"""How long a lone webhook takes from its acceptance to "created" in the built-in CRM: idle, and beside an import.

Nothing is asked while it runs: the times are in the store's own history.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import psutil
import sqlalchemy as sa

from benchmarks.accept import SECRET, send
from benchmarks.installation import receive, runtime_of, servers, table_of
from benchmarks.people import people
from pipelines.states import SETTLED, State
from worker import tables
from worker.config import load_settings
from worker.ports import Priority
from worker.steps.runtime import Runtime, build_runtime
from worker.store import deliveries

BUSY_RATE = 50.0
WARM_UP = 20
GIVE_UP = 120.0


def measure(folder: Path, database: str, hooks: int, idle_rate: float, imported: int) -> None:
    """Print both for one set-up."""
    with installed(folder, database, "latency") as runtime:
        name = "embedded" if database == "sqlite" else "Valkey and PostgreSQL"
        _measure(runtime, folder, name, hooks, idle_rate, imported)


@contextmanager
def installed(folder: Path, database: str, name: str) -> Iterator[Runtime]:
    """A data folder with a source `site`: `sqlite` is all embedded, `postgresql` has its servers beside it."""
    (folder / "portaria.toml").write_text(f'[sources.site]\nsecret = "{SECRET}"\n')
    if database == "sqlite":
        os.environ.pop("PORTARIA_DATABASE__URL", None)
        os.environ.pop("PORTARIA_BROKER__URL", None)
        runtime = build_runtime(load_settings(folder))
        runtime.database.migrate()
        with closing(runtime.database):
            yield runtime
        return
    with servers(database, folder, [name]) as beside:
        runtime = runtime_of(folder, beside.urls[0], beside.broker)
        with closing(runtime.database):
            yield runtime


def _measure(runtime: Runtime, folder: Path, name: str, hooks: int, idle_rate: float, imported: int) -> None:
    told = (json.dumps(person).encode() for person in people(10**6, seed=9))
    with running(folder) as (_, port):
        lone(runtime, port, list(islice(told, WARM_UP)), 2.0)
        print(f"{name}, idle, {idle_rate:g}/s: {lone(runtime, port, list(islice(told, hooks)), idle_rate)}")
        receive(runtime, table_of(people(imported, seed=10)))
        many = list(islice(told, int(BUSY_RATE * 20)))
        print(f"{name}, {BUSY_RATE:g}/s beside an import: {lone(runtime, port, many, BUSY_RATE)}")
        print(f"  of the import's {imported:,}, {imports_waiting(runtime):,} were still to be done then")


@contextmanager
def running(folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """`portaria up` on a data folder with a source `site`: its supervisor, and the port of its door."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "worker.cli", "up", "--data", str(folder), "--port", str(port)]
    log = folder / "up.log"
    with log.open("wb") as out:
        up = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        while b"is up" not in log.read_bytes():
            if up.poll() is not None:
                raise SystemExit(log.read_text()[-2000:])
            time.sleep(0.1)
        yield psutil.Process(up.pid), port
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(120)


def imports_waiting(runtime: Runtime) -> int:
    """How many submissions of imports are not done."""
    of = tables.submissions
    waiting = sa.select(sa.func.count()).where(of.c.priority == Priority.IMPORT, of.c.state != State.DONE)
    with runtime.database.read() as tx:
        return int(tx.execute(waiting).scalar_one())


def lone(runtime: Runtime, port: int, bodies: list[bytes], rate: float) -> str:
    """Send hooks at this rate and wait for them; from acceptance to created, told in words."""
    since = runtime.clock() - timedelta(milliseconds=1)
    asyncio.run(send(port, bodies, rate))
    deadline = time.monotonic() + GIVE_UP
    while (waits := _waits(runtime, since)) is None:
        if time.monotonic() > deadline:
            return f"not all were done {GIVE_UP:.0f} s after the last"
        time.sleep(0.5)
    waits = sorted(waits)
    p50, p99 = waits[len(waits) // 2], waits[min(int(len(waits) * 0.99), len(waits) - 1)]
    told = ", ".join(f"{name} {wait * 1000:.0f} ms" for name, wait in (("p50", p50), ("p99", p99), ("max", waits[-1])))
    return f"{told} ({len(waits)} of {len(bodies)} hooks)"


def _waits(runtime: Runtime, since: datetime) -> list[float] | None:
    """Seconds from acceptance to created, of the hooks since then (not of those in review); None while one of them is
    under way."""
    of, moves = tables.submissions, tables.history
    live = (of.c.priority == Priority.LIVE, of.c.received_at >= since)
    with runtime.database.read() as tx:
        under_way = sa.select(sa.func.count()).where(*live, of.c.state.not_in(sorted(SETTLED)))
        if tx.execute(under_way).scalar_one() or deliveries.is_waiting(tx):
            return None
        created = sa.and_(moves.c.subject == of.c.id, moves.c.after == State.CREATED)
        taken = sa.select(of.c.received_at, moves.c.at).select_from(sa.join(of, moves, created)).where(*live)
        return [(row.at - row.received_at).total_seconds() for row in tx.execute(taken)]
