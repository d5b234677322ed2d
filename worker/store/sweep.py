"""The queue of submissions, as the sweeper works it: what is due and is sent, how much is under way, and what
does not move.

Each question is a look into an index, however deep the queue is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipelines.states import ON_THE_PATH, PATH, Stage, State
from worker import tables
from worker.ports import Priority
from worker.store import history, submissions
from worker.store.bulk import among
from worker.store.engine import CHUNK, Transaction, chunks

table = tables.submissions
_IS_ON_THE_PATH = sa.text(tables.ON_THE_PATH_SQL)


@dataclass(frozen=True, slots=True)
class Due:
    """Submissions to send through the tail of the chain from `stage`, together."""

    stage: Stage
    ids: tuple[str, ...]
    priority: Priority
    """All of them are this urgent: the broker hands out what is more urgent first."""


def take_due(
    tx: Transaction, *, now: datetime, limit: int, stall: float, least: Priority = Priority.IMPORT
) -> list[Due]:
    """Up to `limit` submissions that are due, by priority and then by due time, marked as sent for `stall` seconds.
    None that is less urgent than `least`.

    Those that were waiting are back on the path. One that was under a worker that died goes alone, so that it cannot
    take others with it again.
    """
    found: list[Any] = []
    for priority in _as_urgent(least):
        columns = (table.c.id, table.c.stage, table.c.state, table.c.crashes, table.c.priority)
        statement = (
            sa.select(*columns, table.c.lease_owner)
            .where(table.c.priority == priority, table.c.due_at <= now)
            .order_by(table.c.due_at)
            .limit(limit - len(found))
            .with_for_update(skip_locked=True)
        )
        found += tx.execute(statement).all()
        if len(found) >= limit:
            break
    if not found:
        return []
    for ids in chunks(row.id for row in found):
        tx.execute(sa.update(table).where(among(table.c.id, ids)).values(due_at=now + timedelta(seconds=stall)))
    _back_on_the_path(tx, [row for row in found if row.state not in ON_THE_PATH], now)
    together: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    alone: list[Due] = []
    for row in found:
        if row.crashes or row.lease_owner:
            alone.append(Due(Stage(row.stage), (row.id,), Priority(row.priority)))
        else:
            together[row.priority, row.stage].append(row.id)
    return alone + [
        Due(stage, tuple(together[priority, stage]), priority)
        for priority in Priority
        for stage in PATH
        if together[priority, stage]
    ]


def _back_on_the_path(tx: Transaction, waiting: Sequence[Any], now: datetime) -> None:
    moves = []
    for row in waiting:
        state = submissions.BEFORE[Stage(row.stage)]
        tx.execute(sa.update(table).where(table.c.id == row.id).values(state=state, updated_at=now))
        moves.append(history.Move(row.id, "due", before=row.state, after=state))
    history.record(tx, moves, now)


def _as_urgent(least: Priority) -> list[Priority]:
    return [priority for priority in Priority if priority <= least]


def in_flight(tx: Transaction, *, now: datetime, most: int, least: Priority = Priority.IMPORT) -> int:
    """How many submissions at least so urgent are under way (sent, and not overdue), counted up to `most`."""
    under_way = sa.select(table.c.id).where(_IS_ON_THE_PATH, table.c.due_at > now).limit(most)
    if least < Priority.IMPORT:
        under_way = under_way.where(table.c.priority <= least)
    return tx.execute(sa.select(sa.func.count()).select_from(under_way.subquery())).scalar_one()


def unbelievable(tx: Transaction, *, now: datetime, stall: float) -> list[str]:
    """Ids of what a clock that was ahead has put off: on the path and due later than `stall` seconds from now, or
    waiting since a time that is still to come."""
    ahead = now + submissions.CLOCKS_DIFFER
    on_the_path = sa.select(table.c.id).where(_IS_ON_THE_PATH, table.c.due_at > ahead + timedelta(seconds=stall))
    waiting = sa.select(table.c.id).where(table.c.state == State.WAITING, table.c.updated_at > ahead)
    return [row.id for statement in (on_the_path, waiting) for row in tx.execute(statement.limit(CHUNK))]


def make_due(tx: Transaction, ids: Sequence[str], *, now: datetime) -> None:
    """Have the sweeper look at these now, where they are still put off."""
    for some in chunks(sorted(ids)):
        put_off = sa.update(table).where(among(table.c.id, some), table.c.due_at > now)
        tx.execute(put_off.values(due_at=now, updated_at=now))


def stands_still(tx: Transaction, *, now: datetime, stall: float, least: Priority) -> float:
    """For how many seconds the one has not moved, of the submissions on the path that are at least so urgent, which
    has not moved for longest: since it was due, was sent, or reached its stage. One that stalled counts from when it is
    to be sent again."""
    longest = 0.0
    for priority in _as_urgent(least):
        oldest = sa.select(table.c.due_at).where(table.c.priority == priority, _IS_ON_THE_PATH)
        due_at = tx.execute(oldest.order_by(table.c.due_at).limit(1)).scalar()
        if due_at is not None:
            overdue = (now - due_at).total_seconds()
            longest = max(longest, overdue if overdue >= 0 else overdue + stall)
    return longest


def waiting_at_most(tx: Transaction, *, now: datetime, priority: Priority, most: int) -> int:
    """How many submissions of this priority are due and not sent, counted up to `most`."""
    due = sa.select(table.c.id).where(table.c.priority == priority, table.c.due_at <= now).limit(most)
    return tx.execute(sa.select(sa.func.count()).select_from(due.subquery())).scalar_one()


def urgent_due(tx: Transaction, *, now: datetime, most: int) -> tuple[int, datetime | None]:
    """How many hooks and mails are due, counted up to `most`, and since when the first of them is."""
    count, oldest = 0, None
    for priority in _as_urgent(Priority.MAIL):
        due = sa.select(table.c.due_at).where(table.c.priority == priority, table.c.due_at <= now)
        found = tx.execute(due.order_by(table.c.due_at).limit(most)).scalars().all()
        count += len(found)
        oldest = min([*found[:1], *([oldest] if oldest else [])], default=None)
    return count, oldest


def is_due(tx: Transaction, *, now: datetime, least: Priority = Priority.IMPORT) -> bool:
    """Whether anything at least so urgent is due."""
    # Every priority by name, so that the index on (priority, due_at) answers.
    some = sa.select(table.c.id).where(table.c.priority.in_(_as_urgent(least)), table.c.due_at <= now).limit(1)
    return tx.execute(some).first() is not None


def send_again(tx: Transaction, *, now: datetime) -> int:
    """Make everything on the path due: for when the broker's messages are known to be gone, or may be."""
    under_way = table.c.state.in_(sorted(ON_THE_PATH))
    statement = sa.update(table).where(under_way, table.c.lease_owner.is_(None), table.c.due_at > now)
    return tx.execute(statement.values(due_at=now)).rowcount
