"""The runs of workflows: started, claimed, done step by step. Every change is a compare-and-set with a fence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.lead_outcomes import Outcome
from pipelines.models import Notification, RemoteRef
from pipelines.opt_outs import address_digest
from pipelines.run_states import UNDER_WAY, RunState, StepState, may_run_move
from pipelines.trigger import RecentTrigger
from pipelines.workflow_runs import Effects, Events, Run
from worker import tables
from worker.store import history, notifications
from worker.store.bulk import among, insert_ignoring, update_rows
from worker.store.engine import Transaction, chunks, page, rows
from worker.store.leases import Leased

table = tables.workflow_runs
steps = tables.workflow_steps
leased = Leased(table, table.c.id, RunState.ACTIVE)

STARTED = "start"
"""Event of the history: the run was started."""


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that this worker owns until its lease runs out."""

    run: Run
    fence: int
    attempts: int
    crashes: int
    position: int
    round: int
    lead: RemoteRef | None
    effects: Effects | None
    """What this step does, where it was decided before."""
    since: datetime
    """Since when the step is tried, as far as that is known."""
    stopping: str = ""
    """Why it stops when this step is done."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a step makes of a claimed run."""

    claimed: ClaimedRun
    state: RunState
    due_at: datetime | None
    """When it goes on; None at the end."""
    reason: str = ""
    detail: str = ""
    step_done: bool = False
    lead: RemoteRef | None = None
    """The lead that the step made."""

    @property
    def position(self) -> int:
        """The step it needs next."""
        return self.claimed.position + self.step_done


def start(tx: Transaction, due: Mapping[str, datetime], runs: Iterable[Run], now: datetime) -> list[str]:
    """Keep runs as started, their first steps due at `due` (by id); those that were not there before."""
    new = {run.id: run for run in runs}
    before: set[str] = set()
    for some in chunks(sorted(new)):
        before |= set(tx.execute(sa.select(table.c.id).where(among(table.c.id, some))).scalars())
    values: list[dict[str, Any]] = [
        {
            "id": run.id,
            "workflow": run.workflow,
            "contact_id": run.contact_id,
            "submission_id": run.submission_id,
            "temperature": run.score.temperature,
            "is_bound_to_warmth": run.is_bound_to_warmth,
            "variant": run.variant,
            "run": run.model_dump_json(),
            "state": RunState.ACTIVE,
            "position": 0,
            "due_at": due[run.id],
            "look_at": due[run.id],
            "started_at": run.started_at,
            "updated_at": now,
        }
        for run in new.values()
        if run.id not in before
    ]
    insert_ignoring(tx, table, values)
    moves = [history.Move(one["id"], STARTED, after=RunState.ACTIVE, reason=one["workflow"]) for one in values]
    history.record(tx, moves, now)
    return [one["id"] for one in values]


def started_for(tx: Transaction, submission_ids: Iterable[str]) -> dict[str, list[Run]]:
    """The runs that these submissions started, by submission."""
    found: defaultdict[str, list[Run]] = defaultdict(list)
    for some in chunks(sorted(set(submission_ids))):
        statement = sa.select(table).where(among(table.c.submission_id, some)).order_by(table.c.id)
        for row in tx.execute(statement).mappings():
            found[row["submission_id"]].append(_run(row))
    return dict(found)


def recent(tx: Transaction, contact_ids: Iterable[str], since: datetime) -> dict[str, list[RecentTrigger]]:
    """The workflows started for these contacts since `since`, and those under way, by contact."""
    found: defaultdict[str, list[RecentTrigger]] = defaultdict(list)
    for some in chunks(sorted(set(contact_ids))):
        under_way = table.c.state.in_(sorted(UNDER_WAY))
        statement = sa.select(table).where(
            among(table.c.contact_id, some), sa.or_(table.c.started_at >= since, under_way)
        )  # fmt: skip
        for row in tx.execute(statement.order_by(table.c.started_at, table.c.id)):
            one = RecentTrigger(
                workflow=row.workflow,
                temperature=row.temperature,
                at=row.started_at,
                run=row.id,
                under_way=row.state in UNDER_WAY,
                is_bound_to_warmth=row.is_bound_to_warmth,
            )
            found[row.contact_id].append(one)
    return dict(found)


def under_way(tx: Transaction, contact_ids: Iterable[str]) -> list[Run]:
    """The runs of these contacts that may still be stopped."""
    found: list[Run] = []
    for some in chunks(sorted(set(contact_ids))):
        of_them = (among(table.c.contact_id, some), table.c.state.in_(sorted(UNDER_WAY)))
        found += map(_run, tx.execute(sa.select(table).where(*of_them).order_by(table.c.id)).mappings())
    return found


def claim(tx: Transaction, ids: Sequence[str], *, owner: str, now: datetime, lease: float) -> list[ClaimedRun]:
    """Those of `ids` whose next step is due and that nobody owns, leased to `owner`."""
    crashed = table.c.crashes + sa.case((table.c.lease_owner.is_(None), 0), else_=1)
    taken = leased.claim(tx, ids, owner=owner, now=now, lease=lease, crashes=crashed)
    decided: dict[tuple[str, int, int], tuple[Effects, datetime]] = {}
    for some in chunks([row["id"] for row in taken]):
        for row in tx.execute(sa.select(steps).where(among(steps.c.run_id, some), steps.c.state == StepState.DECIDED)):
            decided[row.run_id, row.position, row.round] = (Effects.model_validate_json(row.effects), row.decided_at)
    before = [decided.get((row["id"], row["position"], row["round"])) for row in taken]
    return [
        ClaimedRun(
            run=_run(row),
            fence=row["fence"],
            attempts=row["attempts"],
            crashes=row["crashes"],
            position=row["position"],
            round=row["round"],
            lead=RemoteRef.model_validate_json(row["lead"]) if row["lead"] else None,
            effects=step[0] if step else None,
            since=step[1] if step else now,
            stopping=row["stopping"],
        )
        for row, step in zip(taken, before, strict=True)
    ]


def decide(tx: Transaction, decided: Mapping[str, Effects], claimed: Sequence[ClaimedRun], now: datetime) -> set[str]:
    """Record what the steps do, by run, before any of it is done; the runs that are ours still."""
    ours = leased.still_ours(tx, {one.run.id: one.fence for one in claimed})
    values = [
        {
            "run_id": one.run.id,
            "position": one.position,
            "round": one.round,
            "state": StepState.DECIDED,
            "effects": decided[one.run.id].model_dump_json(),
            "decided_at": now,
        }
        for one in claimed
        if one.run.id in ours and one.run.id in decided
    ]
    insert_ignoring(tx, steps, values)
    return ours


def save(tx: Transaction, outcomes: Sequence[RunOutcome], *, now: datetime, by: str) -> list[RunOutcome]:
    """Save what became of claimed runs, have the notifications of steps that are done sent, and give up the leases;
    those that were ours still."""
    ours = leased.still_ours(tx, {one.claimed.run.id: one.claimed.fence for one in outcomes})
    kept = [one for one in outcomes if one.claimed.run.id in ours]
    moves = []
    to_send: list[tuple[str, Notification]] = []
    done: list[dict[str, Any]] = []
    alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in kept:
        claimed = one.claimed
        if not may_run_move(RunState.ACTIVE, one.state):
            raise ValueError(f"a run may not go from {RunState.ACTIVE} to {one.state}")
        values: dict[str, Any] = {
            "id": claimed.run.id,
            "state": one.state,
            "position": one.position,
            "due_at": one.due_at,
            "look_at": one.due_at,
            "reason": one.reason,
            "detail": one.detail,
            "lease_owner": None,
            "lease_until": None,
            "updated_at": now,
            "stopping": claimed.stopping if one.state is RunState.ACTIVE else "",
        }
        if one.step_done:
            values |= {"attempts": 0, "crashes": 0}
            step = {"run_id": claimed.run.id, "position": claimed.position, "round": claimed.round}
            done.append({**step, "state": StepState.DONE, "done_at": now})
            to_send += [(claimed.run.id, each) for each in (claimed.effects or Effects()).notifications]
        if one.lead:
            values["lead"] = one.lead.model_dump_json()
        alike[tuple(values)].append(values)
        event = f"step {claimed.position + 1}"
        moves.append(history.Move(claimed.run.id, event, RunState.ACTIVE, one.state, one.reason, by))
    update_rows(tx, steps, done, by=["run_id", "position", "round"])
    for some in alike.values():
        update_rows(tx, table, some, by=["id"])
    notifications.add(tx, to_send, now)
    history.record(tx, moves, now)
    return kept


def move(
    tx: Transaction,
    run_id: str,
    state: RunState,
    *,
    event: str,
    by: str,
    now: datetime,
    reason: str = "",
    detail: str = "",
    **values: Any,
) -> bool:
    """Have a run in another state, whoever may be working at it: their save comes to nothing. False where it may not go
    there from where it stands (or is not there)."""
    row = tx.execute(sa.select(table.c.state).where(table.c.id == run_id).with_for_update()).first()
    if row is None or not may_run_move(RunState(row.state), state):
        return False
    gone = {} if state in {RunState.ACTIVE, RunState.PAUSED} else {"due_at": None, "look_at": None, "stopping": ""}
    tx.execute(
        sa.update(table)
        .where(table.c.id == run_id)
        .values(
            state=state,
            reason=reason,
            detail=detail,
            fence=table.c.fence + 1,
            lease_owner=None,
            lease_until=None,
            updated_at=now,
            **gone,
            **values,
        )
    )
    history.record(tx, [history.Move(run_id, event, row.state, state, reason, by)], now)
    return True


def lock(tx: Transaction, run_id: str) -> None:
    """Hold the run's row until the transaction ends, as whoever renews its lease does."""
    tx.execute(sa.select(table.c.id).where(table.c.id == run_id).with_for_update())


def stop_after_step(tx: Transaction, run_id: str, *, reason: str, by: str, now: datetime) -> bool:
    """Have a run, paused, failed or neither, end when the step that it is at is done, for the first reason given. False
    where it is at none: over, or waiting for its next."""
    columns = (table.c.state, table.c.stopping, table.c.position, table.c.round)
    before = tx.execute(sa.select(*columns).where(table.c.id == run_id).with_for_update()).one()
    at = {"run_id": run_id, "position": before.position, "round": before.round, "state": StepState.DECIDED}
    decided = sa.select(steps.c.run_id).where(*(steps.c[name] == value for name, value in at.items()))
    if before.state not in UNDER_WAY or tx.execute(decided).first() is None:
        return False
    if before.stopping and before.state == RunState.ACTIVE:
        return True
    why = before.stopping or reason
    again = anew(now) if before.state == RunState.FAILED else {}
    return move(tx, run_id, RunState.ACTIVE, event="stopping", by=by, now=now, reason=why, stopping=why, **again)


def anew(now: datetime) -> dict[str, Any]:
    """The columns of a run that is due at once, as if it had never been tried."""
    return {"due_at": now, "look_at": now, "attempts": 0, "crashes": 0}


def forget_undone(tx: Transaction, run_id: str) -> None:
    """Have a step that was decided and not done decided anew."""
    tx.execute(sa.delete(steps).where(steps.c.run_id == run_id, steps.c.state == StepState.DECIDED))


def events(tx: Transaction, contact_ids: Iterable[str], *, reply_sources: Collection[str]) -> dict[str, Events]:
    """What has happened to these contacts: when they last wrote to one of `reply_sources`, and when they or a lead of
    theirs were won or lost last."""
    ids = sorted(set(contact_ids))
    told = tables.submissions
    found: dict[str, dict[str, datetime]] = {contact_id: {} for contact_id in ids}
    for some in chunks(ids) if reply_sources else ():
        wrote = sa.select(told.c.contact_id, sa.func.max(told.c.received_at).label("at"))
        wrote = wrote.where(among(told.c.contact_id, some), told.c.source.in_(sorted(reply_sources)))
        for row in tx.execute(wrote.group_by(told.c.contact_id)):
            found[row.contact_id]["reply"] = row.at
    for contact_id, outcome, at in outcomes(tx, ids):
        found[contact_id][outcome] = max(at, found[contact_id].get(outcome, at))
    return {contact_id: Events(**happened) for contact_id, happened in found.items()}


def outcomes(tx: Transaction, contact_ids: Sequence[str]) -> list[tuple[str, str, datetime]]:
    """(contact, won or lost, when): of each of their leads, what was said last."""
    of, links = tables.lead_outcomes, tables.crm_links
    whose = (links.c.system == of.c.system, links.c.kind == of.c.kind, links.c.remote_id == of.c.remote_id)
    last: dict[tuple[str, str], tuple[str, datetime]] = {}
    for some in chunks(contact_ids):
        direct = sa.select(of.c.contact_id, of.c.subject, of.c.outcome, of.c.at, of.c.recorded_at)
        by_lead = sa.select(links.c.contact_id, of.c.subject, of.c.outcome, of.c.at, of.c.recorded_at)
        told = sa.union_all(
            direct.where(among(of.c.contact_id, some)),
            by_lead.select_from(sa.join(of, links, sa.and_(*whose))).where(among(links.c.contact_id, some)),
        ).subquery()
        for row in tx.execute(sa.select(told).order_by(told.c.at, told.c.recorded_at)):
            last[row.contact_id, row.subject] = (row.outcome, row.at)
    ended = (Outcome.WON, Outcome.LOST)
    return [(contact_id, outcome, at) for (contact_id, _), (outcome, at) in last.items() if outcome in ended]


def opted_out(tx: Transaction, addresses: Iterable[str]) -> dict[str, datetime]:
    """Those of these addresses that want no more mail, and since when."""
    digests = {address_digest(address): address for address in addresses}
    found: dict[str, datetime] = {}
    for some in chunks(sorted(digests)):
        for row in tx.execute(sa.select(tables.opt_outs).where(among(tables.opt_outs.c.digest, some))):
            found[digests[row.digest]] = row.at
    return found


def opt_out(tx: Transaction, digest: str, *, how: str, now: datetime) -> None:
    """The address of this digest wants no more mail. Once is enough."""
    insert_ignoring(tx, tables.opt_outs, [{"digest": digest, "how": how, "at": now}])


def standing(tx: Transaction, delivery_ids: Sequence[str], now: datetime) -> tuple[int, int]:
    """Of the runs that submissions of these deliveries started: how many have something to do right now, and how many
    have failed."""
    told = tables.submissions
    joined = sa.join(table, told, table.c.submission_id == told.c.id)
    due = sa.and_(table.c.state == RunState.ACTIVE, table.c.due_at <= now)
    columns = [sa.func.sum(sa.case((one, 1), else_=0)) for one in (due, table.c.state == RunState.FAILED)]
    totals = [0, 0]
    for some in chunks(sorted(set(delivery_ids))):
        found = tx.execute(sa.select(*columns).select_from(joined).where(among(told.c.delivery_id, some))).one()
        totals = [total + (more or 0) for total, more in zip(totals, found, strict=True)]
    return totals[0], totals[1]


def read(tx: Transaction, run_id: str) -> dict[str, Any] | None:
    """All that is kept of one run."""
    found = rows(tx.execute(sa.select(table).where(table.c.id == run_id)))
    return {**found[0], "run": _run(found[0])} if found else None


def steps_of(tx: Transaction, run_id: str) -> list[dict[str, Any]]:
    """The steps of a run that were decided, in the order in which they were."""
    statement = sa.select(steps).where(steps.c.run_id == run_id).order_by(steps.c.round, steps.c.position)
    found = rows(tx.execute(statement))
    return [{**row, "effects": Effects.model_validate_json(row["effects"])} for row in found]


def listed(
    tx: Transaction,
    *,
    state: str | None = None,
    workflow: str | None = None,
    contact_id: str | None = None,
    limit: int = 50,
    after: str = "",
) -> list[dict[str, Any]]:
    """The newest first."""
    statement = sa.select(table)
    for column, wanted in ((table.c.state, state), (table.c.workflow, workflow), (table.c.contact_id, contact_id)):
        if wanted:
            statement = statement.where(column == wanted)
    return [{**row, "run": _run(row)} for row in rows(tx.execute(page(table, statement, limit, after)))]


def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """How many runs there are by workflow and state."""
    columns = (table.c.workflow, table.c.state)
    found = tx.execute(sa.select(*columns, sa.func.count()).group_by(*columns))
    return {(row[0], row[1]): row[2] for row in found}


def _run(row: Any) -> Run:
    """The run as it started, for whom its contact has become since."""
    return Run.model_validate_json(row["run"]).model_copy(update={"contact_id": row["contact_id"]})
