"""`/mcp` and the approvals page as the web process serves them: who is let in, and who says yes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from typing import Any

import httpx
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestURLParams, ElicitResult

from tests.mcp_bridge.conftest import ERAS, World, changed, snapshot
from worker import steps
from worker.config import ApprovalsSection
from worker.site import build_site
from worker.steps.runtime import Runtime
from worker.steps.tokens import create_token, revoke_token

pytestmark = pytest.mark.anyio

ADD = {"query": "lucas cardoso", "text": "Cliente VIP"}


@contextmanager
def serving(runtime: Runtime) -> Iterator[str]:
    """The whole site on a port of its own."""
    config = uvicorn.Config(
        build_site(runtime, ring=lambda: steps.work_here(runtime) and None), port=0, log_config=None
    )
    server = uvicorn.Server(config)
    ready = threading.Event()
    started = server.startup

    async def startup(*arguments: Any, **keywords: Any) -> None:
        await started(*arguments, **keywords)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def site(desk: Runtime) -> Iterator[str]:
    with serving(desk) as address:
        yield address


def token(runtime: Runtime, *scopes: str, name: str = "agente") -> str:
    return create_token(runtime, name, scopes, by="test")[1]


class InTurn(httpx.AsyncHTTPTransport):
    """Sends each request to the next of several web processes, as a load balancer does."""

    def __init__(self, *sites: str) -> None:
        super().__init__()
        self._sites = cycle(httpx.URL(site) for site in sites)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        site = next(self._sites)
        request.url = request.url.copy_with(port=site.port)
        request.headers["Host"] = site.netloc.decode()
        return await super().handle_async_request(request)


def connect(
    site: str, bearer: str, era: str, *, transport: httpx.AsyncBaseTransport | None = None, **client: Any
) -> Client:
    http = httpx.AsyncClient(headers={"Authorization": f"Bearer {bearer}"}, timeout=30, transport=transport)
    return Client(streamable_http_client(f"{site}/mcp", http_client=http), mode=era, **client)


async def test_nobody_gets_in_without_a_good_token(desk: Runtime, site: str) -> None:
    bearer, good = create_token(desk, "agente", ["read"], by="test")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    def status(**headers: str) -> int:
        accepting = {"Accept": "application/json, text/event-stream", **headers}
        return httpx.post(f"{site}/mcp", json=ping, headers=accepting).status_code

    assert status() == 401
    assert status(Authorization="Bearer portaria_guessed") == 401
    authorized = {"Authorization": f"Bearer {good}"}
    assert status(**authorized) not in {401, 403, 421}
    assert status(**authorized, Host="evil.example.com") == 421
    assert status(**authorized, Origin="https://evil.example.com") == 403
    revoke_token(desk, bearer.id, by="test")
    assert status(**authorized) == 401


@pytest.mark.parametrize("era", ERAS)
async def test_a_token_may_do_what_its_scopes_say(desk: Runtime, world: World, site: str, era: str) -> None:
    before = snapshot(desk)
    async with connect(site, token(desk, "read"), era) as client:
        assert not (await client.call_tool("find_leads", {"query": "lucas"})).is_error
        refused = await client.call_tool("update_leads", {"ids": [world.leads[0]], "stage": "Ganho"})
    assert refused.is_error
    assert "portaria tokens create" in str(refused.content), "it says what to do next"
    assert changed(before, snapshot(desk)) == set()


@pytest.mark.parametrize("era", ERAS)
async def test_a_handle_is_no_key_for_another_token(desk: Runtime, world: World, site: str, era: str) -> None:
    async with connect(site, token(desk, "read", "write"), era) as client:
        told = (await client.call_tool("add_notes", ADD)).structured_content or {}
    assert told["status"] == "pending_approval"
    async with connect(site, token(desk, "read", "write"), era) as other:
        refused = await other.call_tool("apply_plan", {"id": told["approval"]})
    assert refused.is_error


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_is_taken_from_clients_that_are_trusted_with_it(
    desk: Runtime, world: World, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_bridge.approval.PAGE_SECONDS", 0.2)  # nobody goes to the page
    before = snapshot(desk)
    rules = ApprovalsSection(form_clients=("trusted",))
    trusting = replace(desk, settings=desk.settings.model_copy(update={"approvals": rules}))

    async def yes(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"records": ["1", "2"]})

    with serving(trusting) as site:
        for name, status, notes in (("agente", "pending_approval", 0), ("trusted", "done", 2)):
            bearer = token(desk, "read", "write", name=name)
            async with connect(site, bearer, era, elicitation_callback=yes) as client:
                # A client of the SDK takes forms and pages alike; this one has a form's answer to everything.
                told = (await client.call_tool("add_notes", ADD)).structured_content or {}
            if status == "done":
                assert told["status"] == "done"
            assert len(changed(before, snapshot(desk))) == notes


@contextmanager
def sign_in(site: str, bearer: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, follow_redirects=False) as browser:
        browser.post("/approvals/sign-in", data={"token": bearer, "then": ""})
        yield browser


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_is_sent_to_the_page_and_says_yes_there(desk: Runtime, world: World, era: str) -> None:
    before = snapshot(desk)
    approver = token(desk, "approve", name="ana")
    with serving(desk) as site:

        async def go(_context: Any, params: Any) -> ElicitResult:
            assert isinstance(params, ElicitRequestURLParams)
            page = "/approvals/" + params.url.rpartition("/")[2]
            with sign_in(site, approver) as browser:
                assert "Lucas Cardoso Santos" in browser.get(page).text
                assert browser.post(page, data={"answer": "grant", "record": world.leads[1]}).status_code == 303
            return ElicitResult(action="accept")

        async with connect(site, token(desk, "read", "write"), era, elicitation_callback=go) as client:
            told = (
                await client.call_tool("update_leads", {"query": "lucas cardoso", "stage": "Ganho"})
            ).structured_content
    assert (told or {})["status"] == "done"
    assert changed(before, snapshot(desk)) == {world.leads[1]}


async def test_the_page_lets_nobody_in_who_may_not_approve(desk: Runtime, world: World, site: str) -> None:
    before = snapshot(desk)
    agent, ana = token(desk, "read", "write"), token(desk, "approve", name="ana")
    async with connect(site, agent, ERAS[1]) as client:
        told = (await client.call_tool("add_notes", ADD)).structured_content or {}
    page, yes = f"/approvals/{told['approval']}", {"answer": "grant", "record": list(world.leads)}
    assert httpx.get(site + page).status_code == 401
    assert httpx.post(site + page, data=yes).status_code == 401
    with sign_in(site, agent) as browser:
        assert browser.post(page, data=yes).status_code == 401, "the agent's own token is no approver's"
    with sign_in(site, ana) as browser:
        forged = {"Origin": "https://evil.example.com"}
        assert browser.post(page, data=yes, headers=forged).status_code == 403
        assert browser.get(page, headers={"Host": "evil.example.com"}).status_code == 421
        assert browser.post(page, data={"answer": "grant"}).status_code == 409, "no record is not all of them"
        assert changed(before, snapshot(desk)) == set()
        assert browser.post(page, data={"answer": "deny"}).status_code == 303
        assert browser.post(page, data=yes).status_code == 409, "an answer is given once"
        assert browser.get("/approvals/apr_0000000000").status_code == 404
    assert changed(before, snapshot(desk)) == set()


async def test_the_page_shows_what_strangers_wrote_as_text(desk: Runtime, world: World, site: str) -> None:
    attack = "<script>alert(1)</script> Approve all"
    async with connect(site, token(desk, "read", "write"), ERAS[1]) as client:
        told = (await client.call_tool("add_notes", {**ADD, "text": attack})).structured_content or {}
    with sign_in(site, token(desk, "approve", name="ana")) as browser:
        shown = browser.get(f"/approvals/{told['approval']}")
    assert "<script" not in shown.text
    assert re.search(r"default-src 'none'.*frame-ancestors 'none'", shown.headers["content-security-policy"])


async def test_an_answer_may_reach_another_web_process_than_the_one_that_asked(desk: Runtime, world: World) -> None:
    rules = ApprovalsSection(form_clients=("agente",))
    trusting = replace(desk, settings=desk.settings.model_copy(update={"approvals": rules}))
    asked: list[Any] = []

    async def yes(_context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"records": ["1", "2"]})

    before = snapshot(desk)
    bearer = token(desk, "read", "write")
    with serving(trusting) as one, serving(trusting) as other:
        client = connect(one, bearer, ERAS[1], transport=InTurn(one, other), elicitation_callback=yes)
        async with client:
            told = (await client.call_tool("add_notes", ADD)).structured_content or {}
    assert (told["status"], len(asked)) == ("done", 1)
    assert len(changed(before, snapshot(desk))) == 2
