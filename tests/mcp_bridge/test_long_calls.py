"""Long calls as a client sees them: how far they are, and what a cancelled one leaves undone. In both eras."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from mcp import Client

from mcp_bridge.server import build_server
from pipelines.models import CrmWrite
from tests.mcp_bridge.conftest import ERAS, bridge_of, lead
from worker.ports import Crm
from worker.steps.plans import grant, look_up
from worker.steps.runtime import Runtime

pytestmark = pytest.mark.anyio

LEADS = 45
TOGETHER = 20
"""So many operations are done between two words on how far a plan is."""
MOVE = {"query": "turma", "stage": "Reunião agendada"}
GIVE_UP_SECONDS = 30


@dataclass(frozen=True)
class HeldCrm:
    """A CRM that waits in its first call until it is let go."""

    crm: Crm
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.crm, name)

    def perform(self, writes: Sequence[CrmWrite]) -> Any:
        self.begun.set()
        assert self.go_on.wait(GIVE_UP_SECONDS)
        return self.crm.perform(writes)


@pytest.fixture
def leads(desk: Runtime) -> None:
    desk.crm.perform([lead(f"Turma {number}", "Novo lead") for number in range(LEADS)])


def moved(runtime: Runtime) -> int:
    return sum(record.fields.get("stage") == MOVE["stage"] for record in runtime.crm.search("lead", MOVE["query"]))


async def granted(client: Client, runtime: Runtime) -> str:
    asked = (await client.call_tool("update_leads", MOVE)).structured_content or {}
    grant(runtime, asked["approval"], by="ana", way="cli")
    return str(asked["approval"])


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_hears_how_far_a_long_call_is(desk: Runtime, leads: None, era: str) -> None:
    told: list[tuple[float, float | None]] = []

    async def hear(done: float, total: float | None, _message: str | None) -> None:
        told.append((done, total))

    async with Client(build_server(bridge_of(desk)), mode=era) as client:
        approval = await granted(client, desk)
        result = await client.call_tool("apply_plan", {"id": approval}, progress_callback=hear)
    assert (result.structured_content or {})["status"] == "done"
    assert told == [(20, LEADS), (40, LEADS), (45, LEADS)]


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_cancelled_call_has_not_begun_is_not_done(desk: Runtime, leads: None, era: str) -> None:
    crm = HeldCrm(desk.crm)
    async with Client(build_server(bridge_of(replace(desk, crm=crm))), mode=era) as client:
        approval = await granted(client, desk)
        with anyio.fail_after(GIVE_UP_SECONDS):
            async with anyio.create_task_group() as calling:
                calling.start_soon(client.call_tool, "apply_plan", {"id": approval})
                await anyio.to_thread.run_sync(crm.begun.wait, GIVE_UP_SECONDS)
                calling.cancel_scope.cancel()
            # An answer to a later call: by then the server has read that the first was cancelled.
            await client.call_tool("list_reviews", {})
            crm.go_on.set()
            while look_up(desk, approval).outcome == {}:
                await anyio.sleep(0.01)
    assert moved(desk) == TOGETHER
