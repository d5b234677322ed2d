"""Tools that look: the stages over one contact, and what is kept. They write nothing."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_bridge.bridge import Bridge, caller_of, told
from mcp_bridge.results import Detail, Listed, Looked
from pipelines.models import Contact, DecisionKind
from pipelines.validate import is_rejected, validate_contact
from worker.errors import PermanentError
from worker.steps import leads, resources
from worker.steps import preview as stages
from worker.steps.planviews import record_view
from worker.steps.resolve import look_for

Fields = Annotated[dict[str, Any], Field(description="As a form would send them: name, email, phone, message, ...")]
ContactId = Annotated[str, Field(description="con_...")]
Cursor = Annotated[str, Field(description="next_cursor of the page before")]
Limit = Annotated[int, Field(ge=1, le=100)]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ASKS_OUTSIDE = ToolAnnotations(read_only_hint=True, open_world_hint=True)


def looking_tools(bridge: Bridge) -> list[Tool]:
    """The tools, over this bridge."""
    runtime = bridge.runtime

    def read() -> None:
        caller_of(bridge, "read")

    def understood(fields: dict[str, Any] | None, contact_id: str) -> Contact:
        if bool(fields) == bool(contact_id):
            raise PermanentError("give either fields or contact_id")
        if contact_id:
            return stages.kept_contact(runtime, contact_id).contact
        return stages.understand(runtime, fields or {}).contact

    @told
    def normalize_contact(fields: Fields, detail: Detail = "concise") -> Looked:
        """Read a contact's fields as the pipeline does: names, e-mails, phones (E.164), documents. Keeps nothing."""
        read()
        made = stages.understand(runtime, fields)
        shown = made.contact.model_dump(mode="json", exclude_defaults=True, exclude={"origins"})
        changes = [change.model_dump() for change in made.changes]
        return Looked(data={"contact": shown, **({"changes": changes} if detail == "detailed" else {})})

    @told
    def validate_contact_(fields: Fields) -> Looked:
        """What is wrong with a contact's fields, with codes and how to mend each. Keeps nothing."""
        read()
        findings = validate_contact(stages.understand(runtime, fields).contact, now=runtime.clock())
        found = [finding.model_dump(mode="json") for finding in findings]
        return Looked(data={"accepted": not is_rejected(findings), "findings": found})

    @told
    def find_duplicates(fields: Fields | None = None, contact_id: ContactId = "", detail: Detail = "concise") -> Looked:
        """Who a person (fields) or a kept contact may be: candidates, probabilities; detailed gives the evidence."""
        read()
        contact = understood(fields, contact_id)
        decision = look_for(runtime, contact, itself=contact_id)
        return Looked(data=resources.decision_view(runtime, decision, detailed=detail == "detailed"))

    @told
    def enrich_contact(fields: Fields | None = None, contact_id: ContactId = "") -> Looked:
        """What the configured sources of facts say of a contact. Keeps nothing on the contact."""
        read()
        facts = stages.facts_of(runtime, understood(fields, contact_id))
        return Looked(data={"facts": [fact.model_dump(mode="json") for fact in facts]})

    @told
    def score_contact(fields: Fields | None = None, contact_id: ContactId = "") -> Looked:
        """A contact's score, 0 to 100, with the contributions that sum to it, as it would be now."""
        read()
        contact = understood(fields, contact_id)
        facts = stages.facts_of(runtime, contact)
        kind = DecisionKind.MATCH if contact_id else DecisionKind.NEW
        score = stages.score_now(runtime, contact, facts, kind, 1)
        return Looked(data=score.model_dump(mode="json"))

    @told
    def preview_pipeline(fields: Fields, detail: Detail = "concise") -> Looked:
        """All stages over one contact: what would be matched, scored, written and started. Writes nothing."""
        read()
        found = stages.preview(runtime, fields)
        data: dict[str, Any] = {
            "accepted": found.decision is not None,
            "findings": [finding.code for finding in found.findings],
            "decision": resources.decision_view(runtime, found.decision, detailed=detail == "detailed")
            if found.decision
            else None,
            "score": found.score.model_dump(mode="json") if found.score else None,
            "crm_writes": [str(write.kind) for write in found.writes],
            "workflows": [one.workflow for one in found.triggers],
            "touches": [record_view(number, one) for number, one in enumerate(found.touched, start=1)],
        }
        if detail == "detailed":
            data["contact"] = found.normalized.contact.model_dump(mode="json", exclude_defaults=True)
            data["crm_writes"] = [write.model_dump(mode="json", exclude={"key"}) for write in found.writes]
            data["facts"] = [fact.model_dump(mode="json") for fact in found.facts]
        return Looked(data=data)

    @told
    def get_submission(id: str, detail: Detail = "concise") -> Looked:  # noqa: A002 - the field's own name
        """Where a submission (sub_...) stands, or all those of a delivery (del_...)."""
        read()
        if id.startswith("del_"):
            return Looked(data={"delivery": id, "submissions": resources.submissions_of(runtime, [id])})
        view = resources.submission_of(runtime, id)
        names = ("id", "state", "decision", "contact", "score", "reason", "detail")
        return Looked(data=view if detail == "detailed" else {name: view[name] for name in names})

    @told
    def list_reviews(limit: Limit = 20, cursor: Cursor = "") -> Listed:
        """Submissions that may be somebody known and wait for a decision, the most telling first."""
        read()
        start = int(cursor) if cursor.isdecimal() else 0
        found, more = resources.reviews_page(runtime, limit=limit, start=start)
        return Listed(data=found, next_cursor=str(start + limit) if more else "")

    @told
    def find_leads(query: str, limit: Limit = 20, cursor: Cursor = "", detail: Detail = "concise") -> Listed:
        """Leads of the CRM in which every word of the query is found, with what tells them apart."""
        read()
        start = int(cursor) if cursor.isdecimal() else 0
        found = leads.find_leads(runtime, query, most=leads.MOST_LISTED)
        page = [
            {"lead": one.name, **one.about, **({"fields": dict(one.before)} if detail == "detailed" else {})}
            for one in found[start : start + limit]
        ]
        return Listed(data=page, next_cursor=str(start + limit) if len(found) > start + limit else "")

    reading = (
        normalize_contact, find_duplicates, score_contact, preview_pipeline, get_submission, list_reviews, find_leads,
    )  # fmt: skip
    return [
        *(Tool.from_function(tool, annotations=READS) for tool in reading),
        Tool.from_function(validate_contact_, name="validate_contact", annotations=READS),
        Tool.from_function(enrich_contact, annotations=ASKS_OUTSIDE),
    ]
