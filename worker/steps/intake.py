"""From the door to the chain: receive, open, dispatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog

from pipelines.models import SourceRecord
from pipelines.states import NEXT_STAGE, DeliveryState, State
from worker import sources
from worker.errors import PortariaError, Unparsable
from worker.ids import submission_id
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, Priority
from worker.steps.runtime import Runtime
from worker.store import deliveries, submissions
from worker.store.deliveries import Added
from worker.store.engine import Transaction
from worker.store.submissions import Due

log = structlog.get_logger()

OPENED_AT_ONCE = 500
"""Submissions saved in one transaction while a delivery is opened."""
OPENING_LEASE = 60.0

UNKNOWN_SOURCE = "unknown_source"
"""Reason code: the delivery's source is no longer in portaria.toml."""
UNREADABLE = "unreadable"
"""Reason code: reading the delivery failed in a way nobody foresaw; the log names the place."""
EMPTY = "empty"
"""Reason code: the delivery can be read and holds nothing."""


def receive_request(runtime: Runtime, name: str, request: InboundRequest) -> Added:
    """Check that the request is its source's and keep it. Raises `Unauthorized`, and stores nothing then."""
    source, settings = runtime.source(name)
    now = runtime.clock()
    source.verify(request, settings, now)
    return receive(
        runtime,
        name,
        request.body,
        content_type=request.headers.get("content-type", ""),
        key=source.delivery_key(request, settings),
        priority=Priority.LIVE,
        now=now,
    )


def receive(
    runtime: Runtime,
    source: str,
    body: bytes,
    *,
    content_type: str,
    priority: Priority,
    key: str | None = None,
    name: str = "",
    now: datetime | None = None,
) -> Added:
    """Keep a delivery; it is committed when this returns."""
    with runtime.database.write() as tx:
        return deliveries.add(
            tx,
            source=source,
            key=key,
            body=body,
            content_type=content_type,
            name=name,
            priority=priority,
            now=now or runtime.clock(),
        )


def dispatch(runtime: Runtime, send: Callable[[Due], None]) -> int:
    """Open what was received and `send` what is due, in batches; how many submissions were sent.

    The doorbell, the scheduler and the end of each chain all call this. Whatever message is lost, doubled or late,
    the next call finds what is due.
    """
    sent = send_due(runtime, send)
    while (delivery := _claim_delivery(runtime)) is not None:
        for _ in open_delivery(runtime, delivery):
            sent += send_due(runtime, send)
    return sent


def send_due(runtime: Runtime, send: Callable[[Due], None]) -> int:
    """Send what is due until nothing is or enough is under way."""
    limits = runtime.settings.worker
    sent = 0
    while True:
        now = runtime.clock()
        with runtime.database.read() as tx:
            if not submissions.is_due(tx, now=now):
                return sent
            room = limits.in_flight - submissions.in_flight(tx, now=now, most=limits.in_flight)
        if room <= 0:
            return sent
        with runtime.database.write() as tx:
            batches = submissions.take_due(tx, now=now, limit=min(limits.batch_size, room), stall=limits.stall_seconds)
        for batch in batches:
            send(batch)
            sent += len(batch.ids)
        if not batches:
            return sent


def is_backlogged(runtime: Runtime) -> bool:
    """Whether anything waits to be opened or sent."""
    with runtime.database.read() as tx:
        return submissions.is_due(tx, now=runtime.clock()) or deliveries.is_waiting(tx)


def _claim_delivery(runtime: Runtime) -> Delivery | None:
    with runtime.database.read() as tx:
        if not deliveries.is_waiting(tx):
            return None
    with runtime.database.write() as tx:
        return deliveries.claim_to_open(tx, owner=runtime.owner, now=runtime.clock(), lease=OPENING_LEASE)


def open_delivery(runtime: Runtime, delivery: Delivery) -> Iterator[int]:
    """Turn a claimed delivery into submissions, piece by piece; yields how many were saved after each piece."""
    reason = detail = ""
    found: list[SourceRecord | BadRecord] = []
    nobody: list[NotContact] = []
    position = 0
    try:
        for item in _parsed(runtime, delivery):
            if isinstance(item, NotContact):
                nobody.append(item)
                continue
            found.append(item)
            if len(found) == OPENED_AT_ONCE:
                if not _save_opened(runtime, delivery, found, position):
                    return
                position += len(found)
                found = []
                yield position
        state = DeliveryState.OPENED
    except Unparsable as problem:
        state, reason, detail = DeliveryState.QUARANTINED, problem.code, str(problem)
    except PortariaError as problem:
        state, reason, detail = DeliveryState.QUARANTINED, UNKNOWN_SOURCE, str(problem)
    except Exception as error:
        log.exception("delivery could not be read", delivery=delivery.id, error=type(error).__name__, exc_info=False)
        state, reason, detail = DeliveryState.QUARANTINED, UNREADABLE, f"{type(error).__name__}; see the log"
    if state is DeliveryState.OPENED and not found and not position:
        state = DeliveryState.NOT_CONTACT
        reason, detail = (nobody[0].reason, nobody[0].detail) if nobody else (EMPTY, "there is nothing in it")
    if _save_opened(runtime, delivery, found, position, settle=(state, reason, detail)):
        yield position + len(found)


def _parsed(runtime: Runtime, delivery: Delivery) -> Iterator[SourceRecord | BadRecord | NotContact]:
    source, settings = runtime.source(delivery.source)
    return sources.parse(source, delivery, settings)


def _save_opened(
    runtime: Runtime,
    delivery: Delivery,
    found: Sequence[SourceRecord | BadRecord],
    position: int,
    *,
    settle: tuple[DeliveryState, str, str] | None = None,
) -> bool:
    now = runtime.clock()
    with runtime.database.write() as tx:
        if not deliveries.extend(tx, delivery.id, owner=runtime.owner, now=now, lease=OPENING_LEASE):
            return False
        _add_submissions(tx, delivery, found, position, now)
        if settle:
            state, reason, detail = settle
            deliveries.settle(tx, delivery.id, state, owner=runtime.owner, now=now, reason=reason, detail=detail)
    return True


def _add_submissions(
    tx: Transaction, delivery: Delivery, found: Sequence[SourceRecord | BadRecord], position: int, now: datetime
) -> None:
    submissions.add(
        tx,
        [
            {
                "id": submission_id(delivery.id, number),
                "delivery_id": delivery.id,
                "position": number,
                "source": delivery.source,
                "priority": delivery.priority,
                "received_at": delivery.received_at,
                "updated_at": now,
                **_as_received(item, now),
            }
            for number, item in enumerate(found, start=position)
        ],
    )


def _as_received(item: SourceRecord | BadRecord, now: datetime) -> dict[str, object]:
    if isinstance(item, BadRecord):
        return {
            "state": State.REJECTED,
            "stage": None,
            "due_at": None,
            "record": "",
            "reason": item.reason,
            "detail": item.detail,
        }
    return {
        "state": State.RECEIVED,
        "stage": NEXT_STAGE[State.RECEIVED],
        "due_at": now,
        "record": item.model_dump_json(),
        "reason": "",
        "detail": "",
    }
