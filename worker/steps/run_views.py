"""Runs of workflows as the command line and agents show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipelines.workflow_runs import Run
from worker.steps.controlling import Simulated

View = dict[str, Any]


def run_view(row: Mapping[str, Any], failed: int = 0) -> View:
    """A run: where it stands and what comes next. `failed` messages of it were given up."""
    run: Run = row["run"]
    following = run.steps[row["position"]].described() if row["position"] < len(run.steps) and row["due_at"] else ""
    why = row["detail"] or row["reason"] or (f"{failed} messages were given up" if failed else "")
    return {
        "id": row["id"],
        "workflow": run.workflow,
        "contact": run.contact_id,
        "submission": run.submission_id,
        "state": row["state"],
        "step": f"{min(row['position'] + 1, len(run.steps))}/{len(run.steps)}",
        "next": following,
        "due_at": _time(row["due_at"]),
        "reason": row["reason"],
        "why": why,
        "seller": run.seller,
        "variant": run.variant,
        "failed_messages": failed,
        "started_at": _time(run.started_at),
    }


def run_details(
    row: Mapping[str, Any], done: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]
) -> View:
    """All that is kept of a run but the contact's values: its steps as planned and as done, and its messages."""
    run: Run = row["run"]
    failed = sum(each["state"] == "failed" for each in messages)
    return {
        **run_view(row, failed),
        "started_because": run.reason,
        "stop_on": list(run.stop_on),
        "steps": [
            {"number": number, "after": str(step.after), "does": step.described()}
            for number, step in enumerate(run.steps, start=1)
        ],
        "done": [
            {
                "number": each["position"] + 1,
                "state": each["state"],
                "at": _time(each["done_at"] or each["decided_at"]),
                "wrote": [write.kind.value for write in each["effects"].writes],
                "left_out": list(each["effects"].left_out),
            }
            for each in done
        ],
        "messages": [
            {
                "sink": each["sink"],
                "state": each["state"],
                "attempts": each["attempts"],
                "reason": each["reason"],
                "detail": each["detail"],
                "due_at": _time(each["due_at"]),
            }
            for each in messages
        ],
    }


def simulated_view(one: Simulated) -> View:
    """What would become of one workflow."""
    return {
        "workflow": one.workflow,
        "standing": one.standing.value,
        "reason": one.reason,
        "steps": [{"number": step.number, "due_at": _time(step.due_at), "does": step.does} for step in one.steps],
        "seller": one.seller,
        "variant": one.variant,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
