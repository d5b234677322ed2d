"""The runs of workflows, step by step: claim → load → decide → record → perform → save.

What a step does is recorded before any of it is done, so a second try does the same with the same keys. CRM writes are
made as all others are (`worker.steps.calls`); messages that leave the house are kept in the transaction that saves the
step as done, and sent from there (`worker.steps.notifying`), so a receiver that is away holds up nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from pipelines.run_states import RunState
from pipelines.workflow_runs import Effects, Events, Setting, effects_of, stopped_by
from worker.errors import PermanentError, TransientError
from worker.steps import claims, notifying
from worker.steps.calls import BUSY_SECONDS, CRM_BUSY, Known, Performed, perform
from worker.steps.runtime import Runtime
from worker.store import contacts, notifications, writes
from worker.store import workflows as runs
from worker.store.engine import Transaction, chunks
from worker.store.submissions import KILLED_WORKER, MAX_CRASHES
from worker.store.workflows import ClaimedRun, RunOutcome

STAGE = "workflow"
"""Who wants the CRM writes of runs, in the column `stage` of `crm_writes`."""

BAD_TEMPLATE = "bad_template"
"""Reason code: a template is missing or cannot be filled in; mend it, then `portaria workflows rerun`."""

CANCELLED = "cancel"
"""Reason code: a person ended the run; `portaria workflows rerun` starts it again."""

AT_ONCE = 100
"""The most runs claimed together."""


def follow_up(
    runtime: Runtime, send_runs: Callable[[list[str]], object], send_messages: Callable[[list[str]], object]
) -> int:
    """Send the ids of the runs and of the messages that are due, in batches; how many. The scheduler calls this."""
    limits = runtime.settings.worker
    now = runtime.clock()
    with runtime.database.write() as tx:
        for leased in (runs.leased, notifications.leased):
            leased.disbelieve(tx, now=now, stall=limits.stall_seconds)
        due = runs.leased.take_due(tx, now=now, most=limits.in_flight, stall=limits.stall_seconds)
        messages = notifications.leased.take_due(tx, now=now, most=limits.in_flight, stall=limits.stall_seconds)
    for some in chunks(due, limits.batch_size):
        send_runs(list(some))
    for some in chunks(messages, notifying.AT_ONCE):
        send_messages(list(some))
    return len(due) + len(messages)


def advance(runtime: Runtime, ids: Sequence[str]) -> int:
    """Do what is due of these runs; how many steps were done. What waits for something outside goes on by itself."""
    done = 0
    for some in chunks(ids, AT_ONCE):
        # A step without a wait follows at once.
        while claimed := _claim(runtime, some):
            kept = _do(runtime, claimed)
            done += sum(one.step_done for one in kept)
            if not any(one.step_done and one.state is RunState.ACTIVE for one in kept):
                break
        notifying.deliver_of(runtime, some)
    return done


def stop_where_over(runtime: Runtime, tx: Transaction, contact_ids: Iterable[str], now: datetime) -> list[str]:
    """Stop the runs of these contacts that something has ended: a reply, an outcome, an opt-out. Their ids."""
    under_way = runs.under_way(tx, contact_ids)
    if not under_way:
        return []
    happened = events_of(runtime, tx, {run.contact_id for run in under_way})
    stopped = []
    for run in under_way:
        reason = stopped_by(run, happened[run.contact_id])
        if reason and stop(tx, run.id, reason=reason, by=runtime.owner, now=now):
            stopped.append(run.id)
    return stopped


def stop(tx: Transaction, run_id: str, *, reason: str, by: str, now: datetime) -> bool:
    """End a run, and what has not gone out of it does not go out. False where it is at its end already.

    A call of it of which it is not known how it went is brought to its end first, and the run is over then.
    """
    runs.lock(tx, run_id)  # who is about to call has said so by then, or finds that the run is no longer theirs
    if writes.in_the_air(tx, [run_id], STAGE) and runs.stop_after_step(tx, run_id, reason=reason, by=by, now=now):
        notifications.withhold(tx, run_id, reason=reason, now=now)
        return True
    event = "cancel" if reason == CANCELLED else "stop"
    if not runs.move(tx, run_id, _end(reason), event=event, reason=reason, by=by, now=now):
        return False
    withdraw(tx, run_id, reason=reason, now=now)
    return True


def _end(reason: str) -> RunState:
    """Where a run ends for this reason."""
    return RunState.CANCELLED if reason == CANCELLED else RunState.STOPPED


def withdraw(tx: Transaction, run_id: str, *, reason: str, now: datetime) -> None:
    """Nothing more of this run goes out that has not begun to: neither into the CRM nor as a message."""
    writes.call_off(tx, [run_id], STAGE, now)
    notifications.withhold(tx, run_id, reason=reason, now=now)


def events_of(runtime: Runtime, tx: Transaction, contact_ids: Collection[str]) -> dict[str, Events]:
    """What has happened to these contacts that may end a run."""
    happened = runs.events(tx, contact_ids, reply_sources=runtime.reply_sources)
    golden = contacts.golden(tx, contact_ids)
    addresses = {contact_id: [email.address for email in one.contact.emails] for contact_id, one in golden.items()}
    out = runs.opted_out(tx, {address for some in addresses.values() for address in some})
    for contact_id, some in addresses.items():
        since = [out[address] for address in some if address in out]
        if since:
            happened[contact_id] = happened[contact_id].model_copy(update={"opt_out": max(since)})
    return happened


class _Loaded(NamedTuple):
    """What the steps of a batch are made of."""

    known: Known
    events: dict[str, Events]
    leads: dict[str, RemoteRef]
    in_the_air: set[str]
    """Runs of which a call was made, and it is not known how it went."""
    begun: set[str]
    """Keys of the writes of runs that are to end, as far as they were made or may have been."""


def _claim(runtime: Runtime, ids: Sequence[str]) -> list[ClaimedRun]:
    lease = runtime.settings.worker.lease_seconds
    with runtime.database.write() as tx:
        return runs.claim(tx, ids, owner=runtime.owner, now=runtime.clock(), lease=lease)


def _do(runtime: Runtime, claimed: Sequence[ClaimedRun]) -> list[RunOutcome]:
    """One step of each of these runs."""
    now = runtime.clock()
    loaded = _load(runtime, claimed)
    outcomes: list[RunOutcome] = []
    to_do: list[ClaimedRun] = []
    for one in claimed:
        try:
            if one.crashes >= MAX_CRASHES:
                outcomes.append(_killed(one))
            elif (one.effects is None or one.run.id not in loaded.in_the_air) and (
                reason := one.stopping or stopped_by(one.run, loaded.events[one.run.contact_id])
            ):
                outcomes.append(RunOutcome(one, _end(reason), None, reason))
            else:
                to_do.append(replace(one, effects=_effects(runtime, one, loaded, now)))
        except Exception as error:
            outcomes.append(_failed(runtime, one, error, now))
    with runtime.database.write() as tx:
        ours = runs.decide(tx, {one.run.id: one.effects or Effects() for one in to_do}, to_do, now)
    to_do = [one for one in to_do if one.run.id in ours]
    wanted = {one.run.id: _wanted(one, loaded.begun) for one in to_do}
    performed = perform(runtime, STAGE, wanted, loaded.known, _renewing(runtime, claimed))
    for one in to_do:
        wrong = performed.wrong.get(one.run.id)
        if wrong:
            outcomes.append(_failed(runtime, one, wrong, now))
        else:
            outcomes.append(_done(runtime, one, performed))
    with runtime.database.write() as tx:
        kept = runs.save(tx, outcomes, now=runtime.clock(), by=runtime.owner)
        for outcome in kept:
            if outcome.state in {RunState.STOPPED, RunState.CANCELLED}:
                withdraw(tx, outcome.claimed.run.id, reason=outcome.reason, now=now)
    return kept


def _load(runtime: Runtime, claimed: Sequence[ClaimedRun]) -> _Loaded:
    ids = {one.run.contact_id for one in claimed}
    crm = runtime.crm.name
    with runtime.database.read() as tx:
        known = Known(crm, contacts.golden(tx, ids), contacts.linked(tx, ids, system=crm))
        events = events_of(runtime, tx, ids)
        refs = contacts.crm_refs(tx, ids)
        in_the_air = writes.in_the_air(tx, [one.run.id for one in claimed], STAGE)
        ending = [write.key for one in claimed if one.stopping and one.effects for write in one.effects.writes]
        begun = writes.made(tx, ending, writes.MAYBE_MADE)
    leads = {}
    for contact_id, golden in known.golden.items():
        of_crm = [*golden.contact.remotes, *refs.get(contact_id, ())]
        if newest := [ref for ref in of_crm if ref.system == crm and ref.kind == "lead"]:
            leads[contact_id] = newest[-1]
    return _Loaded(known, events, leads, in_the_air, begun)


def _effects(runtime: Runtime, one: ClaimedRun, loaded: _Loaded, now: datetime) -> Effects:
    """What the step does: as decided before, else decided now."""
    if one.effects is not None:
        return one.effects.model_copy(update={"writes": tuple(_for(one.run.contact_id, w) for w in one.effects.writes)})
    run = one.run
    record = loaded.known.record(run.contact_id)
    if record is None:
        raise TransientError("the contact's CRM record is not known yet", code=CRM_BUSY, retry_after=BUSY_SECONDS)
    mail = run.steps[one.position].mail
    setting = Setting(
        contact=loaded.known.golden[run.contact_id].contact,
        record=record,
        lead=one.lead or loaded.leads.get(run.contact_id),
        responsible=runtime.responsible(run.seller),
        templates=runtime.mail_templates([mail.template] if mail else []),
        unsubscribe_url=runtime.unsubscribe_url,
        opted_out=loaded.events[run.contact_id].opt_out is not None,
        calendar=runtime.calendar,
        now=now,
    )
    try:
        return effects_of(run, one.position, one.round, setting)
    except ValueError as problem:
        raise PermanentError(f"step {one.position + 1}: {problem}", code=BAD_TEMPLATE) from None


def _for(contact_id: str, write: CrmWrite) -> CrmWrite:
    """The write, for whom its contact has become since it was decided."""
    if write.contact_id == contact_id:
        return write
    on_record = write.target is not None and write.target.kind == "contact"
    return write.model_copy(update={"contact_id": contact_id, **({"target": None} if on_record else {})})


def _wanted(one: ClaimedRun, begun: Set[str]) -> Sequence[CrmWrite]:
    """The writes of the step; of a run that is to end those alone that have begun."""
    planned = one.effects.writes if one.effects else ()
    return [write for write in planned if write.key in begun] if one.stopping else planned


def _renewing(runtime: Runtime, claimed: Sequence[ClaimedRun]) -> Callable[[Transaction], set[str]]:
    fences = {one.run.id: one.fence for one in claimed}

    def renew(tx: Transaction) -> set[str]:
        return runs.leased.renew(tx, fences, now=runtime.clock(), lease=runtime.settings.worker.lease_seconds)

    return renew


def _done(runtime: Runtime, one: ClaimedRun, performed: Performed) -> RunOutcome:
    """The step is done: on to the next one, or to the end."""
    made = (
        [
            performed.remotes[write.key]
            for write in one.effects.writes
            if write.kind is WriteKind.CREATE_LEAD and write.key in performed.remotes
        ]
        if one.effects
        else []
    )
    if one.stopping:
        return RunOutcome(one, _end(one.stopping), None, one.stopping, step_done=True, lead=made[0] if made else None)
    following = one.run.steps[one.position + 1 : one.position + 2]
    due_at = following[0].due_at(runtime.clock(), runtime.calendar) if following else None
    state = RunState.ACTIVE if following else RunState.COMPLETED
    return RunOutcome(one, state, due_at, step_done=True, lead=made[0] if made else None)


def _killed(one: ClaimedRun) -> RunOutcome:
    detail = f"the worker died {one.crashes} times at step {one.position + 1}; see its log, mend the cause, then rerun"
    return _given_up(one, KILLED_WORKER, detail)


def _given_up(one: ClaimedRun, code: str, detail: str) -> RunOutcome:
    """No further try: the run has failed, or ended if it was to."""
    if one.stopping:
        return RunOutcome(one, _end(one.stopping), None, one.stopping, detail)
    return RunOutcome(one, RunState.FAILED, None, code, detail)


def _failed(runtime: Runtime, one: ClaimedRun, error: Exception, now: datetime) -> RunOutcome:
    failure = claims.judge(runtime, error, one.attempts, one.since, run=one.run.id, step=str(one.position + 1))
    if failure.wait is None:
        return _given_up(one, failure.code, failure.detail)
    due_at = now + timedelta(seconds=failure.wait)
    return RunOutcome(one, RunState.ACTIVE, due_at, failure.code, failure.detail)
