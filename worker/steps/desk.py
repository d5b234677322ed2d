"""What agents ask the desk to do, as plans: contacts brought, reviews decided, contacts merged, workflows started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.lead_outcomes import LeadOutcome, Outcome
from pipelines.planning import newcomer, plan_merge, plan_outcomes, plan_receive, plan_review, plan_undo, plan_workflow
from pipelines.plans import OperationKind, Plan
from worker.errors import PermanentError
from worker.steps.doubles import foretold_of_merge
from worker.steps.lead_outcomes import MEANING, UNMATCHED, read_outcomes
from worker.steps.operations import AGENT, delivery_key
from worker.steps.preview import kept_contact, planned_contact, preview
from worker.steps.reviewing import review_of
from worker.steps.runtime import Runtime
from worker.store import contacts, deliveries, lead_outcomes, merges, submissions
from worker.store.plans import OPERATION_DONE, KeptPlan

MOST_BROUGHT: Final = 500
"""Contacts that one call may bring; more are a file: `portaria ingest`."""


def plan_contacts(runtime: Runtime, tool: str, brought: Sequence[Mapping[str, Any]], idempotency_key: str = "") -> Plan:
    """Take these contacts in. What each would touch is looked up now, before anything is kept."""
    if not 1 <= len(brought) <= MOST_BROUGHT:
        raise PermanentError(f"give 1 to {MOST_BROUGHT} contacts; more are a file: portaria ingest FILE --source NAME")
    looked = [(one, preview(runtime, one, number)) for number, one in enumerate(brought, start=1)]
    for number, (_, found) in enumerate(looked, start=1):
        if found.decision is None:
            why = "; ".join(f"{finding.code}: {finding.detail}" for finding in found.findings)
            raise PermanentError(f"contact {number} would be rejected ({why}); mend it or leave it out")
    return plan_receive(tool, [(one, found.touched) for one, found in looked], idempotency_key)


def brought_before(runtime: Runtime, caller: str, idempotency_key: str) -> str | None:
    """The delivery that this caller has made with that key already."""
    if not idempotency_key:
        return None
    with runtime.database.read() as tx:
        return deliveries.by_key(tx, AGENT, delivery_key(caller, idempotency_key, ""))


def plan_resolving(runtime: Runtime, submission: str, same_as: str | None, why: str) -> Plan:
    """Decide a review."""
    review = review_of(runtime, submission)
    same = planned_contact(kept_contact(runtime, same_as)) if same_as else None
    return plan_review(submission, same, newcomer(1, {"name": review.name}), why, review.in_crm)


def plan_merging(runtime: Runtime, kept: str, other: str, why: str) -> Plan:
    """Make one contact of two."""
    if kept == other:
        raise PermanentError("name two different contacts")
    first, second = (planned_contact(kept_contact(runtime, each)) for each in (kept, other))
    return plan_merge(first, second, why, foretold_of_merge(runtime, first.ref.id, second.ref.id))


def plan_undoing(runtime: Runtime, merge: str) -> Plan:
    """Undo a merge or a split."""
    with runtime.database.read() as tx:
        entry = merges.read(tx, merge)
        golden = contacts.golden(tx, [entry.kept_id, entry.other_id]) if entry else {}
    if entry is None:
        raise PermanentError(f"there is no merge {merge[:60]!r}; a contact's own resource lists its merges")
    if entry.undone_at is not None:
        raise PermanentError(f"{merge} was undone already, by {entry.undone_by}")
    return plan_undo(merge, planned_contact(golden[entry.kept_id]), planned_contact(golden[entry.other_id]))


def plan_starting(runtime: Runtime, contact_ids: Sequence[str], workflow: str) -> Plan:
    """Start a workflow for these contacts."""
    rule = next((one for one in runtime.rules if one.name == workflow), None)
    if rule is None or not rule.acts:
        known = ", ".join(one.name for one in runtime.rules if one.acts)
        raise PermanentError(f"there is no workflow {workflow[:60]!r} that does anything; there are {known}")
    if not contact_ids:
        raise PermanentError("name at least one contact")
    does = [
        name
        for name, acts in (
            ("makes a lead", rule.lead),
            ("moves the lead", rule.move),
            ("makes a task", rule.task),
            ("adds a note", rule.note),
            ("adds tags", rule.tags),
            ("notifies", rule.notify),
            ("sends a mail", rule.mail),
            (f"goes on for {len(rule.steps)} more steps", rule.steps),
        )
        if acts
    ]
    people = [planned_contact(kept_contact(runtime, each)) for each in dict.fromkeys(contact_ids)]
    return plan_workflow(people, workflow, does)


def plan_recording(runtime: Runtime, told: Sequence[Mapping[str, Any]]) -> Plan:
    """Keep outcomes of contacts, as `record_outcomes` does. One that is in force already is left out."""
    if not 1 <= len(told) <= MOST_BROUGHT:
        raise PermanentError(f"give 1 to {MOST_BROUGHT} outcomes; more are a file: portaria outcomes import FILE")
    read: dict[int, LeadOutcome] = {}
    for number, one in enumerate(read_outcomes(runtime, told, by=AGENT), start=1):
        if isinstance(one, str):
            raise PermanentError(
                f"outcome {number}: {MEANING[one]}; nothing was kept, mend it or leave it out", code=one
            )
        read[number] = one
    with runtime.database.read() as tx:
        whose = lead_outcomes.contacts_they_are_of(tx, read.values())
        before = lead_outcomes.in_force(tx, whose)
        golden = contacts.golden(tx, sorted(set(whose.values())))
    wanted = []
    for number, one in read.items():
        known = golden.get(whose.get(one.subject, ""))
        if known is None:
            raise PermanentError(f"outcome {number}: {MEANING[UNMATCHED]}; mend it or leave it out", code=UNMATCHED)
        was = before[one.subject][0] if one.subject in before else ""
        if one.outcome != (was or Outcome.OPEN):
            # Without a time told it is when it was told, which is not a part of what is asked for.
            without = {"by"} if told[number - 1].get("at") else {"by", "at"}
            wanted.append((planned_contact(known), was, one.model_dump(mode="json", exclude=without)))
    return plan_outcomes(wanted)


def deliveries_of(runtime: Runtime, kept: KeptPlan) -> list[str]:
    """The deliveries whose submissions go on because of this plan: brought by it, or resolved."""
    found: dict[str, None] = {}
    with runtime.database.read() as tx:
        for number, what in kept.outcome.items():
            operation = kept.plan.operations[number - 1]
            if what["state"] != OPERATION_DONE:
                continue
            if operation.kind is OperationKind.RECEIVE:
                found[what["made"]] = None
            elif operation.kind is OperationKind.RESOLVE_REVIEW:
                row = submissions.read(tx, operation.arguments["submission"])
                if row is not None:
                    found[row["delivery_id"]] = None
    return list(found)
