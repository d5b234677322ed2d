"""Mails through a real SMTP server on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as LINES
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from pipelines.models import Notification
from worker.config import SinkSection
from worker.errors import ConfigurationError, OutcomeUnknown, PermanentError, TransientError
from worker.sinks import build_sinks, mail, posting
from worker.sinks.mail import MailSink

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LINK = "https://portaria.example.com/unsubscribe/news/" + "a" * 64 + "." + "B-_" * 14 + "x"
TO_CONTACT = Notification(
    key="run_1_nurture:1:mail",
    sink="news",
    payload={
        "type": "mail",
        "to": "marina@industria.example.com",
        "unsubscribe_url": LINK,
        "subject": "Olá, Marina",
        "text": f"Um caso de São Paulo.\n\n.\n{LINK}\n",
        "html": "<p>Um caso de São Paulo.</p>",
    },
)
TO_HOUSE = Notification(
    key="run_1_hot:0:notify:house",
    sink="news",
    payload={
        "type": "workflow.started",
        "data": {
            "workflow": "hot",
            "score": 90,
            "contact": {"name": "Marina\nBcc: x@example.com", "emails": ["marina@industria.example.com"]},
            "reasons": [{"feature": "job_title", "points": 20, "reason": "a director"}],
            "message": "",
        },
    },
)


@dataclass
class Server:
    """Keeps what it takes, and answers as it is told to."""

    port: int = 0
    got: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    recipient: str = "250 OK"
    data: str | None = "250 OK"
    """None: hangs up with the mail in its hands."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data is None:
            server.transport.abort()
            return "250 nobody hears it"
        if self.data.startswith("2"):
            self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return self.data

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append(login.login)
        return AuthResult(success=login.password == b"invented password", handled=False)

    def mail(self) -> EmailMessage:
        ((_, _, body),) = self.got
        return message_from_bytes(body, policy=LINES)  # type: ignore[return-value]


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = Server(port)
    controller = Controller(kept, "127.0.0.1", port, authenticator=kept.authenticate, auth_require_tls=False)
    controller.start()
    yield kept
    controller.stop()


@pytest.fixture
def sink(server: Server) -> Callable[..., MailSink]:
    def made(**options: Any) -> MailSink:
        given = {"sender": "Casa Prates <vendas@casa.example.com>", **options}
        return MailSink("news", f"smtp://127.0.0.1:{server.port}", given)

    return made


def test_a_contact_gets_it_whole_and_with_the_way_out(sink: Callable[..., MailSink], server: Server) -> None:
    sink(reply_to="ana@casa.example.com").send(TO_CONTACT, NOW)
    ((sender, recipients, body),) = server.got
    assert (sender, recipients) == ("vendas@casa.example.com", ["marina@industria.example.com"])
    got = server.mail()
    assert got["From"] == "Casa Prates <vendas@casa.example.com>"
    assert (got["To"], got["Reply-To"]) == ("marina@industria.example.com", "ana@casa.example.com")
    assert got["Subject"] == "Olá, Marina"
    assert got["Date"].datetime == NOW
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in body, "as RFC 2369 has it, never in encoded words"
    text = got.get_body(("plain",))
    html = got.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == TO_CONTACT.payload["text"]
    assert html.get_content().strip() == TO_CONTACT.payload["html"]


def test_each_attempt_has_the_same_message_id(sink: Callable[..., MailSink], server: Server) -> None:
    sink().send(TO_CONTACT, NOW)
    sink().send(TO_CONTACT, NOW)
    sink().send(TO_CONTACT.model_copy(update={"key": "run_2_nurture:1:mail"}), NOW)
    first, again, other = (message_from_bytes(body)["Message-ID"] for _, _, body in server.got)
    assert first == again != other
    assert first.endswith("@casa.example.com>")


def test_the_house_is_told_in_lines_and_no_name_adds_a_header(sink: Callable[..., MailSink], server: Server) -> None:
    sink(to="Vendas <equipe@casa.example.com>").send(TO_HOUSE, NOW)
    assert server.got[0][1] == ["equipe@casa.example.com"]
    assert server.mail()["Subject"] == "hot: Marina Bcc: x@example.com (90)"
    assert server.mail()["Bcc"] is None
    assert server.mail()["List-Unsubscribe"] is None
    text = server.mail().get_content()
    assert "reasons: +20 a director" in text
    assert "message" not in text


def test_the_house_needs_an_address(sink: Callable[..., MailSink], server: Server) -> None:
    with pytest.raises(PermanentError) as problem:
        sink().send(TO_HOUSE, NOW)
    assert (problem.value.code, server.got) == (mail.NO_RECIPIENT, [])


@pytest.mark.parametrize("address", ["nobody", "@example.com", "x@", "x@-bad-.example.com"])
def test_what_is_no_address_is_refused_for_good_and_not_told(
    sink: Callable[..., MailSink], server: Server, address: str
) -> None:
    with pytest.raises(PermanentError) as problem:
        sink().send(_to(address), NOW)
    assert (problem.value.code, server.got) == (mail.BAD_ADDRESS, [])
    assert address not in str(problem.value)


def test_a_domain_in_any_script_is_reached(sink: Callable[..., MailSink], server: Server) -> None:
    sink().send(_to("ana@indústria.example.com"), NOW)
    assert server.got[0][1] == ["ana@xn--indstria-q5a.example.com"]


def _to(address: str) -> Notification:
    return TO_CONTACT.model_copy(update={"payload": {**TO_CONTACT.payload, "to": address}})


@pytest.mark.parametrize(
    ("where", "answer", "kind", "code"),
    [
        ("recipient", "550 5.1.1 marina is unknown", PermanentError, mail.REJECTED),
        ("recipient", "450 4.2.1 greylisted marina", TransientError, posting.REFUSED),
        ("data", "554 5.7.1 marina wants no spam", PermanentError, mail.REJECTED),
        ("data", "452 4.3.1 full", TransientError, posting.REFUSED),
        ("data", None, OutcomeUnknown, posting.NO_ANSWER),
    ],
)
def test_the_answer_says_whether_it_is_tried_again(
    sink: Callable[..., MailSink], server: Server, where: str, answer: str | None, kind: type[Exception], code: str
) -> None:
    setattr(server, where, answer)
    with pytest.raises(kind) as problem:
        sink().send(TO_CONTACT, NOW)
    assert type(problem.value) is kind
    assert getattr(problem.value, "code", "") == code
    assert "marina" not in str(problem.value), "a server's answer may name whom it is for"
    assert (answer or "127.0.0.1").split(" ")[0] in str(problem.value)


def test_it_logs_in_and_a_wrong_password_is_worth_another_try(sink: Callable[..., MailSink], server: Server) -> None:
    sink(user="vendas", password="invented password").send(TO_CONTACT, NOW)
    assert (server.logins, len(server.got)) == ([b"vendas"], 1)
    with pytest.raises(TransientError, match="refused the login") as problem:
        sink(user="vendas", password="another").send(TO_CONTACT, NOW)
    assert problem.value.code == posting.REFUSED
    assert "another" not in str(problem.value)


def test_nobody_there_is_no_connection(sink: Callable[..., MailSink], server: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = MailSink("news", f"smtp://127.0.0.1:{closed.getsockname()[1]}", {"sender": "a@example.com"})
        with pytest.raises(TransientError) as problem:
            away.send(TO_CONTACT, NOW)
    assert type(problem.value) is TransientError
    assert problem.value.code == posting.UNREACHABLE


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("https://mail.example.com", {"sender": "a@example.com"}, "url"),
        ("smtp://ana:pw@mail.example.com", {"sender": "a@example.com"}, "user and password"),
        ("smtp://mail.example.com", {}, "sender"),
        ("smtp://mail.example.com", {"sender": "Casa"}, "sender"),
        ("smtp://mail.example.com", {"sender": "a@example.com", "to": "x"}, "to: write it"),
        ("smtp://mail.example.com", {"sender": "a@example.com", "passwort": "x"}, "passwort"),
    ],
)
def test_a_mistake_names_the_sink_and_the_key(url: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[sinks\.news\]") as problem:
        build_sinks({"news": SinkSection(kind="mail", url=url, **options)})
    assert said in str(problem.value)


def test_a_check_connects_logs_in_and_sends_nothing(sink: Callable[..., MailSink], server: Server) -> None:
    assert sink(user="vendas", password="invented password").check() == ()
    (problem,) = sink(user="vendas", password="another").check()
    assert "refused the login (535" in problem.what
    assert (server.logins[0], server.got) == (b"vendas", [])


@pytest.fixture(params=["smtp", "smtps"])
def tls_url(request: pytest.FixtureRequest, server: Server, certificate: Path) -> Iterator[str]:
    """A server that speaks to nobody without TLS, by STARTTLS or from the start; what it takes is in `server`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    by_starttls = {"tls_context": context, "require_starttls": True}
    # The library counts only STARTTLS as encrypted when it is asked for a login.
    from_the_start = {"ssl_context": context, "auth_require_tls": False}
    tls: dict[str, Any] = by_starttls if request.param == "smtp" else from_the_start
    controller = Controller(server, "127.0.0.1", port, authenticator=server.authenticate, **tls)
    controller.start()
    yield f"{request.param}://localhost:{port}"
    controller.stop()


LOGIN = {"sender": "a@example.com", "user": "vendas", "password": "invented password"}


def test_it_goes_over_tls_to_a_server_that_somebody_vouches_for(
    tls_url: str, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sink = MailSink("news", tls_url, LOGIN)
    assert sink.check() == ()
    sink.send(TO_CONTACT, NOW)
    assert (server.logins, len(server.got)) == ([b"vendas", b"vendas"], 1)


def test_a_certificate_that_nobody_vouches_for_is_refused_and_said(tls_url: str, server: Server) -> None:
    sink = MailSink("news", tls_url, LOGIN)
    with pytest.raises(TransientError, match=r"localhost: its certificate is not trusted.*SSL_CERT_FILE") as problem:
        sink.send(TO_CONTACT, NOW)
    assert type(problem.value) is TransientError
    assert problem.value.code == mail.TLS
    (told,) = sink.check()
    assert "its certificate is not trusted (self-signed certificate)" in told.what
    assert (server.logins, server.got) == ([], [])


def test_a_certificate_for_another_name_is_refused_and_said(
    tls_url: str, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    (told,) = MailSink("news", tls_url.replace("localhost", "127.0.0.1"), LOGIN).check()
    assert "its certificate is not trusted" in told.what
    assert "write the name that it is made out to" in told.what
    assert server.logins == []


def test_a_server_without_starttls_gets_neither_mail_nor_password(
    sink: Callable[..., MailSink], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback it may: so it is looked at as if it were elsewhere."""
    monkeypatch.setattr(mail, "_is_loopback", lambda _host: False)
    with pytest.raises(TransientError, match=r"offers no STARTTLS.*smtps://") as problem:
        sink(user="vendas", password="invented password").send(TO_CONTACT, NOW)
    assert problem.value.code == mail.TLS
    (told,) = sink().check()
    assert "offers no STARTTLS" in told.what
    assert (server.logins, server.got) == ([], [])
