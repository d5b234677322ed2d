"""From the door to the chain: receive, open, dispatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from pipelines.models import SourceRecord
from pipelines.states import NEXT_STAGE, DeliveryState, State
from worker import sources
from worker.errors import ConfigurationError, PortariaError, Unparsable
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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that has been believed and is not kept yet."""

    source: str
    body: bytes
    content_type: str
    priority: Priority
    key: str | None = None
    """The source's own id of it; None: its bytes stand for it."""
    name: str = ""


def check_request(runtime: Runtime, name: str, request: InboundRequest) -> Arrival:
    """Check that the request is its source's. Raises `Unauthorized`."""
    source, settings = runtime.source(name)
    source.verify(request, settings, runtime.clock())
    content_type = request.headers.get("content-type", "")
    key = source.delivery_key(request, settings)
    return Arrival(name, request.body, content_type, Priority.LIVE, key)


def keep(runtime: Runtime, arrivals: Sequence[Arrival], *, urgent: bool = False) -> list[Added]:
    """Keep deliveries, all in one transaction; they are committed when this returns."""
    now = runtime.clock()
    with runtime.database.write(urgent=urgent) as tx:
        return [
            deliveries.add(
                tx,
                source=arrival.source,
                key=arrival.key,
                body=arrival.body,
                content_type=arrival.content_type,
                name=arrival.name,
                kind=section.kind if (section := runtime.settings.sources.get(arrival.source)) else "",
                priority=arrival.priority,
                now=now,
            )
            for arrival in arrivals
        ]


def receive(
    runtime: Runtime,
    source: str,
    body: bytes,
    *,
    content_type: str,
    priority: Priority,
    key: str | None = None,
    name: str = "",
) -> Added:
    """Keep one delivery; it is committed when this returns."""
    (added,) = keep(runtime, [Arrival(source, body, content_type, priority, key, name)])
    return added


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
    """Send what is due until nothing is or enough is under way.

    What is more urgent takes the room of what is less, never the other way round: a hook goes out however full the
    queues are of an import.
    """
    limits = runtime.settings.worker
    sent = 0
    while True:
        runtime.database.checkpoint()
        now = runtime.clock()
        room = 0
        with runtime.database.read() as tx:
            for least in reversed(Priority):
                if not submissions.is_due(tx, now=now, least=least):
                    return sent
                room = limits.in_flight - submissions.in_flight(tx, now=now, most=limits.in_flight, least=least)
                if room > 0:
                    break
        if room <= 0:
            return sent
        limit = min(limits.batch_size, room)
        with runtime.database.write() as tx:
            batches = submissions.take_due(tx, now=now, limit=limit, stall=limits.stall_seconds, least=least)
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
    """Turn a claimed delivery into submissions, piece by piece; yields how many were saved after each piece.

    Raises what the store raises: then the delivery stays received, and is opened again when its lease has run out.
    """
    position = 0
    for found, settle in _pieces(runtime, delivery):
        if not _save_opened(runtime, delivery, found, position, settle=settle):
            return
        position += len(found)
        yield position


def _pieces(runtime: Runtime, delivery: Delivery) -> Iterator[tuple[list[SourceRecord | BadRecord], _Ending | None]]:
    """What is in the delivery, a piece at a time; with the last one, how reading it ended.

    Only reading is guarded here: a store that is away says nothing about the delivery.
    """
    state, reason, detail = DeliveryState.OPENED, "", ""
    nobody: NotContact | None = None
    found: list[SourceRecord | BadRecord] = []
    is_empty = True
    try:
        for item in _parsed(runtime, delivery):
            if isinstance(item, NotContact):
                nobody = nobody or item
                continue
            is_empty = False
            found.append(item)
            if len(found) == OPENED_AT_ONCE:
                yield found, None
                found = []
    except Unparsable as problem:
        state, reason, detail = DeliveryState.QUARANTINED, problem.code, str(problem)
    except PortariaError as problem:
        state, reason, detail = DeliveryState.QUARANTINED, UNKNOWN_SOURCE, str(problem)
    except Exception as error:
        log.exception("delivery could not be read", delivery=delivery.id, error=type(error).__name__, exc_info=False)
        state, reason, detail = DeliveryState.QUARANTINED, UNREADABLE, f"{type(error).__name__}; see the log"
    if state is DeliveryState.OPENED and is_empty:
        state = DeliveryState.NOT_CONTACT
        reason, detail = (nobody.reason, nobody.detail) if nobody else (EMPTY, "there is nothing in it")
    yield found, (state, reason, detail)


_Ending = tuple[DeliveryState, str, str]
"""State, reason and detail of a delivery that was read to its end."""


def _parsed(runtime: Runtime, delivery: Delivery) -> Iterator[SourceRecord | BadRecord | NotContact]:
    if delivery.kind and delivery.source not in runtime.settings.sources:
        raise ConfigurationError(
            f"portaria.toml has no [sources.{delivery.source}] any more, which was of kind {delivery.kind} when this"
            f" came; add it, then `portaria deliveries replay {delivery.id}`"
        )
    source, settings = runtime.source(delivery.source)
    return sources.parse(source, delivery, settings)


def _save_opened(
    runtime: Runtime,
    delivery: Delivery,
    found: Sequence[SourceRecord | BadRecord],
    position: int,
    *,
    settle: _Ending | None,
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
