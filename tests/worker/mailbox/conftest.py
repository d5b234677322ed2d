"""Real IMAP servers of our own on loopback: pymap from a wheel, and Debian's Dovecot. Both keep a maildir."""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from pysasl.hashing import BuiltinHash

from worker.config import MailboxSection, Settings
from worker.mailbox import Poller
from worker.steps.runtime import Runtime
from worker.store import deliveries

DEBIAN = os.environ.get("PORTARIA_TEST_SERVERS") == "debian"
USER, PASSWORD = "vendas", "invented password"
KEYWORD = "$Portaria"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ImapServer(ABC):
    """A server with one account, which may be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._accounts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def renew(self) -> None:
        """Give the account an empty mailbox and its password."""
        self._accounts += 1
        self.maildir = self.folder / f"{USER}-{self._accounts}"
        for part in ("new", "cur", "tmp"):
            (self.maildir / part).mkdir(parents=True)
        (self.maildir / "dovecot-keywords").write_text(f"0 {KEYWORD}\n")
        self.set_password(PASSWORD)

    @abstractmethod
    def command(self) -> list[str]:
        """What runs the server in the foreground."""

    @abstractmethod
    def set_password(self, password: str) -> None:
        """From now on the account has this password."""

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.observe().logout()
            except (OSError, imaplib.IMAP4.error):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """kill -9 of the server and of every session."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def renumber(self) -> None:
        """Forget all UIDs: the folder gets another UIDVALIDITY, as after a restore. To be called while stopped."""
        known = (self.maildir / "dovecot-uidlist").read_text().split()[1]
        while known == f"V{int(time.time())}":  # Dovecot takes the second for it
            time.sleep(0.02)
        for each in self.maildir.glob("dovecot*"):
            if each.name != "dovecot-keywords":
                each.unlink()

    def observe(self) -> imaplib.IMAP4:
        """A connection of somebody else, logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.authenticate("PLAIN", lambda _: f"\0{USER}\0{self.password}".encode())
        return client

    password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        with closing_client(self.observe()) as client:
            for mail in mails:
                assert client.append("INBOX", "", "", mail)[0] == "OK"

    def search(self, criteria: str, folder: str = "INBOX") -> list[int]:
        with closing_client(self.observe()) as client:
            assert client.select(folder, readonly=True)[0] == "OK"
            return [int(uid) for uid in client.uid("SEARCH", criteria)[1][0].split()]

    def unmark(self, *flags: str) -> None:
        """Take the flags off every mail."""
        with closing_client(self.observe()) as client:
            client.select("INBOX")
            client.store("1:*", "-FLAGS", f"({' '.join(flags)})")


class closing_client:  # noqa: N801 - used like a function
    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def __enter__(self) -> imaplib.IMAP4:
        return self._client

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.logout()


class Pymap(ImapServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "pymap-etc-group").touch()
        (folder / "pymap-tokens").touch()

    def renew(self) -> None:
        super().renew()
        (self.folder / "pymap-etc-passwd").write_text(f"{USER}:x::::{self.maildir.name}:\n")

    def command(self) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-tls"]
        return [str(Path(sys.executable).parent / "pymap"), *options, "maildir", str(self.folder)]

    def set_password(self, password: str) -> None:
        hashed = BuiltinHash(rounds=1).hash(password)
        (self.folder / "pymap-etc-shadow").write_text(f"{USER}:{hashed}:::::::\n")
        self.password = password


DOVECOT = """
base_dir = {run}
state_dir = {run}
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {nobody}
default_login_user = {nobody}
default_internal_group = {group}
mail_location = maildir:{maildir}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/passwords
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={maildir}
}}
"""


class Dovecot(ImapServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.chmod(0o755)  # Dovecot serves nobody's mail as root

    def renew(self) -> None:
        super().renew()
        text = DOVECOT.format(
            run=self.folder / "run",
            folder=self.folder,
            maildir=self.maildir,
            port=self.port,
            nobody="dovenull",
            group="dovecot",
        )
        (self.folder / "dovecot.conf").write_text(text)
        for each in [self.maildir, *self.maildir.iterdir()]:
            shutil.chown(each, "nobody", "nogroup")

    def command(self) -> list[str]:
        return ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]

    def set_password(self, password: str) -> None:
        (self.folder / "passwords").write_text(f"{USER}:{{PLAIN}}{password}::::::\n")
        (self.folder / "passwords").chmod(0o644)
        self.password = password

    def kill(self) -> None:
        # Its processes are in sessions of their own; they are told apart by the folder they work in.
        if self._process is None:
            return
        family = [self._process.pid, *(each.pid for each in psutil.Process(self._process.pid).children(recursive=True))]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None


@pytest.fixture(scope="session")
def pymap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pymap]:
    """One for all tests, since it takes most of a second to start; each has a mailbox of its own."""
    server = Pymap(tmp_path_factory.mktemp("pymap"))
    yield server
    server.kill()


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    if not (DEBIAN and shutil.which("dovecot") and os.getuid() == 0):
        pytest.skip("Dovecot needs root, apt-get install dovecot-imapd, and PORTARIA_TEST_SERVERS=debian")
    # Not in pytest's folder, which every run closes to others; and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="portaria-", dir="/tmp") as folder:
        server = Dovecot(Path(folder))
        yield server
        server.kill()


@pytest.fixture(params=["pymap", pytest.param("dovecot", marks=pytest.mark.servers)])
def imap(request: pytest.FixtureRequest) -> ImapServer:
    """Each test that takes it runs on both servers."""
    server: ImapServer = request.getfixturevalue(request.param)
    server.renew()
    if not server.is_running:
        server.start()
    return server


class Relay:
    """Stands between poller and server: counts connections, and cuts them off where a test says."""

    def __init__(self, server_port: int, context: ssl.SSLContext | None = None) -> None:
        self._server_port = server_port
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self.sent = b""
        """All that the poller has sent."""
        self.received = 0
        """Bytes that the server has sent."""
        self.cut_when: Callable[[bytes], bool] = lambda _answer: False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self._server_port))
                if self._context:
                    near = self._context.wrap_socket(near, server_side=True)
            except OSError:
                if self._listener.fileno() == -1:
                    return
                near.close()
                continue
            self._open += [near, far]
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(far, near), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                self.sent += data
                far.sendall(data)
        self._end(near, far)

    def _down(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if self.cut_when(data):
                    near.sendall(data[: len(data) // 2])
                    break
                self.received += len(data)
                near.sendall(data)
        self._end(near, far)

    def _end(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def kick(self) -> None:
        """Break every connection off."""
        self._end(*self._open)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.kick()


@pytest.fixture
def relay_of() -> Iterator[Callable[..., Relay]]:
    """Relays to a port, with TLS on the near side where a context is given."""
    made: list[Relay] = []

    def make(port: int, context: ssl.SSLContext | None = None) -> Relay:
        made.append(Relay(port, context))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def relay(imap: ImapServer, relay_of: Callable[..., Relay]) -> Relay:
    return relay_of(imap.port)


def mail(number: int, *, text: str = "Quero um orçamento.", message_id: str | None = None) -> bytes:
    """A letter of an invented person."""
    identity = f"<{number}@example.com>" if message_id is None else message_id
    header = [
        f"From: Pessoa {number} <pessoa{number}@empresa{number}.example.com>",
        "To: vendas@example.com.br",
        f"Subject: Contato {number}",
        "Date: Sat, 21 Nov 2026 12:00:00 -0300",
        *([f"Message-ID: {identity}"] if identity else []),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ]
    return ("\r\n".join(header) + f"\r\n\r\n{text}\r\n").encode()


class Mailroom:
    """The poller under test, in threads of this process, and what it has committed."""

    def __init__(self, runtime: Runtime, port: int) -> None:
        self.runtime = runtime
        self.port = port
        self.rings = 0
        self._running: list[tuple[threading.Event, Poller, threading.Thread]] = []

    def poller(self, *, stop: threading.Event | None = None, name: str = "vendas", **options: Any) -> Poller:
        """A poller for the server, not started."""
        section = MailboxSection(
            **{"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD, "tls": False, **options}
        )
        settings: Settings = self.runtime.settings.model_copy(update={"mailboxes": {name: section}})
        values = {key: getattr(self.runtime, key) for key in self.runtime.__dataclass_fields__}
        runtime = Runtime(**{**values, "settings": settings})
        return Poller(runtime, name, ring=self._ring, stop=stop or threading.Event())

    def _ring(self) -> None:
        self.rings += 1

    def start(self, **options: Any) -> Poller:
        """A poller that runs until the test ends or `stop` is called."""
        stop = threading.Event()
        made = self.poller(stop=stop, **options)
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        self._running.append((stop, made, thread))
        return made

    def stop(self) -> None:
        for stop, made, thread in self._running:
            stop.set()
            made.break_off(busy=True)
            thread.join(10)
            assert not thread.is_alive()
        self._running.clear()

    def taken(self) -> list[dict[str, Any]]:
        """The deliveries, without their bodies."""
        with self.runtime.database.read() as tx:
            return deliveries.summaries(tx, limit=5000)

    def bodies(self) -> list[bytes]:
        with self.runtime.database.read() as tx:
            found = [deliveries.read(tx, each["id"]) for each in deliveries.summaries(tx, limit=5000)]
        return [each.body for each in found if each]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The poller's own tests need one database; the store's are run on both."""
    return f"sqlite:///{tmp_path / 'portaria.db'}"


@pytest.fixture
def mailroom(runtime: Runtime, imap: ImapServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailroom]:
    monkeypatch.setattr("worker.mailbox.FIRST_PAUSE", 0.05)
    made = Mailroom(runtime, imap.port)
    yield made
    made.stop()


@pytest.fixture
def through_relay(mailroom: Mailroom, relay: Relay) -> Relay:
    """The poller's connections go through the relay."""
    mailroom.port = relay.port
    return relay


@pytest.fixture(name="mail")
def _mail() -> Callable[..., bytes]:
    return mail


class Log:
    """What the poller says."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.events.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        self.events.append(("warning", event, values))

    def has(self, event: str) -> bool:
        return any(said == event for _, said, _ in self.events)

    def reasons(self) -> list[str]:
        """Why the mailbox could not be read, each time that it was said."""
        return [values["reason"] for _, event, values in self.events if event.startswith("the mailbox cannot be read")]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr("worker.mailbox.log", made)
    return made
