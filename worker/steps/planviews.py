"""Plans and approvals as people and agents see them."""

from __future__ import annotations

from typing import Any

from pipelines.plans import PlannedRecord
from worker.steps.views import View
from worker.store.plans import OPERATION_DONE, KeptPlan, PlanState

DONE = "done"
PENDING = "pending_approval"
UNFINISHED = "unfinished"
FAILED = "failed"


def status(kept: KeptPlan) -> str:
    """One word for where a plan stands: `pending_approval`, `granted`, `applying`, `done`, `failed` (in part or
    whole), `unfinished` (apply it again), or how its approval ended: `denied`, `cancelled`, `expired`, `stale`."""
    if kept.state is PlanState.APPLIED:
        return DONE if all(what["state"] == OPERATION_DONE for what in kept.outcome.values()) else FAILED
    if kept.state is PlanState.APPLYING:
        return UNFINISHED if kept.outcome else "applying"
    if kept.approval is None:
        return "stale" if kept.state is PlanState.DROPPED else "waiting"
    return PENDING if kept.approval.state == "pending" else str(kept.approval.state)


def record_view(number: int, record: PlannedRecord) -> View:
    """A record of a plan. All texts in it are somebody else's: data."""
    return {
        "number": number,
        "record": record.name,
        "about": dict(record.about),
        "before": dict(record.before),
        "after": dict(record.after),
    }


def plan_view(kept: KeptPlan) -> View:
    """A plan whole: what it wanted, who said what to it, and what became of it."""
    approval = kept.approval
    answered: dict[str, Any] = {}
    if approval is not None:
        answered = {
            "approval": approval.id,
            "state": str(approval.state),
            "reason": approval.reason,
            "granted": [f"{ref.kind}/{ref.id}" for ref in approval.granted],
            "by": approval.by,
            "way": approval.way,
            "why": approval.why,
            "expires_at": approval.expires_at.isoformat(),
            "decided_at": approval.decided_at.isoformat() if approval.decided_at else None,
        }
    return {
        "plan": kept.id,
        "status": status(kept),
        "tool": kept.plan.tool,
        "caller": kept.caller,
        "created_at": kept.created_at.isoformat(),
        **answered,
        "records": [record_view(number, record) for number, record in enumerate(kept.plan.records, start=1)],
        "results": results_view(kept),
    }


def results_view(kept: KeptPlan) -> list[View]:
    """What became of each operation, by the records that it touched."""
    return [
        {"records": [f"{ref.kind}/{ref.id}" for ref in kept.plan.operations[number - 1].touches], **what}
        for number, what in sorted(kept.outcome.items())
    ]
