"""Asking sources outside: at the same time, once each, within the budget; and what becomes of those that are down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from pipelines.emails import email_domain
from pipelines.models import Contact, Fact
from pipelines.states import Stage
from worker import steps
from worker.errors import PermanentError, TransientError
from worker.ports import FactSource, Priority, Terms
from worker.steps.lookups import look_up
from worker.steps.runtime import Runtime
from worker.store import contacts, due_lookups, history, scores, spending, submissions, workflows

TERMS = Terms(max_age=3600.0, nothing_max_age=600.0, timeout=5.0, per_second=1000, trip_after=3)


class Registry:
    """A source outside that can be down, slow, or know nothing."""

    def __init__(
        self, name: str = "registry", terms: Terms = TERMS, fields: Iterable[str] = ("company_size",), **says: str
    ) -> None:
        self.name = name
        self.terms: Terms | None = terms
        self.fields: Collection[str] = frozenset(fields)
        self.says = says
        self.down: Exception | None = None
        self.seconds = 0.0
        self.asked: list[str] = []
        self.most_at_once = 0
        self._now_asked = 0
        self._lock = threading.Lock()

    def key(self, contact: Contact) -> str:
        return email_domain(contact.emails[0].address) if contact.emails else ""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        with self._lock:
            self.asked.append(key)
            self._now_asked += 1
            self.most_at_once = max(self.most_at_once, self._now_asked)
        try:
            if self.seconds:
                time.sleep(self.seconds)
            if self.down:
                raise self.down
            return [Fact(field=field, value=value, by=self.name, at=now) for field, value in self.says.items()]
        finally:
            with self._lock:
                self._now_asked -= 1


def with_sources(runtime: Runtime, *sources: FactSource) -> Runtime:
    return replace(runtime, fact_sources={source.name: source for source in sources})


def arrive(runtime: Runtime, mail: str = "olga@prates.example.com", **fields: str) -> dict[str, Any]:
    body = json.dumps({"nome": "Olga Prates", "email": mail, "fone": "(11) 97654-0123", **fields}).encode()
    delivery = steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=delivery)
    return row


def arrive_other(runtime: Runtime, number: int) -> dict[str, Any]:
    """Each number is somebody else, at another house."""
    name = ("Olga Prates", "Rui Lima", "Bia Nunes", "Davi Reis", "Hugo Sá")[number]
    return arrive(runtime, f"contato@d{number}.example.com", nome=name, fone=f"(11) 9{number}654-0123")


def kept(runtime: Runtime, submission: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        return submissions.read(tx, submission) or {}


def waiting(runtime: Runtime) -> list[tuple[str, int, str]]:
    with runtime.database.read() as tx:
        return [(source, count, reason) for (source, reason), count in due_lookups.counts(tx).items()]


def people(count: int, domains: int) -> dict[str, Contact]:
    from pipelines.emails import parse_email

    made = {}
    for number in range(count):
        mail = parse_email(f"pessoa{number}@d{number % domains}.example.com")
        assert mail is not None
        made[str(number)] = Contact(emails=(mail,))
    return made


def test_a_hundred_contacts_of_sixty_domains_are_sixty_questions_side_by_side(runtime: Runtime) -> None:
    registry = Registry(company_size="EPP")
    registry.seconds = 0.02
    found = look_up(with_sources(runtime, registry), people(100, 60), runtime.clock())
    assert sorted(registry.asked) == sorted({f"d{number}.example.com" for number in range(60)})
    assert registry.most_at_once > 10
    assert all([fact.value for fact in each.facts] == ["EPP"] for each in found.values())


def test_the_next_source_is_asked_only_for_what_is_still_missing(runtime: Runtime) -> None:
    cheap = Registry("cheap", fields=("company_size", "industry"), company_size="EPP")
    dear = Registry("dear", fields=("company_size", "industry"), industry="Varejo")
    dearest = Registry("dearest", fields=("company_size",), company_size="Demais")
    (found,) = look_up(with_sources(runtime, cheap, dear, dearest), people(1, 1), runtime.clock()).values()
    assert [(fact.field, fact.by) for fact in found.facts] == [("company_size", "cheap"), ("industry", "dear")]
    assert dearest.asked == []


def test_with_everything_down_the_contact_goes_through_and_is_marked(runtime: Runtime) -> None:
    registry = Registry()
    registry.down = TransientError("no route", code="unreachable")
    row = arrive(with_sources(runtime, registry))
    assert row["state"] == "done"
    assert waiting(runtime) == [("registry", 1, "unreachable")]


def test_when_the_answer_comes_the_contact_is_enriched_and_scored_again(runtime: Runtime, clock: Any) -> None:
    registry = Registry(company_size="Demais", fields=("company_size", "company"), company="Prates Papéis")
    registry.down = TransientError("no route", code="unreachable")
    asking = with_sources(runtime, registry)
    before = arrive(asking)
    clock.forward(30)
    assert steps.look_again(asking) == 0  # not due yet
    clock.forward(31)
    steps.work_here(asking)
    assert registry.asked == ["prates.example.com"] * 2
    assert waiting(runtime) == [("registry", 1, "unreachable")]
    registry.down = None
    clock.forward(3600)
    steps.work_here(asking)
    after = kept(runtime, before["id"])
    assert after["state"] == "done"
    assert waiting(runtime) == []
    assert json.loads(after["score"])["value"] > json.loads(before["score"])["value"]
    with runtime.database.read() as tx:
        contact = contacts.golden(tx, [before["contact_id"]])[before["contact_id"]].contact
        made = scores.of_contact(tx, before["contact_id"])
        moves = [move["event"] for move in history.of(tx, before["id"])]
    assert contact.company == "Prates Papéis"
    assert contact.origins["company"].by == "registry"
    assert [json.loads(one["features"]).get("company_size") for one in made] == ["medium", None]
    assert moves[-5:] == ["found_later", Stage.ENRICH, Stage.SCORE, Stage.CREATE, Stage.TRIGGER]
    crm = runtime.crm.search("contact", "Olga Prates")
    assert [record.fields["company"] for record in crm] == ["Prates Papéis"]
    assert len(registry.asked) == 3


def test_a_late_nothing_sends_nobody_back(runtime: Runtime, clock: Any) -> None:
    registry = Registry()
    registry.down = TransientError("no route")
    asking = with_sources(runtime, registry)
    row = arrive(asking)
    registry.down = None
    clock.forward(61)
    assert steps.look_again(asking) == 1
    assert waiting(runtime) == []
    assert kept(runtime, row["id"])["state"] == "done"


def test_a_contact_still_on_its_way_is_sent_back_once_it_is_done(runtime: Runtime, clock: Any) -> None:
    registry = Registry(company_size="EPP")
    registry.down = TransientError("no route")
    asking = with_sources(runtime, registry)
    row = arrive(asking)
    with runtime.database.write() as tx:
        assert submissions.send_back(tx, row["id"], Stage.ENRICH, why="test", now=clock.forward(61))
    registry.down = None
    with runtime.database.read() as tx:
        assert submissions.is_under_way(tx, row["id"])
    steps.look_again(asking)
    assert waiting(runtime) == [("registry", 1, "transient")]
    for _ in range(2):
        steps.work_here(asking)
        clock.forward(61)
    assert waiting(runtime) == []
    assert "EPP" in kept(runtime, row["id"])["facts"]


def test_a_source_that_is_down_is_left_in_peace_after_some_failures(runtime: Runtime) -> None:
    registry = Registry()
    registry.down = TransientError("no route")
    asking = with_sources(runtime, registry)
    for number in range(5):
        arrive_other(asking, number)
    assert len(registry.asked) == TERMS.trip_after
    assert ("registry", 2, "paused") in waiting(runtime)


def test_another_source_that_knows_makes_the_look_unnecessary(runtime: Runtime) -> None:
    down, other = Registry("down"), Registry("other", company_size="EPP")
    down.down = TransientError("no route")
    arrive(with_sources(runtime, down, other))
    assert waiting(runtime) == []


def test_it_is_given_up_when_the_source_stays_away(runtime: Runtime, clock: Any) -> None:
    registry = Registry()
    registry.down = TransientError("no route", code="unreachable")
    asking = with_sources(runtime, registry)
    row = arrive(asking)
    clock.forward(8 * 86_400)
    steps.look_again(asking)
    assert waiting(runtime) == []
    with runtime.database.read() as tx:
        assert history.of(tx, row["id"])[-1]["event"] == "gave_up_looking"


def test_a_source_no_longer_configured_is_waited_for_no_longer(runtime: Runtime, clock: Any) -> None:
    registry = Registry()
    registry.down = TransientError("no route")
    arrive(with_sources(runtime, registry))
    clock.forward(61)
    steps.look_again(with_sources(runtime))
    assert waiting(runtime) == []


def test_a_wrong_key_of_ours_is_no_answer_and_is_not_kept(runtime: Runtime, clock: Any) -> None:
    registry = Registry(company_size="EPP")
    registry.down = PermanentError("the key was not taken", code="refused")
    asking = with_sources(runtime, registry)
    row = arrive(asking)
    assert waiting(runtime) == [("registry", 1, "refused")]
    registry.down = None
    clock.forward(3601)
    steps.work_here(asking)
    assert "EPP" in kept(runtime, row["id"])["facts"]


def test_a_fault_in_a_source_is_its_own(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry()
    registry.down = ValueError("olga@prates.example.com")
    assert arrive(with_sources(runtime, registry))["state"] == "done"
    assert waiting(runtime) == [("registry", 1, "source_fault")]
    told = capsys.readouterr()
    assert "olga" not in told.out + told.err


def test_nothing_known_is_good_for_a_shorter_time(runtime: Runtime, clock: Any) -> None:
    registry = Registry()
    asking = with_sources(runtime, registry)
    for seconds in (0, 599, 2):
        clock.forward(seconds)
        look_up(asking, people(1, 1), clock.now)
    assert len(registry.asked) == 2


class TestMoney:
    TERMS = replace(TERMS, cost=0.10, daily_budget=0.35)

    def report(self, runtime: Runtime, clock: Any) -> dict[str, Any]:
        day: date = clock.now.date()
        with runtime.database.read() as tx:
            (row,) = spending.report(tx, day, day)
        return row

    def test_no_more_is_asked_than_the_day_may_cost(self, runtime: Runtime, clock: Any) -> None:
        registry = Registry(terms=self.TERMS, company_size="EPP")
        asking = with_sources(runtime, registry)
        for number in range(5):
            arrive_other(asking, number)
        assert len(registry.asked) == 3
        assert waiting(runtime) == [("registry", 2, "over_budget")]
        row = self.report(runtime, clock)
        assert (row["answered"], row["cost"]) == (3, 0.3)
        assert row["found"] == {"company_size": 3}
        clock.forward(12 * 3600)  # the next day
        steps.work_here(asking)
        assert waiting(runtime) == []
        assert len(registry.asked) == 5

    def test_a_batch_stays_within_it_too(self, runtime: Runtime, clock: Any) -> None:
        registry = Registry(terms=self.TERMS, company_size="EPP")
        look_up(with_sources(runtime, registry), people(10, 10), clock.now)
        assert len(registry.asked) == 3

    def test_what_failed_costs_nothing_and_the_cache_is_free(self, runtime: Runtime, clock: Any) -> None:
        registry = Registry(terms=self.TERMS, company_size="EPP")
        asking = with_sources(runtime, registry)
        registry.down = TransientError("no route")
        look_up(asking, people(1, 1), clock.now)
        registry.down = None
        for _ in range(3):
            look_up(asking, people(2, 2), clock.now)
        row = self.report(runtime, clock)
        assert (row["answered"], row["failed"], row["cost"]) == (2, 1, 0.2)


@pytest.mark.parametrize("warmer", [True, False])
def test_whom_a_late_finding_makes_hot_is_served_as_hot(
    runtime: Runtime, clock: Any, triggers_of: Callable[..., list[str]], warmer: bool
) -> None:
    registry = Registry(fields=("seniority",), seniority="director" if warmer else "intern")
    registry.down = TransientError("no route")
    asking = with_sources(runtime, registry)
    row = arrive(asking, mensagem="Preciso de um orçamento")
    assert triggers_of(runtime, row["id"]) == ["warm"]
    registry.down = None
    clock.forward(61)
    steps.work_here(asking)
    assert triggers_of(runtime, row["id"]) == (["hot", "warm"] if warmer else ["warm"])


@pytest.fixture
def triggers_of() -> Callable[..., list[str]]:

    def read(runtime: Runtime, submission: str) -> list[str]:
        with runtime.database.read() as tx:
            return sorted(one.workflow for one in workflows.started_for(tx, [submission]).get(submission, []))

    return read
