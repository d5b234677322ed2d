"""What a replay would change, by the pipeline and the configuration as they are now, and nothing kept or written.

The stages are run over what is stored, all submissions through one stage and then through the next, as a batch goes.
What was asked outside is frozen: the cache answers while it is good, else what the submission's last way through had
found; nobody is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from pipelines.create import linked_record, plan_create
from pipelines.enrich import merge_facts
from pipelines.models import Contact, CrmWrite, DecisionKind, Fact, Finding, Origin, Score, SourceRecord, WriteKind
from pipelines.states import Stage, State
from pipelines.trigger import COOL_DOWN
from pipelines.validate import MAIL_DOMAIN_DEAD, is_rejected, validate_contact
from worker.enrichment.mail_exchange import takes_mail
from worker.errors import PortariaError
from worker.ids import submission_id
from worker.ports import BadRecord, HoldsOthers
from worker.steps.admit import first_states
from worker.steps.lookups import Answer, look_up
from worker.steps.opening import pieces
from worker.steps.preview import score_now
from worker.steps.replaying import choose
from worker.steps.resolve import IN_REVIEW, foresee
from worker.steps.runtime import Runtime
from worker.steps.stages import FINDINGS, understand
from worker.steps.triggering import as_recent, runs_to_start
from worker.store import contacts, deliveries, facts, replays, submissions, workflows, writes
from worker.store.contacts import Golden
from worker.store.engine import Transaction
from worker.store.replays import Wanted

FACTS = TypeAdapter(tuple[Fact, ...])

ASKS_OUTSIDE = "asks_outside"
"""Reason code of what cannot be foreseen: its record, or its captcha, is asked for outside first."""
FAILS = "fails"
"""Reason code of what cannot be foreseen: a stage does not come to an end with it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a submission or a delivery stands, or would stand."""

    state: str
    reason: str = ""
    detail: str = ""
    contact: Contact | None = None
    """As normalize understands it."""
    findings: tuple[Finding, ...] = ()
    decision: str = ""
    contact_id: str = ""
    score: Score | None = None


@dataclass
class Outlook:
    """What a replay would make of one submission, or of one quarantined delivery."""

    id: str
    source: str
    before: Standing | None
    """None: it is not there yet, but in a delivery that would be opened again."""
    after: Standing | None = None
    """None where it cannot be foreseen: `unforeseen` says why."""
    unforeseen: str = ""
    """A reason code of this module."""
    writes: list[CrmWrite] = field(default_factory=list)
    """What the stage create would have the CRM told."""
    workflows: list[str] = field(default_factory=list)
    """Those that would start."""
    asks: set[str] = field(default_factory=set)
    """Who would be asked outside, whose answers cannot be foreseen."""


@dataclass
class _Item:
    """A submission on its way through the stages, in mind only."""

    outlook: Outlook
    delivery_id: str
    received_at: datetime
    record: SourceRecord
    kept: Mapping[str, Any]
    """What the store has of it."""
    told: Contact = field(default_factory=Contact)
    decision: DecisionKind = DecisionKind.NEW
    contact_id: str = ""
    facts: tuple[Fact, ...] = ()

    @property
    def id(self) -> str:
        return self.outlook.id


def foresee_replay(runtime: Runtime, wanted: Wanted, *, limit: int) -> tuple[list[Outlook], int]:
    """What a replay of up to `limit` of what is wanted would make of each, and how many more are wanted.

    Raises `PermanentError` as `worker.steps.replaying.replay`.
    """
    now = runtime.clock()
    with runtime.database.read() as tx:
        chosen, opened = choose(tx, wanted, limit)
        left = sum(row["count"] for row in replays.counts(tx, wanted)) - len(chosen) - len(opened)
        outlooks, items = _begin(runtime, tx, chosen, opened, limit)
        items = [item for item in items if _understood(runtime, tx, item, now)]
        items, golden = _resolved(runtime, tx, items)
        _enriched(runtime, tx, items, golden, now)
        _finished(runtime, tx, items, golden, now)
    return outlooks, left


def _begin(
    runtime: Runtime, tx: Transaction, chosen: Sequence[Mapping[str, Any]], opened: Mapping[str, Any], limit: int
) -> tuple[list[Outlook], list[_Item]]:
    """An outlook for each, and those that the stages begin with."""
    outlooks: list[Outlook] = []
    items: list[_Item] = []
    # In the order in which they would be sent: of several of one person the first founds the contact.
    in_order = sorted(chosen, key=lambda row: (row["priority"], row["id"]))
    rows = {row["id"]: submissions.read(tx, row["id"]) or {} for row in in_order}
    first = first_states(runtime, submissions.records(tx, list(rows)))
    for each, row in rows.items():
        if row["record"]:
            outlook = Outlook(each, row["source"], _as_it_stands(row))
            outlooks.append(outlook)
            record = SourceRecord.model_validate_json(row["record"])
            _enter(items, outlook, row["delivery_id"], row["received_at"], record, row, first[each])
    unread = {row["delivery_id"] for row in rows.values() if not row["record"]}
    for delivery_id in [*opened, *sorted(unread - {*opened})]:
        _reopen(runtime, tx, delivery_id, opened.get(delivery_id), rows, outlooks, items, limit)
    return outlooks, items


def _reopen(
    runtime: Runtime,
    tx: Transaction,
    delivery_id: str,
    quarantined: Mapping[str, Any] | None,
    rows: Mapping[str, Mapping[str, Any]],
    outlooks: list[Outlook],
    items: list[_Item],
    limit: int,
) -> None:
    """Read a delivery again: all that is in a quarantined one and not there yet; else those that could not be read."""
    delivery = deliveries.read(tx, delivery_id)
    if delivery is None:
        return
    whole: Outlook | None = None
    if quarantined:
        before = Standing(quarantined["state"], quarantined["reason"], quarantined["detail"])
        whole = Outlook(delivery_id, delivery.source, before)
        outlooks.append(whole)
    there = {row["id"] for row in submissions.listed(tx, delivery_id=delivery_id, limit=None)} if whole else set()
    position = found = 0
    for some, _, ending in pieces(runtime, delivery):
        for each in some:
            number, position = submission_id(delivery_id, position), position + 1
            row = rows.get(number)
            if (row is None or row["record"]) and (whole is None or number in there):
                continue
            found += 1
            if found > limit:
                continue
            outlook = Outlook(number, delivery.source, _as_it_stands(row) if row else None)
            outlooks.append(outlook)
            if isinstance(each.item, BadRecord) or each.state is State.HELD:
                outlook.after = Standing(each.state, each.reason, each.detail)
            else:
                _enter(items, outlook, delivery_id, delivery.received_at, each.item, {}, each.state)
        if whole and ending:
            whole.after = Standing(*ending)


def _as_it_stands(row: Mapping[str, Any]) -> Standing:
    return Standing(
        state=row["state"],
        reason=row["reason"],
        detail=row["detail"],
        contact=Contact.model_validate_json(row["contact"]) if row["contact"] else None,
        findings=FINDINGS.validate_json(row["findings"] or "[]"),
        decision=row["decision"] or "",
        contact_id=row["contact_id"] or "",
        score=Score.model_validate_json(row["score"]) if row["score"] else None,
    )


def _enter(
    items: list[_Item],
    outlook: Outlook,
    delivery_id: str,
    received_at: datetime,
    record: SourceRecord,
    kept: Mapping[str, Any],
    state: State,
) -> None:
    if state is State.ARRIVED:
        outlook.unforeseen = ASKS_OUTSIDE
        outlook.asks.add(outlook.source)
    else:
        items.append(_Item(outlook, delivery_id, received_at, record, kept))


def _understood(runtime: Runtime, tx: Transaction, item: _Item, now: datetime) -> bool:
    """Normalize and validate; whether it goes on."""
    outlook = item.outlook
    try:
        normalized = understand(
            runtime, item.record, outlook.source, item.delivery_id, item.id, item.received_at, now
        )  # fmt: skip
        item.told = normalized.contact
        findings = validate_contact(item.told, now=now, mail_domains=_mail_domains(runtime, tx, item, now))
    except Exception:  # as the stage would: another try, and in the end it is given up
        outlook.unforeseen = FAILS
        return False
    outlook.after = Standing(State.VALIDATED, contact=item.told, findings=findings)
    if is_rejected(findings):
        worst = findings[0]
        outlook.after = replace(outlook.after, state=State.REJECTED, reason=worst.code, detail=worst.detail)
        return False
    return True


def _mail_domains(runtime: Runtime, tx: Transaction, item: _Item, now: datetime) -> dict[str, bool | None]:
    """Whether its mail domain takes mail: as the cache says, else as was found when it was validated before."""
    exchange = runtime.mail_exchange
    domain = exchange.key(item.told) if exchange else ""
    if exchange is None or not domain:
        return {}
    if known := facts.cached(tx, exchange.name, [domain], now):
        return {domain: takes_mail(known[domain].facts)}
    item.outlook.asks.add(exchange.name)
    before = item.outlook.before
    was_dead = before and any(finding.code == MAIL_DOMAIN_DEAD for finding in before.findings)
    same = before and before.contact and exchange.key(before.contact) == domain
    return {domain: False} if was_dead and same else {}


def _resolved(runtime: Runtime, tx: Transaction, items: Sequence[_Item]) -> tuple[list[_Item], dict[str, Golden]]:
    """Dedupe: who goes on, and their contacts. One that was resolved before stays whose it is, and its contact becomes
    what all that tell of it say now."""
    resolved = {item.id: (item.kept["contact_id"], item.told) for item in items if item.kept.get("contact_id")}
    found, changed = foresee(tx, runtime, {item.id: item.told for item in items if item.id not in resolved}, resolved)
    going_on = []
    for item in items:
        outlook = item.outlook
        after = outlook.after or Standing(State.VALIDATED)
        if item.id in found:
            decision, item.contact_id = found[item.id].decision, found[item.id].contact_id
            item.decision = DecisionKind.NEW if decision.kind is DecisionKind.REVIEW else decision.kind
            if not item.contact_id:
                outlook.after = replace(
                    after, state=State.REVIEW, reason=IN_REVIEW, detail=decision.reason, decision=decision.kind
                )
                continue
        else:
            item.contact_id = item.kept["contact_id"]
            item.decision = DecisionKind(item.kept["decision"] or DecisionKind.NEW)
        outlook.after = replace(after, state=State.RESOLVED, decision=item.decision, contact_id=item.contact_id)
        going_on.append(item)
    known = contacts.golden(tx, {item.contact_id for item in going_on})
    return going_on, {**known, **changed}


def _enriched(
    runtime: Runtime, tx: Transaction, items: Sequence[_Item], golden: dict[str, Golden], now: datetime
) -> None:
    """Enrich, by answers that are frozen."""
    found = {item.id: _frozen(runtime, tx, item, golden[item.contact_id].contact, now) for item in items}
    for item in items:
        known = golden[item.contact_id]
        origin = Origin(
            source=item.outlook.source, delivery=item.delivery_id, submission=item.id, stage=Stage.ENRICH, at=now
        )
        contact, item.facts = merge_facts(known.contact, found[item.id], origin, trusted=runtime.trusted_sources)
        if contact != known.contact:
            golden[item.contact_id] = replace(known, contact=contact, version=known.version + 1)


def _frozen(runtime: Runtime, tx: Transaction, item: _Item, contact: Contact, now: datetime) -> tuple[Fact, ...]:
    before = FACTS.validate_json(item.kept.get("facts") or "[]")

    def answer(
        _: Runtime, wanted: Mapping[str, Collection[str]], now: datetime, *, until: float | None = None
    ) -> dict[str, dict[str, Answer]]:
        answers: dict[str, dict[str, Answer]] = {}
        for source, keys in wanted.items():
            known = facts.cached(tx, source, list(keys), now)
            if len(known) < len(keys):
                item.outlook.asks.add(source)
            kept = tuple(fact for fact in before if fact.by == source)
            answers[source] = {key: Answer(known[key].facts if key in known else kept) for key in keys}
        return answers

    return look_up(runtime, {item.id: contact}, now, answer)[item.id].facts


def _finished(
    runtime: Runtime, tx: Transaction, items: Sequence[_Item], golden: Mapping[str, Golden], now: datetime
) -> None:
    """Score, create and trigger."""
    links = contacts.linked(tx, golden, system=runtime.crm.name)
    outstanding = writes.outstanding(tx, [item.id for item in items], Stage.CREATE)
    started = workflows.started_for(tx, [item.id for item in items])
    lately = workflows.recent(tx, golden, now - timedelta(seconds=COOL_DOWN))
    told: set[str] = set()
    for item in items:
        known, outlook = golden[item.contact_id], item.outlook
        try:
            score = score_now(runtime, known.contact, item.facts, item.decision, known.arrivals, outlook.source)
            theirs = links.get(known.id, [])
            refs = [link.ref for link in theirs]
            if isinstance(runtime.crm, HoldsOthers) and linked_record(known.contact, refs, runtime.crm.name) is None:
                outlook.asks.add(runtime.crm.name)
            planned = plan_create(
                known.id,
                known.contact,
                known.version,
                item.decision,
                refs,
                theirs[0].written if theirs else None,
                score,
                item.id,
                item.told,
                runtime.crm.name,
            )
            recent = lately.setdefault(known.id, [])
            earlier = started.get(item.id, [])
            runs = runs_to_start(
                runtime, known, score, item.decision, outlook.source, item.id, earlier, recent, now
            )  # fmt: skip
        except PortariaError:
            outlook.after, outlook.unforeseen = None, FAILS
            continue
        recent += [as_recent(run) for run in runs]
        outlook.workflows = [run.workflow for run in runs]
        made = writes.made(tx, [write.key for write in planned])
        before = [write for write in outstanding.get(item.id, ()) if write.kind is not WriteKind.UPDATE_CONTACT]
        wanted = {write.key: write for write in [*before, *planned] if write.key not in told | made}
        outlook.writes = list(wanted.values())
        told |= set(wanted)
        outlook.after = replace(outlook.after or Standing(State.DONE), state=State.DONE, score=score)
