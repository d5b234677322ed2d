"""A mailbox of its own for each test, on real servers, and the poller that reads it."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.mailbox.mailroom import Log, Mailroom
from tests.worker.mailbox.relay import Relay
from tests.worker.mailbox.servers import Dovecot, ImapServer, Pymap
from worker.steps.runtime import Runtime

DEBIAN = os.environ.get("PORTARIA_TEST_SERVERS") == "debian"


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


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr("worker.mailbox.log", made)
    return made
