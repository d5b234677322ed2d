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
from pathlib import Path

import psutil

from worker.config import CrmSection, Settings, load_settings
from worker.errors import TransientError
from worker.prove.servers import Postgres, Valkey

SECRET = "prove-secret"  # noqa: S105 - of a data folder that lives as long as the proof
COMMAND = [sys.executable, "-m", "worker.prove.process"]
"""What a process of a set-up under proof is started with."""
CLOCK = "PORTARIA_PROVE_CLOCK"
WITHOUT = "PORTARIA_PROVE_WITHOUT"
"""Variables that `worker.prove.process` reads."""
START_SECONDS = 180.0
STOP_SECONDS = 90.0
LEASE_SECONDS = 10.0
STALL_SECONDS = 6.0
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
        self._environment = {**os.environ, CLOCK: str(self.clock), WITHOUT: without}
        self._up: subprocess.Popen[bytes] | None = None

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
            self._up = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)  # noqa: S603

    def wait_until_up(self) -> None:
        """Raises `TransientError` when it does not come."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise TransientError(f"`portaria up` did not come up; its log is {self.log}")

    def keep_up(self) -> bool:
        """Start it again when it has ended; whether it had."""
        if self._up is None or self._up.poll() is None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and wait."""
        if self._up is None:
            return
        self._up.send_signal(signal.SIGINT)
        try:
            self._up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._up.kill()
            self._up.wait()
        self._up = None

    def kill(self) -> None:
        """kill -9 of the supervisor: all it started ends with it."""
        if self._up is not None:
            self._up.kill()
            self._up.wait()

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it started."""
        if self._up is None:
            return []
        try:
            supervisor = psutil.Process(self._up.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.Error:
            return []

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
