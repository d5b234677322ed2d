"""A dry run changes nothing, and what it says is what the replay then does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.models import Fact
from tests.worker.steps.test_replaying import MAPPING, mended, send
from tests.worker.steps.test_stages import Asked
from worker import steps, tables
from worker.config import SourceSection
from worker.errors import PermanentError
from worker.ports import Priority
from worker.steps.foreseeing import ASKS_OUTSIDE, Standing, _as_it_stands, foresee_replay
from worker.steps.replay_views import outlook_view
from worker.steps.runtime import Runtime
from worker.store import submissions
from worker.store.replays import Wanted

Break = Callable[[str], Any]


def everything(runtime: Runtime) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table; on PostgreSQL with who wrote and locked it."""
    kept = {}
    with runtime.database.read() as tx:
        hidden = "xmin::text, xmax::text, " if tx.dialect.name == "postgresql" else ""
        for table in tables.metadata.sorted_tables:
            found = tx.execute(sa.text(f"SELECT {hidden}* FROM {table.name}")).all()
            kept[table.name] = sorted(tuple(map(repr, row)) for row in found)
    return kept


def made(runtime: Runtime) -> tuple[set[str], dict[str, set[str]]]:
    """Keys of the CRM writes of the stage create that were made, and workflows started by submission."""
    writes, runs = tables.crm_writes, tables.workflow_runs
    started: dict[str, set[str]] = {}
    with runtime.database.read() as tx:
        keys = set(
            tx.execute(sa.select(writes.c.key).where(writes.c.stage == "create", writes.c.state == "done")).scalars()
        )
        for row in tx.execute(sa.select(runs.c.submission_id, runs.c.workflow)):
            started.setdefault(row.submission_id, set()).add(row.workflow)
    return keys, started


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Runtime, dict[str, str]], str]:
    """Send somebody while a stage is broken: given up, their delivery's id."""

    def wrong(*_: object, **__: object) -> None:
        raise PermanentError("broken", code="broken")

    def give_up(where: str, runtime: Runtime, person: dict[str, str]) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(where, wrong)
            return send(runtime, person)

    return give_up


@pytest.fixture
def house(runtime: Runtime, clock: Any, breaking: Any) -> Runtime:
    """Of everything that can be set aside some, the cause of most of it mended by now."""
    size = Fact(field="company_size", value="50-200", by="registry", at=clock.now)
    sources = {**runtime.fact_sources, "registry": Asked("registry", size)}
    asking = replace(runtime, fact_sources=sources, mail_exchange=None)
    olga = {"nome": "Olga Prates", "email": "olga@prates.example.com", "fone": "(11) 97654-0123"}
    send(asking, olga)
    breaking("worker.steps.stages.normalize_record", asking, {**olga, "cargo": "Diretora", "mensagem": "Quero comprar"})
    breaking("worker.steps.scoring.score_features", asking, {"nome": "Bruno Lima", "email": "bruno@lima.example.com"})
    breaking("worker.steps.creating.plan_create", asking, {"nome": "Caio Reis", "email": "caio@reis.example.com"})
    for message in ("Quero um orçamento", "Com urgência"):
        clock.forward(1)  # the ids of one instant have no order
        send(asking, {"xq7": "Gilda Nunes", "xq8": "Oficina Nunes", "mensagem": message})
    send(asking, {"nome": "teste"})
    send(asking, b"{")
    same = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "fone": "(11) 97654-0999"}
    send(asking, {**same, "cpf": "529.982.247-25"})
    breaking("worker.steps.stages.normalize_record", asking, {**same, "cpf": "111.444.777-35"})
    rows = b'{"nome": "Davi Melo", "email": "davi@example.com"}\n{"nome": \n'
    steps.receive(asking, "lista", rows, content_type="application/x-ndjson", priority=Priority.IMPORT)
    steps.work_here(asking)
    unknown = asking.settings.model_copy(update={"sources": {"novo": SourceSection(kind="nonsense", secret="s")}})
    send(replace(asking, settings=unknown), {"nome": "Elisa Rocha", "email": "elisa@prates.example.com"}, "novo")
    clock.forward(60)
    whole = mended(asking, MAPPING)
    known = {**whole.settings.sources, "novo": SourceSection(kind="generic", secret="s")}
    return replace(whole, settings=whole.settings.model_copy(update={"sources": known}))


def test_nothing_is_changed_and_what_it_says_happens(house: Runtime) -> None:
    before = everything(house)
    asked = list(house.fact_sources["registry"].asked)  # type: ignore[attr-defined]
    outlooks, left = foresee_replay(house, Wanted(), limit=100)
    assert everything(house) == before
    assert house.fact_sources["registry"].asked == asked  # type: ignore[attr-defined]
    assert left == 0

    keys, runs = made(house)
    replayed = steps.replay(house, Wanted(), by="ana", limit=100)
    steps.work_here(house)
    keys_after, runs_after = made(house)
    happened: dict[str, Standing] = {}
    with house.database.read() as tx:
        for outlook in outlooks:
            if row := submissions.read(tx, outlook.id):
                happened[outlook.id] = _as_it_stands(row)
    foreseen = {outlook.id: outlook.after for outlook in outlooks if outlook.id in happened}
    assert set(happened) >= set(replayed.submissions)
    for each, standing in happened.items():
        assert asdict(foreseen[each] or Standing("")) == asdict(standing)
    assert {write.key for outlook in outlooks for write in outlook.writes} == keys_after - keys
    for outlook in outlooks:
        assert set(outlook.workflows) == runs_after.get(outlook.id, set()) - runs.get(outlook.id, set())
    # All that was to be tried is in it.
    told = {(str(each.state), each.decision) for each in happened.values()}
    assert told == {("done", "new"), ("done", "match"), ("review", "review"), ("rejected", "")}
    deliveries = {outlook.id: outlook.after for outlook in outlooks if outlook.id in replayed.deliveries}
    assert sorted(str(after.state) for after in deliveries.values() if after) == ["opened", "quarantined"]


def test_each_difference_is_shown_with_what_was(house: Runtime) -> None:
    outlooks, _ = foresee_replay(house, Wanted(sources=["site"], states=["rejected"]), limit=1)
    (view,) = map(outlook_view, outlooks)
    assert (view["before"]["state"], view["after"]["state"]) == ("rejected", "done")
    assert view["changes"]["name"] == [None, ["Gilda Nunes"]]
    assert view["changes"]["decision"] == [None, "new"]
    assert view["changes"]["score"][0] is None
    assert [write["kind"] for write in view["writes"]] == ["create_contact", "add_note"]
    json.dumps(view)


def test_who_would_be_asked_is_told_and_what_is_known_is_frozen(house: Runtime, clock: Any) -> None:
    """The cache of what was asked has run out: what the submission had found stands."""
    clock.forward(7200)
    asked = len(house.fact_sources["registry"].asked)  # type: ignore[attr-defined]
    outlooks, _ = foresee_replay(house, Wanted(reasons=["broken"]), limit=100)
    with house.database.read() as tx:
        rows = {each.id: submissions.read(tx, each.id) or {} for each in outlooks}
    scored = [each for each in outlooks if rows[each.id]["facts"]]
    assert scored
    for each in scored:
        assert "registry" in each.asks
        assert each.after is not None
        assert each.after.score is not None
        assert any("size" in part.feature for part in each.after.score.contributions)
    assert len(house.fact_sources["registry"].asked) == asked  # type: ignore[attr-defined]


def test_what_is_fetched_first_cannot_be_foreseen(runtime: Runtime) -> None:
    body = json.dumps(
        {"object": "page", "entry": [{"id": "1", "changes": [{"field": "leadgen", "value": {"leadgen_id": "5"}}]}]}
    ).encode()

    def house(**options: Any) -> Runtime:
        section = SourceSection(kind="meta", secret="s", **options)
        return replace(runtime, settings=runtime.settings.model_copy(update={"sources": {"meta": section}}))

    steps.receive(house(), "meta", body, content_type="application/json", priority=Priority.LIVE)
    steps.work_here(house())
    (outlook,), _ = foresee_replay(house(token="t"), Wanted(), limit=10)
    assert (outlook.after, outlook.unforeseen, outlook.asks) == (None, ASKS_OUTSIDE, {"meta"})
    assert outlook_view(outlook)["after"]["state"] == "unforeseen"


def test_so_many_at_a_time(house: Runtime) -> None:
    everyone, _ = foresee_replay(house, Wanted(), limit=100)
    some, left = foresee_replay(house, Wanted(states=["dead"]), limit=2)
    assert (len(some), left) == (2, sum(one.before is not None and one.before.state == "dead" for one in everyone) - 2)
