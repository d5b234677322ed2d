"""From what an agent asks for to the plan of it: which operations, on which records, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from pipelines.plans import OURS, Operation, OperationKind, Plan, PlannedRecord

LEAD_FIELDS: Final = ("stage", "pipeline", "responsible", "price", "name")
"""What a lead can be changed in, in the words of `pipelines.crm_fields`; `tags` are added beside these."""


def plan_lead_changes(
    leads: Sequence[PlannedRecord],
    changes: Mapping[str, Any],
    tags: Sequence[str],
    contacts: Mapping[RemoteRef, str],
    *,
    by_name: bool,
) -> Plan:
    """Change these leads. One that is so already needs no change, and is left out of the plan where it was named.

    Where leads were found by words it stays in: that one of two is so already does not tell that the other is meant.

    `contacts` tells, by lead, the id of our contact that it is of, where we know.
    """
    operations, records = [], []
    for lead in leads:
        new = {field: value for field, value in changes.items() if lead.before.get(field) != value}
        missing = [tag for tag in tags if tag not in (lead.before.get("tags") or ())]
        after: dict[str, Any] = dict(new)
        of = contacts.get(lead.ref, "")
        if new:
            operations.append(_write(WriteKind.UPDATE_LEAD, lead.ref, of, new))
        if missing:
            operations.append(_write(WriteKind.ADD_TAGS, lead.ref, of, {"tags": missing}))
            after["tags"] = [*(lead.before.get("tags") or ()), *missing]
        if after or not by_name:
            before = {field: lead.before.get(field) for field in after}
            records.append(lead.model_copy(update={"before": before, "after": after or {"already": "as asked for"}}))
    return Plan(tool="update_leads", operations=tuple(operations), records=tuple(records) if operations else ())


def plan_notes(records: Sequence[PlannedRecord], text: str, contacts: Mapping[RemoteRef, str]) -> Plan:
    """The same note on each of these records."""
    return Plan(
        tool="add_notes",
        operations=tuple(
            _write(WriteKind.ADD_NOTE, one.ref, contacts.get(one.ref, ""), {"text": text}) for one in records
        ),
        records=tuple(one.model_copy(update={"before": {}, "after": {"new note": text}}) for one in records),
    )


def plan_tasks(
    records: Sequence[PlannedRecord],
    text: str,
    due_at: datetime,
    responsible: str,
    contacts: Mapping[RemoteRef, str],
) -> Plan:
    """The same task on each of these records."""
    fields = {"text": text, "due_at": due_at.isoformat()} | ({"responsible": responsible} if responsible else {})
    after = {"new task": text, "due": due_at.isoformat()}
    return Plan(
        tool="add_tasks",
        operations=tuple(_write(WriteKind.CREATE_TASK, one.ref, contacts.get(one.ref, ""), fields) for one in records),
        records=tuple(one.model_copy(update={"before": {}, "after": after}) for one in records),
    )


def _write(kind: WriteKind, target: RemoteRef, contact_id: str, fields: Mapping[str, Any]) -> Operation:
    write = CrmWrite(key="", kind=kind, contact_id=contact_id, target=target, fields=fields)
    return Operation(kind=OperationKind.CRM_WRITE, touches=(target,), write=write)


def plan_receive(
    tool: str, brought: Sequence[tuple[Mapping[str, Any], Sequence[PlannedRecord]]], idempotency_key: str
) -> Plan:
    """Take in contacts: each as it was given, with the records that it would touch as things stand."""
    records = {record.ref: record for _, touched in brought for record in touched}
    return Plan(
        tool=tool,
        operations=tuple(
            Operation(
                kind=OperationKind.RECEIVE,
                touches=tuple(record.ref for record in touched),
                arguments={"contact": contact, "idempotency_key": idempotency_key},
            )
            for contact, touched in brought
        ),
        records=tuple(records.values()),
    )


def plan_review(submission: str, same_as: PlannedRecord | None, new: PlannedRecord, why: str, in_crm: str = "") -> Plan:
    """Decide a review: the same as a contact, or (None) somebody new. `in_crm` tells what that means for the CRM."""
    record = same_as or new
    after = {"is": "the same person"} if same_as else {"is": "a new contact"}
    arguments = {"submission": submission, "same_as": same_as.ref.id if same_as else None, "why": why}
    operation = Operation(kind=OperationKind.RESOLVE_REVIEW, touches=(record.ref,), arguments=arguments)
    told = {"in the CRM": in_crm} if in_crm and same_as else {}
    record = record.model_copy(update={"after": {f"review {submission}": after["is"], **told}})
    return Plan(tool="resolve_review", operations=(operation,), records=(record,))


def plan_merge(kept: PlannedRecord, other: PlannedRecord, why: str, in_crm: str = "") -> Plan:
    """Make one contact of two. `in_crm` tells what that means for the CRM."""
    arguments = {"kept": kept.ref.id, "other": other.ref.id, "why": why}
    operation = Operation(kind=OperationKind.MERGE, touches=(kept.ref, other.ref), arguments=arguments)
    records = (
        kept.model_copy(update={"after": {"takes in": other.name} | ({"in the CRM": in_crm} if in_crm else {})}),
        other.model_copy(update={"after": {"becomes part of": kept.name}}),
    )
    return Plan(tool="merge_contacts", operations=(operation,), records=records)


def plan_undo(merge: str, kept: PlannedRecord, other: PlannedRecord) -> Plan:
    """Undo a merge or a split."""
    operation = Operation(kind=OperationKind.UNDO_MERGE, touches=(kept.ref, other.ref), arguments={"merge": merge})
    records = tuple(one.model_copy(update={"after": {"undone": merge}}) for one in (kept, other))
    return Plan(tool="undo_merge", operations=(operation,), records=records)


def plan_workflow(contacts: Sequence[PlannedRecord], workflow: str, does: Sequence[str]) -> Plan:
    """Start a workflow for each of these contacts, whatever its conditions say. `does` tells what it does."""
    return Plan(
        tool="trigger_workflow",
        operations=tuple(
            Operation(
                kind=OperationKind.START_WORKFLOW,
                touches=(one.ref,),
                arguments={"contact": one.ref.id, "workflow": workflow},
            )
            for one in contacts
        ),
        records=tuple(one.model_copy(update={"after": {f"workflow {workflow}": list(does)}}) for one in contacts),
    )


def plan_outcomes(told: Sequence[tuple[PlannedRecord, str, Mapping[str, Any]]]) -> Plan:
    """Keep outcomes: of each the contact that it is of, the outcome in force (or empty), and what was told.

    Several of one contact, of several of its leads, touch one record.
    """
    records: dict[RemoteRef, PlannedRecord] = {}
    for contact, before, outcome in told:
        known = records.get(contact.ref, contact)
        of = outcome["remote"]["id"] if outcome.get("remote") else ""
        name = f"outcome of {outcome['remote']['kind']} {of}" if of else "outcome"
        records[contact.ref] = known.model_copy(
            update={
                "before": {**known.before, name: before or None},
                "after": {**known.after, name: outcome["outcome"]},
            }
        )
    return Plan(
        tool="record_outcomes",
        operations=tuple(
            Operation(kind=OperationKind.RECORD_OUTCOME, touches=(contact.ref,), arguments={"outcome": outcome})
            for contact, _, outcome in told
        ),
        records=tuple(records.values()),
    )


def newcomer(number: int, about: Mapping[str, str]) -> PlannedRecord:
    """A person who is not there yet, as a record of a plan."""
    return PlannedRecord(ref=RemoteRef(system=OURS, kind="new", id=str(number)), about=about)
