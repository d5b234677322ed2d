"""Records that hooks only name are fetched from their provider: once, with patience, and losing nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from worker import steps
from worker.config import SourceSection
from worker.ports import Priority
from worker.sources import SOURCES, hubspot, reasons
from worker.steps.admit import OUT_OF_TIME
from worker.steps.runtime import Runtime
from worker.store import submissions

PAYLOADS = Path(__file__).parents[1] / "sources" / "payloads"
HOOKS = {
    "meta": (PAYLOADS / "meta.json").read_bytes(),
    "hubspot": b'[{"subscriptionType":"contact.creation","objectId":5,"portalId":7,"eventId":1,"occurredAt":1795267800}]',  # noqa: E501
}
GILDA = (PAYLOADS / "meta_lead.json").read_bytes()
FABIO = {
    "status": "COMPLETE",
    "results": [
        {
            "id": "5",
            "properties": {
                "firstname": "Fábio",
                "lastname": "Telles",
                "email": "fabio@example.com",
                "phone": "11 95550-0166",
                "hs_object_id": "5",
                "hs_language": "pt_br",
                "nivel": "ouro",
                "company": None,
            },
            "updatedAt": "2026-11-21T12:00:00Z",
        }
    ],
}
ANSWERS: dict[str, Any] = {"meta": GILDA, "hubspot": FABIO}
PEOPLE = {"meta": ["gilda@example.com"], "hubspot": ["fabio@example.com"]}
KINDS = sorted(HOOKS)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough: the store's own tests run on both."""
    return f"sqlite:///{tmp_path / 'portaria.db'}"


def with_sources(runtime: Runtime, **sections: SourceSection) -> Runtime:
    return replace(runtime, settings=runtime.settings.model_copy(update={"sources": sections}))


@pytest.fixture
def house(runtime: Runtime, provider: Any) -> Runtime:
    return with_sources(
        runtime,
        **{
            kind: SourceSection.model_validate(
                {"kind": kind, "secret": "s", "token": "invented-token", "base_url": provider.url}
            )
            for kind in KINDS
        },
    )


def receive(runtime: Runtime, kind: str, body: bytes | None = None) -> str:
    kept = body or HOOKS[kind]
    return steps.receive(runtime, kind, kept, content_type="application/json", priority=Priority.LIVE).id


def admit_together(runtime: Runtime) -> None:
    """Open all that came and admit it as one batch."""
    opened: list[str] = []
    steps.dispatch(runtime, lambda due: opened.extend(due.ids))
    steps.admit(runtime, opened)


def only(runtime: Runtime, delivery: str) -> dict[str, Any]:
    story = steps.story(runtime, delivery)
    assert story is not None
    (row,) = story.submissions
    return dict(row)


def emails(runtime: Runtime, delivery: str) -> list[list[str]]:
    story = steps.story(runtime, delivery)
    assert story is not None
    return [contact["emails"] for contact in story.contacts.values()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_of_an_id_becomes_the_whole_person(house: Runtime, provider: Any, kind: str) -> None:
    provider.answer = lambda _asked: (200, ANSWERS[kind])
    delivery = receive(house, kind)
    steps.work_here(house)
    assert only(house, delivery)["state"] == "done"
    assert emails(house, delivery) == [PEOPLE[kind]]
    assert [asked.headers["authorization"] for asked in provider.asked] == ["Bearer invented-token"]


def test_what_only_the_hook_said_is_kept_beside_what_was_fetched(house: Runtime, provider: Any) -> None:
    provider.answer = lambda _asked: (200, GILDA)
    delivery = receive(house, "meta")
    steps.work_here(house)
    story = steps.story(house, delivery)
    assert story is not None
    (contact,) = story.contacts.values()
    assert contact["extra"]["page_id"] == "1000"
    assert [asked.path for asked in provider.asked] == ["/444000000000000001"]
    assert contact["remotes"] == [{"system": "meta", "kind": "lead", "id": "444000000000000001"}]


def test_properties_of_your_own_are_asked_for(house: Runtime, provider: Any) -> None:
    own = SourceSection.model_validate(
        {"kind": "hubspot", "secret": "s", "token": "t", "base_url": provider.url, "properties": ["nivel"]}
    )
    provider.answer = lambda _asked: (207, FABIO)
    delivery = receive(with_sources(house, hubspot=own), "hubspot")
    steps.work_here(with_sources(house, hubspot=own))
    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("POST", "/crm/v3/objects/contacts/batch/read")
    assert {"nivel", "email", "firstname"} <= set(asked.json["properties"])
    story = steps.story(house, delivery)
    assert story is not None
    (contact,) = story.contacts.values()
    assert (contact["extra"]["nivel"], contact["language"], contact["phones"]) == ("ouro", "pt-br", ["+5511955500166"])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, {}), reasons.PROVIDER_FAILED),
        ((401, {}), reasons.PROVIDER_REFUSES),
        ((403, {"error": {"code": 10}}), reasons.PROVIDER_REFUSES),
        ((200, b"<html>"), reasons.PROVIDER_FAILED),
        ((302, {}, {"location": "https://example.com/"}), reasons.PROVIDER_FAILED),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_that_cannot_answer_is_asked_again(
    house: Runtime, provider: Any, clock: Any, kind: str, answer: tuple[Any, ...], reason: str
) -> None:
    provider.answer = lambda _asked: answer
    delivery = receive(house, kind)
    steps.work_here(house)
    row = only(house, delivery)
    assert (row["state"], row["stage"], row["reason"]) == ("waiting", "admit", reason)
    assert row["due_at"] > clock.now
    assert f"[sources.{kind}]" in row["detail"]
    provider.answer = lambda _asked: (200, ANSWERS[kind])
    clock.forward(60)
    steps.work_here(house)
    assert emails(house, delivery) == [PEOPLE[kind]]


def test_a_provider_that_is_busy_is_left_alone_as_long_as_it_says(house: Runtime, provider: Any, clock: Any) -> None:
    provider.answer = lambda _asked: (429, {}, {"retry-after": "90"})
    deliveries = [receive(house, "meta", HOOKS["meta"].replace(b"000001", b"00000%d" % n)) for n in range(3)]
    admit_together(house)
    assert len(provider.asked) == 1, "one that says wait is believed for all of its batch"
    rows = [only(house, delivery) for delivery in deliveries]
    assert {row["reason"] for row in rows} == {reasons.PROVIDER_BUSY}
    assert {(row["due_at"] - clock.now).total_seconds() for row in rows} == {90}


@pytest.mark.parametrize(
    ("code", "reason"),
    [(190, reasons.PROVIDER_REFUSES), (4, reasons.PROVIDER_BUSY), (100, reasons.PROVIDER_FAILED)],
)
def test_meta_tells_by_code_what_is_wrong(house: Runtime, provider: Any, code: int, reason: str) -> None:
    provider.answer = lambda _asked: (400, {"error": {"code": code, "message": "somebody's name"}})
    row = only(house, delivery) if (delivery := receive(house, "meta")) and steps.work_here(house) else {}
    assert (row["state"], row["reason"]) == ("waiting", reason)
    assert "somebody" not in row["detail"]


def test_nobody_there_is_rejected_and_may_be_asked_for_again(house: Runtime, provider: Any, clock: Any) -> None:
    provider.answer = lambda _asked: (207, {"results": [], "numErrors": 1})
    delivery = receive(house, "hubspot")
    steps.work_here(house)
    assert (only(house, delivery)["state"], only(house, delivery)["reason"]) == ("rejected", reasons.NOT_FOUND)
    provider.answer = lambda _asked: (200, FABIO)
    assert steps.replay_delivery(house, delivery, by="test") == 1
    steps.work_here(house)
    assert emails(house, delivery) == [PEOPLE["hubspot"]]


def test_without_a_token_nothing_is_asked_and_a_token_makes_up_for_it(house: Runtime, provider: Any) -> None:
    without = with_sources(house, meta=SourceSection(kind="meta", secret="s"))
    delivery = receive(without, "meta")
    steps.work_here(without)
    row = only(without, delivery)
    assert (row["state"], row["reason"], provider.asked) == ("rejected", "only_reference", [])
    assert "token" in row["detail"]
    provider.answer = lambda _asked: (200, GILDA)
    steps.replay_delivery(house, delivery, by="test")
    steps.work_here(house)
    assert emails(house, delivery) == [PEOPLE["meta"]]


def test_done_twice_it_does_nothing_the_second_time(house: Runtime, provider: Any) -> None:
    provider.answer = lambda _asked: (200, GILDA)
    delivery = receive(house, "meta")
    steps.work_here(house)
    before = only(house, delivery)
    steps.admit(house, [before["id"]])
    steps.work_here(house)
    assert (only(house, delivery), len(provider.asked)) == (before, 1)


def test_one_that_another_has_taken_over_is_not_written_over(house: Runtime, provider: Any, clock: Any) -> None:
    """The worker is paused over its call; when it comes back, another has fetched and gone on."""

    def slow(_asked: Any) -> tuple[int, Any]:
        if len(provider.asked) == 1:
            clock.forward(house.settings.worker.lease_seconds + 1)
            steps.work_here(replace(house, owner="another"))
            return 200, GILDA.replace(b"gilda@", b"late@")
        return 200, GILDA

    provider.answer = slow
    delivery = receive(house, "meta")
    steps.work_here(house)
    assert emails(house, delivery) == [PEOPLE["meta"]]
    assert len(provider.asked) == 2


def test_slow_answers_never_outlast_the_lease(house: Runtime, provider: Any, clock: Any) -> None:
    def slow(asked: Any) -> tuple[int, Any]:
        clock.forward(house.settings.worker.lease_seconds / 2 + 1)
        return 200, GILDA.replace(b"444000000000000001", asked.path[1:].encode())

    provider.answer = slow
    deliveries = [receive(house, "meta", HOOKS["meta"].replace(b"000001", b"00000%d" % n)) for n in range(3)]
    admit_together(house)
    with house.database.read() as tx:
        reasons_told = {row["reason"] for row in submissions.listed(tx)}
    assert reasons_told == {"", OUT_OF_TIME}
    for _ in deliveries:
        clock.forward(1)
        steps.work_here(house)
    assert all(only(house, delivery)["state"] == "done" for delivery in deliveries)


def test_events_of_one_contact_are_one_question(house: Runtime, provider: Any) -> None:
    event = HOOKS["hubspot"][1:-1]
    changed = event.replace(b"contact.creation", b"contact.propertyChange")
    delivery = receive(house, "hubspot", b"[%b,%b]" % (event, changed.replace(b'"eventId":1', b'"eventId":2')))
    provider.answer = lambda _asked: (200, FABIO)
    steps.work_here(house)
    assert [asked.json["inputs"] for asked in provider.asked] == [[{"id": "5"}]]
    story = steps.story(house, delivery)
    assert story is not None
    assert [row["state"] for row in story.submissions] == ["done", "done"]
    assert len(story.contacts) == 1


def test_a_fault_in_an_adapter_stops_nobody_else(
    house: Runtime, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("somebody@example.com")

    monkeypatch.setattr(hubspot, "_read_contacts", broken)
    provider.answer = lambda _asked: (200, GILDA)
    wrong, right = receive(house, "hubspot"), receive(house, "meta")
    steps.work_here(house)
    row = only(house, wrong)
    assert (row["state"], row["reason"]) == ("waiting", "unexpected_error")
    assert "example.com" not in row["detail"]
    assert emails(house, right) == [PEOPLE["meta"]]


def test_a_source_that_is_gone_is_waited_for(house: Runtime, provider: Any) -> None:
    provider.answer = lambda _asked: (503, {})
    delivery = receive(house, "meta")
    steps.work_here(house)
    row = only(house, delivery)
    nonsense = with_sources(house, meta=SourceSection(kind="nonsense", secret="s"))
    house.clock.forward(60)  # type: ignore[attr-defined]
    steps.work_here(nonsense)
    assert (only(house, delivery)["state"], only(house, delivery)["reason"]) == ("dead", "unknown_source")
    provider.answer = lambda _asked: (200, GILDA)
    steps.replay_delivery(house, delivery, by="test")
    steps.work_here(house)
    assert only(house, delivery)["id"] == row["id"]
    assert emails(house, delivery) == [PEOPLE["meta"]]


def test_every_kind_that_fetches_is_tried_here() -> None:
    from worker.asking import Fetching

    assert {kind for kind, source in SOURCES.items() if isinstance(source, Fetching)} - {"kommo"} == set(KINDS)
