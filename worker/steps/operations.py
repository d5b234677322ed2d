"""Carrying out the operations of a plan that has been claimed: each once, and what goes wrong stops only itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from pipelines.lead_outcomes import LeadOutcome
from pipelines.models import CrmWrite, DecisionKind, RemoteRef, Score
from pipelines.plans import Operation, OperationKind
from pipelines.run_states import RunState
from pipelines.trigger import start_workflows
from pipelines.workflow_rules import Conditions
from worker.errors import PermanentError, PortariaError, TransientError
from worker.ports import Priority
from worker.steps import claims
from worker.steps.calls import Known, perform
from worker.steps.intake import receive
from worker.steps.merging import merge_contacts_of, undo_merge
from worker.steps.resolve import resolve_review
from worker.steps.runtime import Runtime
from worker.steps.triggering import assign
from worker.steps.workflows import advance
from worker.store import contacts, history, lead_outcomes, plans, workflows
from worker.store.engine import Transaction
from worker.store.plans import KeptPlan

log = structlog.get_logger()

PLAN: Final = "plan"
"""The step that wants these writes, as `crm_writes.stage` tells it."""

AGENT: Final = "agent"
"""The source of contacts that agents bring; `[sources.agent]` in portaria.toml can give it a mapping."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one operation."""

    state: str
    """`done`, or a reason code."""
    made: str = ""
    """What it made or changed: `lead/12`, or the id of a delivery, a contact or a merge."""
    detail: str = ""
    is_open: bool = False
    """It may go through later: apply the plan again."""

    def told(self) -> dict[str, str]:
        """As it is kept."""
        return {key: value for key in ("state", "made", "detail") if (value := getattr(self, key))}


def carry_out(runtime: Runtime, kept: KeptPlan, numbers: Sequence[int]) -> dict[int, Result]:
    """Carry out these operations (numbers from 1) of a claimed plan."""
    wanted = {number: kept.plan.operations[number - 1] for number in numbers}
    results = _write(runtime, kept, {n: one.write for n, one in wanted.items() if one.write is not None})
    brought = {n: one for n, one in wanted.items() if one.kind is OperationKind.RECEIVE}
    if brought:
        results |= _receive(runtime, kept, brought)
    for number, operation in wanted.items():
        if act := _ACTS.get(operation.kind):
            results[number] = _tried(lambda act=act, n=number, one=operation: act(runtime, kept, n, one))  # type: ignore[misc]
    return results


def _tried(work: Callable[[], str]) -> Result:
    try:
        return Result(plans.OPERATION_DONE, made=work())
    except PortariaError as problem:
        return _wrong(problem)
    except Exception as error:  # its text may hold personal data
        log.error("an operation failed", error=type(error).__name__)
        return Result(claims.UNEXPECTED, detail=f"{type(error).__name__}; see the log")


def _wrong(problem: PortariaError) -> Result:
    return Result(problem.code, detail=str(problem), is_open=isinstance(problem, TransientError))


def _write(runtime: Runtime, kept: KeptPlan, some: Mapping[int, CrmWrite]) -> dict[int, Result]:
    """CRM writes, made through the same door as all others: recorded first, and made once."""
    if not some:
        return {}
    wanted = {f"{kept.id}:{number}": [write] for number, write in some.items()}
    performed = perform(runtime, PLAN, wanted, Known(runtime.crm.name, {}, {}), _renewing(runtime, kept, wanted))
    results = {}
    for number, write in some.items():
        if problem := performed.wrong.get(f"{kept.id}:{number}"):
            results[number] = _wrong(problem)
        else:
            results[number] = Result(plans.OPERATION_DONE, made=_named(performed.remotes[write.key]))
    return results


def _renewing(runtime: Runtime, kept: KeptPlan, wanters: Iterable[str]) -> Callable[[Transaction], set[str]]:
    """For `worker.steps.calls.perform`: renews the plan's lease; all of it is ours, or nothing."""
    everybody = set(wanters)

    def renew(tx: Transaction) -> set[str]:
        lease = runtime.settings.worker.lease_seconds
        return everybody if plans.extend(tx, kept, owner=runtime.owner, now=runtime.clock(), lease=lease) else set()

    return renew


def _named(ref: RemoteRef) -> str:
    return f"{ref.kind}/{ref.id}"


def _receive(runtime: Runtime, kept: KeptPlan, brought: Mapping[int, Operation]) -> dict[int, Result]:
    """All contacts that the plan brings are one delivery."""
    body = json.dumps([one.arguments["contact"] for one in brought.values()], ensure_ascii=False).encode()
    key = delivery_key(kept.caller, next(iter(brought.values())).arguments.get("idempotency_key", ""), kept.id)

    def keep() -> str:
        return receive(runtime, AGENT, body, content_type="application/json", priority=Priority.LIVE, key=key).id

    return dict.fromkeys(brought, _tried(keep))


def delivery_key(caller: str, idempotency_key: str, plan_id: str) -> str:
    """The key of the delivery of a plan: the caller's own where it gave one."""
    return f"{caller}:{idempotency_key}" if idempotency_key else plan_id


def _resolve(runtime: Runtime, kept: KeptPlan, _number: int, operation: Operation) -> str:
    submission = operation.arguments["submission"]
    same_as = operation.arguments.get("same_as")
    by = _by(kept)
    try:
        return resolve_review(runtime, submission, same_as=same_as, by=by, why=operation.arguments.get("why", ""))
    except PermanentError:
        if _was_done(runtime, submission, by):
            return str(same_as or submission)
        raise


def _merge(runtime: Runtime, kept: KeptPlan, _number: int, operation: Operation) -> str:
    given = operation.arguments
    return merge_contacts_of(runtime, given["kept"], given["other"], by=_by(kept), why=given.get("why", ""))


def _undo(runtime: Runtime, kept: KeptPlan, _number: int, operation: Operation) -> str:
    try:
        return undo_merge(runtime, operation.arguments["merge"], by=_by(kept))
    except PermanentError:
        if _was_done(runtime, operation.touches[0].id, _by(kept)):
            return str(operation.touches[-1].id)
        raise


def _by(kept: KeptPlan) -> str:
    """Who the history says did it: the caller, and the plan that tells who said yes."""
    return f"{kept.caller} by {kept.id}"


def _was_done(runtime: Runtime, subject: str, by: str) -> bool:
    """Whether this plan did it before, and ended before it could say so."""
    with runtime.database.read() as tx:
        return any(row["by"] == by for row in history.of(tx, subject))


def _start(runtime: Runtime, kept: KeptPlan, number: int, operation: Operation) -> str:
    """One workflow for one contact, whatever its conditions say: somebody asked for it by name."""
    contact, name = operation.arguments["contact"], operation.arguments["workflow"]
    rule = next((each for each in runtime.rules if each.name == name), None)
    if rule is None:
        raise PermanentError(f"there is no workflow {name!r} in portaria.toml", code="no_workflow")
    wanter, now = f"{kept.id}:{number}", runtime.clock()
    with runtime.database.read() as tx:
        row = contacts.read(tx, contact)
        golden = contacts.golden(tx, [contact]).get(contact)
    if row is None or golden is None or not row["score"]:
        raise PermanentError(f"{contact} has no score yet", code="not_ready")
    (run,) = start_workflows(
        contact,
        golden.contact,
        Score.model_validate_json(row["score"]),
        DecisionKind.MATCH,
        kept.caller,
        wanter,
        [rule.model_copy(update={"when": Conditions()})],
        recent=(),
        now=now,
        calendar=runtime.calendar,
    )
    with runtime.database.write() as tx:
        if run.needs_seller:
            run = run.model_copy(update={"seller": assign(runtime, tx, golden, kept.caller, None, now)})
        workflows.start(tx, {run.id: run.steps[0].due_at(now, runtime.calendar)}, [run], now)
    advance(runtime, [run.id])
    with runtime.database.read() as tx:
        stands = workflows.read(tx, run.id)
    if stands is not None and stands["state"] == RunState.FAILED:
        raise PermanentError(stands["detail"], code=stands["reason"])
    return run.id


def _keep_outcome(runtime: Runtime, kept: KeptPlan, _number: int, operation: Operation) -> str:
    told = LeadOutcome.model_validate({"at": kept.created_at, **operation.arguments["outcome"], "by": _by(kept)})
    with runtime.database.write() as tx:
        lead_outcomes.record(tx, [told], runtime.clock())
    return operation.touches[0].id


_ACTS: Final[Mapping[OperationKind, Callable[[Runtime, KeptPlan, int, Operation], str]]] = {
    OperationKind.RESOLVE_REVIEW: _resolve,
    OperationKind.MERGE: _merge,
    OperationKind.UNDO_MERGE: _undo,
    OperationKind.START_WORKFLOW: _start,
    OperationKind.RECORD_OUTCOME: _keep_outcome,
}
