"""From the door to the chain: receive, open, dispatch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.config import MIB, WorkerSection
from worker.errors import TransientError
from worker.ports import Delivery, InboundRequest, Priority
from worker.rates import Rate
from worker.sources.spam import TOO_MANY
from worker.steps.opening import OPENING_LEASE, open_delivery
from worker.steps.pressure import imports_yield, pressure_in
from worker.steps.runtime import Runtime
from worker.store import deliveries, sweep
from worker.store.deliveries import Added
from worker.store.engine import Transaction
from worker.store.sweep import Due

LEAST_FREE = {Priority.LIVE: 64 * MIB, Priority.MAIL: 64 * MIB, Priority.IMPORT: 256 * MIB}
"""Bytes of an SQLite file's disk that stay free: what was taken in before needs room to come to its end. Imports stop
before hooks do."""
ALONE = 4
"""Urgent submissions that may be under way before the next ones wait for one another."""
FILL_SECONDS = 1.0
"""For how long they do at most: the sweep of the next second sends them."""
DISK_FULL = "disk_full"
"""Reason code: the disk is nearly full, and what cannot be kept is not taken."""


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
    suspicion: str = ""
    """Reason code: why it may be a robot's."""


def check_request(runtime: Runtime, name: str, request: InboundRequest) -> Arrival:
    """Check that the request is its source's, and whether its sender sends too much. Raises `Unauthorized`."""
    source, settings = runtime.source(name)
    source.verify(request, settings, runtime.clock())
    content_type = request.headers.get("content-type", "")
    key = source.delivery_key(request, settings)
    suspicion = "" if is_within_rate(runtime, name, request.remote_address) else TOO_MANY
    return Arrival(name, request.body, content_type, Priority.LIVE, key, suspicion=suspicion)


def may_wait(runtime: Runtime, name: str) -> bool:
    """Whether `check_request` asks outside, where an answer may take its time."""
    section = runtime.settings.sources.get(name)
    return section is not None and section.allowed is not None


def is_within_rate(runtime: Runtime, name: str, address: str) -> bool:
    """Count one delivery of this address; whether it is within the source's `rate`."""
    section = runtime.settings.sources.get(name)
    if section is None or section.allowed is None:
        return True
    return runtime.rates.hit(Rate(*section.allowed), "source", name, address)


def keep(runtime: Runtime, arrivals: Sequence[Arrival], *, urgent: bool = False) -> list[Added]:
    """Keep deliveries, all in one transaction; they are committed when this returns. Raises `TransientError`."""
    free = runtime.database.free_bytes()
    least = max(LEAST_FREE[arrival.priority] for arrival in arrivals)
    if free is not None and free - sum(len(arrival.body) for arrival in arrivals) < least:
        what = f"the disk has less than {least // MIB} MiB free; nothing was kept: make room, and send it again"
        raise TransientError(what, code=DISK_FULL)
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
                suspicion=arrival.suspicion,
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


def dispatch(runtime: Runtime, send: Callable[[Due], None], *, filling: bool = False) -> int:
    """Open what was received and `send` what is due, in batches; how many submissions were sent.

    The doorbell, the scheduler and the end of each chain all call this. Whatever message is lost, doubled or late,
    the next call finds what is due. Where `filling`, it is called again within a second, and hooks that come fast may
    wait for that to share a batch.
    """
    _disbelieve(runtime)
    return _open_and_send(runtime, send, Priority.IMPORT, filling=filling)


def _open_and_send(runtime: Runtime, send: Callable[[Due], None], least: Priority, *, filling: bool) -> int:
    """All that is received and at least so urgent. A hook that comes while a large import is opened does not wait for
    its end."""
    sent = send_due(runtime, send, filling=filling)
    while (delivery := _claim_delivery(runtime, least)) is not None:
        for _ in open_delivery(runtime, delivery):
            if delivery.priority == Priority.IMPORT:
                sent += _open_and_send(runtime, send, Priority.MAIL, filling=filling)
            else:
                sent += send_due(runtime, send, filling=filling)
    return sent


def _disbelieve(runtime: Runtime) -> None:
    """Make due what a clock that was ahead has put off."""
    now = runtime.clock()
    with runtime.database.read() as tx:
        put_off = sweep.unbelievable(tx, now=now, stall=runtime.settings.worker.stall_seconds)
    if put_off:
        with runtime.database.write() as tx:
            sweep.make_due(tx, put_off, now=now)


def send_due(runtime: Runtime, send: Callable[[Due], None], *, filling: bool = False) -> int:
    """Send what is due until nothing is or enough is under way.

    What is more urgent takes the room of what is less, never the other way round: a hook goes out however full the
    queues are of an import. And while something urgent does not move, nothing of an import goes out.
    """
    limits = runtime.settings.worker
    sent = 0
    while True:
        runtime.database.checkpoint()
        now = runtime.clock()
        room = 0
        with runtime.database.read() as tx:
            if filling and _fills(tx, limits, now):
                return sent
            yields = imports_yield(tx, runtime, now)
            for least in reversed(Priority):
                if least is Priority.IMPORT and yields:
                    continue
                if not sweep.is_due(tx, now=now, least=least):
                    return sent
                room = limits.in_flight - sweep.in_flight(tx, now=now, most=limits.in_flight, least=least)
                if room > 0:
                    break
        if room <= 0:
            return sent
        limit = min(limits.batch_size, room)
        with runtime.database.write() as tx:
            batches = sweep.take_due(tx, now=now, limit=limit, stall=limits.stall_seconds, least=least)
        for batch in batches:
            send(batch)
            sent += len(batch.ids)
        if not batches:
            return sent


def _fills(tx: Transaction, limits: WorkerSection, now: datetime) -> bool:
    """Whether what is urgent waits a moment, to go out in a batch with what comes meanwhile.

    A chain costs a batch's fixed work whatever it carries, a dozen contacts' worth: hooks that come faster than one
    goes through would each wait behind the others' chains. A lone one goes at once.
    """
    due, oldest = sweep.urgent_due(tx, now=now, most=limits.batch_size)
    if oldest is None or due >= limits.batch_size or (now - oldest).total_seconds() >= FILL_SECONDS:
        return False
    return sweep.in_flight(tx, now=now, most=ALONE, least=Priority.MAIL) >= ALONE


def is_backlogged(runtime: Runtime) -> bool:
    """Whether anything waits to be opened or sent."""
    with runtime.database.read() as tx:
        return sweep.is_due(tx, now=runtime.clock()) or deliveries.is_waiting(tx)


def _claim_delivery(runtime: Runtime, least: Priority) -> Delivery | None:
    now = runtime.clock()
    with runtime.database.read() as tx:
        if not deliveries.is_waiting(tx):
            return None
        if least is Priority.IMPORT and pressure_in(tx, runtime, now).imports_stay_closed:
            least = Priority.MAIL
    with runtime.database.write() as tx:
        return deliveries.claim_to_open(tx, owner=runtime.owner, now=now, lease=OPENING_LEASE, least=least)
