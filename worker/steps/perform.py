"""Create and trigger: each contact in the CRM, once, and the follow-up that its score calls for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pipelines.create import plan_create
from pipelines.models import Contact, CrmWrite, DecisionKind, Score, Trigger, WriteKind
from pipelines.states import Stage
from pipelines.trigger import COOL_DOWN, RecentTrigger, is_warmer, start_workflows
from worker.errors import PermanentError, TransientError
from worker.sources import ACCOUNT_SOURCE
from worker.steps import claims
from worker.steps.acquaintance import link_known
from worker.steps.calls import BUSY_SECONDS, CRM_BUSY, Known, perform
from worker.steps.claims import Report
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions, writes
from worker.store.engine import Transaction
from worker.store.submissions import Claimed, Outcome

NO_SINK = "no_sink"
"""Reason code: the workflow names a sink that portaria.toml does not have; add [sinks.NAME] and replay."""

OUT_OF_TIME = "out_of_time"
"""Reason code: sinks took so long over the others of its batch that its lease would run out; it goes on in a moment."""


def create(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Have each contact in the CRM, once, with what changed and nothing else."""
    with claims.claimed(runtime, Stage.CREATE, ids) as claimed:
        return _create(runtime, claimed)


def _create(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    known = _read(runtime, claimed)
    planned: dict[str, list[CrmWrite]] = {}
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            link_known(runtime, item, known, now)
            planned[item.id] = list(_plan(item, known))
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    wanted = _with_outstanding(runtime, planned)
    performed = perform(runtime, Stage.CREATE, wanted, known, claims.renewing(runtime, claimed))
    outcomes += [_settled(runtime, item, performed.wrong.get(item.id), now) for item in claimed if item.id in planned]
    return claims.save(runtime, Stage.CREATE, outcomes)


def trigger(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Start the workflows that the score and the rules call for, and perform what they want."""
    with claims.claimed(runtime, Stage.TRIGGER, ids) as claimed:
        return _trigger(runtime, claimed)


def _trigger(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    known = _read(runtime, claimed)
    outcomes: list[Outcome] = []
    with runtime.database.write() as tx:
        started = _start_all(runtime, tx, claimed, known, outcomes, now)
    wanted = {item: [write for one in triggers for write in one.writes] for item, triggers in started.items()}
    performed = perform(runtime, Stage.TRIGGER, wanted, known, claims.renewing(runtime, claimed))
    finished: list[str] = []
    for item in claimed:
        if item.id not in started:
            continue
        wrong: Exception | None = performed.wrong.get(item.id)
        try:
            if wrong is None:
                notify(
                    runtime, started[item.id], until=now + timedelta(seconds=runtime.settings.worker.lease_seconds / 2)
                )
                finished += [one.key for one in started[item.id]]
        except Exception as error:
            wrong = error
        outcomes.append(_settled(runtime, item, wrong, now))
    with runtime.database.write() as tx:
        writes.finish_triggers(tx, finished)
        kept = submissions.save(tx, outcomes, now=runtime.clock(), by=runtime.owner)
    return claims.report(Stage.TRIGGER, kept, len(claimed))


def _read(runtime: Runtime, claimed: Sequence[Claimed]) -> Known:
    ids = [item.contact_id for item in claimed if item.contact_id]
    with runtime.database.read() as tx:
        return Known(runtime.crm.name, contacts.golden(tx, ids), contacts.linked(tx, ids, system=runtime.crm.name))


def _score(item: Claimed) -> Score:
    if item.score is None:
        raise PermanentError("the submission has no score", code="no_score")
    return Score.model_validate_json(item.score)


def _plan(item: Claimed, known: Known) -> Sequence[CrmWrite]:
    contact_id = item.contact_id or ""
    links = known.links.get(contact_id, [])
    return plan_create(
        contact_id,
        known.golden[contact_id].contact,
        known.golden[contact_id].version,
        DecisionKind(item.decision or DecisionKind.NEW),
        [link.ref for link in links],
        links[0].written if links else None,
        _score(item),
        item.id,
        Contact.model_validate_json(item.contact or "{}"),
        known.crm,
    )


def _with_outstanding(runtime: Runtime, planned: Mapping[str, Sequence[CrmWrite]]) -> dict[str, list[CrmWrite]]:
    """The plans, with what an earlier try had planned and did not get done: a note whose contact is there by now.

    Not an earlier update: what is planned now is all that the record differs by, and the values of then may be old.
    """
    together = {submission: list(some) for submission, some in planned.items()}
    over: list[str] = []
    with runtime.database.write() as tx:
        for submission, before in writes.outstanding(tx, planned, Stage.CREATE).items():
            keys = {write.key for write in planned[submission]}
            for write in before:
                if write.key in keys:
                    continue
                if write.kind is WriteKind.UPDATE_CONTACT:
                    over.append(write.key)
                else:
                    together[submission].append(write)
        writes.supersede(tx, over, runtime.clock())
    return together


def _start_all(
    runtime: Runtime,
    tx: Transaction,
    claimed: Sequence[Claimed],
    known: Known,
    outcomes: list[Outcome],
    now: datetime,
) -> dict[str, list[Trigger]]:
    """Record the workflows of each submission as started; those recorded before, when this is another try. Where a late
    finding has made the contact warmer than it was then, the warmer ones start too.

    The contacts are locked: of two submissions of one person at one instant, the second sees what the first started.
    """
    ids = [item.contact_id for item in claimed if item.contact_id]
    known.golden |= contacts.golden(tx, ids, locked=True)
    before = writes.triggers_of(tx, [item.id for item in claimed])
    warmest = writes.warmest_triggers(tx, before)
    lately = writes.recent_triggers(tx, ids, now - timedelta(seconds=COOL_DOWN))
    started: dict[str, list[Trigger]] = {}
    for item in claimed:
        earlier = before.get(item.id, [])
        started[item.id] = earlier
        try:
            score = _score(item)
            if item.id in before and not is_warmer(score.temperature, warmest[item.id]):
                continue
            recent = lately.setdefault(item.contact_id or "", [])
            known_keys = {one.key for one in earlier}
            triggers = [one for one in _start(runtime, item, score, known, recent, now) if one.key not in known_keys]
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
            del started[item.id]
            continue
        started[item.id] = [*earlier, *triggers]
        recent += [RecentTrigger(workflow=one.workflow, temperature=score.temperature, at=now) for one in triggers]
        writes.start_triggers(tx, item.id, item.contact_id or "", score.temperature, triggers, now)
    return started


def _start(
    runtime: Runtime, item: Claimed, score: Score, known: Known, recent: Sequence[RecentTrigger], now: datetime
) -> list[Trigger]:
    if item.source == ACCOUNT_SOURCE:  # they have been there all along
        return []
    contact_id = item.contact_id or ""
    record = known.record(contact_id)
    if record is None:
        raise TransientError("the contact's CRM record is not known yet", code=CRM_BUSY, retry_after=BUSY_SECONDS)
    return list(
        start_workflows(
            contact_id,
            known.golden[contact_id].contact,
            score,
            DecisionKind(item.decision or DecisionKind.NEW),
            item.source,
            item.id,
            runtime.rules,
            crm_contact=record,
            recent=recent,
            now=now,
        )
    )


def notify(runtime: Runtime, triggers: Sequence[Trigger], *, until: datetime) -> None:
    """Send what has not gone out. Begins nothing after `until`, so that all is saved before the lease runs out."""
    keys = [one.key for one in triggers if one.notifications]
    if not keys:
        return
    with runtime.database.read() as tx:
        waiting = writes.unsent(tx, keys)
    for notification in waiting:
        sink = runtime.sinks.get(notification.sink)
        if sink is None:
            raise PermanentError(f"there is no [sinks.{notification.sink}] in portaria.toml", code=NO_SINK)
        if runtime.clock() > until:
            raise TransientError(
                "the sinks are slow; it goes on in a moment", code=OUT_OF_TIME, retry_after=BUSY_SECONDS
            )
        sink.send(notification, runtime.clock())
        with runtime.database.write() as tx:
            writes.sent(tx, [notification.key], runtime.clock())


def _settled(runtime: Runtime, item: Claimed, wrong: Exception | None, now: datetime) -> Outcome:
    if wrong is not None:
        return claims.failed(runtime, item, wrong, now)
    return submissions.reached(item, due_at=claims.next_look(runtime, now))
