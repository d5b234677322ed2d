"""A desk with people, leads, a review and a merge, made once and copied for each test; and clients of both eras."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mcp_bridge.bridge import Bridge
from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker import steps, tables
from worker.config import ApprovalsSection, load_settings
from worker.ports import Priority
from worker.steps.runtime import Runtime, build_runtime

ERAS = ("legacy", "2026-07-28")
"""As `mcp.Client` names them: the handshake of 2025-11-25, and 2026-07-28."""

PEOPLE = (
    ("Otávio Brandão", "otavio@brandao.example.com"),
    ("Marina Azevedo", "marina@azevedo.example.com"),
    ("Kenji Watanabe", "kenji@watanabe.example.com"),
    ("Helga Zimmermann", "helga@zimmermann.example.com"),
)


@dataclass(frozen=True)
class World:
    """What is there, by name."""

    file: Path
    people: tuple[str, ...]
    leads: tuple[str, ...]
    review: str
    candidate: str
    merge: str


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The database file to copy, with the ids of what is in it."""
    folder = tmp_path_factory.mktemp("world")
    runtime = build_runtime(load_settings(folder))
    runtime.database.migrate()
    for name, email in PEOPLE:
        send(
            runtime,
            nome=name,
            email=email,
            empresa=f"Empresa {name.split()[-1]}",
            cpf="529.982.247-25" if "Marina" in name else "",
        )
        steps.work_here(runtime)
    with runtime.database.read() as tx:
        found = tx.execute(sa.select(tables.contacts.c.id).order_by(tables.contacts.c.no)).scalars()
        otavio, marina, kenji, helga = found
    merge = steps.merge_contacts_of(runtime, kenji, helga, by="test")
    # Everything agrees but the document: likely one person, and a rule asks for a person's word.
    send(runtime, nome=PEOPLE[1][0], email=PEOPLE[1][1], empresa="Empresa Azevedo", cpf="111.444.777-35")
    steps.work_here(runtime)
    (review,) = steps.waiting_reviews(runtime)
    leads = runtime.crm.perform(
        [
            lead(name, stage)
            for name, stage in (("Lucas Cardoso Silva", "Novo lead"), ("Lucas Cardoso Santos", "Em negociação"))
        ]
    )
    refs = tuple(f"lead/{ref.id}" for ref in leads if isinstance(ref, RemoteRef))
    runtime.database.checkpoint()
    runtime.database.close()
    return World(folder / "portaria.db", (otavio, marina, kenji), refs, review.id, review.candidate, merge)


def send(runtime: Runtime, **fields: str) -> None:
    body = json.dumps(fields).encode()
    steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE)


def lead(name: str, stage: str) -> CrmWrite:
    fields = {"name": name, "stage": stage, "price": 100}
    return CrmWrite(key=f"test:{name}", kind=WriteKind.CREATE_LEAD, contact_id="", fields=fields)


@pytest.fixture
def desk(world: World, tmp_path: Path, clock: Any) -> Iterator[Runtime]:
    """A runtime of this test alone, over a copy of the world."""
    for file in world.file.parent.glob("portaria.db*"):
        shutil.copy(file, tmp_path / file.name)
    made = build_runtime(load_settings(tmp_path), clock=clock)
    yield made
    made.database.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def bridge_of(runtime: Runtime, **keywords: Any) -> Bridge:
    """A bridge over stdio where the work is done in this process; `rules` are those of `[approvals]`."""
    rules = keywords.pop("rules", None)
    if rules is not None:
        settings = runtime.settings.model_copy(update={"approvals": ApprovalsSection(**rules)})
        runtime = replace(runtime, settings=settings)
    return Bridge(runtime, lambda: steps.work_here(runtime) and None, **{"over_stdio": True, **keywords})


def snapshot(runtime: Runtime) -> dict[str, Any]:
    """All that writes can change, by what it is of."""
    with runtime.database.read() as tx:
        crm = tx.execute(sa.select(tables.local_crm)).mappings()
        kept: dict[str, Any] = {f"{row['kind']}/{row['id']}": (row["fields"], row["parent_id"]) for row in crm}
        people = tx.execute(sa.select(tables.contacts.c.id, tables.contacts.c.state)).all()
        kept |= {row.id: row.state for row in people}
        told = tx.execute(sa.select(tables.submissions.c.id, tables.submissions.c.contact_id)).all()
        kept |= {row.id: row.contact_id for row in told}
        ended = tx.execute(sa.select(tables.lead_outcomes.c.subject, tables.lead_outcomes.c.outcome)).all()
        kept |= {f"outcome/{row.subject}": row.outcome for row in ended}
    return kept


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """What is new or not as it was."""
    return {name for name, value in after.items() if before.get(name) != value} | (before.keys() - after.keys())
