"""Reviews: submissions that a person has to say of who they are, in one query however many there are.

A submission in review waits; or, where the settings say so, it has gone on as a contact of its own, and its review
stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.states import State
from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction, rows

submissions = tables.submissions
opened = tables.open_reviews
decisions = tables.decisions

MOST_OPEN = 0.5
"""The probability at which a person's word changes most: either answer would be wrong for every other submission."""


def waiting(tx: Transaction, *, limit: int) -> list[dict[str, Any]]:
    """Those whose answer is worth most first, then the oldest: id, source, times, contact, the decision on it, and the
    contact that it has gone on as.

    What deciding unasked would cost is the smaller of the probability and its complement (Bayes risk for equal costs),
    highest at `MOST_OPEN` and falling on both sides of it.
    """
    last = (
        sa.select(sa.func.max(decisions.c.no))
        .where(decisions.c.submission_id == submissions.c.id)
        .correlate(submissions)
        .scalar_subquery()
    )
    columns = (
        submissions.c.id,
        submissions.c.source,
        submissions.c.received_at,
        submissions.c.contact,
        submissions.c.contact_id,
    )
    gone_on = submissions.c.id.in_(sa.select(opened.c.submission_id))
    statement = (
        sa.select(*columns, decisions.c.decision)
        .join(decisions, decisions.c.no == last)
        .where(sa.or_(submissions.c.state == State.REVIEW, gone_on))
        .order_by(sa.func.abs(decisions.c.probability - MOST_OPEN), submissions.c.received_at, submissions.c.id)
        .limit(limit)
    )
    return rows(tx.execute(statement))


def leave_open(tx: Transaction, ids: Iterable[str], now: datetime) -> None:
    """These submissions go on, and a person has still to say who they are."""
    insert_ignoring(tx, opened, [{"submission_id": submission, "at": now} for submission in sorted(ids)])


def is_open(tx: Transaction, submission_id: str) -> bool:
    """Whether this submission has gone on with its review left open."""
    return tx.execute(sa.select(opened.c.at).where(opened.c.submission_id == submission_id)).first() is not None


def close(tx: Transaction, submission_id: str, *, kind: str, now: datetime) -> bool:
    """A person has said who the submission is (`kind`: new or match); False: somebody was faster."""
    closed = tx.execute(sa.delete(opened).where(opened.c.submission_id == submission_id)).rowcount == 1
    if closed:
        one = submissions.c.id == submission_id
        tx.execute(sa.update(submissions).where(one).values(decision=kind, updated_at=now))
    return closed
