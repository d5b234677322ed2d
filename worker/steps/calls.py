"""Making the calls that were decided on: each recorded before it is made, and made once.

A record without an outcome means that nobody knows whether the call went through, so whoever finds one looks the
write's marker up in the CRM before making the call again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from pipelines.create import linked_record
from pipelines.models import Contact, CrmWrite, RemoteRef, WriteKind
from worker.errors import NO_TARGET, OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.steps import claims
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions, writes
from worker.store.contacts import Golden, Link, NewLink
from worker.store.engine import Transaction, chunks
from worker.store.submissions import Claimed
from worker.store.writes import Attempt, Lease, Standing

log = structlog.get_logger()

CRM_BUSY = "crm_busy"
"""Reason code: another worker is writing the same record; it is tried again in a moment."""
BUSY_SECONDS = 2.0

OUTDATED = "outdated"
"""Reason code: the contact has changed since the update was planned; it is planned anew in a moment."""

OUTCOME_PENDING = "outcome_pending"
"""Reason code: a call to the CRM had no answer and may still land; the record is looked for before it is made again,
and nothing newer is written to it before."""
LOOK_AGAIN_SECONDS = 15.0

LEASE_LOST = "lease_lost"
"""Reason code: another worker has taken over what this one was too slow at; nothing is left undone."""

LATE_SECONDS = 10.0
"""Seconds between the record of calls and the calls after which it is asked again what is still to do."""

PIECE = 100
"""The most calls made between two renewals of the leases: what a CRM takes for so many is well within one lease."""

PHASES: tuple[frozenset[WriteKind], ...] = (
    writes.OF_RECORD,
    frozenset({WriteKind.CREATE_LEAD, WriteKind.UPDATE_LEAD, WriteKind.MOVE_LEAD}),
    frozenset({WriteKind.CREATE_TASK, WriteKind.ADD_NOTE, WriteKind.ADD_TAGS, WriteKind.REMOVE_TAGS}),
)
"""What has to be there before the rest can hang on to it."""

_CREATES = frozenset({WriteKind.CREATE_CONTACT, WriteKind.CREATE_LEAD, WriteKind.CREATE_TASK, WriteKind.ADD_NOTE})
"""Kinds that make a record; the others may be made twice without harm."""


@dataclass
class Performed:
    """What came of writes: the records by key, and what went wrong by submission."""

    remotes: dict[str, RemoteRef] = field(default_factory=dict)
    wrong: dict[str, PortariaError] = field(default_factory=dict)


@dataclass
class Known:
    crm: str
    golden: dict[str, Golden]
    links: dict[str, list[Link]]

    def contact(self, item: Claimed) -> Contact:
        return self.golden[item.contact_id or ""].contact

    def record(self, contact_id: str) -> RemoteRef | None:
        """The contact's record in the CRM: the one we know of, or the one that its own hook told of."""
        links = [link.ref for link in self.links.get(contact_id, ())]
        return linked_record(self.golden[contact_id].contact, links, self.crm)


Renew = Callable[[Transaction], Set[str]]
"""Renews the leases of those who want the writes, and says who still holds theirs."""


def perform(
    runtime: Runtime, stage: str, wanted: Mapping[str, Sequence[CrmWrite]], known: Known, renew: Renew
) -> Performed:
    """Make the writes that `stage` wants, by the id of whoever wants them, phase by phase.

    One that goes wrong holds up only those who want it. Between any two pieces of the work all leases are renewed, and
    for whom the lease was lost nothing more is done.
    """
    performed = Performed()
    with runtime.database.write() as tx:
        held = renew(tx)
        # Who has been taken over, or was ended, intends nothing any more: nobody would call that off again.
        writes.intend(tx, {who: some for who, some in wanted.items() if who in held}, stage, runtime.clock())
    performed.wrong |= {who: _taken_over() for who in wanted if who not in held}
    for phase in PHASES:
        now_wanted = {
            wanted_by: [_attached(write, some, performed, known) for write in some if write.kind in phase]
            for wanted_by, some in wanted.items()
            if wanted_by not in performed.wrong
        }
        asking: defaultdict[str, list[str]] = defaultdict(list)
        """By key, who wants the write: several submissions of one contact want it created."""
        calls: dict[str, CrmWrite] = {}
        for wanted_by, some in now_wanted.items():
            for write in some:
                asking[write.key].append(wanted_by)
                calls[write.key] = write
        for piece in chunks(calls.values(), PIECE):
            _perform_piece(runtime, {write.key: write for write in piece}, asking, known, renew, performed)
    return performed


def _taken_over() -> TransientError:
    return TransientError("another worker has taken over", code=LEASE_LOST, retry_after=0)


def _attached(write: CrmWrite, siblings: Sequence[CrmWrite], performed: Performed, known: Known) -> CrmWrite:
    """The write with its target: as planned, else the lead that the same workflow made, else the contact's record."""
    if write.target is not None or write.kind is WriteKind.CREATE_CONTACT:
        return write
    target = known.record(write.contact_id)
    if write.kind is WriteKind.CREATE_TASK:
        leads = [performed.remotes.get(each.key) for each in siblings if each.kind is WriteKind.CREATE_LEAD]
        target = next((lead for lead in leads if lead), target)
    return write.model_copy(update={"target": target})


def _perform_piece(
    runtime: Runtime,
    calls: Mapping[str, CrmWrite],
    asking: Mapping[str, Sequence[str]],
    known: Known,
    renew: Renew,
    performed: Performed,
) -> None:
    settle, began = runtime.crm.settle_seconds, runtime.clock()
    with runtime.database.write() as tx:
        results: dict[str, RemoteRef | PortariaError] = {**_refused(tx, calls.values(), asking, known, renew)}
        possible = [write for key, write in calls.items() if key not in results]
        lease = _lease(runtime)
        attempts = writes.attempting(tx, possible, lease=lease, now=runtime.clock(), settle=settle)
        of_record = {each.contact_id for each in possible if each.kind in writes.OF_RECORD}
        made = {each.contact_id for each in possible if attempts[each.key].standing is Standing.DONE}
        linked = contacts.linked(tx, made & of_record, system=known.crm)
    to_make: list[CrmWrite] = []
    for write in possible:
        result = _before_the_call(runtime, write, attempts[write.key])
        if result is None:
            to_make.append(write)
        else:
            results[write.key] = result
    # Records are looked for at the CRM's pace, and a process may be stopped: who was late asks what is still to do.
    longest = min(LATE_SECONDS, runtime.settings.worker.lease_seconds / 2)
    was_late = not 0 <= (runtime.clock() - began).total_seconds() < longest
    if to_make and (was_late or any(attempts[write.key].standing is Standing.UNKNOWN for write in to_make)):
        with runtime.database.write() as tx:
            refused = _refused(tx, to_make, asking, known, renew)
            renewed = _lease(runtime)
            held = writes.hold(tx, (key for key, one in attempts.items() if one.is_ours), lease, until=renewed.until)
            lease = renewed
            _let_go(tx, refused, attempts, lease)  # now, not when the others have been called
            results |= {write.key: _taken_over() for write in to_make if write.key not in held}
            results |= refused
            to_make = [write for write in to_make if write.key not in results]
            writes.calling(tx, to_make, now=runtime.clock(), settle=settle)
    results.update(zip((write.key for write in to_make), _call(runtime, to_make), strict=True))
    called = {write.key for write in to_make}
    older = {
        key
        for key, one in attempts.items()
        if calls[key].kind is WriteKind.CREATE_CONTACT and key not in called
        and one.asked is not None and one.asked.fields != calls[key].fields
        # Made by somebody else meanwhile, it is linked; where it is not, to plan anew would end here again.
        and (one.standing is Standing.UNKNOWN or calls[key].contact_id in linked)
    }  # fmt: skip
    _forget_gone(runtime, calls, results)
    for key, result in results.items():
        wrong = result if isinstance(result, PortariaError) else None
        if isinstance(result, RemoteRef):
            performed.remotes[key] = result
            if key in older:
                what = "the record that was found holds what was known before; it is brought up to date"
                wrong = TransientError(what, code=OUTDATED, retry_after=0)
        if wrong is not None:
            for wanted_by in asking[key]:
                performed.wrong.setdefault(wanted_by, wrong)
    _save(runtime, calls, results, attempts, lease, called, older, known)


def _lease(runtime: Runtime) -> Lease:
    return Lease(runtime.owner, runtime.clock() + timedelta(seconds=runtime.settings.worker.lease_seconds))


def _refused(
    tx: Transaction, calls: Iterable[CrmWrite], asking: Mapping[str, Sequence[str]], known: Known, renew: Renew
) -> dict[str, PortariaError]:
    """Which of the calls are not to be made now, and why. Renews the leases of the others, and holds the contacts whose
    records they write until the transaction ends."""
    calls, held = list(calls), renew(tx)
    versions = contacts.lock(tx, {write.contact_id for write in calls if write.kind in writes.OF_RECORD})
    refused: dict[str, PortariaError] = {}
    for write in calls:
        if held.isdisjoint(asking[write.key]):
            refused[write.key] = _taken_over()
        elif (
            write.kind is WriteKind.UPDATE_CONTACT
            and versions.get(write.contact_id) != known.golden[write.contact_id].version
        ):
            # Whoever changed it plans with what is true now; an older plan made later would take that back.
            what = "the contact has changed meanwhile; its update is planned anew"
            refused[write.key] = TransientError(what, code=OUTDATED, retry_after=0)
    return refused


def _let_go(tx: Transaction, keys: Collection[str], attempts: Mapping[str, Attempt], lease: Lease) -> None:
    """Others may make these, which were not called: those that never were are as if nobody had tried."""
    writes.not_made(tx, [key for key in keys if attempts[key].standing is Standing.FRESH], lease)
    writes.give_up(tx, keys, lease)


def _forget_gone(
    runtime: Runtime, calls: Mapping[str, CrmWrite], results: dict[str, RemoteRef | PortariaError]
) -> None:
    """Whoever has another record in the CRM is written to there from now on, where the first is gone: somebody merged
    the two by hand, or deleted one."""
    for key, result in results.items():
        record = calls[key].target
        if record is None or record.kind != "contact" or not isinstance(result, PermanentError):
            continue
        if result.code == NO_TARGET:
            with runtime.database.write() as tx:
                has_another = contacts.forget_link(tx, calls[key].contact_id, record)
            if has_another:
                what = "the record is gone from the CRM; the contact's other one is written to"
                results[key] = TransientError(what, code=OUTDATED, retry_after=0)


def _before_the_call(runtime: Runtime, write: CrmWrite, attempt: Attempt) -> RemoteRef | PortariaError | None:
    """What is known of a write without making the call; None: make it."""
    if attempt.standing is Standing.DONE:
        return attempt.remote
    if attempt.standing is Standing.BUSY:
        return TransientError("another worker is at it", code=CRM_BUSY, retry_after=BUSY_SECONDS)
    if attempt.standing is Standing.PENDING and attempt.repeat_at:
        what = "an earlier call to the same record had no answer, and would land on top of this one"
        left = (attempt.repeat_at - runtime.clock()).total_seconds()
        return TransientError(what, code=OUTCOME_PENDING, retry_after=max(left, BUSY_SECONDS))
    if attempt.standing is Standing.UNKNOWN and write.kind in _CREATES:
        try:
            found = runtime.crm.look_up(write)
        except PortariaError as problem:
            return problem
        left = _left(runtime, write, attempt)
        if found is None and left > 0:
            what = "the CRM has not said whether it made the record; it is looked for until it can be made again"
            return TransientError(what, code=OUTCOME_PENDING, retry_after=min(left, LOOK_AGAIN_SECONDS))
        return found
    return None


def _left(runtime: Runtime, write: CrmWrite, attempt: Attempt) -> float:
    """Seconds for which a call that was made may still land; a time set by a clock that was ahead is set anew."""
    now, settle = runtime.clock(), runtime.crm.settle_seconds
    left = (attempt.repeat_at - now).total_seconds() if attempt.repeat_at else 0.0
    if left <= settle + submissions.CLOCKS_DIFFER.total_seconds():
        return left
    with runtime.database.write() as tx:
        writes.calling(tx, [attempt.asked or write], now=now, settle=settle)
    return settle


def _call(runtime: Runtime, to_make: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
    if not to_make:
        return ()
    try:
        return runtime.crm.perform(to_make)
    except Exception as error:  # a fault in the adapter: the calls may have been made
        log.error("the CRM adapter failed", crm=runtime.crm.name, error=type(error).__name__)
        what = f"the CRM adapter failed ({type(error).__name__}); see the log"
        return [OutcomeUnknown(what, code=claims.UNEXPECTED)] * len(to_make)


def _save(
    runtime: Runtime,
    calls: Mapping[str, CrmWrite],
    results: Mapping[str, RemoteRef | PortariaError],
    attempts: Mapping[str, Attempt],
    lease: Lease,
    called: Set[str],
    older: Set[str],
    known: Known,
) -> None:
    """Record how the calls went, and which records of the CRM are whose."""
    ours = [key for key, one in attempts.items() if one.is_ours]
    made = {key: result for key in ours if isinstance(result := results[key], RemoteRef)}
    with runtime.database.write() as tx:
        held = writes.held(tx, ours, lease)
        links = []
        for key, ref in made.items():
            write = calls[key]
            if write.kind in writes.OF_RECORD:
                # Of a record that was made of an earlier state of the contact, or that others may have written since,
                # we know only that it is there.
                is_known = key in held and key not in older
                link = NewLink(write.contact_id, ref, known.golden[write.contact_id].contact if is_known else None)
                known.links.setdefault(write.contact_id, []).append(Link(ref, link.written))
                links.append(link)
            elif write.kind is WriteKind.CREATE_LEAD:
                links.append(NewLink(write.contact_id, ref, None))
        writes.done(tx, made, runtime.clock())
        told = called | {key for key in ours if attempts[key].standing is Standing.FRESH}
        missed = [key for key in told if key not in made and not isinstance(results[key], OutcomeUnknown)]
        writes.not_made(tx, missed, lease)
        writes.give_up(tx, [key for key in ours if key not in made], lease)
        contacts.link(tx, links, runtime.clock())
