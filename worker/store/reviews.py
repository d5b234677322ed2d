"""Reviews: submissions that wait for a person's word, in one query however many there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pipelines.states import State
from worker import tables
from worker.store.engine import Transaction, rows

submissions = tables.submissions
decisions = tables.decisions

MOST_OPEN = 0.5
"""The probability at which a person's word changes most: either answer would be wrong for every other submission."""


def waiting(tx: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """Those whose answer is worth most first, then the oldest: id, source, times, contact and the decision on it.

    What deciding unasked would cost is the smaller of the probability and its complement (Bayes risk for equal costs),
    highest at `MOST_OPEN` and falling on both sides of it.
    """
    last = (
        sa.select(sa.func.max(decisions.c.no))
        .where(decisions.c.submission_id == submissions.c.id)
        .correlate(submissions)
        .scalar_subquery()
    )
    columns = (submissions.c.id, submissions.c.source, submissions.c.received_at, submissions.c.contact)
    statement = (
        sa.select(*columns, decisions.c.decision)
        .join(decisions, decisions.c.no == last)
        .where(submissions.c.state == State.REVIEW)
        .order_by(sa.func.abs(decisions.c.probability - MOST_OPEN), submissions.c.received_at, submissions.c.id)
        .limit(limit)
    )
    return rows(tx.execute(statement))
