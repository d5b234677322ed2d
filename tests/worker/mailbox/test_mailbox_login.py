"""Getting in: TLS, OAuth 2, and what is said when it fails."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from worker.config import MailboxSection, load_settings
from worker.errors import ConfigurationError
from worker.mailbox_login import MailboxError, hang_up, log_in
from worker.mailbox_session import Session


@pytest.fixture
def tls_relay(imap: Any, certificate: Path, relay_of: Any) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return relay_of(imap.port, context)


def test_tls_with_a_trusted_certificate(
    imap: Any, mailroom: Any, tls_relay: Any, mail: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mailroom.port = tls_relay.port
    mailroom.start(host="localhost", tls=True, poll_seconds=1500)
    until(lambda: b"IDLE" in tls_relay.sent, "the wait for mail")
    imap.deliver(mail(1))
    until(lambda: len(mailroom.taken()) == 1, "a mail announced over TLS")


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_relay: Any) -> None:
    with pytest.raises(MailboxError, match=r"localhost:\d+ is not trusted.*SSL_CERT_FILE") as caught:
        log_in(MailboxSection(host="localhost", port=tls_relay.port, user="vendas", password="x"))
    assert caught.value.code == "mailbox_tls"
    assert b"LOGIN" not in tls_relay.sent


def test_a_port_without_tls_is_said(imap: Any) -> None:
    with pytest.raises(MailboxError, match="speaks no TLS") as caught:
        log_in(MailboxSection(host="localhost", port=imap.port, user="vendas", password="x"))
    assert caught.value.code == "mailbox_tls"


def test_a_server_without_starttls_gets_no_password(imap: Any, relay: Any) -> None:
    with pytest.raises(MailboxError):
        log_in(MailboxSection(host="localhost", port=relay.port, user="vendas", password="x", tls="starttls"))
    assert b"LOGIN" not in relay.sent


def test_a_password_beyond_ascii_gets_in(imap: Any) -> None:
    imap.set_password("senha inventada ção")
    imap.kill()  # servers remember who got in
    imap.start()
    section = MailboxSection(host="127.0.0.1", port=imap.port, user="vendas", password=imap.password, tls=False)
    hang_up(log_in(section))


@pytest.fixture
def token_server() -> Iterator[Any]:
    """Gives the token `fresh` for the refresh token `invented`."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(form)
            good = "refresh_token=invented" in form or "grant_type=client_credentials" in form
            self.send_response(200 if good else 400)
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": "fresh"} if good else {"error": "invalid_grant"}).encode())

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.asked = asked  # type: ignore[attr-defined]
        yield server
        server.shutdown()


@pytest.fixture
def token_imap() -> Iterator[Any]:
    """Speaks as much IMAP as a login by XOAUTH2 takes, as Google describes it; the real servers here know no tokens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_xoauth2, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _serve_xoauth2(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n")
            while line := stream.readline():
                tag, command, *_ = line.split()
                if command == b"AUTHENTICATE":
                    stream.write(b"+ \r\n")
                    if base64.b64decode(stream.readline()) == b"user=vendas\x01auth=Bearer fresh\x01\x01":
                        stream.write(tag + b" OK in\r\n")
                    else:
                        stream.write(b"+ " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
                        stream.readline()
                        stream.write(tag + b" NO refused\r\n")
                elif command == b"CAPABILITY":
                    stream.write(b"* CAPABILITY IMAP4rev1 IDLE MOVE\r\n" + tag + b" OK done\r\n")
                else:
                    stream.write(tag + b" BAD what\r\n")


def by_token(port: int, **options: Any) -> MailboxSection:
    return MailboxSection(host="127.0.0.1", port=port, user="vendas", tls=False, **options)


def test_an_access_token_gets_in(token_imap: int) -> None:
    session = Session(by_token(token_imap, oauth2_token="fresh"))
    assert {"IDLE", "MOVE"} <= session._can
    session.close()


@pytest.mark.parametrize(
    ("options", "grant"),
    [
        ({"oauth2_refresh_token": "invented"}, "grant_type=refresh_token"),
        ({"oauth2_scope": "mail.read"}, "grant_type=client_credentials&scope=mail.read"),
    ],
)
def test_a_fresh_token_is_asked_for(token_imap: int, token_server: Any, options: dict[str, str], grant: str) -> None:
    url = f"http://127.0.0.1:{token_server.server_port}/token"
    section = by_token(
        token_imap, oauth2_token_url=url, oauth2_client_id="id", oauth2_client_secret="secret", **options
    )
    hang_up(log_in(section))
    assert len(token_server.asked) == 1
    assert grant in token_server.asked[0]
    assert "client_id=id&client_secret=secret" in token_server.asked[0]


def test_a_token_that_has_run_out_is_said(token_imap: int) -> None:
    with pytest.raises(MailboxError, match="has the token run out") as caught:
        log_in(by_token(token_imap, oauth2_token="stale"))
    assert caught.value.code == "mailbox_login"
    assert "stale" not in str(caught.value)


def test_a_refresh_token_that_is_refused_is_said(token_imap: int, token_server: Any) -> None:
    url = f"http://127.0.0.1:{token_server.server_port}/token"
    with pytest.raises(MailboxError, match="answered 400") as caught:
        log_in(by_token(token_imap, oauth2_token_url=url, oauth2_refresh_token="stale"))
    assert caught.value.code == "mailbox_oauth2"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/token", "not a url", "file:///etc/passwd"])
def test_a_token_server_that_does_not_answer_is_said(url: str) -> None:
    with pytest.raises(MailboxError, match="oauth2_token_url gave no token") as caught:
        log_in(by_token(9, oauth2_token_url=url))
    assert caught.value.code == "mailbox_oauth2"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"host": "mail.example.com", "tls": False}, "in the clear"),
        ({"host": "mail.example.com", "tls": "starttls"}, "port = 143"),
        ({"host": "mail.example.com", "handled": "move"}, "needs move_to"),
        ({"host": "mail.example.com", "handled": "move", "move_to": "INBOX"}, "other than the one"),
        ({"host": "mail.example.com", "oauth2_token": "a", "oauth2_token_url": "b"}, "not both"),
        ({"host": "mail.example.com", "poll_seconds": 0}, "greater than 0"),
        ({"host": "mail.example.com", "pol_seconds": 1}, "Extra inputs"),
    ],
)
def test_settings_that_do_not_fit_together(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        MailboxSection(**options)


def test_a_mistake_names_the_mailbox_and_shows_no_value(tmp_path: Path) -> None:
    (tmp_path / "portaria.toml").write_text(
        '[mailboxes.vendas]\nhost = "mail.example.com"\npassword = "invented"\ntls = false\n'
    )
    with pytest.raises(ConfigurationError, match=r"mailboxes\.vendas: .*in the clear") as caught:
        load_settings(tmp_path)
    assert "invented" not in str(caught.value)


@pytest.mark.parametrize(("written", "read"), [("true", True), ('"starttls"', "starttls")])
def test_tls_is_read(tmp_path: Path, written: str, read: object) -> None:
    (tmp_path / "portaria.toml").write_text(f'[mailboxes.a]\nhost = "mail.example.com"\nport = 143\ntls = {written}\n')
    assert load_settings(tmp_path).mailboxes["a"].tls == read
