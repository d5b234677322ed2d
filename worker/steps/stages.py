"""The steps whose work touches nothing but the store: normalize, validate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from pipelines.models import Finding, Normalized, Origin, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage, State
from pipelines.validate import is_rejected, validate_contact
from worker.enrichment.mail_exchange import takes_mail
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.lookups import ask_one
from worker.steps.runtime import Runtime
from worker.store import submissions
from worker.store.submissions import Claimed, Outcome

FINDINGS = TypeAdapter(tuple[Finding, ...])


def normalize(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Source fields into a standard contact."""

    def work(item: Claimed, now: datetime) -> Outcome:
        record = SourceRecord.model_validate_json(item.record)
        normalized = understand(runtime, record, item.source, item.delivery_id, item.id, item.received_at, now)
        return submissions.reached(
            item,
            due_at=claims.next_look(runtime, now),
            contact=normalized.contact.model_dump_json(exclude_defaults=True),
            changes=normalized.model_dump_json(include={"changes"}),
        )

    return claims.run(runtime, Stage.NORMALIZE, ids, work)


def understand(
    runtime: Runtime,
    record: SourceRecord,
    source: str,
    delivery: str,
    submission: str,
    received_at: datetime,
    now: datetime,
) -> Normalized:
    """The contact that a record tells of, by the mapping of its source as it is now."""
    settings = runtime.settings
    section = settings.sources.get(source)
    at = record.occurred_at or received_at
    return normalize_record(
        record,
        section.mapping if section else {},
        Origin(source=source, delivery=delivery, submission=submission, stage=Stage.NORMALIZE, at=at),
        now=now,
        region=settings.locale.region,
        own_domains=settings.locale.own_domains,
    )


def validate(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Reject what nobody could use; warn of the rest."""
    asked: dict[str, bool | None] = {}

    def work(item: Claimed, now: datetime) -> Outcome:
        contact = claims.told_by(item)
        if runtime.mail_exchange and (domain := runtime.mail_exchange.key(contact)) and domain not in asked:
            answer = ask_one(runtime, runtime.mail_exchange, domain, now)
            asked[domain] = takes_mail(answer.facts)
        findings = validate_contact(contact, now=now, mail_domains=asked)
        kept = FINDINGS.dump_json(findings).decode()
        if is_rejected(findings):
            worst = next(finding for finding in findings if finding.severity == "reject")
            values = {"findings": kept}
            return Outcome(item, State.REJECTED, None, reason=worst.code, detail=worst.detail, values=values)
        return submissions.reached(item, due_at=claims.next_look(runtime, now), findings=kept)

    return claims.run(runtime, Stage.VALIDATE, ids, work)
