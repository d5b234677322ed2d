"""Create and trigger: what was decided is done outside, once, whatever happens.

Every call is recorded before it is made. A record without an outcome means that nobody knows whether the call went
through, so whoever finds one looks the write's marker up in the CRM before making the call again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from pipelines.create import linked_record, plan_create
from pipelines.models import Contact, CrmWrite, DecisionKind, RemoteRef, Score, Trigger, WriteKind
from pipelines.states import Stage
from pipelines.trigger import COOL_DOWN, RecentTrigger, start_workflows
from worker.errors import OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions, writes
from worker.store.contacts import Golden, Link
from worker.store.engine import Transaction
from worker.store.submissions import Claimed, Outcome
from worker.store.writes import Standing

log = structlog.get_logger()

CRM_BUSY = "crm_busy"
"""Reason code: another worker is writing the same record; it is tried again in a moment."""
BUSY_SECONDS = 2.0

NO_SINK = "no_sink"
"""Reason code: the workflow names a sink that portaria.toml does not have; add [sinks.NAME] and replay."""

PHASES: tuple[frozenset[WriteKind], ...] = (
    frozenset({WriteKind.CREATE_CONTACT, WriteKind.UPDATE_CONTACT}),
    frozenset({WriteKind.CREATE_LEAD}),
    frozenset({WriteKind.CREATE_TASK, WriteKind.ADD_NOTE, WriteKind.ADD_TAGS}),
)
"""What has to be there before the rest can hang on to it."""

_CREATES = frozenset({WriteKind.CREATE_CONTACT, WriteKind.CREATE_LEAD, WriteKind.CREATE_TASK, WriteKind.ADD_NOTE})
"""Kinds that make a record; the others may be made twice without harm."""


@dataclass
class _Performed:
    """What came of writes: the records by key, and what went wrong by submission."""

    remotes: dict[str, RemoteRef] = field(default_factory=dict)
    wrong: dict[str, PortariaError] = field(default_factory=dict)


def create(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Have each contact in the CRM, once, with what changed and nothing else."""
    claimed = claims.claim(runtime, Stage.CREATE, ids)
    standing = _read(runtime, claimed)
    now = runtime.clock()
    planned: dict[str, list[CrmWrite]] = {}
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            planned[item.id] = list(_plan(runtime, item, standing))
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    planned = _with_outstanding(runtime, planned)
    performed = _perform(runtime, Stage.CREATE, planned, standing)
    for item in claimed:
        if item.id in planned:
            outcomes.append(_settled(runtime, item, performed.wrong.get(item.id), now))
    return claims.save(runtime, Stage.CREATE, outcomes)


def trigger(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Start the workflows that the score and the rules call for, and perform what they want."""
    claimed = claims.claim(runtime, Stage.TRIGGER, ids)
    standing = _read(runtime, claimed)
    now = runtime.clock()
    started: dict[str, list[Trigger]] = {}
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            started[item.id] = _start(runtime, item, standing, now)
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    wanted = {item: [write for one in triggers for write in one.writes] for item, triggers in started.items()}
    performed = _perform(runtime, Stage.TRIGGER, wanted, standing)
    for item in claimed:
        if item.id not in started:
            continue
        wrong = performed.wrong.get(item.id)
        try:
            if wrong is None:
                _notify(runtime, started[item.id])
        except PortariaError as problem:
            wrong = problem
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
            continue
        outcomes.append(_settled(runtime, item, wrong, now))
    return claims.save(runtime, Stage.TRIGGER, outcomes)


@dataclass
class _Standing:
    crm: str
    golden: dict[str, Golden]
    links: dict[str, list[Link]]

    def contact(self, item: Claimed) -> Contact:
        return self.golden[item.contact_id or ""].contact

    def record(self, contact_id: str) -> RemoteRef | None:
        """The contact's record in the CRM: the one we know of, or the one that its own hook told of."""
        links = [link.ref for link in self.links.get(contact_id, ())]
        return linked_record(self.golden[contact_id].contact, links, self.crm)


def _read(runtime: Runtime, claimed: Sequence[Claimed]) -> _Standing:
    ids = [item.contact_id for item in claimed if item.contact_id]
    with runtime.database.read() as tx:
        return _Standing(runtime.crm.name, contacts.golden(tx, ids), contacts.linked(tx, ids, system=runtime.crm.name))


def _score(item: Claimed) -> Score:
    if item.score is None:
        raise PermanentError("the submission has no score", code="no_score")
    return Score.model_validate_json(item.score)


def _plan(runtime: Runtime, item: Claimed, standing: _Standing) -> Sequence[CrmWrite]:
    contact_id = item.contact_id or ""
    links = standing.links.get(contact_id, [])
    return plan_create(
        contact_id,
        standing.contact(item),
        DecisionKind(item.decision or DecisionKind.NEW),
        [link.ref for link in links],
        links[0].written if links else None,
        _score(item),
        item.id,
        runtime.crm.name,
    )


def _with_outstanding(runtime: Runtime, planned: Mapping[str, Sequence[CrmWrite]]) -> dict[str, list[CrmWrite]]:
    """The plans, with what an earlier try had planned and did not get done: a note whose contact is there by now."""
    with runtime.database.read() as tx:
        before = writes.outstanding(tx, planned, Stage.CREATE)
    together: dict[str, list[CrmWrite]] = {}
    for submission, some in planned.items():
        keys = {write.key for write in some}
        together[submission] = [*some, *(write for write in before.get(submission, ()) if write.key not in keys)]
    return together


def _start(runtime: Runtime, item: Claimed, standing: _Standing, now: datetime) -> list[Trigger]:
    """Record the workflows of one submission as started; those recorded before, when this is another try."""
    contact_id = item.contact_id or ""
    record = standing.record(contact_id)
    if record is None:
        raise TransientError("the contact's CRM record is not known yet", code=CRM_BUSY, retry_after=BUSY_SECONDS)
    score = _score(item)
    with runtime.database.write() as tx:
        # Two submissions of one person at one instant: the second sees what the first started.
        golden = contacts.golden(tx, [contact_id], locked=True)[contact_id]
        known = writes.triggers_of(tx, [item.id]).get(item.id)
        if known is not None:
            return known
        since = now - timedelta(seconds=COOL_DOWN)
        recent = writes.recent_triggers(tx, [contact_id], since).get(contact_id, [])
        triggers = start_workflows(
            contact_id,
            golden.contact,
            score,
            DecisionKind(item.decision or DecisionKind.NEW),
            item.source,
            item.id,
            runtime.rules,
            crm_contact=record,
            recent=[
                RecentTrigger(workflow=row["workflow"], temperature=row["temperature"], at=row["at"]) for row in recent
            ],
            now=now,
        )
        writes.start_triggers(tx, item.id, contact_id, score.temperature, triggers, now)
    return list(triggers)


def _notify(runtime: Runtime, triggers: Sequence[Trigger]) -> None:
    keys = [one.key for one in triggers]
    with runtime.database.read() as tx:
        waiting = writes.unsent(tx, keys)
    for notification in waiting:
        sink = runtime.sinks.get(notification.sink)
        if sink is None:
            raise PermanentError(f"there is no [sinks.{notification.sink}] in portaria.toml", code=NO_SINK)
        sink.send(notification, runtime.clock())
        with runtime.database.write() as tx:
            writes.sent(tx, [notification.key], runtime.clock())
    with runtime.database.write() as tx:
        writes.finish_triggers(tx, keys)


def _settled(runtime: Runtime, item: Claimed, wrong: PortariaError | None, now: datetime) -> Outcome:
    if wrong is not None:
        return claims.failed(runtime, item, wrong, now)
    return submissions.reached(item, due_at=claims.next_look(runtime, now))


def _perform(
    runtime: Runtime, stage: Stage, wanted: Mapping[str, Sequence[CrmWrite]], standing: _Standing
) -> _Performed:
    """Make the writes of each submission, phase by phase; one that goes wrong holds up only its own submission."""
    performed = _Performed()
    with runtime.database.write() as tx:
        writes.intend(tx, wanted, stage, runtime.clock())
    for phase in PHASES:
        now_wanted = {
            submission: [_attached(write, some, performed, standing) for write in some if write.kind in phase]
            for submission, some in wanted.items()
            if submission not in performed.wrong
        }
        _perform_phase(runtime, {key: some for key, some in now_wanted.items() if some}, standing, performed)
    return performed


def _attached(write: CrmWrite, siblings: Sequence[CrmWrite], performed: _Performed, standing: _Standing) -> CrmWrite:
    """The write with its target: as planned, else the lead that the same workflow made, else the contact's record."""
    if write.target is not None or write.kind is WriteKind.CREATE_CONTACT:
        return write
    target = standing.record(write.contact_id)
    if write.kind is WriteKind.CREATE_TASK:
        leads = [performed.remotes.get(each.key) for each in siblings if each.kind is WriteKind.CREATE_LEAD]
        target = next((lead for lead in leads if lead), target)
    return write.model_copy(update={"target": target})


def _perform_phase(
    runtime: Runtime, wanted: Mapping[str, Sequence[CrmWrite]], standing: _Standing, performed: _Performed
) -> None:
    if not wanted:
        return
    database, owner = runtime.database, runtime.owner
    with database.write() as tx:
        lease = runtime.settings.worker.lease_seconds
        keys = [write.key for some in wanted.values() for write in some]
        known = writes.attempting(tx, keys, owner=owner, now=runtime.clock(), lease=lease)
    asking: defaultdict[str, list[str]] = defaultdict(list)  # key → the submissions that want it
    calls: dict[str, CrmWrite] = {}
    failed: set[str] = set()
    for submission, some in wanted.items():
        for write in some:
            asking[write.key].append(submission)
            calls[write.key] = write
    made: dict[str, RemoteRef] = {}
    to_make: list[CrmWrite] = []

    def goes_wrong(key: str, problem: PortariaError) -> None:
        failed.add(key)
        for submission in asking[key]:
            performed.wrong.setdefault(submission, problem)

    for key, write in calls.items():
        attempt = known[key]
        if attempt.standing is Standing.DONE and attempt.remote is not None:
            performed.remotes[key] = attempt.remote
        elif attempt.standing is Standing.BUSY:
            for submission in asking[key]:
                problem = TransientError("another worker is at it", code=CRM_BUSY, retry_after=BUSY_SECONDS)
                performed.wrong.setdefault(submission, problem)
        elif attempt.standing is Standing.UNKNOWN and write.kind in _CREATES:
            try:
                there = runtime.crm.look_up(write)
            except PortariaError as problem:
                goes_wrong(key, problem)
                continue
            if there is None:
                to_make.append(write)
            else:
                made[key] = there
        else:
            to_make.append(write)
    for write, result in zip(to_make, _call(runtime, to_make), strict=True):
        if isinstance(result, RemoteRef):
            made[write.key] = result
        else:
            goes_wrong(write.key, result)
    performed.remotes.update(made)
    now = runtime.clock()
    with database.write() as tx:
        writes.done(tx, made, now)
        writes.give_up(tx, failed, owner=owner)
        for key, ref in made.items():
            _link(tx, calls[key], ref, standing, now)


def _call(runtime: Runtime, to_make: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
    if not to_make:
        return ()
    try:
        return runtime.crm.perform(to_make)
    except Exception as error:  # a fault in the adapter: the calls may have been made
        log.error("the CRM adapter failed", crm=runtime.crm.name, error=type(error).__name__)
        unknown = OutcomeUnknown(
            f"the CRM adapter failed ({type(error).__name__}); see the log", code=claims.UNEXPECTED
        )
        return [unknown] * len(to_make)


def _link(tx: Transaction, write: CrmWrite, ref: RemoteRef, standing: _Standing, now: datetime) -> None:
    if write.kind not in PHASES[0] and write.kind is not WriteKind.CREATE_LEAD:
        return
    golden = standing.golden[write.contact_id]
    written = golden.contact if ref.kind == "contact" else None
    contacts.link(tx, write.contact_id, ref, written=written, now=now)
    if ref.kind == "contact" and not standing.record(write.contact_id):
        standing.links.setdefault(write.contact_id, []).append(Link(ref, written))
