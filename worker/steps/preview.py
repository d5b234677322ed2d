"""The stages for looking: what each would make of a contact, and nothing kept or written.

The fields are read as the source `agent` would read them, so that what is shown here is what `run_pipeline` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.create import plan_create
from pipelines.dedupe.merge import merge_contacts
from pipelines.enrich import merge_facts
from pipelines.models import (
    Contact,
    CrmWrite,
    Decision,
    DecisionKind,
    Fact,
    Finding,
    Normalized,
    Origin,
    RemoteRef,
    Score,
    SourceRecord,
)
from pipelines.normalize import normalize_record
from pipelines.planning import newcomer
from pipelines.plans import OURS, PlannedRecord
from pipelines.score import score_features
from pipelines.scoring_features import read_features
from pipelines.states import Stage
from pipelines.trigger import start_workflows
from pipelines.validate import is_rejected, validate_contact
from pipelines.workflow_runs import Run
from worker import sources
from worker.errors import PermanentError
from worker.ports import BadRecord, Delivery
from worker.steps.champion import models_in_force
from worker.steps.lookups import look_up
from worker.steps.operations import AGENT
from worker.steps.resolve import look_for
from worker.steps.runtime import Runtime
from worker.store import contacts

_PREVIEW = "preview"
"""Stands where the id of a delivery, a submission or a contact will be."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one contact."""

    normalized: Normalized
    findings: tuple[Finding, ...]
    decision: Decision | None = None
    """None where validate rejects it: nothing after that happens."""
    facts: tuple[Fact, ...] = ()
    score: Score | None = None
    writes: tuple[CrmWrite, ...] = ()
    triggers: tuple[Run, ...] = ()
    """The runs of workflows that would start."""
    touched: tuple[PlannedRecord, ...] = ()
    """The records that it would touch: the contact that it is of, or a new one, and leads that workflows change."""


def understand(runtime: Runtime, fields: Mapping[str, Any]) -> Normalized:
    """The contact that these fields tell of. Raises `PermanentError` where they tell of nobody or of several."""
    body = json.dumps(dict(fields), ensure_ascii=False).encode()
    source, settings = runtime.source(AGENT)
    now = runtime.clock()
    delivery = Delivery(_PREVIEW, AGENT, body, "application/json", now)
    found = list(sources.parse(source, delivery, settings))
    if len(found) != 1 or not isinstance(found[0], SourceRecord):
        detail = next((one.detail for one in found if isinstance(one, BadRecord)), "")
        raise PermanentError(f"this is not one contact: give one object of fields. {detail}".strip())
    return normalize_record(
        found[0],
        settings.mapping,
        Origin(source=AGENT, delivery=_PREVIEW, submission=_PREVIEW, stage=Stage.NORMALIZE, at=now),
        now=now,
        region=runtime.settings.locale.region,
        own_domains=runtime.settings.locale.own_domains,
    )


def kept_contact(runtime: Runtime, contact_id: str) -> contacts.Golden:
    """A live contact. Raises `PermanentError` when there is none such."""
    with runtime.database.read() as tx:
        golden = contacts.golden(tx, [contact_id]).get(contact_id)
    if golden is None:
        raise PermanentError(f"there is no contact {contact_id[:60]!r}; find_duplicates finds people by their fields")
    if golden.merged_into is not None:
        raise PermanentError(f"{contact_id} was merged into {golden.merged_into}; name that one")
    return golden


def planned_contact(golden: contacts.Golden) -> PlannedRecord:
    """One of our contacts as a record of a plan."""
    contact = golden.contact
    return PlannedRecord(
        ref=RemoteRef(system=OURS, kind="contact", id=golden.id),
        version=str(golden.version),
        about=about(contact),
    )


def about(contact: Contact) -> dict[str, str]:
    """What tells a person from others of their name."""
    told = {
        "name": contact.name.full,
        "emails": ", ".join(email.address for email in contact.emails[:3]),
        "phones": ", ".join(phone.e164 for phone in contact.phones[:3]),
        "company": contact.company,
    }
    return {key: value for key, value in told.items() if value}


def preview(runtime: Runtime, fields: Mapping[str, Any], number: int = 1) -> Preview:
    """What would become of this contact now; `number` tells newcomers of one plan apart."""
    normalized = understand(runtime, fields)
    now = runtime.clock()
    told = normalized.contact
    findings = tuple(validate_contact(told, now=now))
    if is_rejected(findings):
        return Preview(normalized, findings)
    decision = look_for(runtime, told)
    if decision.kind is DecisionKind.REVIEW:
        return Preview(normalized, findings, decision, touched=(newcomer(number, about(told)),))
    known, links = _known(runtime, decision.contact_id)
    golden = merge_contacts([known.contact, told], runtime.survivorship) if known else told
    facts = facts_of(runtime, golden)
    origin = Origin(source=AGENT, delivery=_PREVIEW, submission=_PREVIEW, stage=Stage.ENRICH, at=now)
    golden, facts = merge_facts(golden, facts, origin, trusted=runtime.trusted_sources)
    arrivals = known.arrivals + 1 if known else 1
    score = score_now(runtime, golden, facts, decision.kind, arrivals)
    writes = _writes(runtime, known, told, golden, links, decision, score)
    triggers = start_workflows(
        known.id if known else "con_" + _PREVIEW,
        golden,
        score,
        decision.kind,
        AGENT,
        _PREVIEW,
        runtime.rules,
        recent=(),
        now=now,
        calendar=runtime.calendar,
    )
    touched = [planned_contact(known) if known else newcomer(number, about(told))]
    moved = known is not None and any(step.move for run in triggers for step in run.steps)
    leads = _newest_lead(runtime, known.id) if known and moved else []
    touched += [PlannedRecord(ref=ref, version=one.version) for ref, one in runtime.crm.read(leads).items()]
    return Preview(normalized, findings, decision, facts, score, writes, triggers, tuple(touched))


def facts_of(runtime: Runtime, contact: Contact) -> tuple[Fact, ...]:
    """What the sources say of what this contact does not."""
    return look_up(runtime, {_PREVIEW: contact}, runtime.clock())[_PREVIEW].facts


def score_now(
    runtime: Runtime, contact: Contact, facts: Sequence[Fact], kind: DecisionKind, arrivals: int, source: str = AGENT
) -> Score:
    """The score of a contact as it would be now."""
    features = read_features(
        contact, facts, kind, source, now=runtime.clock(), arrivals=arrivals, competitors=runtime.competitors
    )
    with runtime.database.read() as tx:
        return score_features(features, models_in_force(runtime, tx).champion)


def _known(runtime: Runtime, contact_id: str) -> tuple[contacts.Golden | None, Sequence[contacts.Link]]:
    if not contact_id:
        return None, ()
    with runtime.database.read() as tx:
        links = contacts.linked(tx, [contact_id], system=runtime.crm.name).get(contact_id, [])
        return contacts.golden(tx, [contact_id]).get(contact_id), links


def _newest_lead(runtime: Runtime, contact_id: str) -> list[RemoteRef]:
    with runtime.database.read() as tx:
        refs = contacts.crm_refs(tx, [contact_id]).get(contact_id, [])
    return [ref for ref in refs if ref.system == runtime.crm.name and ref.kind == "lead"][-1:]


def _writes(
    runtime: Runtime,
    known: contacts.Golden | None,
    told: Contact,
    golden: Contact,
    links: Sequence[contacts.Link],
    decision: Decision,
    score: Score,
) -> tuple[CrmWrite, ...]:
    refs = [link.ref for link in links]
    return plan_create(
        known.id if known else "con_" + _PREVIEW,
        golden,
        known.version + 1 if known else 1,
        decision.kind,
        refs,
        links[0].written if links else None,
        score,
        _PREVIEW,
        told,
        runtime.crm.name,
    )
