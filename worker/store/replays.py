"""What was set aside and may be replayed: dead and rejected submissions, and quarantined deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from pipelines.states import DeliveryState, State
from worker import tables
from worker.store.engine import Transaction, chunks, rows

submissions = tables.submissions
deliveries = tables.deliveries

SUBMISSION_STATES: Final = (State.DEAD, State.REJECTED)
STATES: Final = (*SUBMISSION_STATES, DeliveryState.QUARANTINED)
"""The states that a replay leads out of."""

_LISTED = ("id", "delivery_id", "position", "priority", "source", "state", "reason", "detail", "updated_at")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of what was set aside: all that every filter lets through. An empty filter lets all through."""

    ids: Collection[str] = ()
    """Of submissions and of deliveries."""
    states: Collection[str] = STATES
    reasons: Collection[str] = ()
    sources: Collection[str] = ()
    since: datetime | None = None
    """Set aside at this time or later."""

    @property
    def is_all(self) -> bool:
        """Whether nothing was chosen."""
        return not (self.ids or self.reasons or self.sources or self.since) and set(self.states) == set(STATES)


def found_submissions(tx: Transaction, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Submissions to replay, those set aside first first; `is_readable` says whether their record could be read."""
    columns = (*(submissions.c[name] for name in _LISTED), (submissions.c.record != "").label("is_readable"))
    statement = sa.select(*columns).where(*_submissions(wanted))
    return rows(tx.execute(statement.order_by(submissions.c.updated_at, submissions.c.id).limit(limit)))


def found_deliveries(tx: Transaction, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Deliveries to open again, those set aside first first; without their bytes."""
    columns = (deliveries.c[name] for name in ("id", "source", "state", "reason", "detail", "opened_at"))
    statement = sa.select(*columns).where(*_deliveries(wanted))
    return rows(tx.execute(statement.order_by(deliveries.c.opened_at, deliveries.c.id).limit(limit)))


def counts(tx: Transaction, wanted: Wanted) -> list[dict[str, Any]]:
    """How many there are by `state`, `source` and `reason`, as `count`, and when the `first` and the `last` of them was
    set aside."""
    found = []
    for table, conditions, at in (
        (submissions, _submissions(wanted), submissions.c.updated_at),
        (deliveries, _deliveries(wanted), deliveries.c.opened_at),
    ):
        alike = (table.c.state, table.c.source, table.c.reason)
        figures = (sa.func.count().label("count"), sa.func.min(at).label("first"), sa.func.max(at).label("last"))
        found += rows(tx.execute(sa.select(*alike, *figures).where(*conditions).group_by(*alike).order_by(*alike)))
    return found


def other_states(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Those of these ids that no replay leads on from, with the state they are in; empty: there is none such."""
    states: dict[str, str] = {}
    for some in chunks(sorted(set(ids))):
        states |= dict.fromkeys(some, "")
        for table in (submissions, deliveries):
            states |= {
                row.id: row.state
                for row in tx.execute(sa.select(table.c.id, table.c.state).where(table.c.id.in_(some)))
            }
    return {each: state for each, state in states.items() if state not in STATES}


def _submissions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    states = sorted(state for state in SUBMISSION_STATES if state in wanted.states)
    return [submissions.c.state.in_(states), *_filters(submissions, wanted, submissions.c.updated_at)]


def _deliveries(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    states = [state for state in (DeliveryState.QUARANTINED,) if state in wanted.states]
    return [deliveries.c.state.in_(states), *_filters(deliveries, wanted, deliveries.c.opened_at)]


def _filters(table: sa.Table, wanted: Wanted, at: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.ids:
        conditions.append(table.c.id.in_(sorted(wanted.ids)))
    if wanted.reasons:
        conditions.append(table.c.reason.in_(sorted(wanted.reasons)))
    if wanted.sources:
        conditions.append(table.c.source.in_(sorted(wanted.sources)))
    if wanted.since:
        conditions.append(at >= wanted.since)
    return conditions
