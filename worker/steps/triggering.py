"""Trigger: the workflows that a score and the rules start, each recorded with its first step due.

What the steps do is done by `worker.steps.workflows`: at once for those that are due, and in their time for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from pipelines.models import DecisionKind, Fact, Score
from pipelines.sellers import choose_seller
from pipelines.states import Stage
from pipelines.trigger import COOL_DOWN, RecentTrigger, is_warmer, start_workflows, superseded
from pipelines.workflow_runs import Run
from worker.sources import ACCOUNT_SOURCE
from worker.steps import claims, workflows
from worker.steps.claims import Report
from worker.steps.runtime import Runtime
from worker.store import contacts, sellers, submissions
from worker.store import workflows as runs
from worker.store.contacts import Golden
from worker.store.engine import Transaction
from worker.store.submissions import Claimed, Outcome

BECAME_WARMER = "became_warmer"
"""Reason code of a stopped run: the contact returned with a better score, and what that starts takes over."""

_FACTS = TypeAdapter(tuple[Fact, ...])


def trigger(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Start the workflows that the score and the rules call for, and do what is due of them."""
    with claims.claimed(runtime, Stage.TRIGGER, ids) as claimed:
        return _trigger(runtime, claimed)


def _trigger(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    with runtime.database.write() as tx:
        started, outcomes = _start_all(runtime, tx, claimed, now)
    # Before the submission is done, so that whoever sees it done sees what is done at once. What of it has to wait for
    # something outside waits as a run; the submission is done all the same.
    workflows.advance(runtime, started)
    return claims.save(runtime, Stage.TRIGGER, outcomes)


def _start_all(
    runtime: Runtime, tx: Transaction, claimed: Sequence[Claimed], now: datetime
) -> tuple[list[str], list[Outcome]]:
    """Record the runs of each submission; those recorded before, when this is another try. What becomes of each.

    The contacts are locked: of two submissions of one person at one instant, the second sees what the first started.
    """
    ids = [item.contact_id for item in claimed if item.contact_id]
    golden = contacts.golden(tx, ids, locked=True)
    workflows.stop_where_over(runtime, tx, ids, now)
    before = runs.started_for(tx, [item.id for item in claimed])
    lately = runs.recent(tx, ids, now - timedelta(seconds=COOL_DOWN))
    started: list[str] = []
    new: list[Run] = []
    over: list[str] = []
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            earlier = before.get(item.id, [])
            started += [run.id for run in earlier]
            recent = lately.setdefault(item.contact_id or "", [])
            found = _found(runtime, tx, item, golden[item.contact_id or ""], earlier, recent, now)
            over += superseded(recent, found)
            recent += [as_recent(run) for run in found]
            new += found
            outcomes.append(submissions.reached(item, due_at=claims.next_look(runtime, now)))
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    runs.start(tx, {run.id: run.steps[0].due_at(now, runtime.calendar) for run in new}, new, now)
    for run_id in over:  # one of this very batch may be among them: it is there by now
        workflows.stop(tx, run_id, reason=BECAME_WARMER, by=runtime.owner, now=now)
    return started + [run.id for run in new], outcomes


def _found(
    runtime: Runtime,
    tx: Transaction,
    item: Claimed,
    golden: Golden,
    earlier: Sequence[Run],
    recent: Sequence[RecentTrigger],
    now: datetime,
) -> list[Run]:
    kind = DecisionKind(item.decision or DecisionKind.NEW)
    new = runs_to_start(runtime, golden, claims.score_of(item), kind, item.source, item.id, earlier, recent, now)
    if any(run.needs_seller for run in new):
        seller = assign(runtime, tx, golden, item.source, item.facts, now)
        new = [run.model_copy(update={"seller": seller}) if run.needs_seller else run for run in new]
    return new


def runs_to_start(
    runtime: Runtime,
    golden: Golden,
    score: Score,
    kind: DecisionKind,
    source: str,
    submission: str,
    earlier: Sequence[Run],
    recent: Sequence[RecentTrigger],
    now: datetime,
) -> list[Run]:
    """The runs that this submission starts beyond its `earlier` ones. Where a late finding has made the contact warmer
    than it was then, what is for the warmer starts too."""
    if source == ACCOUNT_SOURCE:  # they have been there all along
        return []
    if not all(is_warmer(score.temperature, run.score.temperature) for run in earlier):
        return []
    found = start_workflows(
        golden.id,
        golden.contact,
        score,
        kind,
        source,
        submission,
        runtime.rules,
        recent=recent,
        now=now,
        calendar=runtime.calendar,
    )
    known = {run.id for run in earlier}
    return [run for run in found if run.id not in known]


def assign(runtime: Runtime, tx: Transaction, golden: Golden, source: str, facts: str | None, now: datetime) -> str:
    """Who of the sellers has the contact: the one who has it already, else whose turn it is; nobody: empty."""
    if not runtime.sellers:
        return ""
    known = {seller.name for seller in runtime.sellers}
    has = sellers.of_contacts(tx, [golden.id]).get(golden.id)
    if has and has.seller in known:
        return has.seller
    turns = sellers.take_turn(tx)
    today = runtime.calendar.local(now).date()
    chosen = choose_seller(
        runtime.sellers, turns, golden.contact, source=source, region=phone_region(facts), today=today
    )  # fmt: skip
    if chosen.seller:
        sellers.took(tx, golden.id, chosen, today=today, now=now)
    return chosen.seller


def phone_region(facts: str | None) -> str:
    """The state that the phone's area code belongs to, where enrich found one."""
    found = _FACTS.validate_json(facts) if facts else ()
    return next((fact.value for fact in found if fact.field == "phone_region"), "")


def as_recent(run: Run) -> RecentTrigger:
    return RecentTrigger(
        workflow=run.workflow,
        temperature=run.score.temperature,
        at=run.started_at,
        run=run.id,
        under_way=True,
        is_bound_to_warmth=run.is_bound_to_warmth,
    )
