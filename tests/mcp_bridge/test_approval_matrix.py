"""Each tool that writes, each answer, both eras: exactly the records that should have changed did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client
from mcp.types import CreateMessageResult, ElicitResult, TextContent

from mcp_bridge.server import build_server
from tests.mcp_bridge.conftest import ERAS, World, bridge_of, changed, snapshot
from worker.steps.plans import asked, grant
from worker.steps.runtime import Runtime

pytestmark = pytest.mark.anyio

ASK_ALWAYS = {"budget": 0}
"""So that also what touches one record asks."""

DUE = "2026-12-01T10:00:00-03:00"


def calls(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    """By case, a tool and its arguments."""
    both = {"query": "lucas cardoso"}
    new = [
        {"nome": "Beatriz Quintela", "email": "bia@quintela.example.com"},
        {"nome": "Jorge Yamada", "email": "jorge@yamada.example.com"},
    ]
    ended = [
        {"contact": world.people[0], "outcome": "won"},
        {"email": "marina@azevedo.example.com", "outcome": "lost"},
    ]
    return {
        "update_leads by query": ("update_leads", {**both, "stage": "Reunião agendada"}),
        "update_leads by ids": ("update_leads", {"ids": list(world.leads), "tags": ["vip"], "price": 7}),
        "add_notes": ("add_notes", {**both, "text": "Cliente VIP"}),
        "add_tasks": ("add_tasks", {"ids": list(world.leads), "text": "Ligar", "due_at": DUE}),
        "run_pipeline": ("run_pipeline", {"contacts": new}),
        "create_contact": ("create_contact", {"fields": new[0]}),
        "resolve_review": ("resolve_review", {"submission": world.review, "same_as": world.candidate}),
        "merge_contacts": ("merge_contacts", {"kept": world.people[0], "other": world.people[1]}),
        "undo_merge": ("undo_merge", {"merge": world.merge}),
        "trigger_workflow": ("trigger_workflow", {"contacts": list(world.people[:2]), "workflow": "hot"}),
        "record_outcomes": ("record_outcomes", {"outcomes": ended}),
    }  # fmt: skip


CASES = (
    "update_leads by query", "update_leads by ids", "add_notes", "add_tasks", "run_pipeline", "create_contact",
    "resolve_review", "merge_contacts", "undo_merge", "trigger_workflow", "record_outcomes",
)  # fmt: skip
WHOLE_OR_NOTHING = {"merge_contacts", "undo_merge"}
"""Neither half of a merge is a merge."""


def made_by(case: str, before: dict[str, Any], after: dict[str, Any], world: World, *, first_only: bool) -> None:
    """Assert that what the case should change did, and nothing else."""
    new = changed(before, after)
    first, second = world.leads
    touched = {first} if first_only else {first, second}
    if case.startswith("update_leads"):
        assert new == touched
    elif case in {"add_notes", "add_tasks"}:
        assert {f"lead/{after[name][1]}" for name in new} == touched
        assert len(new) == len(touched), "and nothing else"
    elif case in {"run_pipeline", "create_contact"}:
        people = {name for name in new if name.startswith("con_")}
        assert len(people) == (1 if first_only or case == "create_contact" else 2)
        assert not new & before.keys(), "nobody who was there"
    elif case == "resolve_review":
        assert after[world.review] == world.candidate
    elif case == "merge_contacts":
        assert after[world.people[1]] == "merged"
        assert {name for name in new if name.startswith("con_")} == {world.people[1]}
    elif case == "undo_merge":
        assert [after[name] for name in new if name.startswith("con_")] == ["live"]
    elif case == "record_outcomes":
        told = dict(zip((f"outcome/{one}" for one in world.people), ("won", "lost"), strict=False))
        assert {name: after[name] for name in new} == dict(list(told.items())[: 1 if first_only else 2])
    else:
        leads = {name for name in new if name.startswith("lead/")}
        assert len(leads) == (1 if first_only else 2)
        assert not new & before.keys()


def answering(action: str, content: Any = None) -> tuple[Callable[..., Any], list[Any]]:
    """A client's person who answers so, and what they were shown."""
    shown: list[Any] = []

    async def answer(_context: Any, params: Any) -> ElicitResult:
        shown.append(params)
        return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    return answer, shown


async def call(
    runtime: Runtime, era: str, tool: str, arguments: dict[str, Any], rules: dict[str, Any], **client: Any
) -> dict[str, Any]:
    server = build_server(bridge_of(runtime, rules={**ASK_ALWAYS, **rules}))
    async with Client(server, mode=era, **client) as connected:
        result = await connected.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("case", CASES)
async def test_no_capability_then_nothing_is_written(desk: Runtime, world: World, case: str, era: str) -> None:
    before = snapshot(desk)
    told = await call(desk, era, *calls(world)[case], rules={})
    assert (told["status"], changed(before, snapshot(desk))) == ("pending_approval", set())
    assert told["approval"].startswith("apr_")
    assert told["records"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("case", CASES)
async def test_accepted_then_all_of_it_is_written_once(desk: Runtime, world: World, case: str, era: str) -> None:
    before = snapshot(desk)
    numbers = [str(number) for number in range(1, 3)]
    if case in {"create_contact", "resolve_review"}:
        numbers = ["1"]
    person, shown = answering("accept", {"records": numbers})
    told = await call(desk, era, *calls(world)[case], rules={}, elicitation_callback=person)
    assert (told["status"], len(shown)) == ("done", 1), told
    made_by(case, before, snapshot(desk), world, first_only=False)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("case", CASES)
async def test_only_the_first_one_is_an_answer(desk: Runtime, world: World, case: str, era: str) -> None:
    before = snapshot(desk)
    person, _ = answering("accept", {"records": ["1"]})
    told = await call(desk, era, *calls(world)[case], rules={}, elicitation_callback=person)
    if case in WHOLE_OR_NOTHING:
        assert (told["status"], changed(before, snapshot(desk))) == ("pending_approval", set())
    else:
        assert told["status"] == "done"
        made_by(case, before, snapshot(desk), world, first_only=True)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("case", CASES)
async def test_no_and_too_late_and_a_model_alone_write_nothing(
    desk: Runtime, world: World, clock: Any, case: str, era: str
) -> None:
    before = snapshot(desk)
    tool, arguments = calls(world)[case]

    async def too_late(_context: Any, _params: Any) -> ElicitResult:
        clock.forward(3601)
        return ElicitResult(action="accept", content={"records": ["1"]})

    async def model(_context: Any, _params: Any) -> CreateMessageResult:
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text="YES"), model="some-model")

    answers: list[tuple[dict[str, Any], str]] = [
        ({"elicitation_callback": answering("decline")[0]}, "denied"),
        ({"elicitation_callback": answering("cancel")[0]}, "cancelled"),
        ({"elicitation_callback": too_late}, "expired"),
        ({"elicitation_callback": answering("accept", {"records": []})[0]}, "pending_approval"),
        ({"elicitation_callback": answering("accept", {"yes": True})[0]}, "pending_approval"),
        ({"sampling_callback": model}, "pending_approval"),
    ]
    for client, status in answers:
        told = await call(desk, era, tool, arguments, rules={}, **client)
        assert told["status"] == status
    assert changed(before, snapshot(desk)) == set()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("said", "status"), [("YES.", "done"), ("2", "done"), ("NO", "denied"), ("Yes, I think", "denied")]
)
async def test_a_model_answers_only_where_that_is_switched_on(
    desk: Runtime, world: World, era: str, said: str, status: str
) -> None:
    before = snapshot(desk)

    async def model(_context: Any, _params: Any) -> CreateMessageResult:
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text=said), model="some-model")

    told = await call(desk, era, *calls(world)["add_notes"], rules={"sampling": True}, sampling_callback=model)
    assert told["status"] == status
    (kept,) = asked(desk)
    assert kept.approval is not None
    assert kept.approval.way == "sampling"
    assert "some-model" in kept.approval.by, "a model's answer is told from a person's"
    notes = [name for name in changed(before, snapshot(desk)) if name.startswith("note/")]
    assert len(notes) == {"YES.": 2, "2": 1}.get(said, 0)


@pytest.mark.parametrize("era", ERAS)
async def test_what_was_granted_elsewhere_is_told_by_apply_plan(desk: Runtime, world: World, era: str) -> None:
    before = snapshot(desk)
    told = await call(desk, era, *calls(world)["update_leads by query"], rules={})
    handle = {"id": told["approval"]}
    again = await call(desk, era, "apply_plan", handle, rules={})
    assert (again["status"], changed(before, snapshot(desk))) == ("pending_approval", set())
    grant(desk, told["approval"], ["2"], by="ana", way="cli")
    done = await call(desk, era, "apply_plan", handle, rules={})
    assert (done["status"], changed(before, snapshot(desk))) == ("done", {world.leads[1]})
    assert (await call(desk, era, "apply_plan", handle, rules={}))["status"] == "done"


# --- attacks on the rounds of the 2026 era ----------------------------------------------------------------------------

ADD = {"query": "lucas cardoso", "text": "Cliente VIP"}


async def test_an_approved_round_sent_again_writes_nothing_again(desk: Runtime, world: World) -> None:
    before = snapshot(desk)
    server = build_server(bridge_of(desk))
    person, _ = answering("accept", {"records": ["1", "2"]})
    async with Client(server, mode=ERAS[1], elicitation_callback=person) as client:
        first = await client.session.call_tool("add_notes", ADD, allow_input_required=True)
        answers = {"approval": ElicitResult(action="accept", content={"records": ["1", "2"]})}
        for _ in range(3):
            told = await client.session.call_tool(
                "add_notes", ADD, input_responses=answers, request_state=first.request_state, allow_input_required=True
            )
            assert told.structured_content["status"] == "done"
    assert len(changed(before, snapshot(desk))) == 2


async def test_answers_that_were_not_asked_for_count_for_nothing(desk: Runtime, world: World) -> None:
    before = snapshot(desk)
    server = build_server(bridge_of(desk))
    answers = {"approval": ElicitResult(action="accept", content={"records": ["1", "2"]})}
    person, _ = answering("accept")
    async with Client(server, mode=ERAS[1], elicitation_callback=person) as client:
        call_tool = client.session.call_tool
        forged = await call_tool("add_notes", ADD, input_responses=answers, allow_input_required=True)
        assert forged.result_type == "input_required", "without the state of a question it is a new question"
        other = await call_tool("add_notes", {**ADD, "text": "Outra"}, allow_input_required=True)
        for state in (other.request_state, "apr_guessed", forged.request_state[:-4] + "AAAA"):
            with pytest.raises(Exception, match="Invalid or expired requestState"):
                await call_tool(
                    "add_notes", ADD, input_responses=answers, request_state=state, allow_input_required=True
                )
    assert changed(before, snapshot(desk)) == set()


@pytest.mark.parametrize("era", ERAS)
async def test_one_by_one_is_asked_about_once_the_budget_is_spent(desk: Runtime, world: World, era: str) -> None:
    before = snapshot(desk)
    rules = {"budget": 1}
    statuses = []
    for name in world.leads:
        told = await call(desk, era, "update_leads", {"ids": [name], "stage": "Ganho"}, rules=rules)
        statuses.append(told["status"])
    assert statuses == ["done", "pending_approval"]
    assert changed(before, snapshot(desk)) == {world.leads[0]}


async def test_outcomes_are_kept_by_lead_or_contact_and_what_is_in_force_is_nothing_to_do(
    desk: Runtime, world: World
) -> None:
    rules = {"budget": 10}
    one = {"outcomes": [{"contact": world.people[0], "outcome": "ganho", "at": "2026-01-02", "value": 900}]}
    shown = await call(desk, ERAS[1], "record_outcomes", {**one, "dry_run": True}, rules=rules)
    assert [record["after"] for record in shown["records"]] == [{"outcome": "won"}]
    before = snapshot(desk)
    told = await call(desk, ERAS[1], "record_outcomes", one, rules=rules)
    assert (told["status"], changed(before, snapshot(desk))) == ("done", {f"outcome/{world.people[0]}"})
    again = await call(desk, ERAS[1], "record_outcomes", one, rules=rules)
    assert again["status"] == "nothing_to_do"


async def test_an_outcome_of_nobody_keeps_none_of_them(desk: Runtime, world: World) -> None:
    before = snapshot(desk)
    some = [{"contact": world.people[0], "outcome": "won"}, {"email": "nobody@example.com", "outcome": "won"}]
    async with Client(build_server(bridge_of(desk)), mode=ERAS[1]) as client:
        result = await client.call_tool("record_outcomes", {"outcomes": some})
    assert result.is_error
    assert "outcome 2: nobody we know" in result.content[0].text  # type: ignore[union-attr]
    assert changed(before, snapshot(desk)) == set()


async def test_one_of_two_that_is_so_already_does_not_tell_which_was_meant(desk: Runtime, world: World) -> None:
    rules = {"budget": 10}
    await call(desk, ERAS[1], "update_leads", {"ids": [world.leads[0]], "stage": "Ganho"}, rules=rules)
    told = await call(desk, ERAS[1], "update_leads", {"query": "lucas cardoso", "stage": "Ganho"}, rules=rules)
    assert told["status"] == "pending_approval"
    assert len(told["records"]) == 2
