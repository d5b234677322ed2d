"""What production does to a set-up, on purpose and at the worst moment.

To strike inside a stage or a CRM call, the store is watched: a lease says which process is in the middle of what.
"""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import psutil

from pipelines.states import SETTLED, STAGES, Stage
from worker import steps
from worker.errors import PortariaError, TransientError
from worker.patience import GivenTime
from worker.prove.crm import Faults, OutsideCrm
from worker.prove.receiver import Receiver
from worker.prove.sender import History
from worker.prove.setup import LEASE_SECONDS, SQLITE_WAIT, Machine, SetUp
from worker.prove.upgrade import write_migrations
from worker.steps.runtime import Runtime
from worker.store import audit
from worker.store.engine import Transaction

T = TypeVar("T")

WATCH_SECONDS = 8.0
"""For how long the store is watched for the right moment."""
SETTLED_BETWEEN = 5
"""So many submissions are settled between two strikes, ..."""
WORK_SECONDS = 15.0
"""... or none could be in so many seconds in which nobody stood in line for a CPU."""
OUTAGE_SECONDS = 4.0
LOCKED_SECONDS = 2 * SQLITE_WAIT + OUTAGE_SECONDS
CLOCK_JUMP_SECONDS = 3600.0
SAME_START_SECONDS = 5.0
"""By so much two looks at when a process started may differ: it is counted from the boot, by a clock that is set."""


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
    lost: list[tuple[str, str]] = field(default_factory=list)
    """(machine, what of it did not come back) in the course of a strike."""
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
                self._let_it_work()
                self.history.note(event="strike", way=way)
                try:
                    hit = WAYS[way](self)
                except Exception as problem:  # of drivers, servers and processes that are being struck
                    hit = ""
                    self.history.note(event="missed", way=way, why=f"{type(problem).__name__}: {problem}"[:300])
                self.strikes.setdefault(way, []).append(hit)
                self.history.note(event="struck", way=way, hit=hit)
                self.setup.keep_up()

    def _let_it_work(self) -> None:
        """Wait until the set-up has settled something since the last strike, or had its time to.

        On a slow machine it would else do nothing but start, and no strike would find it at work.
        """
        given = GivenTime(self.setup.pids)
        before, end = self._settled(), given() + WORK_SECONDS
        while given() < end and not self._stop.wait(0.5):
            now = self._settled()
            if before is None:  # the strike before was at the store itself
                before = now
            elif now is not None and now >= before + SETTLED_BETWEEN:
                return

    def _settled(self) -> int | None:
        """How many submissions are settled; None while the store cannot be asked."""
        try:
            standing = steps.standing(self.runtime)
        except TransientError:
            return None
        return sum(count for state, count in standing.submissions.items() if state in SETTLED)

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

    def power(self) -> str:
        """A machine loses its power: whatever it was at, nothing was put back in order."""
        chosen = self.random.choice(self.setup.machines)
        chosen.cut_power()
        return chosen.data.name

    def deploy(self) -> str:
        """Stop a machine in order, as a deploy does, and start it again."""
        chosen = self.random.choice(self.setup.machines)
        chosen.stop()
        chosen.start()
        chosen.wait_until_up()
        return chosen.data.name

    def upgrade(self) -> str:
        """A release, machine by machine under load, with one machine back on the old code in between.

        The first machine brings the schema of the new version; from then on the old code works on a newer schema, and
        gets messages that only the new one knows. A machine that is on the old code and dies comes back on it.
        """
        version = self.setup.version + 1
        old, new = self._migrations(version - 1), self._migrations(version)
        first, *others = self.random.sample(self.setup.machines, len(self.setup.machines))
        self._deploy(first, new)
        back = others[0] if others else first
        if back is not first:
            back.kill()
        self._deploy(back, old)
        self._stop.wait(OUTAGE_SECONDS)
        for machine in others or [first]:
            self._deploy(machine, new)
        self.setup.version = version
        return f"to version {version}: {first.data.name} first, {back.data.name} back on the old code"

    def _migrations(self, version: int) -> Path | None:
        newest = self.runtime.database.revision()[1]
        return write_migrations(self.setup.folder, version, str(newest)) if version else None

    def _deploy(self, machine: Machine, migrations: Path | None) -> None:
        machine.stop()
        machine.migrations = migrations
        machine.start()
        try:
            machine.wait_until_up()
        except TransientError as problem:
            self.lost.append((machine.data.name, str(problem)))

    # --- the right moment

    def _watch(self, look: Callable[[], T | None], seconds: float | None = None) -> T | None:
        """What `look` sees first; None when it sees nothing for so long, else `WATCH_SECONDS`."""
        deadline = time.monotonic() + (seconds or WATCH_SECONDS)
        while time.monotonic() < deadline and not self._stop.is_set():
            with suppress(PortariaError, psutil.Error):
                if seen := look():
                    return seen
            time.sleep(0.001)
        return None

    def _in_the_middle(self, whose: Callable[[Transaction], str | None]) -> psutil.Process | None:
        """A process that holds the lease which `whose` looks for, stopped while it still does."""
        with self.runtime.database.read() as tx:
            owner = whose(tx)
        if owner is None:
            return None
        process = _process_of(owner)
        process.suspend()
        still = False
        try:
            with self.runtime.database.read() as tx:
                still = whose(tx) == owner
        finally:
            if not still:
                process.resume()
        return process if still else None

    def _in_stage(self) -> tuple[str, psutil.Process] | None:
        """A stage, and the process that is in the middle of it, stopped there. One chosen by chance first, then any."""
        chosen = self.random.choice(STAGES)

        def look(stages: Collection[Stage]) -> tuple[str, psutil.Process] | None:
            at: list[Stage] = []

            def whose(tx: Transaction) -> str | None:
                found = audit.holder(tx, stages)
                at.append(found[0] if found else chosen)
                return found[1] if found else None

            process = self._in_the_middle(whose)
            return (at[-1], process) if process else None

        return self._watch(lambda: look([chosen]), WATCH_SECONDS / 4) or self._watch(lambda: look(STAGES))

    def stage(self) -> str:
        """kill -9 of whoever is in the middle of a stage."""
        found = self._in_stage()
        if found is None:
            return ""
        found[1].kill()
        return f"{found[0]} pid {found[1].pid}"

    def boundary(self) -> str:
        """kill -9 of every worker of a machine while a message is on its way from one stage to the next."""
        stages = itertools.cycle(self.random.sample(STAGES, len(STAGES)))

        def look() -> str | None:
            stage = next(stages)
            with self.runtime.database.read() as tx:
                return stage if audit.is_between(tx, stage) else None

        before = self._watch(look)
        workers = self.random.choice(self.setup.machines).of("worker") if before else []
        for worker in workers:
            worker.kill()
        return f"before {before}, {len(workers)} workers" if workers else ""

    def perform(self) -> str:
        """kill -9 of whoever is in the middle of a call to the CRM."""
        process = self._watch(lambda: self._in_the_middle(lambda tx: next(filter(_lives, audit.callers(tx)), None)))
        if process is None:
            return ""
        process.kill()
        return f"pid {process.pid}"

    def pause(self) -> str:
        """SIGSTOP of whoever is in the middle of a stage until well past its lease, then SIGCONT."""
        found = self._in_stage()
        if found is None:
            return ""
        stage, process = found
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
        """Somebody else locks the SQLite file for longer than anybody waits (for a turn, then for the file): a backup,
        a person with a shell."""
        file = self.setup.machines[0].data / "portaria.db"
        with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._stop.wait(LOCKED_SECONDS)
            connection.execute("ROLLBACK")
        return f"{LOCKED_SECONDS:.0f} s"

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
        """Somebody is killed while it is wrong: what was put off by a wrong clock has to be found.

        Where there are two machines the CRM is slow meanwhile, for so long that the one which is wrong comes to what
        the other is at: whether a lease has run out, and whether a call may still land, is a matter of clocks.
        """
        chosen = self.random.choice(self.setup.machines)
        chosen.clock.write_text(str(seconds))
        if len(self.setup.machines) > 1:
            self.crm.faults = Faults(slow=0.3)
        try:
            self._stop.wait(LEASE_SECONDS)
            killed = self.stage()
            self._stop.wait(OUTAGE_SECONDS / 2)
        finally:
            chosen.clock.unlink()
            self.crm.faults = Faults()
        return f"{chosen.data.name} {seconds:+.0f} s, {killed or 'nobody killed'}"


def _process_of(owner: str) -> psutil.Process:
    """The process that holds a lease as `host:pid:start`.

    Raises `psutil.NoSuchProcess` when it is gone: its number may be somebody else's by now, or that of a thread, and to
    kill a thread is to kill whose it is.
    """
    pid, started = map(int, owner.split(":")[1:])
    process = psutil.Process(pid)
    if pid == os.getpid() or abs(1000 * process.create_time() - started) > 1000 * SAME_START_SECONDS:
        raise psutil.NoSuchProcess(pid)
    return process


def _lives(owner: str) -> bool:
    try:
        return bool(_process_of(owner))
    except psutil.NoSuchProcess:
        return False


WAYS: Final[Mapping[str, Callable[[Nemesis], str]]] = {
    "child": Nemesis.child,
    "worker": Nemesis.worker,
    "web": Nemesis.web,
    "scheduler": Nemesis.scheduler,
    "machine": Nemesis.machine,
    "power": Nemesis.power,
    "deploy": Nemesis.deploy,
    "upgrade": Nemesis.upgrade,
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
