"""The two set-ups under proof, each as its users run it: `portaria up`, every process real.

- `sqlite`: one machine, everything embedded.
- `postgres`: two machines on one PostgreSQL and one Valkey: two doors, four workers, two schedulers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from worker.config import CrmSection, Settings, load_settings
from worker.errors import TransientError
from worker.patience import GivenTime, Patience, family
from worker.prove.servers import Postgres, Valkey

SECRET = "prove-secret"  # noqa: S105 - of a data folder that lives as long as the proof
COMMAND = [sys.executable, "-m", "worker.prove.process"]
"""What a process of a set-up under proof is started with."""
CLOCK = "PORTARIA_PROVE_CLOCK"
WITHOUT = "PORTARIA_PROVE_WITHOUT"
VERSION = "PORTARIA_PROVE_VERSION"
"""Variables that `worker.prove.process` reads."""
START_SECONDS = 180.0
"""For so long a start may show nothing new, in the time that the machine gives it."""
LONGEST_START = 1800.0
STOP_SECONDS = 300.0
AGAIN_SECONDS = 2.0
"""Pause before a machine that ended is started again."""
MOST_STARTS = 20
"""How often it is started: after a kill, what the last one left holds its port for up to a minute."""
ROLES = {"web": 1, "worker": 2, "beat": 1}
"""How many processes of each command a machine runs."""
LEASE_SECONDS = 10.0
STALL_SECONDS = 6.0
SQLITE_WAIT = 5.0
"""Shorter than they are for users, so that minutes show what otherwise takes an hour."""

_CONFIGURATION = """
[sources.site]
secret = "{secret}"
[sources.loja]
secret = "{secret}"
[sources.planilha]
secret = "{secret}"

[web]
port = {port}
[worker]
processes = 2
lease_seconds = {lease}
stall_seconds = {stall}
[crm]
kind = "proof"
base_url = "{crm}"
[sinks.receiver]
url = "{receiver}"
secret = "whsec_c2VjcmV0LW9mLWEtcHJvb2Ytb25seS0x"

[workflows.hot]
when = {{ temperature = "hot", no_features = "opted_out" }}
lead = true
task = {{ text = "Hot lead: call now", due_in = 15 }}
note = true
notify = "receiver"
[workflows.warm]
when = {{ temperature = "warm", no_features = "opted_out" }}
task = {{ text = "Warm lead: schedule a demonstration", due_in = 1440 }}
notify = "receiver"
[workflows.cold]
when = {{ temperature = "cold", no_features = "opted_out" }}
tags = ["nurture"]
"""


class Machine:
    """One `portaria up` on a data folder of its own, started again whenever it ends, as systemd would."""

    def __init__(self, data: Path, *, crm: str, receiver: str, more: str = "", without: str = "") -> None:
        data.mkdir(parents=True)
        self.port = _free_port()
        self.data = data
        text = _CONFIGURATION.format(
            secret=SECRET, port=self.port, lease=LEASE_SECONDS, stall=STALL_SECONDS, crm=crm, receiver=receiver
        )
        (data / "portaria.toml").write_text(text + more)
        self.clock = data / "clock"
        self.migrations: Path | None = None
        """Of the later version that it runs; None: this code as it is."""
        self._environment = {**os.environ, CLOCK: str(self.clock), WITHOUT: without}
        self._up: subprocess.Popen[bytes] | None = None
        self._left: list[psutil.Process] = []
        """What a supervisor had started when it was killed; it ends by itself, but where that guard is off."""
        self._started_at = 0.0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data / "up.log"

    def start(self) -> None:
        """Start it, without waiting for it to answer."""
        with self.log.open("ab") as log:
            command = [*COMMAND, "--data", str(self.data), "up"]
            environment = {**self._environment, VERSION: str(self.migrations or "")}
            self._up = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603
        self._started_at = time.monotonic()

    def wait_until_up(self) -> None:
        """Wait for all of it to run, as long as its start goes on, however slowly. Raises `TransientError`.

        That a door answers is not enough: after a kill what the last one left may still answer.
        """
        patience = Patience(START_SECONDS, LONGEST_START, GivenTime(self.pids))
        ended = 0
        while self.missing():
            ended += self.keep_up()
            patience.look(len(self.pids()))
            if why := f"it ended {ended} times" if ended == MOST_STARTS else patience.is_over():
                raise TransientError(f"`portaria up` did not come up ({why}); its log is {self.log}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether somebody listens at its door."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def missing(self) -> list[str]:
        """What should run on it and does not."""
        away = [role for role, count in ROLES.items() if len(self.of(role)) < count]
        return away if self.answers() else [*away, "door"]

    def keep_up(self) -> bool:
        """Start it again when it has ended; whether it had."""
        if self._up is None or self._up.poll() is None or time.monotonic() - self._started_at < AGAIN_SECONDS:
            return False
        self.start()
        return True

    def pids(self) -> list[int]:
        """Of the supervisor and all that it started; none when it has ended, for its number may be another's by now."""
        return family(self._up.pid) if self._up is not None and self._up.poll() is None else []

    def stop(self) -> None:
        """Stop it as systemd does, and wait. (Not as Ctrl-C: who was started in the background ignores that.)"""
        for process in self._left:
            with suppress(psutil.Error):
                # Asked first: psutil kills whoever has the number by now, once it has seen that the process is gone.
                if process.is_running():
                    process.kill()
        self._left.clear()
        if self._up is None:
            return
        self._up.send_signal(signal.SIGTERM)
        try:
            self._up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._up.kill()
            self._up.wait()
        self._up = None

    def kill(self) -> None:
        """kill -9 of the supervisor: all it started sees that, and ends by itself."""
        if self._up is not None:
            self._left += self.processes()
            self._up.kill()
            self._up.wait()

    def cut_power(self) -> None:
        """kill -9 of all of it in one moment: nobody puts anything back."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        if self._up is not None:
            self._up.wait()

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it started."""
        found = []
        for pid in self.pids():
            with suppress(psutil.Error):
                found.append(psutil.Process(pid))
        return found

    def of(self, role: str) -> list[psutil.Process]:
        """The main processes of a command: `web`, `worker`, `beat`."""
        return [one for one in self.processes() if _command(one) == role]

    def pool(self) -> list[psutil.Process]:
        """The pool children of the workers."""
        found = []
        for worker in self.of("worker"):
            try:
                found += worker.children()
            except psutil.Error:
                continue
        return found


def _command(one: psutil.Process) -> str:
    """`web` of `... --data DIR web ...`; empty for the child of such a process, which has the same command line."""
    try:
        words = one.cmdline()
        parent = one.parent()
        if words[:3] != COMMAND or (parent is not None and parent.cmdline()[:6] == words[:6]):
            return ""
        return words[5] if len(words) > 5 else ""
    except (psutil.Error, IndexError):
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SetUp:
    """Machines, and the servers that they share."""

    def __init__(self, store: str, folder: Path, *, crm: str, receiver: str, without: str = "") -> None:
        """`store` is `sqlite` or `postgres`. Raises `ConfigurationError` where a server cannot run."""
        self.store = store
        self.folder = folder
        self.version = 0
        """How many releases ahead of this code it is (`worker.prove.upgrade`)."""
        self.valkey: Valkey | None = None
        self.postgres: Postgres | None = None
        more = ""
        if store == "postgres":
            (folder / "broker").mkdir()
            self.valkey = Valkey(folder / "broker")
            self.postgres = Postgres(folder)
            more = f'[database]\nurl = "{self.postgres.url}"\n[broker]\nurl = "{self.valkey.url}"\n'
        names = ("one", "two") if store == "postgres" else ("one",)
        self.machines = [
            Machine(folder / name, crm=crm, receiver=receiver, more=more, without=without) for name in names
        ]

    @property
    def settings(self) -> Settings:
        """To read the store with; its CRM is for the processes alone."""
        return load_settings(self.machines[0].data).model_copy(update={"crm": CrmSection()})

    def start(self) -> None:
        """Start everything and wait until every door answers."""
        if self.valkey:
            self.valkey.start()
        for machine in self.machines:
            machine.start()
            machine.wait_until_up()

    def keep_up(self) -> None:
        for machine in self.machines:
            machine.keep_up()

    def missing(self) -> list[tuple[str, str]]:
        """(machine, what should run on it and does not)."""
        return [(machine.data.name, role) for machine in self.machines for role in machine.missing()]

    def pids(self) -> list[int]:
        """Of everything that runs."""
        servers = [server.pid for server in (self.valkey, self.postgres) if server and server.pid]
        return [pid for machine in self.machines for pid in machine.pids()] + [
            pid for server in servers for pid in family(server)
        ]

    def stop(self) -> None:
        """Stop everything, the servers last."""
        for machine in self.machines:
            machine.stop()
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()

    def of(self, role: str) -> list[psutil.Process]:
        """The main processes of a command, on every machine."""
        return [one for machine in self.machines for one in machine.of(role)]

    def pool(self) -> list[psutil.Process]:
        return [one for machine in self.machines for one in machine.pool()]
