"""Opening deliveries: from what was received to a submission for each person in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pipelines.lead_outcomes import LeadOutcome
from pipelines.models import SourceRecord
from pipelines.states import NEXT_STAGE, DeliveryState, State
from worker import sources
from worker.errors import ConfigurationError, PortariaError, Unparsable
from worker.ids import submission_id
from worker.ports import BadRecord, Delivery, NotContact, OutcomeTold, Source, SourceSettings
from worker.steps.admit import first_state
from worker.steps.holding_back import Suspicion, has_captcha, suspicion_of
from worker.steps.runtime import UNKNOWN_SOURCE, Runtime
from worker.store import deliveries, lead_outcomes, submissions
from worker.store.engine import Transaction

log = structlog.get_logger()

OPENED_AT_ONCE = 500
"""Submissions saved in one transaction while a delivery is opened."""
OPENING_LEASE = 60.0
RENEWED_EVERY = timedelta(seconds=OPENING_LEASE / 4)

UNREADABLE = "unreadable"
"""Reason code: reading the delivery failed in a way nobody foresaw; the log names the place."""
EMPTY = "empty"
"""Reason code: the delivery can be read and holds nothing."""


def open_delivery(runtime: Runtime, delivery: Delivery) -> Iterator[int]:
    """Turn a claimed delivery into submissions, piece by piece; yields how many were saved after each piece.

    Raises what the store raises: then the delivery stays received, and is opened again when its lease has run out.
    """
    position, leased_at = 0, runtime.clock()
    for found, told, settle in pieces(runtime, delivery):
        # Not at each piece: SQLite writes the whole row anew, and in it the body of the delivery. Whoever goes on
        # without a lease for a moment saves what another saves too, under the same ids.
        now = runtime.clock()
        renew = settle is not None or not timedelta() <= now - leased_at <= RENEWED_EVERY
        if not _save_opened(runtime, delivery, found, told, position, settle=settle, renew=renew):
            return
        leased_at = now if renew else leased_at
        position += len(found)
        yield position


def pieces(runtime: Runtime, delivery: Delivery) -> Iterator[tuple[list[Opened], list[OutcomeTold], Ending | None]]:
    """What is in the delivery, a piece at a time: people, and outcomes of leads; with the last, how reading it ended.

    Only reading is guarded here: a store that is away says nothing about the delivery.
    """
    state, reason, detail = DeliveryState.OPENED, "", ""
    nobody: NotContact | None = None
    found: list[Opened] = []
    told: list[OutcomeTold] = []
    is_empty = True
    try:
        source, settings = _source_of(runtime, delivery)
        suspicion = suspicion_of(runtime, delivery)
        for item in sources.parse(source, delivery, settings):
            if isinstance(item, OutcomeTold):
                told.append(item)
            if isinstance(item, NotContact):
                nobody = nobody or item
                continue
            is_empty = False
            found.append(_opened(item, suspicion or _enters(runtime, delivery, source, settings, item)))
            if len(found) == OPENED_AT_ONCE:
                yield found, told, None
                found, told = [], []
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
    yield found, told, (state, reason, detail)


Ending = tuple[DeliveryState, str, str]
"""State, reason and detail of a delivery that was read to its end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One thing found in a delivery, and where its submission begins."""

    item: SourceRecord | BadRecord
    state: State
    reason: str = ""
    detail: str = ""


def _opened(item: SourceRecord | BadRecord, enters: State | Suspicion) -> Opened:
    if isinstance(item, BadRecord):
        return Opened(item, State.REJECTED, item.reason, item.detail)
    if isinstance(enters, Suspicion):
        return Opened(item, State.HELD, enters.reason, enters.detail)
    return Opened(item, enters)


def _enters(
    runtime: Runtime, delivery: Delivery, source: Source, settings: SourceSettings, item: SourceRecord | BadRecord
) -> State:
    state = first_state(source, settings, item)
    return State.ARRIVED if state is State.RECEIVED and has_captcha(runtime, delivery) else state


def _source_of(runtime: Runtime, delivery: Delivery) -> tuple[Source, SourceSettings]:
    if delivery.kind and delivery.source not in runtime.settings.sources:
        raise ConfigurationError(
            f"portaria.toml has no [sources.{delivery.source}] any more, which was of kind {delivery.kind} when this"
            f" came; add it, then `portaria deliveries replay {delivery.id}`"
        )
    return runtime.source(delivery.source)


def _save_opened(
    runtime: Runtime,
    delivery: Delivery,
    found: Sequence[Opened],
    told: Sequence[OutcomeTold],
    position: int,
    *,
    settle: Ending | None,
    renew: bool,
) -> bool:
    now = runtime.clock()
    with runtime.database.write() as tx:
        if renew and not deliveries.extend(tx, delivery.id, owner=runtime.owner, now=now, lease=OPENING_LEASE):
            return False
        _add_submissions(tx, delivery, found, position, now)
        lead_outcomes.record(
            tx,
            [
                LeadOutcome(
                    outcome=one.outcome,
                    remote=one.remote,
                    at=min(one.at or delivery.received_at, now),
                    value=one.value,
                    by=delivery.source,
                )
                for one in told
            ],
            now,
        )
        if settle:
            state, reason, detail = settle
            deliveries.settle(tx, delivery.id, state, owner=runtime.owner, now=now, reason=reason, detail=detail)
    return True


def _add_submissions(
    tx: Transaction, delivery: Delivery, found: Sequence[Opened], position: int, now: datetime
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
                **_as_opened(opened, now),
            }
            for number, opened in enumerate(found, start=position)
        ],
    )


def _as_opened(opened: Opened, now: datetime) -> dict[str, object]:
    stage = NEXT_STAGE.get(opened.state)
    return {
        "state": opened.state,
        "stage": stage,
        "due_at": now if stage else None,
        "record": "" if isinstance(opened.item, BadRecord) else opened.item.model_dump_json(),
        "reason": opened.reason,
        "detail": opened.detail,
    }
