"""`portaria up`: every process of the embedded set-up, started, watched, restarted and stopped together."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import psutil
import structlog
import uvicorn
from celery.beat import EmbeddedService

from worker import celery_app, steps
from worker import tasks as celery_tasks
from worker.celery_app import CRM, ENRICH, INTAKE, STAGES
from worker.config import Settings
from worker.embedded import IN_PROCESS, EmbeddedBroker
from worker.errors import ConfigurationError, PortariaError, TransientError
from worker.mailbox import read_mailboxes
from worker.steps.runtime import build_runtime, living_owners
from worker.webhook import Doorbell

log = structlog.get_logger()

WATCHED = "PORTARIA_SUPERVISED"
"""Set for the children: their standard input ends when the supervisor dies, and they end with it."""

STOP_SECONDS = 60.0
"""How long a worker may finish what it has in hand. Measured: 2 of 30 busy workers took over 12 s, one 32 s."""
RESTART_SECONDS = 1.0
"""Pause before a dead process is started again, doubled at each death up to a minute."""


STEADY_SECONDS = 60.0
"""A process that has lived for so long is well: should it die then, it is started again without a longer pause."""

COMMAND = [sys.executable, "-m", "worker.cli"]
"""What a child is started with."""

_LOCK = "up.lock"


class AlreadyRunning(PortariaError):
    """Another `portaria up` works on the data folder."""

    code = "already_running"


class PartEnded(TransientError):
    """In one process: its web server, worker or scheduler is gone, and nothing would be done any more."""

    code = "part_ended"


@dataclass
class _Child:
    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    """Since it last was steady."""
    start_at: float = 0.0
    started: float = 0.0


@dataclass
class Supervisor:
    """Runs the set-up until it is told to stop."""

    settings: Settings
    program: str | None
    """The embedded broker's server; None: the configured broker is used."""
    flower: bool = False
    _children: list[_Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, *, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` once the web answers, and return when stopped. Raises `PortariaError`."""
        with _only_one(self.settings), _on_signals(self._stop):
            _need_free_port(self.settings.web.host, self.settings.web.port)
            broker = EmbeddedBroker(self.settings, self.program) if self.program else None
            prepare(self.settings)
            try:
                if broker:
                    broker.start()
                self._children = [_Child(name, arguments) for name, arguments in self._commands()]
                self._watch(broker, ready)
            finally:
                self._end_all()
                if broker:
                    broker.stop()

    def _commands(self) -> Iterator[tuple[str, list[str]]]:
        web = self.settings.web
        yield "web", ["web", "--host", web.host, "--port", str(web.port)]
        if self.settings.mailboxes:
            yield "mailbox", ["mailbox"]
        # Two workers, so that a slow CRM never keeps a hook from being opened.
        yield "worker-stages", ["worker", "--name", "stages", "--queues", f"{INTAKE},{STAGES}"]
        yield "worker-outside", ["worker", "--name", "outside", "--queues", f"{ENRICH},{CRM}"]
        yield "beat", ["beat"]
        if self.flower:
            yield "flower", ["flower"]

    def _watch(self, broker: EmbeddedBroker | None, ready: Callable[[], None]) -> None:
        announced = False
        while not self._stopping.is_set():
            if broker and not broker.is_running():
                log.warning("the embedded broker died; starting it again")
                try:
                    broker.start()
                except ConfigurationError as problem:  # a full disk; all that came in is in the database meanwhile
                    log.error("the embedded broker did not come back; trying again", why=str(problem))
            for child in self._children:
                self._keep_alive(child)
            if not announced and _answers(self.settings.web.host, self.settings.web.port):
                announced = True
                ready()
            self._stopping.wait(0.1 if not announced else 0.3)

    def _keep_alive(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None and (status := child.process.poll()) is not None:
            child.process = None
            child.deaths = 1 if now - child.started > STEADY_SECONDS else child.deaths + 1
            pause = min(RESTART_SECONDS * 2 ** (child.deaths - 1), 60.0)
            child.start_at = now + pause
            log.warning("a process ended; starting it again", process=child.name, status=status, seconds=pause)
        if child.process is None and now >= child.start_at:
            child.started = now
            command = [*COMMAND, "--data", str(self.settings.data), *child.arguments]
            child.process = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                stdin=subprocess.PIPE,
                env={**os.environ, WATCHED: "1"},
                start_new_session=True,  # Ctrl-C reaches only the supervisor, which stops them in order
            )

    def _stop(self, *_: object) -> None:
        self._stopping.set()

    def _end_all(self) -> None:
        """Stop the doors, then the scheduler, then the workers: nothing new comes while what is in hand is finished."""
        alive = [child.process for child in self._children if child.process is not None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in alive:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                log.warning("a process did not stop in time and was killed", pid=process.pid)
                _kill_group(process.pid)
                process.wait()


def run_in_one_process(settings: Settings, *, ready: Callable[[], None]) -> None:
    """Web, worker and scheduler as threads of this process, on kombu's broker in memory: where no server can run."""
    from worker.site import build_site  # mcp takes a second to import, and only the web process needs it

    stopping = threading.Event()
    with _only_one(settings), _on_signals(lambda *_: stopping.set()):
        _need_free_port(settings.web.host, settings.web.port)
        prepare(settings)
        celery_app.configure(settings, IN_PROCESS)
        runtime = build_runtime(settings)
        celery_app.use_runtime(runtime)
        web = uvicorn.Server(
            uvicorn.Config(
                build_site(runtime),
                host=settings.web.host,
                port=settings.web.port,
                access_log=False,
                log_config=None,
                server_header=False,
            )
        )
        worker = celery_app.app.Worker(pool="threads", concurrency=2, queues=list(celery_app.QUEUES), quiet=True)
        beat = EmbeddedService(celery_app.app, thread=True, scheduler_cls=celery_app.app.conf.beat_scheduler)
        parts = {"web": web.run, "worker": worker.start, "beat": beat.run}
        if settings.mailboxes:
            doorbell = Doorbell(celery_tasks.ring)
            parts["mailbox"] = partial(read_mailboxes, runtime, ring=doorbell.press, stop=stopping)
        threads = [threading.Thread(target=part, name=name, daemon=True) for name, part in parts.items()]
        for thread in threads:
            thread.start()
        try:
            _watch_threads(threads, settings, stopping, ready)
        finally:
            # What is in hand when the process ends is claimed by the next start: the database says what is under way.
            web.should_exit = True
            beat.stop()
            worker.stop()


def _watch_threads(
    threads: Sequence[threading.Thread], settings: Settings, stopping: threading.Event, ready: Callable[[], None]
) -> None:
    """Until it is told to stop. Raises `PartEnded`: a thread cannot be begun anew as a process can."""
    announced = False
    while not stopping.wait(0.3 if announced else 0.1):
        if ended := [thread.name for thread in threads if not thread.is_alive()]:
            raise PartEnded(f"{', '.join(ended)} ended (see the log); start it again, it carries on where it was")
        if not announced and _answers(settings.web.host, settings.web.port):
            announced = True
            ready()


def prepare(settings: Settings) -> None:
    """Bring the schema up to date, free what dead processes of this machine held, and make what was under way due."""
    runtime = build_runtime(settings)
    runtime.database.migrate()
    recovered = steps.recover(runtime, host=socket.gethostname(), alive=living_owners())
    if recovered:
        log.info("carrying on where it was", submissions=recovered)
    runtime.database.close()


def is_supervised() -> bool:
    """Whether `portaria up` started this process."""
    return bool(os.environ.get(WATCHED))


def end_with_supervisor() -> None:
    """In a supervised process: end when the supervisor is gone, however it went."""
    if not is_supervised():
        return

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        _kill_group(os.getpid())

    threading.Thread(target=watch, name="supervised", daemon=True).start()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_up(settings: Settings) -> bool:
    """Whether a `portaria up` works on the data folder."""
    try:
        pid, started = (settings.run_folder / _LOCK).read_text().split()
        return bool(psutil.Process(int(pid)).create_time() == float(started))
    except (OSError, ValueError, psutil.Error):
        return False


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the data folder's lock; the system lets go of it however we end."""
    settings.run_folder.mkdir(parents=True, exist_ok=True)
    with (settings.run_folder / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"another `portaria up` works on {settings.data}; stop it first") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} {psutil.Process().create_time()}")
        lock.flush()
        yield
        lock.truncate(0)


@contextmanager
def _on_signals(act: Callable[..., None]) -> Iterator[None]:
    """Have Ctrl-C, SIGTERM and a closed terminal (unless that is ignored, as under nohup) do this during the block."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, act) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _need_free_port(host: str, port: int) -> None:
    """Raise `ConfigurationError` when something else listens there already."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as problem:
        what = f"cannot listen on {host} port {port} ({problem.strerror})"
        raise ConfigurationError(f"{what}; choose another with --port or [web] port") from None


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1" if host in {"0.0.0.0", "::"} else host, port), timeout=0.5):  # noqa: S104
            return True
    except OSError:
        return False
