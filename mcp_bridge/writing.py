"""Tools that write. Each makes a plan; one record is done at once, two or more when a person has said yes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import InputRequiredResult, ToolAnnotations
from pydantic import Field

from mcp_bridge.approval import ask, carry_out, settle
from mcp_bridge.bridge import Bridge, caller_of, told
from mcp_bridge.results import Written
from pipelines.plans import Plan
from worker.steps import desk, leads, resources
from worker.steps.plans import look_up

Answer = Written | InputRequiredResult
Ctx = Context[Any, Any]

Contacts = Annotated[list[dict[str, Any]], Field(description="Fields of each, as a form would send them")]
Outcomes = Annotated[
    list[dict[str, Any]],
    Field(description="outcome (won, lost, open); of contact (con_...), lead, email or phone; at (ISO 8601), value"),
]
Key = Annotated[str, Field(description="The same key again makes nothing new")]
Query = Annotated[str, Field(description="Words that the leads hold: a name, an e-mail, a phone")]
Ids = Annotated[list[str], Field(description="lead/12")]
Records = Annotated[list[str], Field(description="lead/12 or contact/7")]
Dry = Annotated[bool, Field(description="Only show what would change")]

ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True)


def writing_tools(bridge: Bridge) -> list[Tool]:
    """The tools, over this bridge."""
    runtime = bridge.runtime

    async def bring(ctx: Ctx, tool: str, contacts: list[dict[str, Any]], key: str, dry: bool) -> Answer:
        caller = caller_of(bridge, "write")
        before = None
        if not ctx.request_state:
            before = await anyio.to_thread.run_sync(desk.brought_before, runtime, caller.name, key)
        if before is not None:
            answer: Answer = Written(status="done", message=f"This key was used before: it made {before}.")
            deliveries = [before]
            await settle(bridge, ctx, deliveries)
        else:
            answer = await carry_out(bridge, ctx, lambda _: desk.plan_contacts(runtime, tool, contacts, key), dry=dry)
            if isinstance(answer, InputRequiredResult):
                return answer
            deliveries = list(dict.fromkeys(one["made"] for one in answer.results if one["state"] == "done"))
        if not deliveries:
            return answer
        made = await anyio.to_thread.run_sync(resources.submissions_of, runtime, deliveries)
        names = ("id", "state", "decision", "contact", "score", "reason")
        return answer.model_copy(update={"results": [{name: one[name] for name in names} for one in made]})

    @told
    async def run_pipeline(contacts: Contacts, ctx: Ctx, idempotency_key: Key = "", dry_run: Dry = False) -> Answer:
        """Take in 1 to 500 contacts: deduplicated, enriched, scored, written to the CRM, workflows started."""
        return await bring(ctx, "run_pipeline", contacts, idempotency_key, dry_run)

    @told
    async def create_contact(
        fields: dict[str, Any], ctx: Ctx, idempotency_key: Key = "", dry_run: Dry = False
    ) -> Answer:
        """Take in one contact; tells whether it is new or somebody known."""
        return await bring(ctx, "create_contact", [fields], idempotency_key, dry_run)

    @told
    async def resolve_review(
        submission: str, ctx: Ctx, same_as: str = "", why: str = "", dry_run: Dry = False
    ) -> Answer:
        """Decide a review: the same person as contact same_as, or (empty) somebody new."""
        return await carry_out(
            bridge, ctx, lambda _: desk.plan_resolving(runtime, submission, same_as or None, why), dry=dry_run
        )

    @told
    async def merge_contacts(kept: str, other: str, ctx: Ctx, why: str = "", dry_run: Dry = False) -> Answer:
        """Make one contact of two; the other becomes part of kept. Can be undone."""
        return await carry_out(bridge, ctx, lambda _: desk.plan_merging(runtime, kept, other, why), dry=dry_run)

    @told
    async def undo_merge(merge: str, ctx: Ctx, dry_run: Dry = False) -> Answer:
        """Undo a merge or split (mrg_...)."""
        return await carry_out(bridge, ctx, lambda _: desk.plan_undoing(runtime, merge), dry=dry_run)

    @told
    async def trigger_workflow(contacts: list[str], workflow: str, ctx: Ctx, dry_run: Dry = False) -> Answer:
        """Start a workflow by name for these contacts (con_...), whatever its conditions say."""
        return await carry_out(bridge, ctx, lambda _: desk.plan_starting(runtime, contacts, workflow), dry=dry_run)

    @told
    async def record_outcomes(outcomes: Outcomes, ctx: Ctx, dry_run: Dry = False) -> Answer:
        """Keep what became of contacts or leads: scoring learns from it, and workflows end."""
        return await carry_out(bridge, ctx, lambda _: desk.plan_recording(runtime, outcomes), dry=dry_run)

    @told
    async def update_leads(
        ctx: Ctx,
        query: Query = "",
        ids: Ids = [],  # noqa: B006 - never changed
        stage: str = "",
        pipeline: str = "",
        responsible: str = "",
        price: int | None = None,
        tags: list[str] = [],  # noqa: B006
        dry_run: Dry = False,
    ) -> Answer:
        """Change all leads that the query finds, or these ids. Several leads wait for a person's yes."""
        given = {"stage": stage, "pipeline": pipeline, "responsible": responsible, "price": price}
        changes = {name: value for name, value in given.items() if value not in ("", None)}

        def plan(_: object) -> Plan:
            return leads.plan_update(runtime, leads.find_leads(runtime, query, ids), changes, tags, by_name=bool(ids))

        return await carry_out(bridge, ctx, plan, dry=dry_run)

    @told
    async def add_notes(
        text: str,
        ctx: Ctx,
        query: Query = "",
        ids: Records = [],  # noqa: B006
        dry_run: Dry = False,
    ) -> Answer:
        """Add a note to all leads that the query finds, or to these records."""

        def plan(_: object) -> Plan:
            return leads.plan_add_notes(runtime, leads.find_leads(runtime, query, ids), text)

        return await carry_out(bridge, ctx, plan, dry=dry_run)

    @told
    async def add_tasks(
        text: str,
        due_at: Annotated[datetime, Field(description="With zone")],
        ctx: Ctx,
        query: Query = "",
        ids: Records = [],  # noqa: B006
        responsible: str = "",
        dry_run: Dry = False,
    ) -> Answer:
        """Add a task to all leads that the query finds, or to these records."""

        def plan(_: object) -> Plan:
            found = leads.find_leads(runtime, query, ids)
            return leads.plan_add_tasks(runtime, found, text, due_at, responsible)

        return await carry_out(bridge, ctx, plan, dry=dry_run)

    @told
    async def apply_plan(id: Annotated[str, Field(description="apr_... or pln_...")], ctx: Ctx) -> Answer:  # noqa: A002
        """Do what a person has said yes to, or tell how it stands. The id alone allows nothing."""
        caller = caller_of(bridge, "write")
        kept = await anyio.to_thread.run_sync(lambda: look_up(runtime, id, caller=caller.name))
        if ctx.request_state:
            return await carry_out(bridge, ctx, lambda _: kept.plan)
        return await ask(bridge, ctx, caller, kept)

    adding = (run_pipeline, create_contact, trigger_workflow, add_notes, add_tasks)
    changing = (resolve_review, merge_contacts, undo_merge, record_outcomes, update_leads, apply_plan)
    return [
        *(Tool.from_function(tool, annotations=ADDS) for tool in adding),
        *(Tool.from_function(tool, annotations=CHANGES) for tool in changing),
    ]
