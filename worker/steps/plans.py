"""Plans of agents: proposed, answered by a person where two records or more are touched, and applied once.

The bridge and the command line propose, answer and apply here and nowhere else, and the store refuses to record a CRM
write of a plan that is not permitted (`worker.store.plans.check_permitted`): no granted plan, no write.

| step | what a second try does |
|---|---|
| propose | finds the caller's plan of the same hash that still waits |
| answer | is refused: an approval is answered once |
| apply | goes on with what is not done; an applied plan tells its outcome again |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from pipelines.models import RemoteRef
from pipelines.plans import (
    OURS,
    OperationKind,
    Plan,
    allowed_operations,
    changed_since,
    choose,
    keyed,
    plan_hash,
    why_approval,
)
from worker.errors import PermanentError, TransientError
from worker.ids import new_id
from worker.steps.operations import Result, carry_out
from worker.steps.runtime import Runtime
from worker.store import contacts, plans
from worker.store.engine import Transaction
from worker.store.plans import Approval, ApprovalState, KeptPlan, PlanState

BEING_APPLIED = "being_applied"
"""Reason code: somebody applies this plan right now."""
STALE = "stale"
"""Reason code: a record changed after the plan was made; make it again to see how it is now."""
CANCELLED = "cancelled"
"""State of an operation that was not begun any more when the caller cancelled."""

TOGETHER = 20
"""Operations carried out between two looks at whether the caller still wants it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How whoever waits for a plan follows it and stops it."""

    progress: Callable[[int, int], None] = lambda _done, _total: None
    cancelled: Callable[[], bool] = lambda: False


def propose(runtime: Runtime, caller: str, plan: Plan) -> KeptPlan:
    """Keep a plan; its `approval` is None when it may be applied at once.

    The same plan again, while a person is being asked about it, is that one. Raises `PermanentError` for an empty one.
    """
    if not plan.operations:
        raise PermanentError("there is nothing to do")
    now = runtime.clock()
    rules = runtime.settings.approvals
    hashed = plan_hash(plan)
    with runtime.database.write() as tx:
        plans.lock_caller(tx, caller)
        plans.expire(tx, now)
        if (before := plans.asked_before(tx, caller, hashed, now)) is None:
            spent = plans.spent(tx, caller, now - timedelta(minutes=rules.budget_minutes))
            reason = why_approval(plan, spent, rules.budget)
            before = new_id("pln", now)
            plans.add(tx, before, caller, hashed, keyed(plan, before), asked=bool(reason), now=now)
            if reason:
                until = now + timedelta(minutes=rules.expire_minutes)
                plans.ask(tx, new_id("apr", now), before, caller, hashed, reason, now=now, until=until)
        kept = _there(plans.read(tx, before), before)
    runtime.changes.ring()
    return kept


def grant(
    runtime: Runtime, approval_id: str, only: Sequence[str] = (), *, by: str, way: str, why: str = ""
) -> KeptPlan:
    """A yes to a plan, or to the records of it that `only` names. Nothing is written yet: `apply` does.

    Raises `PermanentError` when there is no such approval, it is not pending, or nothing can be done with the rest.
    """
    with _pending(runtime, approval_id) as (tx, kept, approval):
        try:
            granted = choose(kept.plan, only)
        except ValueError as problem:
            raise PermanentError(str(problem)) from None
        if not allowed_operations(kept.plan, granted):
            raise PermanentError("what is asked for needs all of the records; grant them all or deny it")
        plans.decide(tx, approval, ApprovalState.GRANTED, granted=granted, by=by, way=way, why=why, now=runtime.clock())
        kept = _there(plans.read(tx, kept.id), kept.id)
    runtime.changes.ring()
    return kept


def refuse(
    runtime: Runtime, approval_id: str, *, by: str, way: str, why: str = "", cancelled: bool = False
) -> KeptPlan:
    """A no, or (`cancelled`) no answer: the plan is dropped. Raises `PermanentError` when it is not pending."""
    state = ApprovalState.CANCELLED if cancelled else ApprovalState.DENIED
    with _pending(runtime, approval_id) as (tx, kept, approval):
        plans.decide(tx, approval, state, by=by, way=way, why=why, now=runtime.clock())
        kept = _there(plans.read(tx, kept.id), kept.id)
    runtime.changes.ring()
    return kept


def apply(runtime: Runtime, plan_or_approval_id: str, *, caller: str = "", watch: Watch = Watch()) -> KeptPlan:
    """Do what a plan may do, once; of a plan with an approval, what was granted.

    A plan that waits for an answer, was refused, has expired or is stale comes back as it is: look at its `state`.
    Raises `PermanentError` when there is no such plan of this `caller` (empty: whoever), `TransientError` while
    somebody else applies it or the CRM cannot be asked.
    """
    kept = look_up(runtime, plan_or_approval_id, caller=caller)
    if kept.state is PlanState.WAITING:
        if kept.approval is not None and kept.approval.state is not ApprovalState.GRANTED:
            return kept
        if changed := _changed(runtime, kept):
            return _stale(runtime, kept, changed)
    lease, now = runtime.settings.worker.lease_seconds, runtime.clock()
    with runtime.database.write() as tx:
        kept = _there(plans.read(tx, kept.id, locked=True), kept.id)
        if kept.state is PlanState.WAITING:
            # What is granted holds for what was shown: the plan as it is kept must be the one that was asked about.
            if plan_hash(kept.plan) != kept.hash:
                raise PermanentError(f"{kept.id} is not what was asked about; make the plan again", code=STALE)
            numbers = allowed_operations(kept.plan, _granted(kept))
            ours = plans.claim(tx, kept, numbers, owner=runtime.owner, now=now, lease=lease)
        elif kept.state is PlanState.APPLYING:
            ours = plans.resume(tx, kept, owner=runtime.owner, now=now, lease=lease)
        else:
            return kept
        kept = _there(plans.read(tx, kept.id), kept.id)
    if not ours:
        raise TransientError(f"{kept.id} is being applied; look again in a moment", code=BEING_APPLIED)
    return _carry_on(runtime, kept, watch)


def look_up(runtime: Runtime, plan_or_approval_id: str, *, caller: str = "") -> KeptPlan:
    """A plan as it stands now. Raises `PermanentError` when there is none such (of this caller)."""
    with runtime.database.write() as tx:
        plans.expire(tx, runtime.clock())
        kept = plans.read(tx, plan_or_approval_id)
    if kept is None or (caller and kept.caller != caller):
        raise PermanentError(
            f"there is no plan or approval {plan_or_approval_id}; `portaria approvals list` shows them"
        )
    return kept


def asked(
    runtime: Runtime, *, states: Sequence[str] = (), limit: int = 50, after: str = "", caller: str = ""
) -> list[KeptPlan]:
    """Plans that a person was asked about, the newest first."""
    with runtime.database.write() as tx:
        plans.expire(tx, runtime.clock())
        return plans.listed(tx, states=states, limit=limit, after=after, caller=caller)


def resume_plans(runtime: Runtime) -> int:
    """Go on with plans whose process ended in the middle; how many."""
    with runtime.database.read() as tx:
        left = plans.unfinished(tx, runtime.clock())
    for plan_id in left:
        try:
            apply(runtime, plan_id)
        except TransientError:
            continue  # the next sweep finds it again
    return len(left)


@contextmanager
def _pending(runtime: Runtime, approval_id: str) -> Iterator[tuple[Transaction, KeptPlan, Approval]]:
    """An approval that waits for its answer, locked. Raises `PermanentError` for any other."""
    now = runtime.clock()
    with runtime.database.write() as tx:
        plans.expire(tx, now)
    with runtime.database.write() as tx:
        kept = plans.read(tx, approval_id, locked=True)
        if kept is None or kept.approval is None:
            raise PermanentError(f"there is no approval {approval_id}; `portaria approvals list` shows them")
        if kept.approval.state is not ApprovalState.PENDING:
            raise PermanentError(f"{kept.approval.id} is {kept.approval.state} already; nothing was changed")
        yield tx, kept, kept.approval


def _granted(kept: KeptPlan) -> tuple[RemoteRef, ...]:
    if kept.approval is None:
        return tuple(record.ref for record in kept.plan.records)
    return kept.approval.granted


def _changed(runtime: Runtime, kept: KeptPlan) -> list[str]:
    granted = set(_granted(kept))
    of = kept.plan.model_copy(update={"records": tuple(one for one in kept.plan.records if one.ref in granted)})
    now = versions(runtime, [record.ref for record in of.records if record.version])
    return [record.name for record in changed_since(of, now)]


def versions(runtime: Runtime, refs: Iterable[RemoteRef]) -> dict[RemoteRef, str]:
    """The versions of these records as they are now; those that are not there are left out."""
    by_system: defaultdict[str, list[RemoteRef]] = defaultdict(list)
    for ref in refs:
        by_system[ref.system].append(ref)
    found: dict[RemoteRef, str] = {}
    if ours := by_system.pop(OURS, []):
        with runtime.database.read() as tx:
            golden = contacts.golden(tx, [ref.id for ref in ours])
        found |= {ref: str(golden[ref.id].version) for ref in ours if ref.id in golden}
    for remote in by_system.values():
        found |= {ref: record.version for ref, record in runtime.crm.read(remote).items()}
    return found


def _stale(runtime: Runtime, kept: KeptPlan, changed: Sequence[str]) -> KeptPlan:
    now = runtime.clock()
    with runtime.database.write() as tx:
        kept = _there(plans.read(tx, kept.id, locked=True), kept.id)
        if kept.state is PlanState.WAITING:
            plans.drop(tx, kept, f"changed since: {', '.join(changed[:10])}", now=now)
        return _there(plans.read(tx, kept.id), kept.id)


def _carry_on(runtime: Runtime, kept: KeptPlan, watch: Watch) -> KeptPlan:
    lease = runtime.settings.worker.lease_seconds
    outcome: dict[int, Mapping[str, str]] = {
        number: what for number, what in kept.outcome.items() if what["state"] == plans.OPERATION_DONE
    }
    open_numbers = [number for number in kept.permitted if number not in outcome]
    finished = True
    while open_numbers:
        if watch.cancelled():
            outcome |= {number: {"state": CANCELLED} for number in open_numbers}
            break
        # All contacts that a plan brings are one delivery, under one key.
        size = len(open_numbers) if _brings(kept) else TOGETHER
        some, open_numbers = open_numbers[:size], open_numbers[size:]
        results: dict[int, Result] = carry_out(runtime, kept, some)
        outcome |= {number: result.told() for number, result in results.items()}
        finished = finished and not any(result.is_open for result in results.values())
        with runtime.database.write() as tx:
            if not plans.extend(tx, kept, owner=runtime.owner, now=runtime.clock(), lease=lease):
                raise TransientError(f"{kept.id} took too long and was taken over", code=BEING_APPLIED)
        watch.progress(len(kept.permitted) - len(open_numbers), len(kept.permitted))
    with runtime.database.write() as tx:
        plans.save(tx, kept, outcome, finished=finished, owner=runtime.owner, now=runtime.clock())
        kept = _there(plans.read(tx, kept.id), kept.id)
    runtime.changes.ring()
    return kept


def _brings(kept: KeptPlan) -> bool:
    return kept.plan.operations[0].kind is OperationKind.RECEIVE


def _there(kept: KeptPlan | None, plan_id: str) -> KeptPlan:
    if kept is None:
        raise PermanentError(f"there is no plan {plan_id}")
    return kept
