"""Signed webhooks, against a real server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from pipelines.models import Notification
from worker.config import SinkSection
from worker.errors import ConfigurationError, OutcomeUnknown, PermanentError, TransientError
from worker.sinks import SINKS, build_sinks, posting
from worker.sinks.webhook import WebhookSink

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
NOTIFICATION = Notification(
    key="trigger:promoção:s1:notify:sales",
    sink="sales",
    payload={"type": "workflow.started", "data": {"contact": {"name": "João 😀 \x00"}, "score": 90}},
)


@dataclass
class Receiver:
    """A receiver that answers as it is told and keeps what it got."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    silent: bool = False
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if kept.silent:
                self.close_connection = True
                return
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(kept.body)))
            self.end_headers()
            self.wfile.write(kept.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/hook?token=invented"
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sink(receiver: Receiver) -> WebhookSink:
    return WebhookSink("sales", receiver.url, SECRET)


def utc_now() -> datetime:
    return datetime.now(UTC)  # the specification's own verifier compares with the clock


def test_it_arrives_signed_and_whole(sink: WebhookSink, receiver: Receiver) -> None:
    sink.send(NOTIFICATION, utc_now())
    ((headers, body),) = receiver.got
    assert Webhook(SECRET).verify(body, headers) == NOTIFICATION.payload
    assert json.loads(body) == NOTIFICATION.payload
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"90", b"91"), headers)


def test_each_attempt_has_the_same_id_and_its_own_time(sink: WebhookSink, receiver: Receiver) -> None:
    now = utc_now()
    sink.send(NOTIFICATION, now)
    sink.send(NOTIFICATION, now + timedelta(seconds=60))
    sink.send(NOTIFICATION.model_copy(update={"key": "trigger:other:s1:notify:sales"}), now)
    first, again, other = (headers for headers, _ in receiver.got)
    assert first["webhook-id"] == again["webhook-id"] != other["webhook-id"]
    assert int(again["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    assert "." not in first["webhook-id"]


def test_the_zone_of_the_clock_does_not_matter(sink: WebhookSink, receiver: Receiver) -> None:
    sink.send(NOTIFICATION, utc_now().astimezone(timezone(timedelta(hours=-3))))
    ((headers, body),) = receiver.got
    Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(sink: WebhookSink, receiver: Receiver, status: int) -> None:
    receiver.status = status
    sink.send(NOTIFICATION, utc_now())
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again_later(sink: WebhookSink, receiver: Receiver, status: int) -> None:
    receiver.status = status
    receiver.headers = {"location": receiver.url}
    with pytest.raises(TransientError) as problem:
        sink.send(NOTIFICATION, utc_now())
    assert problem.value.code == posting.REFUSED
    assert not isinstance(problem.value, OutcomeUnknown)
    assert str(status) in str(problem.value)
    assert len(receiver.got) == 1, "a redirect was followed"


def test_gone_is_for_good(sink: WebhookSink, receiver: Receiver) -> None:
    receiver.status = 410
    with pytest.raises(PermanentError) as problem:
        sink.send(NOTIFICATION, utc_now())
    assert problem.value.code == posting.GONE


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999999", posting.LONGEST_WAIT),
        ("Sat, 21 Nov 2026 12:05:00 GMT", 300.0),
        ("Sat, 21 Nov 2026 11:05:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_the_receiver_may_say_when(
    sink: WebhookSink, receiver: Receiver, retry_after: str, seconds: float | None
) -> None:
    receiver.status, receiver.headers = 503, {"retry-after": retry_after}
    with pytest.raises(TransientError) as problem:
        sink.send(NOTIFICATION, datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert problem.value.retry_after == seconds


@given(st.text(max_size=60))
def test_whatever_the_receiver_says_of_when(retry_after: str) -> None:
    wait = posting._wait(retry_after, datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert wait is None or 0 <= wait <= posting.LONGEST_WAIT


def test_a_connection_dropped_before_the_answer_leaves_the_outcome_unknown(
    sink: WebhookSink, receiver: Receiver
) -> None:
    receiver.silent = True
    with pytest.raises(OutcomeUnknown) as problem:
        sink.send(NOTIFICATION, utc_now())
    assert problem.value.code == posting.NO_ANSWER
    assert len(receiver.got) == 1


def test_a_receiver_that_never_answers_does_not_hold_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TIMEOUT", httpx.Timeout(0.1))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        sink = WebhookSink("sales", f"http://127.0.0.1:{deaf.getsockname()[1]}/", SECRET)
        with pytest.raises(OutcomeUnknown) as problem:
            sink.send(NOTIFICATION, utc_now())
    assert problem.value.code == posting.NO_ANSWER


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sink = WebhookSink("sales", f"http://127.0.0.1:{port}/hook?token=invented", SECRET)
    with pytest.raises(TransientError) as problem:
        sink.send(NOTIFICATION, utc_now())
    assert problem.value.code == posting.UNREACHABLE
    assert not isinstance(problem.value, OutcomeUnknown)


def test_an_endless_answer_is_not_read(sink: WebhookSink, receiver: Receiver) -> None:
    receiver.body = b"x" * 50_000_000
    sink.send(NOTIFICATION, utc_now())


def test_errors_tell_the_sink_and_neither_the_token_nor_the_secret_nor_the_person(
    sink: WebhookSink, receiver: Receiver
) -> None:
    receiver.status = 500
    with pytest.raises(TransientError) as problem:
        sink.send(NOTIFICATION, utc_now())
    told = str(problem.value)
    assert told == "[sinks.sales] 127.0.0.1 answered 500"


def section(url: str = "https://example.com/hook", secret: str = SECRET) -> SinkSection:
    return SinkSection(url=url, secret=secret)


def test_sinks_are_built_by_their_names() -> None:
    sinks = build_sinks({"sales": section(), "chat": section(secret=SECRET.removeprefix("whsec_"))})
    assert {name: sink.name for name, sink in sinks.items()} == {"sales": "sales", "chat": "chat"}
    assert set(SINKS) == {"webhook", "chat", "mail"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (section(secret=""), "secret: write `whsec_`"),
        (section(secret="whsec_c2hvcnQ="), "secret: write `whsec_`"),
        (section(secret="whsec_" + "é" * 40), "secret: write `whsec_`"),
        (section(secret="whsec_" + "QUJD" * 30), "secret: write `whsec_`"),
        (section(url="example.com/hook"), "url: write it in full"),
        (section(url="ftp://example.com"), "url: write it in full"),
        (section(url="https://"), "url: write it in full"),
        (section(url="http://exa mple\x00"), "url: write it in full"),
    ],
)
def test_a_mistake_is_told_by_its_key_and_never_by_its_value(wrong: SinkSection, told: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        build_sinks({"sales": wrong})
    assert str(problem.value).startswith(f"[sinks.sales] {told}")
    assert not wrong.secret or wrong.secret not in str(problem.value)
