"""Replays: what was rejected, given up or quarantined goes through again, once its cause is mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.errors import PermanentError
from worker.steps.admit import first_states
from worker.steps.runtime import Runtime
from worker.store import deliveries, replays, submissions
from worker.store.engine import Transaction
from worker.store.replays import Wanted


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was sent back, by id."""

    submissions: tuple[str, ...]
    deliveries: tuple[str, ...]
    """Quarantined ones, which are opened again."""
    reread: tuple[str, ...]
    """Deliveries that are opened again for those of these submissions that could not be read."""
    left: int
    """How many more are wanted: beyond the limit."""


def replay(runtime: Runtime, wanted: Wanted, *, by: str, limit: int) -> Replayed:
    """Send up to `limit` of what is wanted back, those set aside first first: submissions through all stages again,
    quarantined deliveries to be opened again.

    Raises `PermanentError` naming an id that cannot be replayed; then none is.
    """
    now = runtime.clock()
    with runtime.database.write() as tx:
        chosen, opened = choose(tx, wanted, limit)
        reread = {row["delivery_id"] for row in chosen if not row["is_readable"]}
        _send_back(runtime, tx, [row["id"] for row in chosen], {*opened, *reread}, by=by, now=now)
        left = sum(row["count"] for row in replays.counts(tx, wanted))
    return Replayed(tuple(row["id"] for row in chosen), tuple(opened), tuple(sorted(reread - {*opened})), left)


def choose(tx: Transaction, wanted: Wanted, limit: int) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """Up to `limit` of what is wanted: submissions, and deliveries by id. Raises `PermanentError` as `replay`."""
    for each, state in sorted(replays.other_states(tx, wanted.ids).items()):
        why = f"is {state}, and only dead, rejected and quarantined ones are replayed" if state else "is not there"
        hint = "; for what is in it: portaria deliveries replay" if each.startswith("del_") and state else ""
        raise PermanentError(f"{each[:60]} {why}{hint}; nothing was replayed")
    chosen = replays.found_submissions(tx, wanted, limit)
    return chosen, {row["id"]: row for row in replays.found_deliveries(tx, wanted, limit - len(chosen))}


def replay_delivery(runtime: Runtime, delivery_id: str, *, by: str) -> int:
    """Open a delivery again, and send those of its submissions that were rejected or dead through the stages again.

    What went well stays as it is. How many submissions were sent back; raises `PermanentError` for an unknown id.
    """
    with runtime.database.write() as tx:
        held = submissions.listed(tx, delivery_id=delivery_id, limit=None)
        set_aside = [row["id"] for row in held if row["state"] in replays.SUBMISSION_STATES]
        return _send_back(runtime, tx, set_aside, [delivery_id], by=by, now=runtime.clock())


def _send_back(
    runtime: Runtime, tx: Transaction, ids: Sequence[str], opened_again: Iterable[str], *, by: str, now: datetime
) -> int:
    """Those of these submissions that could not be read are forgotten, for opening their delivery makes them anew."""
    unreadable = submissions.forget_unreadable(tx, ids)
    for delivery_id in sorted(opened_again):
        if not deliveries.reopen(tx, delivery_id, by=by, now=now):
            raise PermanentError(f"there is no delivery {delivery_id}; `portaria deliveries list` shows the newest")
    first = first_states(runtime, submissions.records(tx, ids))
    return submissions.replay(tx, first, by=by, now=now) + unreadable
