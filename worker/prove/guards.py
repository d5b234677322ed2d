"""The guards, each of which can be switched off in the processes of a proof, to show that the proof notices.

| guard | without it | struck by | found as |
|---|---|---|---|
| sweeper | what was sent is never sent again | broker_wiped, broker, child, power, stage, boundary | unsettled |
| restart | who died stays dead | worker, scheduler, web | down, unsettled |
| supervised | who was started lives on when the supervisor is gone | machine | down |
| fence | whoever claimed once may save for ever | pause | order_of_states |
| look_up | a CRM call of unknown outcome is made again | crm_answers_lost, perform | crm_twice, effect_without_intent |
| commit_first | a hook is answered, then kept | web, deploy | acknowledged_missing |
| refusal | a hook is answered 202 though it could not be kept | disk_full, locked | acknowledged_missing |
| delivery_key | the same bytes are another delivery | none is needed | answered_differently |
| key_locks | two workers may resolve one person at once | none is needed; PostgreSQL | created_twice |
| transactions | each statement is saved by itself | connection; PostgreSQL | order_of_states |
| durability | a commit is told before it is on the disk | database; PostgreSQL | acknowledged_missing |
| clock_bounds | a time far in the future is believed | clock_ahead | unsettled |
| shared_clock | each machine believes its own clock | clock_ahead, clock_behind; PostgreSQL | crm_twice |
| newer_schema | code refuses a schema that is newer than itself | upgrade | down |
| sink_retry | a notification that was not taken counts as sent | receiver_down | intent_without_outcome |
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from worker import celery_app, steps, supervisor, webhook
from worker.errors import ConfigurationError, TransientError
from worker.ids import new_id
from worker.sinks.webhook import WebhookSink
from worker.steps import calls, claims, runtime
from worker.store import contacts, deliveries, engine, submissions, sweep
from worker.store.deliveries import Added
from worker.store.engine import Database, Transaction
from worker.store.writes import Standing

NEVER = timedelta(days=3650)
LATER_SECONDS = 1.0


def _swap(where: Any, name: str, by: Any) -> None:
    setattr(where, name, by)


def _without_sweeper() -> None:
    take_due = sweep.take_due

    def once(tx: Transaction, *, stall: float, **rest: Any) -> Any:
        return take_due(tx, stall=NEVER.total_seconds(), **rest)

    _swap(sweep, "take_due", once)
    _swap(sweep, "send_again", lambda _tx, **_rest: 0)
    _swap(sweep, "unbelievable", lambda _tx, **_rest: [])  # it finds whatever is put off for so long
    _swap(claims, "next_look", lambda _runtime, now: now + NEVER)
    # Else the broker itself sends again, after minutes, what was under a worker that died.
    celery_app._REDIS_OPTIONS["visibility_timeout"] = int(timedelta(days=1).total_seconds())


def _without_restart() -> None:
    keep_alive = supervisor.Supervisor._keep_alive

    def once(self: supervisor.Supervisor, child: Any) -> None:
        if not child.started:
            keep_alive(self, child)

    _swap(supervisor.Supervisor, "_keep_alive", once)


def _without_supervised() -> None:
    _swap(supervisor, "end_with_supervisor", lambda: None)


def _without_fence() -> None:
    _swap(submissions, "still_ours", lambda _tx, claimed: {item.id for item in claimed})


def _without_look_up() -> None:
    before = calls._before_the_call

    def straight(runtime: Any, write: Any, attempt: Any) -> Any:
        return None if attempt.standing is Standing.UNKNOWN else before(runtime, write, attempt)

    _swap(calls, "_before_the_call", straight)


def _without_commit_first() -> None:
    ids: dict[bytes, str] = {}
    keep = steps.keep

    def later(runtime: Any, arrivals: Sequence[Any], *, urgent: bool = False) -> list[Added]:
        time.sleep(LATER_SECONDS)
        return keep(runtime, arrivals, urgent=urgent)

    def known(_prefix: str, now: datetime) -> str:
        return ids.pop(_adding[0], "") or new_id("del", now)

    add = deliveries.add
    _adding: list[bytes] = [b""]

    def adding(tx: Transaction, *, body: bytes, **rest: Any) -> Added:
        _adding[0] = body
        return add(tx, body=body, **rest)

    async def answered(self: webhook.Keeper, arrival: steps.Arrival) -> Added:
        fresh = ids.setdefault(arrival.body, new_id("del", self._runtime.clock()))
        self._arrived.put((arrival, Future()))
        return Added(fresh, repeated=False)

    _swap(steps, "keep", later)
    _swap(deliveries, "add", adding)
    _swap(deliveries, "new_id", known)
    _swap(webhook.Keeper, "keep", answered)


def _without_refusal() -> None:
    keep = webhook.Keeper.keep

    async def anyhow(self: webhook.Keeper, arrival: steps.Arrival) -> Added:
        try:
            return await keep(self, arrival)
        except (TransientError, asyncio.CancelledError):
            return Added(new_id("del", self._runtime.clock()), repeated=False)

    _swap(webhook.Keeper, "keep", anyhow)


def _without_delivery_key() -> None:
    add = deliveries.add

    def again(tx: Transaction, *, key: str | None, now: datetime, **rest: Any) -> Added:
        return add(tx, key=new_id("key", now), now=now, **rest)

    _swap(deliveries, "add", again)


def _without_key_locks() -> None:
    _swap(contacts, "lock_keys", lambda _tx, _hashes: None)


def _without_transactions() -> None:
    @contextmanager
    def write(self: Database, *, urgent: bool = False) -> Iterator[Transaction]:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    _swap(Database, "write", write)


def _without_clock_bounds() -> None:
    _swap(submissions, "CLOCKS_DIFFER", NEVER)


def _without_durability() -> None:
    _swap(engine, "_KEEPALIVE", {**engine._KEEPALIVE, "options": "-c synchronous_commit=off"})


def _without_newer_schema() -> None:
    _swap(engine, "_is_newer", lambda _connection: False)


def _without_shared_clock() -> None:
    _swap(runtime, "SharedClock", lambda _database: lambda: runtime.utc_now())


def _without_sink_retry() -> None:
    send = WebhookSink.send

    def once(self: WebhookSink, notification: Any, now: datetime) -> None:
        try:
            send(self, notification, now)
        except TransientError:
            return

    _swap(WebhookSink, "send", once)


GUARDS: Mapping[str, Callable[[], None]] = {
    "sweeper": _without_sweeper,
    "restart": _without_restart,
    "supervised": _without_supervised,
    "fence": _without_fence,
    "look_up": _without_look_up,
    "commit_first": _without_commit_first,
    "refusal": _without_refusal,
    "delivery_key": _without_delivery_key,
    "key_locks": _without_key_locks,
    "transactions": _without_transactions,
    "clock_bounds": _without_clock_bounds,
    "durability": _without_durability,
    "newer_schema": _without_newer_schema,
    "shared_clock": _without_shared_clock,
    "sink_retry": _without_sink_retry,
}
"""By name, what switches each off in this process."""


def switch_off(name: str) -> None:
    """Do without this guard in this process. Raises `ConfigurationError` for one there is not."""
    if name not in GUARDS:
        raise ConfigurationError(f"there is no guard {name!r}; there are {', '.join(GUARDS)}")
    GUARDS[name]()
