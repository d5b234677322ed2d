"""Messages that leave the house: kept before they are sent, and sent until they are taken or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.models import Notification
from pipelines.run_states import NotificationState
from worker import tables
from worker.store.bulk import among, insert_ignoring
from worker.store.engine import Transaction, chunks, rows
from worker.store.leases import Leased

table = tables.notifications
leased = Leased(table, table.c.key, NotificationState.PENDING)


@dataclass(frozen=True, slots=True)
class ClaimedNotification:
    """A message that this worker owns until its lease runs out."""

    notification: Notification
    run_id: str
    fence: int
    attempts: int
    """This one included."""


def add(tx: Transaction, new: Sequence[tuple[str, Notification]], now: datetime) -> None:
    """Keep messages of runs, to be sent at once; those that are there already are left as they are."""
    values = [
        {
            "key": each.key,
            "run_id": run_id,
            "sink": each.sink,
            "notification": each.model_dump_json(),
            "state": NotificationState.PENDING,
            "due_at": now,
            "look_at": now,
            "created_at": now,
            "updated_at": now,
        }
        for run_id, each in new
    ]
    insert_ignoring(tx, table, values)


def claim(tx: Transaction, key: str, *, owner: str, now: datetime, lease: float) -> ClaimedNotification | None:
    """The message, where it is due and nobody is at it."""
    for row in leased.claim(tx, [key], owner=owner, now=now, lease=lease):
        notification = Notification.model_validate_json(row["notification"])
        return ClaimedNotification(notification, row["run_id"], row["fence"], row["attempts"])
    return None


def save(
    tx: Transaction,
    claimed: ClaimedNotification,
    state: NotificationState,
    *,
    now: datetime,
    due_at: datetime | None = None,
    reason: str = "",
    detail: str = "",
) -> bool:
    """Save what became of a claimed message and give up its lease; False where somebody else has taken over."""
    same = sa.update(table).where(table.c.key == claimed.notification.key, table.c.fence == claimed.fence)
    changed = same.values(
        state=state,
        reason=reason,
        detail=detail,
        due_at=due_at,
        look_at=due_at,
        lease_owner=None,
        lease_until=None,
        updated_at=now,
    )
    return bool(tx.execute(changed).rowcount)


def withhold(tx: Transaction, run_id: str, *, reason: str, now: datetime) -> None:
    """What has not gone out of this run does not go out any more."""
    pending = sa.update(table).where(table.c.run_id == run_id, table.c.state == NotificationState.PENDING)
    free = {"due_at": None, "look_at": None, "lease_owner": None, "lease_until": None, "fence": table.c.fence + 1}
    tx.execute(pending.values(state=NotificationState.WITHHELD, reason=reason, updated_at=now, **free))


def send_again(tx: Transaction, run_id: str, now: datetime) -> int:
    """Have those of a run that were given up sent again, from the first try; how many that are."""
    failed = sa.update(table).where(table.c.run_id == run_id, table.c.state == NotificationState.FAILED)
    anew = {"attempts": 0, "reason": "", "detail": "", "due_at": now, "look_at": now, "updated_at": now}
    return tx.execute(failed.values(state=NotificationState.PENDING, **anew)).rowcount


def send_now(tx: Transaction, now: datetime) -> int:
    """Have those that wait for their next try sent at once; how many are not sent yet."""
    pending = table.c.state == NotificationState.PENDING
    tx.execute(sa.update(table).where(pending, table.c.due_at > now).values(due_at=now, look_at=now))
    return tx.execute(sa.select(sa.func.count()).where(pending)).scalar_one()


def of_run(tx: Transaction, run_id: str) -> list[dict[str, Any]]:
    """The messages of a run, in the order of their keys."""
    return rows(tx.execute(sa.select(table).where(table.c.run_id == run_id).order_by(table.c.created_at, table.c.key)))


def pending_keys(tx: Transaction, run_ids: Sequence[str], now: datetime) -> list[str]:
    """The messages of these runs that are due."""
    found: list[str] = []
    for some in chunks(sorted(run_ids)):
        due = (among(table.c.run_id, some), table.c.state == NotificationState.PENDING, table.c.due_at <= now)
        found += tx.execute(sa.select(table.c.key).where(*due).order_by(table.c.key)).scalars()
    return found


def failed_by_run(tx: Transaction, run_ids: Sequence[str]) -> dict[str, int]:
    """How many messages of these runs were given up."""
    found: dict[str, int] = {}
    for some in chunks(sorted(run_ids)):
        of_them = (among(table.c.run_id, some), table.c.state == NotificationState.FAILED)
        counted = sa.select(table.c.run_id, sa.func.count()).where(*of_them).group_by(table.c.run_id)
        found |= {row[0]: row[1] for row in tx.execute(counted)}
    return found
