"""The stages that only compute: what they save, what they ask, and that a silent source holds nobody up."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from pipelines.models import Contact, Fact
from pipelines.states import State
from worker import steps
from worker.errors import TransientError
from worker.ports import Priority, Terms
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions

PERSON = {"nome": "Olga Prates", "email": "olga@prates.example.com", "fone": "(11) 97654-0123"}


class Asked:
    """A source of facts that counts how often it is asked."""

    fields: Collection[str] = frozenset({"company_size"})
    terms = Terms(max_age=3600.0, nothing_max_age=3600.0, per_second=1000)

    def __init__(self, name: str, *facts: Fact, down: bool = False) -> None:
        self.name = name
        self._facts = facts
        self._down = down
        self.asked: list[str] = []

    def key(self, contact: Contact) -> str:
        return contact.emails[0].address.partition("@")[2] if contact.emails else ""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        self.asked.append(key)
        if self._down:
            raise TransientError("down")
        return self._facts


def send(runtime: Runtime, **fields: str) -> dict[str, Any]:
    body = json.dumps({**PERSON, **fields}).encode()
    delivery = steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=delivery)
        whole = submissions.read(tx, row["id"])
    assert whole is not None
    return whole


def size(clock: Any, value: str = "50-200") -> Fact:
    return Fact(field="company_size", value=value, by="registry", at=clock.now)


def test_a_source_that_is_down_holds_nobody_up(runtime: Runtime) -> None:
    row = send(replace(runtime, fact_sources={"registry": Asked("registry", down=True)}))
    assert row["state"] == "done"
    assert json.loads(row["facts"]) == []


def test_an_answer_is_kept_as_long_as_it_is_good(runtime: Runtime, clock: Any) -> None:
    source = Asked("registry", size(clock))
    asking = replace(runtime, fact_sources={"registry": source})
    for number in range(3):
        row = send(asking, mensagem=f"{number}")
        assert [fact["value"] for fact in json.loads(row["facts"])] == ["50-200"]
    assert source.asked == ["prates.example.com"]
    clock.forward(3601)
    send(asking, mensagem="later")
    assert source.asked == ["prates.example.com"] * 2


def test_a_known_nothing_is_kept_too(runtime: Runtime) -> None:
    source = Asked("registry")
    asking = replace(runtime, fact_sources={"registry": source})
    send(asking, mensagem="1")
    send(asking, mensagem="2")
    assert len(source.asked) == 1


def test_the_contact_keeps_its_newest_score_and_its_arrivals(runtime: Runtime) -> None:
    first = send(runtime)
    second = send(runtime, mensagem="Quero um orçamento com urgência")
    assert second["decision"] == "match"
    with runtime.database.read() as tx:
        contact = contacts.read(tx, first["contact_id"])
    assert contact is not None
    assert contact["score"] == second["score"]
    assert contact["arrivals"] == 2


@pytest.mark.parametrize(("value", "warned"), [("no", True), ("yes", False)])
def test_a_domain_that_takes_no_mail_is_warned_of(runtime: Runtime, clock: Any, value: str, warned: bool) -> None:
    exchange = Asked("mail_exchange", Fact(field="takes_mail", value=value, by="mail_exchange", at=clock.now))
    row = send(replace(runtime, mail_exchange=exchange))
    assert row["state"] == "done"
    codes = {finding["code"] for finding in json.loads(row["findings"])}
    assert ("mail_domain_dead" in codes) is warned


def test_when_dns_is_silent_nobody_is_blamed(runtime: Runtime) -> None:
    row = send(replace(runtime, mail_exchange=Asked("mail_exchange", down=True)))
    assert row["state"] == "done"
    assert "mail_domain_dead" not in row["findings"]


def test_an_error_of_ours_is_tried_again_and_then_set_aside_without_personal_data(
    runtime: Runtime, clock: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("olga@prates.example.com")

    monkeypatch.setattr("worker.steps.scoring.score_features", broken)
    row = send(runtime)
    assert (row["state"], row["reason"]) == ("waiting", "unexpected_error")
    for _ in range(5):
        clock.forward(3600)
        steps.work_here(runtime)
    with runtime.database.read() as tx:
        row = submissions.read(tx, row["id"]) or {}
    assert (row["state"], row["reason"], row["stage"]) == ("dead", "unexpected_error", "score")
    assert "ValueError" in row["detail"]
    out = capsys.readouterr()
    assert "olga" not in row["detail"] + out.out + out.err
    monkeypatch.undo()
    with runtime.database.write() as tx:
        assert submissions.replay(tx, {row["id"]: State.RECEIVED}, by="ana", now=clock.now) == 1
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        row = submissions.read(tx, row["id"]) or {}
    assert row["state"] == "done"


def test_a_mail_of_our_own_house_is_nobody(runtime: Runtime) -> None:
    ours = runtime.settings.model_copy(
        update={"locale": runtime.settings.locale.model_copy(update={"own_domains": ("casa.example.com",)})}
    )
    mail = (
        b"From: Davi Reis <davi@casa.example.com>\r\nTo: contato@casa.example.com\r\nSubject: almoco\r\n"
        b"Message-ID: <1@casa.example.com>\r\nContent-Type: text/plain\r\n\r\nVamos almocar?\r\n"
    )
    house = replace(runtime, settings=ours)
    delivery = steps.receive(house, "caixa", mail, content_type="message/rfc822", priority=Priority.MAIL).id
    steps.work_here(house)
    story = steps.story(house, delivery)
    assert story is not None
    assert (story.delivery["state"], story.delivery["reason"]) == ("not_contact", "own_domain")
