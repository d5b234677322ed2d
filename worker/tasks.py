"""The tasks: one line each, a step. Messages carry ids and nothing else."""

from __future__ import annotations

from typing import Any

from celery import chain

from pipelines.states import Stage, tail_from
from worker import steps
from worker.celery_app import app, runtime
from worker.ports import Priority
from worker.steps import learning
from worker.store.sweep import Due

OPENING_SECONDS = 3600
"""A file of a million rows is opened for minutes, its lease renewed on the way: one that hangs is taken over."""


# No events: each second's sweep would bury the chains in Flower.
@app.task(name="portaria.dispatch", send_events=False, time_limit=OPENING_SECONDS)
def dispatch() -> int:
    """Open what was received and send what is due."""
    return steps.dispatch(runtime(), send, filling=True)


@app.task(name="portaria.reconcile", send_events=False)
def reconcile() -> int:
    """Ask providers for what no hook brought."""
    found = steps.reconcile(runtime())
    if found:
        ring()
    return found


@app.task(name="portaria.admit")
def admit(ids: list[str]) -> str:
    return str(steps.admit(runtime(), ids))


@app.task(name="portaria.normalize")
def normalize(ids: list[str]) -> str:
    return str(steps.normalize(runtime(), ids))


@app.task(name="portaria.validate")
def validate(ids: list[str]) -> str:
    return str(steps.validate(runtime(), ids))


@app.task(name="portaria.dedupe")
def dedupe(ids: list[str]) -> str:
    return str(steps.dedupe(runtime(), ids))


@app.task(name="portaria.enrich")
def enrich(ids: list[str]) -> str:
    return str(steps.enrich(runtime(), ids))


@app.task(name="portaria.look_again", send_events=False)
def look_again() -> int:
    """Ask the sources of facts that did not answer."""
    answered = steps.look_again(runtime())
    if answered:
        ring()
    return answered


@app.task(name="portaria.resume_plans", send_events=False)
def resume_plans() -> int:
    """Go on with plans of agents whose process ended in the middle."""
    return steps.resume_plans(runtime())


@app.task(name="portaria.score")
def score(ids: list[str]) -> str:
    return str(steps.score(runtime(), ids))


@app.task(name="portaria.create")
def create(ids: list[str]) -> str:
    return str(steps.create(runtime(), ids))


@app.task(name="portaria.trigger")
def trigger(ids: list[str]) -> str:
    report = steps.trigger(runtime(), ids)
    # There is room for the next batch now; the scheduler alone would leave the worker idle for a second.
    if steps.is_backlogged(runtime()):
        ring()
    return str(report)


@app.task(name="portaria.watch_model")
def watch_model() -> str:
    drift = learning.watch(runtime())
    return "" if drift is None else f"{len(drift.alarms)} alarms"


# No events: each second's look would bury the chains in Flower.
@app.task(name="portaria.follow_up", send_events=False)
def follow_up() -> int:
    """Send what is due of workflows."""
    return steps.follow_up(runtime(), advance.delay, deliver.delay)


@app.task(name="portaria.advance")
def advance(ids: list[str]) -> str:
    return f"{steps.advance(runtime(), ids)} steps of {len(ids)} runs"


@app.task(name="portaria.deliver")
def deliver(keys: list[str]) -> str:
    return f"{steps.deliver(runtime(), keys)} of {len(keys)} messages"


TASKS: dict[Stage, Any] = {
    Stage.ADMIT: admit,
    Stage.NORMALIZE: normalize,
    Stage.VALIDATE: validate,
    Stage.DEDUPE: dedupe,
    Stage.ENRICH: enrich,
    Stage.SCORE: score,
    Stage.CREATE: create,
    Stage.TRIGGER: trigger,
}


# No events: see dispatch.
@app.task(name="portaria.tell_crm", send_events=False)
def tell_crm() -> int:
    """Tell the CRM of merges."""
    return steps.tell_crm(runtime())


MESSAGE_PRIORITIES = {Priority.LIVE: 0, Priority.MAIL: 3, Priority.IMPORT: 6}
"""kombu's for Redis, where 0 goes first: a hook does not stand behind the batches of an import at each stage."""


def send(due: Due) -> None:
    """Send these submissions through the rest of the stages, as one chain."""
    ids = list(due.ids)
    chain(
        *(TASKS[stage].si(ids).set(priority=MESSAGE_PRIORITIES[due.priority]) for stage in tail_from(due.stage))
    ).apply_async()


def ring() -> None:
    """Ring the doorbell: somebody should dispatch now. A lost ring costs a second, the scheduler's."""
    dispatch.apply_async(expires=30)
