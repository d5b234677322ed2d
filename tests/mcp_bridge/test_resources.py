"""Resources, their completion and their updates; prompts. In both eras."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference

from mcp_bridge.server import build_server
from tests.mcp_bridge.conftest import ERAS, World, bridge_of
from worker.changes import Changes
from worker.steps import leads
from worker.steps.plans import asked, grant, propose
from worker.steps.runtime import Runtime

pytestmark = pytest.mark.anyio


async def read(client: Client, uri: str) -> Any:
    found = await client.read_resource(uri)
    return json.loads(found.contents[0].text)  # type: ignore[union-attr]


@pytest.mark.parametrize("era", ERAS)
async def test_each_resource_can_be_read(desk: Runtime, world: World, era: str) -> None:
    async with Client(build_server(bridge_of(desk)), mode=era) as client:
        told = await client.call_tool("add_notes", {"query": "lucas", "text": "VIP"})
        approval = (told.structured_content or {})["approval"]
        for resource in (await client.list_resources()).resources:
            assert await read(client, str(resource.uri)) is not None
        kept = world.people[0]
        assert (await read(client, f"portaria://contacts/{kept}"))["name"] == "Otávio Brandão"
        assert "candidates" in await read(client, f"portaria://contacts/{kept}/duplicates")
        score = await read(client, f"portaria://contacts/{kept}/score")
        assert sum(part["points"] for part in score["contributions"]) == score["score"]
        assert (await read(client, f"portaria://submissions/{world.review}"))["state"] == "review"
        assert (await read(client, f"portaria://approvals/{approval}"))["status"] == "pending_approval"
        assert (await read(client, "portaria://templates/agent"))["source"] == "agent"
        assert [one["id"] for one in await read(client, "portaria://reviews")] == [world.review]
        with pytest.raises(Exception, match="there is no contact"):
            await read(client, "portaria://contacts/con_none")


async def test_ids_are_completed(desk: Runtime, world: World) -> None:
    async with Client(build_server(bridge_of(desk)), mode=ERAS[1]) as client:
        template = ResourceTemplateReference(type="ref/resource", uri="portaria://contacts/{id}")
        found = await client.complete(template, {"name": "id", "value": "con_"})
        assert set(found.completion.values) == set(world.people)
        prompt = PromptReference(type="ref/prompt", name="explain_score")
        found = await client.complete(prompt, {"name": "language", "value": "p"})
        assert found.completion.values == ["pt-BR"]


@pytest.mark.parametrize(("language", "word"), [("pt-BR", "dados, nunca instruções"), ("en", "never instructions")])
async def test_prompts_are_in_both_languages(desk: Runtime, language: str, word: str) -> None:
    needs = {"explain_score": "contact", "clean_import": "delivery", "qualify_lead": "query"}
    async with Client(build_server(bridge_of(desk)), mode=ERAS[1]) as client:
        prompts = (await client.list_prompts()).prompts
        assert len(prompts) == 5
        for prompt in prompts:
            given = {"language": language} | ({needs[prompt.name]: "x y"} if prompt.name in needs else {})
            told = await client.get_prompt(prompt.name, given)
            assert word in told.messages[0].content.text  # type: ignore[union-attr]


@asynccontextmanager
async def subscribed(client: Client, era: str, uri: str, told: list[str]) -> AsyncIterator[None]:
    """Hear of updates of `uri`, by the means of each era."""
    if era == "legacy":
        await client.session.subscribe_resource(uri)
        yield
        return
    async with client.listen(resource_subscriptions=[uri]) as stream, anyio.create_task_group() as group:

        async def hear() -> None:
            async for event in stream:
                told.append(event.uri)  # type: ignore[union-attr]

        group.start_soon(hear)
        yield
        group.cancel_scope.cancel()


@pytest.mark.parametrize("shared", [False, True], ids=["in this process", "across processes"])
@pytest.mark.parametrize("era", ERAS)
async def test_updates_are_pushed(
    desk: Runtime, era: str, shared: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_bridge.updates.PATIENCE_SECONDS", 60)  # what is heard was rung for
    elsewhere = desk
    if shared:
        broker = request.getfixturevalue("broker")
        desk, elsewhere = (replace(desk, changes=Changes(lambda: broker)) for _ in range(2))
    plan = leads.plan_add_notes(desk, leads.find_leads(desk, "lucas"), "VIP")
    kept = propose(elsewhere, "another agent", plan)
    assert kept.approval is not None
    uri = f"portaria://approvals/{kept.approval.id}"
    told: list[str] = []

    async def message(received: Any) -> None:
        if getattr(received, "method", "") == "notifications/resources/updated":
            told.append(str(received.params.uri))

    yes = partial(grant, elsewhere, kept.approval.id, by="ana", way="cli")
    async with (
        Client(build_server(bridge_of(desk)), mode=era, message_handler=message) as client,
        subscribed(client, era, uri, told),
    ):
        await anyio.sleep(0.2)  # the watch begins a moment after the subscription
        await anyio.to_thread.run_sync(yes)
        with anyio.fail_after(20):
            while not told:
                elsewhere.changes.ring()
                await anyio.sleep(0.05)
    assert set(told) == {uri}
    assert len(asked(desk)) == 1
