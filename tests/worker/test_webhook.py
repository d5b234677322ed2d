"""The door: what it takes, what it refuses, and that it keeps before it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from worker import steps
from worker.errors import TransientError
from worker.ports import Priority
from worker.steps.runtime import Runtime
from worker.store import deliveries
from worker.store.engine import Database
from worker.webhook import Keeper, build_web

PROOF = {"Authorization": "Bearer invented-secret"}


@pytest.fixture
def rung() -> Event:
    return Event()


@pytest.fixture
def web(runtime: Runtime, rung: Event) -> Iterator[TestClient]:
    with TestClient(build_web(runtime, ring=rung.set), base_url="http://127.0.0.1") as client:
        yield client


def kept(runtime: Runtime) -> int:
    return sum(steps.standing(runtime).deliveries.values())


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    return dict(body)


def test_what_is_acknowledged_is_kept_and_the_bell_rings(web: TestClient, runtime: Runtime, rung: Event) -> None:
    answer = web.post("/hooks/site", content=b'{"nome": "x"}', headers={**PROOF, "Content-Type": "application/json"})
    assert answer.status_code == 202
    with runtime.database.read() as tx:
        delivery = deliveries.read(tx, answer.json()["delivery"])
    assert delivery is not None
    assert delivery.body == b'{"nome": "x"}'
    assert rung.wait(5)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_proof_nothing_is_stored(web: TestClient, runtime: Runtime, headers: dict[str, str]) -> None:
    problem(web.post("/hooks/site", json={"nome": "x"}, headers=headers), 401)
    problem(web.post("/hooks/site/wrong", json={"nome": "x"}, headers=headers), 401)
    assert kept(runtime) == 0


def test_the_secret_may_stand_in_the_path(web: TestClient) -> None:
    assert web.post("/hooks/site/invented-secret", json={"nome": "x"}).status_code == 202


def test_an_unknown_source_is_not_found(web: TestClient) -> None:
    assert "[sources.nobody]" in problem(web.post("/hooks/nobody", json={}, headers=PROOF), 404)["detail"]


def test_too_large_is_refused_whether_declared_or_not(web: TestClient, runtime: Runtime) -> None:
    large = b"x" * (runtime.settings.web.max_body + 1)
    problem(web.post("/hooks/site", content=large, headers=PROOF), 413)
    problem(web.post("/hooks/site", content=iter([large]), headers=PROOF), 413)
    just = b"x" * runtime.settings.web.max_body
    assert web.post("/hooks/site", content=just, headers=PROOF).status_code == 202


def test_a_media_type_nobody_reads_is_refused_to_who_is_authentic(web: TestClient) -> None:
    picture = {"Content-Type": "image/png"}
    problem(web.post("/hooks/site", content=b"x", headers={**PROOF, **picture}), 415)
    problem(web.post("/hooks/site", content=b"x", headers=picture), 401)


def test_a_source_without_handshake_takes_no_get(web: TestClient) -> None:
    assert problem(web.get("/hooks/site"), 405)["detail"]


def test_what_cannot_be_read_is_taken_and_quarantined(web: TestClient, runtime: Runtime) -> None:
    headers = {**PROOF, "Content-Type": "application/json"}
    answer = web.post("/hooks/site", content=b'{"nome": "cut', headers=headers)
    assert answer.status_code == 202
    steps.work_here(runtime)
    story = steps.story(runtime, answer.json()["delivery"])
    assert story is not None
    assert (story.delivery["state"], story.submissions) == ("quarantined", [])
    assert "JSON" in story.delivery["detail"]


def test_the_same_delivery_gets_the_same_answer_and_is_stored_once(web: TestClient, runtime: Runtime) -> None:
    answers = {web.post("/hooks/site", json={"nome": "x"}, headers=PROOF).json()["delivery"] for _ in range(3)}
    assert len(answers) == 1
    assert kept(runtime) == 1


def test_a_broken_doorbell_costs_nobody_their_answer(runtime: Runtime) -> None:
    def broken() -> None:
        raise ConnectionError

    with TestClient(build_web(runtime, ring=broken)) as client:
        for number in range(3):
            assert client.post("/hooks/site", json={"n": number}, headers=PROOF).status_code == 202


def test_health_readiness_and_metrics(web: TestClient) -> None:
    assert web.get("/healthz").json() == {"status": "alive"}
    assert web.get("/readyz").json() == {"status": "ready"}
    web.post("/hooks/site", json={"nome": "x"}, headers=PROOF)
    metrics = web.get("/metrics").text
    assert 'portaria_deliveries{state="received"} 1.0' in metrics


def _is_at(runtime: Runtime, revision: str) -> None:
    with runtime.database.write() as tx:
        tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_not_ready_while_the_schema_is_old(web: TestClient, runtime: Runtime) -> None:
    _is_at(runtime, "0001")
    assert "at revision 0001, not" in problem(web.get("/readyz"), 503)["detail"]


def test_ready_on_the_schema_of_a_later_release(web: TestClient, runtime: Runtime) -> None:
    _is_at(runtime, "of_a_later_release")
    assert web.get("/readyz").json() == {"status": "ready"}


def test_the_form_goes_all_the_way(web: TestClient, runtime: Runtime) -> None:
    assert "Nome completo" in web.get("/").text
    answer = web.post("/try", data={"nome": "Olga Prates", "email": "olga@example.com"}, follow_redirects=False)
    assert answer.status_code == 303
    assert "looks again" in web.get(answer.headers["location"]).text
    steps.work_here(runtime)
    page = web.get(answer.headers["location"]).text
    assert "Olga Prates" in page
    assert "new contact" in page
    assert "looks again" not in page


@pytest.mark.parametrize("headers", [{"Host": "portaria.example.com"}, {"Origin": "https://elsewhere.example.com"}])
def test_the_form_answers_at_home_only(web: TestClient, runtime: Runtime, headers: dict[str, str]) -> None:
    problem(web.post("/try", data={"nome": "x"}, headers=headers), 404)
    assert kept(runtime) == 0


def test_a_page_shows_text_as_text(web: TestClient, runtime: Runtime) -> None:
    answer = web.post("/try", data={"nome": "<script>alert(1)</script> Silva", "email": "a@example.com"})
    steps.work_here(runtime)
    assert "<script>alert" not in web.get(answer.url.path).text


def test_sixty_leads_in_one_hook_are_sixty_submissions(web: TestClient, runtime: Runtime) -> None:
    fields = {"account[subdomain]": "acme", "account[id]": "1"}
    for number in range(60):
        for key in ("id", "name", "status_id", "price", "responsible_user_id", "last_modified", "modified_user_id"):
            fields[f"leads[add][{number}][{key}]"] = f"{number}"
        for key in ("created_user_id", "date_create", "pipeline_id", "account_id", "created_at", "updated_at"):
            fields[f"leads[add][{number}][{key}]"] = f"{number}"
        for position in range(7):
            fields[f"leads[add][{number}][custom_fields][{position}][values][0][value]"] = "x"
    assert len(fields) >= 1200
    delivery = web.post("/hooks/kommo/invented-secret", data=fields).json()["delivery"]
    steps.work_here(runtime)
    story = steps.story(runtime, delivery)
    assert story is not None
    assert len(story.submissions) == 60, json.dumps(story.delivery, default=str)


def test_a_look_at_a_hook_stores_nothing(web: TestClient, runtime: Runtime) -> None:
    assert web.head("/hooks/site/invented-secret").status_code == 405
    assert kept(runtime) == 0


@pytest.mark.parametrize("path", ["in%2Fvented%2B/", "in/vented%2b%2F"])
def test_a_secret_in_the_path_may_hold_any_character(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    section = runtime.settings.sources["site"].model_copy(update={"secret": "in/vented+/"})
    sources = {**runtime.settings.sources, "site": section}
    changed = replace(runtime, settings=runtime.settings.model_copy(update={"sources": sources}))
    with TestClient(build_web(changed, ring=lambda: None)) as client:
        assert client.post(f"/hooks/site/{path}", json={"nome": "x"}).status_code == 202
        problem(client.post("/hooks/site/in/vented", json={"nome": "x"}), 401)


def test_who_hangs_up_takes_nobody_along(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    keep = steps.keep

    def slow(*arguments: Any, **keywords: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return keep(*arguments, **keywords)

    monkeypatch.setattr(steps, "keep", slow)
    keeper = Keeper(runtime)
    arrival = steps.Arrival("site", b"x", "text/plain", Priority.LIVE)

    async def hang_up() -> None:
        gone = [asyncio.create_task(keeper.keep(arrival))]
        await asyncio.to_thread(begun.wait, 10)
        gone.append(asyncio.create_task(keeper.keep(arrival)))
        await asyncio.sleep(0)
        for one in gone:  # one while it is kept, one before
            one.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        go_on.set()
        await asyncio.wait_for(keeper.keep(replace(arrival, body=b"y")), 10)

    asyncio.run(hang_up())
    assert kept(runtime) == 2


def test_while_the_store_is_away_all_that_wait_are_told_at_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    begun, go_on = Event(), Event()

    def away(_runtime: Runtime, arrivals: Any, **_: object) -> Any:
        tries.append(len(arrivals))
        begun.set()
        assert go_on.wait(10)
        raise TransientError("away", code="database")

    monkeypatch.setattr(steps, "keep", away)
    keeper = Keeper(runtime)
    arrival = steps.Arrival("site", b"x", "text/plain", Priority.LIVE)

    async def send() -> list[Any]:
        first = asyncio.create_task(keeper.keep(arrival))
        await asyncio.to_thread(begun.wait, 10)
        more = [asyncio.create_task(keeper.keep(arrival)) for _ in range(5)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *more, return_exceptions=True)

    answers = asyncio.run(send())
    assert all(isinstance(answer, TransientError) for answer in answers)
    assert tries == [1, 5]


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/try/del_x"])
def test_while_the_store_is_away_every_page_says_so(
    web: TestClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise TransientError("the database did not answer", code="database")

    monkeypatch.setattr(Database, "read", away)
    assert "database" in problem(web.get(path), 503)["detail"]


def test_while_the_store_is_away_the_door_takes_nothing(
    web: TestClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise TransientError("the database did not answer", code="database")

    monkeypatch.setattr(Database, "write", away)
    for answer in (web.post("/hooks/site", json={}, headers=PROOF), web.post("/try", data={"nome": "x"})):
        problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    monkeypatch.undo()
    assert kept(runtime) == 0


@pytest.mark.parametrize(("free", "hook", "kept_imports"), [(300, 202, 1), (200, 202, 0), (50, 503, 0)])
def test_a_disk_that_is_nearly_full_takes_hooks_longer_than_imports(
    web: TestClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, free: int, hook: int, kept_imports: int
) -> None:
    monkeypatch.setattr(Database, "free_bytes", lambda _: free * 2**20)
    answer = web.post("/hooks/site", json={}, headers=PROOF)
    assert answer.status_code == hook
    assert hook == 202 or int(answer.headers["retry-after"]) > 0
    before = kept(runtime)
    assert before == (hook == 202)
    with suppress(TransientError):
        steps.receive(runtime, "site", b"nome\nAna", content_type="text/csv", priority=Priority.IMPORT)
    assert kept(runtime) - before == kept_imports


def test_what_nobody_foresaw_is_logged_without_its_text(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ValueError("marina@example.com")

    monkeypatch.setattr(steps, "keep", broken)
    app = build_web(runtime, ring=lambda: None)
    with capture_logs() as logged, TestClient(app) as client:  # what it raises would be in the server's log
        answer = client.post("/hooks/site", json={}, headers=PROOF)
    assert "marina" not in str(problem(answer, 500))
    assert "ValueError at test_webhook.py" in str(logged)
    assert "marina" not in str(logged)


@pytest.fixture
def told(runtime: Runtime) -> Iterator[TestClient]:
    """A house that takes outcomes."""
    section = runtime.settings.outcomes.model_copy(update={"secret": "another-secret"})
    house = replace(runtime, settings=runtime.settings.model_copy(update={"outcomes": section}))
    with TestClient(build_web(house, ring=lambda: None), base_url="http://127.0.0.1") as client:
        yield client


def test_outcomes_are_taken_from_who_has_the_secret_of_their_own(told: TestClient, web: TestClient) -> None:
    one = {"email": "olga@example.com", "outcome": "won"}
    assert "[outcomes] secret" in problem(web.post("/outcomes", json=one, headers=PROOF), 401)["detail"]
    problem(told.post("/outcomes", json=one, headers=PROOF), 401)
    problem(told.post("/outcomes", json=one), 401)
    proof = {"Authorization": "Bearer another-secret"}
    for body in (b"{", b"[1]", b'"won"'):
        problem(told.post("/outcomes", content=body, headers=proof), 400)
    person = b'{"nome": "Olga Prates", "email": "olga@example.com"}'
    assert told.post("/hooks/site", content=person, headers={**PROOF, "Content-Type": "application/json"}).is_success


def test_what_became_of_each_outcome_is_answered(told: TestClient, runtime: Runtime) -> None:
    steps.receive(
        runtime, "site", b'{"nome": "Olga Prates", "email": "olga@example.com"}',
        content_type="application/json", priority=Priority.LIVE,
    )  # fmt: skip
    steps.work_here(runtime)
    proof = {"Authorization": "Bearer another-secret"}
    some = [{"email": "olga@example.com", "outcome": "ganho"}, {"email": "nobody@example.com", "outcome": "won"}]
    answer = told.post("/outcomes", json=some, headers=proof)
    assert answer.status_code == 200
    assert (answer.json()["recorded"], answer.json()["problems"]) == (1, {"unmatched": 1})
    again = told.post("/outcomes", json=some[0], headers=proof).json()
    assert (again["recorded"], again["known"]) == (0, 1)
    assert 'portaria_outcomes{outcome="won"} 1.0' in told.get("/metrics").text
