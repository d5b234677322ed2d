"""Asking a source of facts as enrich does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpcore
import pytest

from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import Contact, Fact
from pipelines.names import parse_name
from pipelines.phones import parse_phone
from worker.enrichment import FACT_SOURCES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _facts(
    source: str, *, name: str = "", mail: str = "", phone: str = "", document: str = "", job_title: str = "",
    message: str = "",
) -> dict[str, Fact]:  # fmt: skip
    contact = Contact(
        name=parse_name(name),
        emails=tuple(email for one in mail.split() if (email := parse_email(one))),
        phones=tuple(found for one in filter(None, phone.split(",")) if (found := parse_phone(one))),
        documents=tuple(found for one in document.split() if (found := parse_document(one))),
        job_title=job_title,
        message=message,
    )
    asked = FACT_SOURCES[source]
    key = asked.key(contact)
    found = asked.ask(key, NOW) if key else ()
    assert {fact.field for fact in found} <= set(asked.fields)
    assert all(fact.by == source and fact.at == NOW and fact.value for fact in found)
    return {fact.field: fact for fact in found}


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., dict[str, Fact]]:
    """What one source says of somebody who typed this, by field."""
    return _facts


@pytest.fixture(scope="session")
def values_of() -> Callable[..., dict[str, str]]:
    return lambda source, **typed: {field: fact.value for field, fact in _facts(source, **typed).items()}


PUBLIC = "93.184.215.14"
"""Stands for the server's address on the public web."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n\r\n"
Answer = bytes | Callable[[socket.socket], None]


@dataclass
class WebServer:
    """A web server on loopback that answers GET by (host, path) and counts what it was asked; `resolve` and `dial` make
    it the public web."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    dialed: list[tuple[str, int]] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    def __enter__(self) -> WebServer:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._socket.close()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def resolve(self, host: str, seconds: float) -> list[str]:
        return self.names.get(host, [PUBLIC])

    def dial(self, address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        """Only port 80 is served: there is no TLS here."""
        self.dialed.append((address, port))
        if port != 80 or address != PUBLIC:
            raise httpcore.ConnectError("refused")
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, seconds)

    page = staticmethod(lambda html, **more: _page(html, **more))
    text = staticmethod(lambda body: _text(body))
    redirect = staticmethod(lambda to: _redirect(to))

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                head = b""
                while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
                    head += piece
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                host = next(line[5:].strip() for line in lines if line.lower().startswith("host:"))
                self.asked.append((host, path))
                if self.seconds:
                    self._over.wait(self.seconds)
                answer = self.answers.get((host, path), _status(404))
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)
            except (OSError, IndexError, StopIteration):
                return


def _page(html: str, *, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """An answer with a page."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    body = html.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def _text(body: str) -> bytes:
    """An answer with plain text."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def _redirect(to: str, code: int = 302) -> bytes:
    return f"HTTP/1.1 {code} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def _status(code: int) -> bytes:
    return f"HTTP/1.1 {code} No\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server
