"""Sending the messages that leave the house, each by itself: claim → send → save.

A message is sent until it is taken: its key is the idempotency key (`webhook-id`, `Message-ID`), so who gets it twice,
because a worker died between the answer and the save, can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pipelines.run_states import NotificationState
from pipelines.workflow_runs import MAIL
from worker.errors import PermanentError, TransientError
from worker.ports import Sink
from worker.steps import claims
from worker.steps.runtime import Runtime
from worker.store import notifications
from worker.store import workflows as runs
from worker.store.notifications import ClaimedNotification

RETRY_AFTER: Final = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
"""Seconds from a try to the next (the schedule of Svix, docs.svix.com/retries); after the last one it is given up."""

NO_SINK: Final = "no_sink"
"""Reason code: the workflow names a sink that portaria.toml does not have; add [sinks.NAME], then `portaria workflows
rerun`."""
OPTED_OUT: Final = "opted_out"
"""Reason code: whom the mail was for wants no more."""

AT_ONCE: Final = 10
"""The most messages that one task sends: a receiver that never answers takes 20 seconds of a task's 300."""


def deliver_of(runtime: Runtime, run_ids: Sequence[str]) -> int:
    """Send what these runs have waiting, for as long as half a lease; the rest is the scheduler's."""
    with runtime.database.read() as tx:
        keys = notifications.pending_keys(tx, run_ids, runtime.clock())
    return deliver(runtime, keys)


def deliver(runtime: Runtime, keys: Sequence[str]) -> int:
    """Send these messages, those that are due and that nobody is at; how many were taken."""
    until = runtime.clock() + timedelta(seconds=runtime.settings.worker.lease_seconds / 2)
    sent = 0
    for key in keys:
        if runtime.clock() > until:
            break
        lease = runtime.settings.worker.lease_seconds
        with runtime.database.write() as tx:
            claimed = notifications.claim(tx, key, owner=runtime.owner, now=runtime.clock(), lease=lease)
        if claimed:
            sent += _send(runtime, claimed)
    return sent


def _send(runtime: Runtime, claimed: ClaimedNotification) -> bool:
    notification = claimed.notification
    try:
        if _is_unwanted(runtime, claimed):
            return _save(runtime, claimed, NotificationState.WITHHELD, OPTED_OUT)
        _sink(runtime, notification.sink).send(notification, runtime.clock())
    except Exception as error:
        failure = claims.judge(runtime, error, claimed.attempts, runtime.clock(), notification=notification.key)
        if failure.wait is None or claimed.attempts > len(RETRY_AFTER):
            return _save(runtime, claimed, NotificationState.FAILED, failure.code, failure.detail)
        wait = float(RETRY_AFTER[claimed.attempts - 1])
        if isinstance(error, TransientError) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        due_at = runtime.clock() + timedelta(seconds=wait)
        return _save(runtime, claimed, NotificationState.PENDING, failure.code, failure.detail, due_at)
    return _save(runtime, claimed, NotificationState.SENT)


def _sink(runtime: Runtime, name: str) -> Sink:
    if name not in runtime.sinks:
        raise PermanentError(f"there is no [sinks.{name}] in portaria.toml", code=NO_SINK)
    return runtime.sinks[name]


def _is_unwanted(runtime: Runtime, claimed: ClaimedNotification) -> bool:
    """Whether it is a mail to somebody who has opted out, be it since it was written."""
    payload = claimed.notification.payload
    if payload.get("type") != MAIL:
        return False
    with runtime.database.read() as tx:
        return bool(runs.opted_out(tx, [payload["to"]]))


def _save(
    runtime: Runtime,
    claimed: ClaimedNotification,
    state: NotificationState,
    reason: str = "",
    detail: str = "",
    due_at: datetime | None = None,
) -> bool:
    with runtime.database.write() as tx:
        notifications.save(
            tx, claimed, state, now=runtime.clock(), due_at=due_at, reason=reason, detail=detail
        )  # fmt: skip
    return state is NotificationState.SENT
