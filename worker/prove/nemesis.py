"""What production does to a set-up, on purpose and at the worst moment.

To strike inside a stage or a CRM call, the store is watched: a lease says which process is in the middle of what.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from pipelines.states import STAGES
from worker.errors import PortariaError
from worker.prove.crm import Faults, OutsideCrm
from worker.prove.receiver import Receiver
from worker.prove.sender import History
from worker.prove.setup import LEASE_SECONDS, SetUp
from worker.steps.runtime import Runtime
from worker.store import audit

WATCH_SECONDS = 5.0
"""For how long the store is watched for the right moment."""
OUTAGE_SECONDS = 4.0
CLOCK_JUMP_SECONDS = 3600.0


@dataclass
class Nemesis:
    """Strikes a set-up, one way after the other, until it is told to stop."""

    setup: SetUp
    runtime: Runtime
    """To watch the store with."""
    crm: OutsideCrm
    receiver: Receiver
    history: History
    random: random.Random
    ways: tuple[str, ...]
    gap: tuple[float, float] = (1.0, 4.0)
    """Seconds between two strikes, from and to."""
    strikes: dict[str, list[str]] = field(default_factory=dict)
    """By way, what each strike hit; empty where the moment did not come."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="nemesis")
        self._thread.start()

    def stop(self) -> None:
        """Stop, with everything that was broken mended."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        """Each way once before any comes again, in an order of chance."""
        while not self._stop.is_set():
            for way in self.random.sample(self.ways, len(self.ways)):
                if self._stop.wait(self.random.uniform(*self.gap)):
                    return
                self.history.note(event="strike", way=way)
                try:
                    hit = WAYS[way](self)
                except (psutil.Error, PortariaError, OSError) as problem:
                    hit = ""
                    self.history.note(event="missed", way=way, why=type(problem).__name__)
                self.strikes.setdefault(way, []).append(hit)
                self.history.note(event="struck", way=way, hit=hit)
                self.setup.keep_up()

    # --- processes

    def _kill(self, processes: list[psutil.Process]) -> str:
        if not processes:
            return ""
        chosen = self.random.choice(processes)
        chosen.kill()
        return f"pid {chosen.pid}"

    def child(self) -> str:
        return self._kill(self.setup.pool())

    def worker(self) -> str:
        return self._kill(self.setup.of("worker"))

    def web(self) -> str:
        return self._kill(self.setup.of("web"))

    def scheduler(self) -> str:
        return self._kill(self.setup.of("beat"))

    def machine(self) -> str:
        chosen = self.random.choice(self.setup.machines)
        chosen.kill()
        return chosen.data.name

    def deploy(self) -> str:
        """Stop a machine in order, as a deploy does, and start it again."""
        chosen = self.random.choice(self.setup.machines)
        chosen.stop()
        chosen.start()
        chosen.wait_until_up()
        return chosen.data.name

    # --- the right moment

    def _watch(self, look: Callable[[], str | None]) -> str | None:
        """What `look` sees first; None when it sees nothing for `WATCH_SECONDS`."""
        deadline = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            with suppress(PortariaError):
                if seen := look():
                    return seen
            time.sleep(0.001)
        return None

    def _in_stage(self) -> tuple[str, psutil.Process] | None:
        """A stage, and the process that is in the middle of it."""
        stage = self.random.choice(STAGES)

        def look() -> str | None:
            with self.runtime.database.read() as tx:
                return audit.holder(tx, stage)

        owner = self._watch(look)
        return (stage, _process_of(owner)) if owner else None

    def stage(self) -> str:
        """kill -9 of whoever is in the middle of a stage."""
        found = self._in_stage()
        if found is None:
            return ""
        found[1].kill()
        return f"{found[0]} pid {found[1].pid}"

    def boundary(self) -> str:
        """kill -9 of every worker of a machine while a message is on its way from one stage to the next."""
        stage = self.random.choice(STAGES)

        def look() -> str | None:
            with self.runtime.database.read() as tx:
                return "yes" if audit.is_between(tx, stage) else None

        if not self._watch(look):
            return ""
        workers = self.random.choice(self.setup.machines).of("worker")
        for worker in workers:
            worker.kill()
        return f"before {stage}, {len(workers)} workers"

    def perform(self) -> str:
        """kill -9 of whoever is in the middle of a call to the CRM."""

        def look() -> str | None:
            with self.runtime.database.read() as tx:
                return audit.caller(tx)

        owner = self._watch(look)
        if owner is None:
            return ""
        _process_of(owner).kill()
        return owner.split(":")[1]

    def pause(self) -> str:
        """SIGSTOP of whoever is in the middle of a stage until well past its lease, then SIGCONT."""
        found = self._in_stage()
        if found is None:
            return ""
        stage, process = found
        process.suspend()
        try:
            self._stop.wait(LEASE_SECONDS + 4)
        finally:
            process.resume()
        return f"{stage} pid {process.pid}"

    # --- the broker

    def broker(self) -> str:
        """kill -9 of the broker; it comes back with what it had written."""
        return self._broker(wipe=False)

    def broker_wiped(self) -> str:
        """The broker loses everything: emptied while it runs, or killed and started on nothing."""
        if self.setup.valkey and self.random.random() < 0.5:
            self.setup.valkey.flush()
            return "flushed"
        return self._broker(wipe=True)

    def _broker(self, *, wipe: bool) -> str:
        if self.setup.valkey:
            self.setup.valkey.kill(wipe=wipe)
            self._stop.wait(self.random.uniform(0.0, OUTAGE_SECONDS))
            self.setup.valkey.start(persistent=self.random.random() < 0.5)
            return "wiped" if wipe else "killed"
        (machine,) = self.setup.machines
        servers = [one for one in machine.processes() if "valkey" in one.name() or "redis" in one.name()]
        for server in servers:
            server.kill()
        if wipe:
            for file in (machine.data / "run" / "valkey").rglob("*.aof"):
                file.unlink(missing_ok=True)
        return f"{'wiped' if wipe else 'killed'} {len(servers)}" if servers else ""

    # --- the database

    def database(self) -> str:
        """The database server loses its power and comes back."""
        assert self.setup.postgres is not None
        self.setup.postgres.crash()
        self._stop.wait(self.random.uniform(0.0, OUTAGE_SECONDS))
        self.setup.postgres.start()
        return "crashed"

    def connection(self) -> str:
        """Every connection that is in the middle of a transaction is cut."""
        assert self.setup.postgres is not None
        postgres = self.setup.postgres
        seen = self._watch(lambda: str(postgres.drop_connections() or ""))
        return f"{seen} connections" if seen else ""

    def locked(self) -> str:
        """Somebody else locks the SQLite file: a backup, a curious person with a shell."""
        file = self.setup.machines[0].data / "portaria.db"
        with sqlite3.connect(file, timeout=20, isolation_level=None) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._stop.wait(OUTAGE_SECONDS)
            connection.execute("ROLLBACK")
        connection.close()
        return f"{OUTAGE_SECONDS:.0f} s"

    def disk_full(self) -> str:
        """No file may grow any more (RLIMIT_FSIZE of every process of it), as on a full disk."""
        if not hasattr(psutil, "RLIMIT_FSIZE"):
            return ""
        (machine,) = self.setup.machines
        limited = []
        log = machine.data / "portaria.db-wal"
        most = log.stat().st_size if log.exists() else 0
        for process in machine.processes():
            if "valkey" in process.name():
                continue
            with suppress(psutil.Error):
                _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (most, hard))
                limited.append(process)
        try:
            self._stop.wait(OUTAGE_SECONDS)
        finally:
            for process in limited:
                with suppress(psutil.Error):
                    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                    process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
            # Those started meanwhile have it from their parent.
            for process in machine.processes():
                with suppress(psutil.Error):
                    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
                    process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
        return f"{len(limited)} processes"

    # --- the world outside

    def crm_answers_lost(self) -> str:
        """The CRM does what it is asked, and the answer is lost or comes too late; at times it refuses."""
        before = self.crm.calls.copy()
        self.crm.faults = Faults(lose_answer=0.4, refuse=0.15, slow=0.1)
        self._stop.wait(OUTAGE_SECONDS)
        self.crm.faults = Faults()
        lost = self.crm.calls - before
        return f"{lost['lose_answer'] + lost['slow']} answers lost, {lost['refuse']} refused"

    def receiver_down(self) -> str:
        """The receiver of notifications answers 503."""
        self.receiver.is_down = True
        self._stop.wait(OUTAGE_SECONDS)
        self.receiver.is_down = False
        return f"{OUTAGE_SECONDS:.0f} s"

    def clock_ahead(self) -> str:
        """A machine's clock jumps an hour ahead, and after a while back."""
        return self._jump(CLOCK_JUMP_SECONDS)

    def clock_behind(self) -> str:
        """A machine's clock jumps an hour back, and after a while is right again."""
        return self._jump(-CLOCK_JUMP_SECONDS)

    def _jump(self, seconds: float) -> str:
        chosen = self.random.choice(self.setup.machines)
        chosen.clock.write_text(str(seconds))
        self._stop.wait(OUTAGE_SECONDS)
        chosen.clock.unlink()
        return f"{chosen.data.name} {seconds:+.0f} s"


def _process_of(owner: str) -> psutil.Process:
    """The process that holds a lease as `host:pid:start`."""
    process = psutil.Process(int(owner.split(":")[1]))
    if process.pid == os.getpid():
        raise psutil.NoSuchProcess(process.pid)
    return process


WAYS: Final[Mapping[str, Callable[[Nemesis], str]]] = {
    "child": Nemesis.child,
    "worker": Nemesis.worker,
    "web": Nemesis.web,
    "scheduler": Nemesis.scheduler,
    "machine": Nemesis.machine,
    "deploy": Nemesis.deploy,
    "stage": Nemesis.stage,
    "boundary": Nemesis.boundary,
    "perform": Nemesis.perform,
    "pause": Nemesis.pause,
    "broker": Nemesis.broker,
    "broker_wiped": Nemesis.broker_wiped,
    "database": Nemesis.database,
    "connection": Nemesis.connection,
    "locked": Nemesis.locked,
    "disk_full": Nemesis.disk_full,
    "crm_answers_lost": Nemesis.crm_answers_lost,
    "receiver_down": Nemesis.receiver_down,
    "clock_ahead": Nemesis.clock_ahead,
    "clock_behind": Nemesis.clock_behind,
}
"""Every way to strike, by name."""

_ONLY = {"database": "postgres", "connection": "postgres", "locked": "sqlite", "disk_full": "sqlite"}


def ways_of(store: str) -> tuple[str, ...]:
    """The ways that a set-up on this store can be struck."""
    return tuple(way for way in WAYS if _ONLY.get(way, store) == store)
