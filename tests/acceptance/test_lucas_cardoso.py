"""Two leads of one name, and an agent that is asked to move "lucas cardoso": nobody moves whom nobody chose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.config import load_settings
from worker.steps.runtime import Runtime, build_runtime

PEOPLE = (
    ("Lucas Cardoso Silva", "Novo lead", "Padaria Aurora"),
    ("Lucas Cardoso Santos", "Em negociação", "Clínica Vida"),
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    runtime = build_runtime(load_settings(tmp_path))
    runtime.database.migrate()
    for name, stage, company in PEOPLE:
        contact = CrmWrite(
            key=f"contact:{name}",
            kind=WriteKind.CREATE_CONTACT,
            contact_id="",
            fields={"name": name, "company": company},
        )
        (parent,) = runtime.crm.perform([contact])
        assert isinstance(parent, RemoteRef)
        lead = CrmWrite(
            key=f"lead:{name}",
            kind=WriteKind.CREATE_LEAD,
            contact_id="",
            target=parent,
            fields={"name": name, "stage": stage},
        )
        runtime.crm.perform([lead])
    runtime.database.close()
    return tmp_path


def stages(data: Path) -> list[str]:
    runtime: Runtime = build_runtime(load_settings(data))
    found = runtime.crm.search("lead", "lucas cardoso")
    runtime.database.close()
    return [record.fields["stage"] for record in sorted(found, key=lambda record: int(record.ref.id))]


def portaria(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "worker.cli", *arguments, "--data", str(data)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_nobody_moves_until_a_person_says_who(data: Path, era: str) -> None:
    command = StdioServerParameters(command=sys.executable, args=["-m", "worker.cli", "mcp", "--data", str(data)])
    async with Client(command, mode=era) as agent:
        asked = await agent.call_tool("update_leads", {"query": "lucas cardoso", "stage": "Reunião agendada"})
        reply = asked.structured_content or {}
        assert reply["status"] == "pending_approval"
        assert stages(data) == ["Novo lead", "Em negociação"]
        for telling in ("Lucas Cardoso Silva", "Novo lead", "Padaria Aurora", "Lucas Cardoso Santos", "Clínica Vida"):
            assert telling in reply["message"]
        granted = portaria(data, "approvals", "grant", reply["approval"], "--only", "2")
        assert "Lucas Cardoso Santos" in granted
        assert stages(data) == ["Novo lead", "Reunião agendada"]
        done = await agent.call_tool("apply_plan", {"id": reply["approval"]})
    assert (done.structured_content or {})["status"] == "done"
    assert stages(data) == ["Novo lead", "Reunião agendada"]
