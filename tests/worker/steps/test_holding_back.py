"""What looks like spam is held with its reason, lost never, and released by a person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from pydantic import ValidationError
from starlette.testclient import TestClient

from worker import steps
from worker.cli.main import portaria as command_line
from worker.config import SourceSection
from worker.errors import PermanentError
from worker.ports import Priority
from worker.sources import spam
from worker.steps.outcomes import outcomes_of
from worker.steps.runtime import Runtime
from worker.webhook import build_web

OLGA = {"nome": "Olga Prates", "email": "olga@example.com"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough: the store's own tests run on both."""
    return f"sqlite:///{tmp_path / 'portaria.db'}"


def guarded(runtime: Runtime, **keys: Any) -> Runtime:
    section = SourceSection.model_validate({"secret": "s", **keys})
    return replace(runtime, settings=runtime.settings.model_copy(update={"sources": {"site": section}}))


def post(runtime: Runtime, fields: dict[str, Any], *, address: str = "203.0.113.7") -> str:
    with TestClient(build_web(runtime, ring=lambda: None), client=(address, 5000)) as web:
        answer = web.post("/hooks/site/s", json=fields)
    assert answer.status_code == 202
    steps.work_here(runtime)
    return str(answer.json()["delivery"])


def outcome(runtime: Runtime, delivery: str) -> tuple[str, str]:
    row = only(runtime, delivery)
    return row["state"], row["reason"]


def only(runtime: Runtime, delivery: str) -> dict[str, Any]:
    story = steps.story(runtime, delivery)
    assert story is not None
    (row,) = story.submissions
    assert row["state"] != "held" or story.settled
    return dict(row)


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({"_gotcha": "x"}, ""),
        ({"form": {"bot-field": "https://spam.example"}}, ""),
        ({"site2": "x"}, "Site2"),
        ({"fields": [{"name": "site2", "value": "x"}]}, "site2"),
    ],
)
def test_a_field_that_people_do_not_see_holds_what_fills_it_in(
    runtime: Runtime, fields: dict[str, Any], own: str
) -> None:
    house = guarded(runtime, honeypot=own)
    assert outcome(house, post(house, {**OLGA, **fields})) == ("held", spam.HONEYPOT)


@pytest.mark.parametrize("fields", [{"_gotcha": ""}, {"bot-field": None}, {"site2": " "}, {"mensagem": "_gotcha=1"}])
def test_a_person_leaves_it_empty(runtime: Runtime, fields: dict[str, Any]) -> None:
    house = guarded(runtime, honeypot="site2")
    assert outcome(house, post(house, {**OLGA, **fields})) == ("done", "")


def test_a_file_is_never_held(runtime: Runtime) -> None:
    house = guarded(runtime, honeypot="nome", captcha="turnstile", captcha_secret="s", rate="1/day")
    delivery = steps.receive(
        house, "site", json.dumps(OLGA).encode(), content_type="application/json", priority=Priority.IMPORT
    ).id
    steps.work_here(house)
    assert outcome(house, delivery) == ("done", "")


def test_too_many_of_one_address_are_held_and_nobody_elses(runtime: Runtime) -> None:
    house = guarded(runtime, rate="2/hour")
    people = [{"nome": f"Olga {name}", "email": f"{name}@example.com"} for name in ("Prates", "Lima", "Reis", "Luz")]
    found = [outcome(house, post(house, fields)) for fields in people]
    assert found == [("done", "")] * 2 + [("held", spam.TOO_MANY)] * 2
    assert outcome(house, post(house, {"email": "nina@example.com"}, address="203.0.113.8")) == ("done", "")


CAPTCHAS = {
    "turnstile": "cf-turnstile-response",
    "hcaptcha": "h-captcha-response",
    "recaptcha": "g-recaptcha-response",
}


@pytest.fixture
def house(runtime: Runtime, provider: Any, request: pytest.FixtureRequest) -> Runtime:
    kind = getattr(request, "param", "turnstile")
    return guarded(runtime, captcha=kind, captcha_secret="ours", captcha_url=provider.url)


@pytest.mark.parametrize(("house", "field"), CAPTCHAS.items(), indirect=["house"])
def test_a_solved_captcha_lets_through_and_another_holds(house: Runtime, provider: Any, field: str) -> None:
    provider.answer = lambda asked: (200, {"success": b"good" in asked.body, "error-codes": []})
    assert outcome(house, post(house, {**OLGA, field: "good"})) == ("done", "")
    assert outcome(house, post(house, {**OLGA, field: "bad"})) == ("held", spam.CAPTCHA_FAILED)
    assert outcome(house, post(house, OLGA)) == ("held", spam.CAPTCHA_FAILED)
    sent = [parse_qs(asked.body.decode()) for asked in provider.asked]
    assert [(form["secret"], form["response"]) for form in sent] == [(["ours"], ["good"]), (["ours"], ["bad"])]


@pytest.mark.parametrize("house", ["recaptcha"], indirect=True)
@pytest.mark.parametrize(("score", "state"), [(0.9, "done"), (0.1, "held")])
def test_recaptcha_3_says_how_likely_it_is_a_person(house: Runtime, provider: Any, score: float, state: str) -> None:
    provider.answer = lambda _asked: (200, {"success": True, "score": score})
    assert outcome(house, post(house, {**OLGA, "g-recaptcha-response": "t"}))[0] == state


@pytest.mark.parametrize(
    "answer", [(500, b"oops"), (200, {}), (400, {"success": False, "error-codes": ["invalid-input-secret"]})]
)
def test_a_captcha_service_that_does_not_answer_is_asked_again_while_the_token_is_good(
    house: Runtime, provider: Any, clock: Any, answer: tuple[int, Any]
) -> None:
    provider.answer = lambda _asked: answer
    first = post(house, {**OLGA, "cf-turnstile-response": "a"})
    assert outcome(house, first)[0] == "waiting"
    clock.forward(30)
    second = post(house, {"email": "nina@example.com", "cf-turnstile-response": "b"})
    provider.answer = lambda asked: (200, {"success": True}) if b"response=a" in asked.body else answer
    clock.forward(60)
    steps.work_here(house)
    assert outcome(house, first) == ("done", "")
    clock.forward(spam.TOKEN_LIFE.total_seconds())
    steps.work_here(house)
    assert outcome(house, second) == ("held", spam.CAPTCHA_UNANSWERED)


def test_asking_turnstile_again_is_no_second_use_of_the_token(house: Runtime, provider: Any, clock: Any) -> None:
    provider.answer = lambda _asked: (503, {})
    post(house, {**OLGA, "cf-turnstile-response": "a"})
    clock.forward(60)
    steps.work_here(house)
    keys = {parse_qs(asked.body.decode())["idempotency_key"][0] for asked in provider.asked}
    assert (len(provider.asked), len(keys)) == (2, 1)


def test_a_person_releases_what_was_held_or_rejects_it(house: Runtime, provider: Any) -> None:
    held = post(house, OLGA)
    other = post(house, {"email": "nina@example.com"})
    ids = [only(house, delivery)["id"] for delivery in (held, other)]
    assert outcomes_of(house, [held, other]).as_json()["outcomes"]["held"] == 2  # type: ignore[index]
    assert steps.let_go_on(house, ids[:1], by="ana") == 1
    assert steps.reject_held(house, ids[1:], by="ana") == 1
    steps.work_here(house)
    assert outcome(house, held) == ("done", "")
    assert outcome(house, other) == ("rejected", spam.CAPTCHA_FAILED)
    assert provider.asked == []
    with pytest.raises(PermanentError, match="1 of these are not held"):
        steps.let_go_on(house, ids[:1], by="ana")
    assert steps.replay_delivery(house, other, by="ana") == 1


def test_none_is_released_where_one_is_not_held(house: Runtime) -> None:
    held = only(house, post(house, OLGA))["id"]
    for decide in (steps.let_go_on, steps.reject_held):
        with pytest.raises(PermanentError):
            decide(house, [held, "sub_none"], by="ana")
    with house.database.read() as tx:
        from worker.store import submissions

        assert (submissions.read(tx, held) or {})["state"] == "held"


def test_the_command_line_lists_explains_and_releases(runtime: Runtime) -> None:
    house = guarded(runtime)
    delivery = post(house, {**OLGA, "_gotcha": "x"})
    data = str(runtime.settings.data)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(command_line, ["--data", data, *arguments])

    listed = json.loads(run("submissions", "list", "--state", "held", "--json").output)
    assert (listed["delivery"], listed["reason"]) == (delivery, spam.HONEYPOT)
    assert "portaria submissions release" in listed["detail"]
    released = run("submissions", "release", listed["id"], "--by", "ana")
    assert (released.exit_code, "Released: 1." in released.output) == (0, True)
    assert outcome(runtime, delivery) == ("done", "")
    again = run("submissions", "reject", listed["id"])
    assert (again.exit_code, "not held" in again.output) == (2, True)


@pytest.mark.parametrize("keys", [{"rate": "many"}, {"rate": "0/hour"}, {"captcha": "cats"}, {"captcha": "hcaptcha"}])
def test_a_guard_that_is_written_wrong_is_said_at_the_start(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SourceSection.model_validate(keys)
