"""The steps whose work touches nothing but the store: normalize, validate, enrich."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from pydantic import TypeAdapter

from pipelines.dedupe.features import dump_features, features
from pipelines.enrich import merge_facts, wanted_facts
from pipelines.models import Contact, Fact, Finding, Origin, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage, State
from pipelines.validate import is_rejected, validate_contact
from worker.enrichment.mail_exchange import YES
from worker.errors import PortariaError
from worker.ports import FactSource
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.runtime import Runtime
from worker.store import contacts, facts, submissions
from worker.store.submissions import Claimed, Outcome

log = structlog.get_logger()

FACTS = TypeAdapter(tuple[Fact, ...])
FINDINGS = TypeAdapter(tuple[Finding, ...])


def normalize(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Source fields into a standard contact."""
    settings = runtime.settings

    def work(item: Claimed, now: datetime) -> Outcome:
        record = SourceRecord.model_validate_json(item.record)
        section = settings.sources.get(item.source)
        origin = Origin(
            source=item.source,
            delivery=item.delivery_id,
            submission=item.id,
            stage=Stage.NORMALIZE,
            at=record.occurred_at or item.received_at,
        )
        normalized = normalize_record(
            record,
            section.mapping if section else {},
            origin,
            now=now,
            region=settings.locale.region,
            own_domains=settings.locale.own_domains,
        )
        return submissions.reached(
            item,
            due_at=claims.next_look(runtime, now),
            contact=normalized.contact.model_dump_json(exclude_defaults=True),
            changes=normalized.model_dump_json(include={"changes"}),
        )

    return claims.run(runtime, Stage.NORMALIZE, ids, work)


def validate(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Reject what nobody could use; warn of the rest."""
    asked: dict[str, bool | None] = {}

    def work(item: Claimed, now: datetime) -> Outcome:
        contact = Contact.model_validate_json(item.contact or "{}")
        if runtime.mail_exchange and (domain := runtime.mail_exchange.key(contact)) and domain not in asked:
            answer = _ask(runtime, runtime.mail_exchange, domain, now)
            asked[domain] = answer[0].value == YES if answer else None
        findings = validate_contact(contact, now=now, mail_domains=asked)
        kept = FINDINGS.dump_json(findings).decode()
        if is_rejected(findings):
            worst = next(finding for finding in findings if finding.severity == "reject")
            values = {"findings": kept}
            return Outcome(item, State.REJECTED, None, reason=worst.code, detail=worst.detail, values=values)
        return submissions.reached(item, due_at=claims.next_look(runtime, now), findings=kept)

    return claims.run(runtime, Stage.VALIDATE, ids, work)


def enrich(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Find what the person did not say. A source that is down is done without: it never holds a contact up."""
    with claims.claimed(runtime, Stage.ENRICH, ids) as claimed:
        return _enrich(runtime, claimed)


def _enrich(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    with runtime.database.read() as tx:
        golden = contacts.golden(tx, [item.contact_id for item in claimed if item.contact_id])
    found: dict[str, tuple[Fact, ...]] = {}
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            found[item.id] = ask_sources(runtime, golden[item.contact_id or ""].contact, now)
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    with runtime.database.write() as tx:
        ours = submissions.still_ours(tx, claimed)
        told = [item for item in claimed if item.id in found and item.id in ours]
        held = contacts.golden(tx, [item.contact_id for item in told if item.contact_id], locked=True)
        for item in told:
            known = held[item.contact_id or ""]
            origin = Origin(
                source=item.source, delivery=item.delivery_id, submission=item.id, stage=Stage.ENRICH, at=now
            )
            contact, kept = merge_facts(known.contact, found[item.id], origin, trusted=runtime.trusted_sources)
            if contact != known.contact:
                contacts.change(tx, known, contact, dump_features(features(contact)), now=now)
                held[known.id] = replace(known, contact=contact)
            due = claims.next_look(runtime, now)
            outcomes.append(submissions.reached(item, due_at=due, facts=FACTS.dump_json(kept).decode()))
        saved = submissions.save(tx, outcomes, now=now, by=runtime.owner)
    return claims.report(Stage.ENRICH, saved, len(claimed))


def ask_sources(runtime: Runtime, contact: Contact, now: datetime) -> tuple[Fact, ...]:
    """What the sources say of what is missing, cheapest first, each asked once."""
    sources = list(runtime.fact_sources.values())
    asked: set[str] = set()
    known: list[Fact] = []
    while questions := wanted_facts(contact, sources, known, asked):
        for question in questions:
            asked.add(question.source)
            known += _ask(runtime, runtime.fact_sources[question.source], question.key, now)
    return tuple(known)


def _ask(runtime: Runtime, source: FactSource, key: str, now: datetime) -> Sequence[Fact]:
    """The answer of one source, from the cache while it is good."""
    if source.max_age <= 0:  # it only computes
        return source.ask(key, now)
    with runtime.database.read() as tx:
        kept = facts.cached(tx, source.name, [key], now).get(key)
    if kept is not None:
        return kept
    try:
        answer = source.ask(key, now)
    except PortariaError as problem:
        log.warning("a source of facts did not answer", source=source.name, reason=problem.code)
        return ()
    with runtime.database.write() as tx:
        facts.keep(tx, source.name, {key: answer}, now + timedelta(seconds=source.max_age))
    return answer
