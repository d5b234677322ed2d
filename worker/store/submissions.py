"""Submissions on their way: claim, save, and what people do about them. Every change is a compare-and-set with a fence.

A claim raises the submission's `fence`; what is saved names the fence it claimed with, so a worker that was paused
past its lease cannot write over the one who took over (Kleppmann 2016, "How to do distributed locking").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.states import NEXT_STAGE, REACHED_BY, SETTLED, Stage, State, may_move
from worker import tables
from worker.store import history
from worker.store.bulk import among, insert_ignoring, update_rows
from worker.store.engine import Transaction, chunks, page, rows

table = tables.submissions

BEFORE: dict[Stage, State] = {stage: state for state, stage in NEXT_STAGE.items()}
"""The state in which a submission is when it needs this stage."""

MAX_CRASHES = 2
"""After so many leases that ran out under a worker, the submission is set aside: it kills its worker."""

KILLED_WORKER = "killed_worker"
"""Reason code: the worker died at it `MAX_CRASHES` times; see the worker's log, mend, and replay."""

CLOCKS_DIFFER = timedelta(seconds=60)
"""By how much the clocks of two machines may differ. A time further ahead than what may be set was set by a clock that
was wrong, and is not believed: nothing is put off for as long as somebody's clock was ahead."""

REPLAYED = "replayed"
"""Event: a person sent it through the stages again."""
RELEASED = "released"
"""Event: a person let what was held go on."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A submission that this worker owns until its lease runs out."""

    id: str
    fence: int
    stage: Stage
    attempts: int
    delivery_id: str
    source: str
    received_at: datetime
    record: str
    contact: str | None
    decision: str | None
    contact_id: str | None
    facts: str | None
    score: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step makes of a claimed submission."""

    claimed: Claimed
    state: State
    stage: Stage | None
    """The stage it needs next (when `waiting` or `dead`: to go on from); None when settled."""
    due_at: datetime | None = None
    reason: str = ""
    detail: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    """Further columns to set."""


def add(tx: Transaction, values: Sequence[dict[str, Any]]) -> None:
    """Keep new submissions; those whose (delivery, position) is there already are left as they are."""
    insert_ignoring(tx, table, values)


def is_free(of: sa.Table, now: datetime, lease: float) -> sa.ColumnElement[bool]:
    """Whether nobody holds the lease: none was taken, it has run out, or it runs longer than any lease may."""
    longest = now + timedelta(seconds=lease) + CLOCKS_DIFFER
    return sa.or_(of.c.lease_until.is_(None), of.c.lease_until < now, of.c.lease_until > longest)


def claim(
    tx: Transaction, ids: Sequence[str], stage: Stage, *, owner: str, now: datetime, lease: float
) -> list[Claimed]:
    """Those of `ids` that need `stage` now and that nobody owns, leased to `owner`; the others are not ours to touch.

    One that has been under `MAX_CRASHES` dead workers goes to `dead` instead.
    """
    taken: list[Claimed] = []
    doomed: list[Outcome] = []
    for some in chunks(sorted(ids)):
        mine = (
            sa.select(table.c.id)
            .where(
                among(table.c.id, some),
                table.c.stage == stage,
                # Said so that no index on the state answers: a queue of a million is a million of one state.
                sa.func.coalesce(table.c.state, "") == BEFORE[stage],
                is_free(table, now, lease),
            )
            .order_by(table.c.id)
            .with_for_update(skip_locked=True)
        )
        statement = (
            sa.update(table)
            .where(table.c.id.in_(mine))
            .values(
                crashes=table.c.crashes + sa.case((table.c.lease_owner.is_(None), 0), else_=1),
                lease_owner=owner,
                lease_until=now + timedelta(seconds=lease),
                fence=table.c.fence + 1,
                attempts=table.c.attempts + 1,
            )
            .returning(table.c.crashes, *(table.c[name] for name in Claimed.__slots__))
        )
        for row in tx.execute(statement).mappings():
            values = dict(row)
            crashes = values.pop("crashes")
            claimed = Claimed(**{**values, "stage": stage})
            if crashes >= MAX_CRASHES:
                detail = f"the worker died {crashes} times at stage {stage}; see its log, mend the cause, then replay"
                doomed.append(Outcome(claimed, State.DEAD, stage, reason=KILLED_WORKER, detail=detail))
            else:
                taken.append(claimed)
    save(tx, doomed, now=now, by=owner)
    position = {submission: number for number, submission in enumerate(ids)}
    return sorted(taken, key=lambda claimed: position[claimed.id])


def still_ours(tx: Transaction, claimed: Sequence[Claimed]) -> set[str]:
    """Ids of those whose lease nobody has taken over and we have not given up, locked against others until the
    transaction ends."""
    ours: set[str] = set()
    fences = {item.id: item.fence for item in claimed}
    for some in chunks(sorted(fences)):
        found = tx.execute(
            sa.select(table.c.id, table.c.fence)
            .where(among(table.c.id, some), table.c.lease_owner.is_not(None))
            .order_by(table.c.id)
            .with_for_update()
        )
        ours |= {row.id for row in found if row.fence == fences[row.id]}
    return ours


def release(tx: Transaction, claimed: Sequence[Claimed]) -> None:
    """Give up the leases that are still ours, with nothing done."""
    for some in chunks(sorted(still_ours(tx, claimed))):
        tx.execute(sa.update(table).where(among(table.c.id, some)).values(lease_owner=None, lease_until=None))


def renew(tx: Transaction, claimed: Sequence[Claimed], *, now: datetime, lease: float) -> set[str]:
    """Lease those that are still ours for `lease` seconds from now; their ids."""
    ours = still_ours(tx, claimed)
    for some in chunks(sorted(ours)):
        longer = sa.update(table).where(among(table.c.id, some))
        tx.execute(longer.values(lease_until=now + timedelta(seconds=lease)))
    return ours


def save(tx: Transaction, outcomes: Sequence[Outcome], *, now: datetime, by: str) -> list[Outcome]:
    """Save what became of claimed submissions and give up their leases; those that were ours still."""
    ours = still_ours(tx, [outcome.claimed for outcome in outcomes])
    kept = [outcome for outcome in outcomes if outcome.claimed.id in ours]
    alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    moves = []
    for outcome in kept:
        before = BEFORE[outcome.claimed.stage]
        if not may_move(before, outcome.state):
            raise ValueError(f"a submission may not go from {before} to {outcome.state}")
        went_on = outcome.state not in {State.WAITING, State.DEAD}
        row = {
            "id": outcome.claimed.id,
            "state": outcome.state,
            "stage": outcome.stage,
            "due_at": outcome.due_at,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "lease_owner": None,
            "lease_until": None,
            "updated_at": now,
            **({"attempts": 0, "crashes": 0} if went_on else {}),
            **outcome.values,
        }
        alike[tuple(row)].append(row)
        moves.append(history.Move(outcome.claimed.id, outcome.claimed.stage, before, outcome.state, outcome.reason, by))
    for values in alike.values():
        update_rows(tx, table, values, by=["id"])
    history.record(tx, moves, now)
    return kept


def reached(claimed: Claimed, *, due_at: datetime, **values: Any) -> Outcome:
    """The stage went well: on to the next."""
    state = REACHED_BY[claimed.stage]
    following = NEXT_STAGE.get(state)
    return Outcome(claimed, state, following, due_at if following else None, values=values)


def release_dead_owners(tx: Transaction, alive: Iterable[str], *, host: str, now: datetime) -> int:
    """Free what processes of this host held that no longer live; how many submissions that were.

    Not counted as crashes: it is how a machine that was switched off starts again.
    """
    living = set(alive)
    owners = tx.execute(sa.select(table.c.lease_owner).where(table.c.lease_owner.is_not(None)).distinct()).scalars()
    gone = [owner for owner in owners if owner.startswith(f"{host}:") and owner not in living]
    freed = 0
    for some in chunks(gone):
        freed += tx.execute(
            sa.update(table).where(among(table.c.lease_owner, some)).values(lease_owner=None, lease_until=None)
        ).rowcount
    tx.execute(
        sa.update(tables.deliveries)
        .where(tables.deliveries.c.lease_owner.in_(gone))
        .values(lease_owner=None, lease_until=None)
    )
    return freed


def replay(tx: Transaction, first: Mapping[str, State], *, by: str, now: datetime) -> int:
    """Send those of these submissions that are rejected or dead through the stages again, each from its state in
    `first`; how many that were."""
    return _begin_anew(tx, first, {State.REJECTED, State.DEAD}, REPLAYED, by, now)


def let_go_on(tx: Transaction, first: Mapping[str, State], *, by: str, now: datetime) -> int:
    """Let those of these submissions that are held go on, each from its state in `first`; how many that were."""
    return _begin_anew(tx, first, {State.HELD}, RELEASED, by, now)


def reject_held(tx: Transaction, ids: Sequence[str], *, by: str, now: datetime) -> int:
    """Reject those of these submissions that are held, their reason staying; how many that were."""
    done = 0
    for some in chunks(sorted(set(ids))):
        statement = (
            sa.update(table)
            .where(among(table.c.id, some), table.c.state == State.HELD)
            .values(state=State.REJECTED, updated_at=now)
            .returning(table.c.id, table.c.reason)
        )
        found = tx.execute(statement).all()
        moves = [history.Move(row.id, "reject", State.HELD, State.REJECTED, row.reason, by) for row in found]
        history.record(tx, moves, now)
        done += len(found)
    return done


def _begin_anew(
    tx: Transaction, first: Mapping[str, State], settled: Collection[State], event: str, by: str, now: datetime
) -> int:
    done = 0
    for some in chunks(sorted(first)):
        found = tx.execute(
            sa.select(table.c.id, table.c.state)
            .where(among(table.c.id, some), table.c.state.in_(sorted(settled)))
            .order_by(table.c.id)
            .with_for_update()
        ).all()
        for row in found:
            state = first[row.id]
            tx.execute(
                sa.update(table)
                .where(table.c.id == row.id)
                .values(
                    state=state, stage=NEXT_STAGE[state], due_at=now, reason="", detail="", attempts=0, crashes=0,
                    updated_at=now,
                )
            )  # fmt: skip
        moves = [history.Move(row.id, event, row.state, first[row.id], by=by) for row in found]
        history.record(tx, moves, now)
        done += len(found)
    return done


def records(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(source, record) of each of these that could be read."""
    found: dict[str, tuple[str, str]] = {}
    for some in chunks(ids):
        statement = sa.select(table.c.id, table.c.source, table.c.record).where(among(table.c.id, some))
        found |= {row.id: (row.source, row.record) for row in tx.execute(statement) if row.record}
    return found


def lock_review(tx: Transaction, submission_id: str) -> dict[str, Any] | None:
    """A submission that is in review, kept from others until the transaction ends; None when it is not in review."""
    statement = sa.select(table).where(table.c.id == submission_id, table.c.state == State.REVIEW).with_for_update()
    found = rows(tx.execute(statement))
    return found[0] if found else None


def go_on(tx: Transaction, submission_id: str, stage: Stage, *, kind: str, contact_id: str, now: datetime) -> None:
    """A person has decided: the submission is `contact_id` and goes on with `stage`."""
    tx.execute(
        sa.update(table)
        .where(table.c.id == submission_id)
        .values(
            state=BEFORE[stage], stage=stage, due_at=now, reason="", detail="", decision=kind, contact_id=contact_id,
            updated_at=now,
        )
    )  # fmt: skip


def send_back(tx: Transaction, submission_id: str, stage: Stage, *, why: str, now: datetime) -> bool:
    """Have a submission that is done go through its stages once more from `stage` on; False: it is not done."""
    state = BEFORE[stage]
    if not may_move(State.DONE, state):
        raise ValueError(f"a submission may not go from {State.DONE} to {state}")
    sent = tx.execute(
        sa.update(table)
        .where(table.c.id == submission_id, table.c.state == State.DONE)
        .values(state=state, stage=stage, due_at=now, attempts=0, crashes=0, updated_at=now)
    )
    if sent.rowcount:
        history.record(tx, [history.Move(submission_id, why, State.DONE, state)], now)
    return bool(sent.rowcount)


def is_under_way(tx: Transaction, submission_id: str) -> bool:
    """Whether a submission goes on by itself, now or after a wait."""
    state = tx.execute(sa.select(table.c.state).where(table.c.id == submission_id)).scalar()
    return state is not None and State(state) not in SETTLED


def forget_unreadable(tx: Transaction, ids: Sequence[str]) -> int:
    """Remove those of these whose record could not be read, so that opening their delivery again reads them anew."""
    gone = 0
    for some in chunks(ids):
        gone += tx.execute(sa.delete(table).where(among(table.c.id, some), table.c.record == "")).rowcount
    return gone


def contact_ids(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """The contacts that these submissions are of, as far as that is known."""
    found: set[str] = set()
    for some in chunks(ids):
        of = sa.select(table.c.contact_id).where(among(table.c.id, some), table.c.contact_id.is_not(None)).distinct()
        found.update(tx.execute(of).scalars())
    return found


def read(tx: Transaction, submission_id: str) -> dict[str, Any] | None:
    """All that is kept of one submission."""
    found = rows(tx.execute(sa.select(table).where(table.c.id == submission_id)))
    return found[0] if found else None


def listed(
    tx: Transaction,
    *,
    state: str | None = None,
    delivery_id: str | None = None,
    contact_id: str | None = None,
    limit: int | None = 50,
    after: str = "",
) -> list[dict[str, Any]]:
    """The newest first (of one delivery: in its own order)."""
    columns = ("id", "delivery_id", "position", "source", "state", "stage", "reason", "detail", "decision")
    more = ("contact_id", "score", "due_at", "received_at", "updated_at")
    statement = sa.select(*(table.c[name] for name in (*columns, *more)))
    if state:
        statement = statement.where(table.c.state == state)
    if contact_id:
        statement = statement.where(table.c.contact_id == contact_id)
    if delivery_id:
        statement = statement.where(table.c.delivery_id == delivery_id).order_by(table.c.position).limit(limit)
    else:
        statement = page(table, statement, limit or 50, after)
    return rows(tx.execute(statement))


def tally(tx: Transaction, delivery_ids: Sequence[str], ids: Sequence[str] = ()) -> dict[tuple[str, str, str], int]:
    """How many submissions of these deliveries, and of those with these `ids`, are in each (state, kind of decision,
    reason)."""
    total: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    columns = (table.c.state, table.c.decision, table.c.reason)
    alone = table.c.delivery_id.not_in(sorted(delivery_ids))
    conditions: list[sa.ColumnElement[bool]] = [among(table.c.delivery_id, some) for some in chunks(delivery_ids)]
    conditions += [sa.and_(among(table.c.id, some), alone) for some in chunks(ids)]
    for condition in conditions:
        for state, decision, reason, count in tx.execute(
            sa.select(*columns, sa.func.count()).where(condition).group_by(*columns)
        ):
            total[state, decision or "", reason] += count
    return dict(total)


def moves_by_itself(state: State) -> bool:
    """Whether a submission in this state goes on without anybody's doing, and soon."""
    return state not in SETTLED and state is not State.WAITING


def counts(tx: Transaction) -> dict[str, int]:
    """How many submissions are in each state."""
    found = tx.execute(sa.select(table.c.state, sa.func.count()).group_by(table.c.state))
    return {row[0]: row[1] for row in found}
