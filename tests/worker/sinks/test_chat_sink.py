"""Chats' incoming webhooks, against a server on loopback that answers as theirs do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.models import Notification
from worker.config import SinkSection
from worker.errors import ConfigurationError, TransientError
from worker.sinks import build_sinks
from worker.sinks.chat import LONGEST, ChatSink

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(**contact: Any) -> Notification:
    data = {
        "workflow": "hot",
        "score": 90,
        "temperature": "hot",
        "source": "site",
        "reasons": [{"feature": "job_title", "points": 20, "reason": "a director"}],
        "seller": "ana",
        "message": "Preciso de um orçamento",
        "crm": {"system": "local", "kind": "contact", "id": "7"},
        "contact": {"name": "Marina Azevedo", "company": "Couto", "phones": ["+5511976540123"], **contact},
    }
    return Notification(key="run_1:0:notify:room", sink="room", payload={"type": "workflow.started", "data": data})


def sent(provider: Any, service: str, notification: Notification) -> Any:
    provider.answer = lambda _asked: (200, b"ok")
    ChatSink("room", f"{provider.url}/hook?token=invented", {"service": service}).send(notification, NOW)
    (asked,) = provider.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json; charset=utf-8")
    return asked.json


def test_a_seller_reads_who_it_is_why_and_how_to_reach_them(provider: Any) -> None:
    lines = sent(provider, "slack", told())["text"].split("\n")
    assert lines == [
        "hot: Marina Azevedo, Couto",
        "90 (hot), from site",
        "+5511976540123",
        "a director",
        "seller: ana",
        "“Preciso de um orçamento”",
        "local contact 7",
    ]


@pytest.mark.parametrize(
    ("service", "typed", "shown"),
    [
        ("slack", "<!channel> <https://evil.example|x> &", "&lt;!channel&gt; &lt;https://evil.example|x&gt; &amp;"),
        ("google_chat", "<users/all> <https://evil.example.com|click>", "‹users/all› ‹https://evil.example.com|click›"),
        ("discord", "@everyone [click](https://evil.example.com)", r"\@everyone \[click\]\(https://evil.example.com\)"),
        ("teams", "[click](https://evil.example.com) **x**", r"\[click\]\(https://evil.example.com\) \*\*x\*\*"),
    ],
)  # fmt: skip
def test_what_a_contact_typed_calls_nobody_and_makes_no_link(
    provider: Any, service: str, typed: str, shown: str
) -> None:
    assert f"hot: {shown}, Couto" in text_of(sent(provider, service, told(name=typed)))


def text_of(body: Any) -> str:
    if "attachments" in body:
        (attachment,) = body["attachments"]
        return str(attachment["content"]["body"][0]["text"])
    return str(body.get("text") or body["content"])


def test_discord_is_told_that_no_mention_counts_and_takes_the_longest(provider: Any) -> None:
    body = sent(provider, "discord", told(name="*" * 5000))
    assert body["allowed_mentions"] == {"parse": []}
    assert len(body["content"]) <= LONGEST


def test_somebody_without_a_name_is_told_of_too(provider: Any) -> None:
    assert sent(provider, "slack", told(name="", company=""))["text"].startswith("hot: somebody without a name\n")


def test_what_is_refused_is_tried_again_when_the_chat_says(provider: Any) -> None:
    provider.answer = lambda _asked: (429, b"slow down", {"retry-after": "30"})
    with pytest.raises(TransientError) as problem:
        ChatSink("room", f"{provider.url}/services/T0/B0/secret", {"service": "slack"}).send(told(), NOW)
    assert problem.value.retry_after == 30
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("url", "options", "service"),
    [
        ("https://hooks.slack.com/services/x", {}, "slack"),
        ("https://chat.casa.example.com/hooks/x", {}, "slack"),
        ("https://discord.com/api/webhooks/1/x", {}, "discord"),
        ("https://notdiscord.com/api", {}, "slack"),
        ("https://chat.googleapis.com/v1/spaces/x", {}, "google_chat"),
        ("https://casa.webhook.office.com/x", {}, "teams"),
        ("https://proxy.example.com/x", {"service": "teams"}, "teams"),
    ],
)
def test_the_service_is_known_by_its_host_or_named(url: str, options: dict[str, str], service: str) -> None:
    assert ChatSink("room", url, options)._write is ChatSink("room", url, {"service": service})._write


@pytest.mark.parametrize("options", [{"service": "icq"}, {"channel": "#sales"}])
def test_a_mistake_names_the_sink_and_the_key(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=rf"\[sinks\.room\] {next(iter(options))}"):
        build_sinks({"room": SinkSection(kind="chat", url="https://chat.example.com/x", **options)})
