"""What people do to runs of workflows: pause, resume, cancel, run again, and ask beforehand what would start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipelines.models import DecisionKind, Score
from pipelines.opt_outs import address_digest, digest_of
from pipelines.run_states import RunState
from pipelines.sellers import choose_seller
from pipelines.trigger import COOL_DOWN, Standing, judge_rules, start_workflows
from pipelines.workflow_runs import Run, due_times
from worker.errors import PermanentError
from worker.steps import workflows
from worker.steps.runtime import Runtime
from worker.steps.triggering import phone_region
from worker.store import contacts, notifications, sellers, submissions
from worker.store import workflows as runs


def pause(runtime: Runtime, run_id: str, *, by: str) -> bool:
    """Have a run wait until it is resumed. False where it is not active; raises `PermanentError` for an unknown id."""
    return _move(runtime, run_id, RunState.PAUSED, "pause", by)


def resume(runtime: Runtime, run_id: str, *, by: str) -> bool:
    """Have a paused run go on: what became due meanwhile is due now. False where it is not paused."""
    if _read(runtime, run_id)["state"] != RunState.PAUSED:
        return False
    return _move(runtime, run_id, RunState.ACTIVE, "resume", by)


def cancel(runtime: Runtime, run_id: str, *, by: str) -> bool:
    """End a run: what it has not done is not done, what has not gone out does not go out. False where it is over.

    A call to the CRM of which it is not known how it went is brought to its end first.
    """
    _read(runtime, run_id)
    with runtime.database.write() as tx:
        return workflows.stop(tx, run_id, reason=workflows.CANCELLED, by=by, now=runtime.clock())


def _move(runtime: Runtime, run_id: str, state: RunState, event: str, by: str) -> bool:
    _read(runtime, run_id)
    with runtime.database.write() as tx:
        return runs.move(tx, run_id, state, event=event, by=by, now=runtime.clock())


def rerun(runtime: Runtime, run_id: str, *, by: str, step: int | None = None) -> bool:
    """Do again what went wrong, or everything from `step` (1 the first) on; the step is due at once.

    What went wrong: the step that failed, decided anew with the workflow as portaria.toml has it now (what of it was
    done is not repeated), and the messages that were given up. From a step: that step and all behind it, done already
    or not, with new keys. False where nothing went wrong. Raises `PermanentError` for an unknown run or step.
    """
    row = _read(runtime, run_id)
    now = runtime.clock()
    run: Run = row["run"]
    rule = next((rule for rule in runtime.rules if rule.name == run.workflow), None)
    plan = rule.plan(run.variant) if rule else run.steps
    if step is not None and not 1 <= step <= len(plan):
        raise PermanentError(f"the workflow {run.workflow} has {len(plan)} steps")
    values = {**runs.anew(now), "stopping": ""}
    with runtime.database.write() as tx:
        if step is not None:
            again = {"position": step - 1, "round": row["round"] + 1}
        elif row["state"] == RunState.FAILED and row["position"] < len(plan):
            again = {}
        else:
            return notifications.send_again(tx, run_id, now) > 0
        runs.forget_undone(tx, run_id)
        notifications.send_again(tx, run_id, now)
        text = run.model_copy(update={"steps": plan}).model_dump_json()
        if row["state"] == RunState.PAUSED:
            runs.move(tx, run_id, RunState.ACTIVE, event="resume", by=by, now=now)
        return runs.move(tx, run_id, RunState.ACTIVE, event="rerun", by=by, now=now, run=text, **values, **again)


def _read(runtime: Runtime, run_id: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        row = runs.read(tx, run_id)
    if row is None:
        raise PermanentError(f"there is no run {run_id}; `portaria workflows list` shows the newest")
    return row


@dataclass(frozen=True, slots=True)
class SimulatedStep:
    """A step that would be done."""

    number: int
    due_at: datetime
    does: str


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would become of one workflow."""

    workflow: str
    standing: Standing
    reason: str
    steps: Sequence[SimulatedStep] = ()
    seller: str = ""
    """Who would get it, and why."""
    variant: str = ""


def simulate(runtime: Runtime, contact_id: str) -> list[Simulated]:
    """What would start, and why, if the contact came back now as it is, through the source it last came from; nothing
    is done. Raises `PermanentError` where there is no such contact, or nothing is known that it could be judged by."""
    now = runtime.clock()
    with runtime.database.read() as tx:
        contact_id = contacts.surviving(tx, [contact_id])[contact_id]
        golden = contacts.golden(tx, [contact_id]).get(contact_id)
        told = submissions.listed(tx, contact_id=contact_id, limit=1)
        recent = runs.recent(tx, [contact_id], now - timedelta(seconds=COOL_DOWN)).get(contact_id, [])
        has = sellers.of_contacts(tx, [contact_id]).get(contact_id)
        turns = sellers.standing(tx)
        row = submissions.read(tx, told[0]["id"]) if told else None
    if golden is None:
        raise PermanentError(f"there is no contact {contact_id}; `portaria contacts list` shows the newest")
    if row is None or row["score"] is None:
        raise PermanentError(
            f"the contact {contact_id} has no score yet; `portaria submissions list` shows where it is"
        )
    score = Score.model_validate_json(row["score"])
    about = (golden.contact, score, DecisionKind.MATCH, row["source"])
    given: dict[str, Any] = {"recent": recent, "now": now, "calendar": runtime.calendar}
    started = {
        run.workflow: run for run in start_workflows(contact_id, *about, "sub_simulated", runtime.rules, **given)
    }
    seller = has.seller if has else ""
    if not has and runtime.sellers:
        chosen = choose_seller(
            runtime.sellers, turns, golden.contact, source=row["source"], region=phone_region(row["facts"]),
            today=runtime.calendar.local(now).date(),
        )  # fmt: skip
        seller = f"{chosen.seller or 'nobody'} ({chosen.reason})"
    found = []
    for verdict in judge_rules(*about, runtime.rules, **given):
        run = started.get(verdict.rule.name)
        if run is None:
            found.append(Simulated(verdict.rule.name, verdict.standing, verdict.reason))
            continue
        times = due_times(run.steps, now, runtime.calendar)
        planned = [
            SimulatedStep(number, at, step.described())
            for number, (at, step) in enumerate(zip(times, run.steps, strict=True), start=1)
        ]
        whose = seller if run.needs_seller else ""
        found.append(Simulated(run.workflow, verdict.standing, verdict.reason, planned, whose, run.variant))
    return found


def opt_out(runtime: Runtime, address: str, *, how: str) -> None:
    """Whoever has this address gets no more mail, and runs that listen for it stop."""
    _opt_out(runtime, address_digest(address), how)


def unsubscribe(runtime: Runtime, sink: str, token: str) -> bool:
    """What a link to unsubscribe does; False where the link is none of ours."""
    section = runtime.settings.sinks.get(sink)
    digest = digest_of(token, section.secret) if section and section.secret else None
    if digest is None:
        return False
    _opt_out(runtime, digest, "link")
    return True


def _opt_out(runtime: Runtime, digest: str, how: str) -> None:
    # The runs of whoever has the address see it before their next step: which contacts have an address is not indexed.
    with runtime.database.write() as tx:
        runs.opt_out(tx, digest, how=how, now=runtime.clock())
