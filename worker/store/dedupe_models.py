"""The weights of dedupe that were learned here, every version, and the samples that they are learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from pipelines.models import DecisionKind
from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction, chunks, fetched, rows

table = tables.dedupe_models
submissions = tables.submissions
decisions = tables.decisions


class Telling(NamedTuple):
    """What one submission told of somebody."""

    id: str
    contact: str
    """JSON of `pipelines.models.Contact`."""
    contact_id: str | None
    """Who it is, as far as that is known."""


def add(tx: Transaction, version: str, model: str | None, *, report: str, by: str, now: datetime) -> None:
    """Keep a version; one that is there already stays as it is. `model` None: the shipped one."""
    insert_ignoring(tx, table, [{"version": version, "model": model, "report": report, "at": now, "by": by}])


def use(tx: Transaction, version: str, now: datetime) -> bool:
    """Take a version into use; whether there is such a version."""
    latest = tx.execute(sa.select(sa.func.max(table.c.used_at))).scalar_one()
    # Later than every other, whatever the clock did.
    at = now if latest is None or latest < now else latest + datetime.resolution
    return tx.execute(sa.update(table).where(table.c.version == version).values(used_at=at)).rowcount == 1


def in_force(tx: Transaction) -> str | None:
    """The version in use; None when none was ever taken into use: the shipped one."""
    latest = "SELECT version FROM dedupe_models WHERE used_at IS NOT NULL ORDER BY used_at DESC LIMIT 1"
    return next((version for (version,) in fetched(tx, latest)), None)


def read(tx: Transaction, version: str) -> dict[str, Any] | None:
    """All that is kept of a version."""
    found = rows(tx.execute(sa.select(table).where(table.c.version == version)))
    return found[0] if found else None


def listed(tx: Transaction) -> list[dict[str, Any]]:
    """Every version, the newest first, without its weights."""
    columns = [column for column in table.c if column.name != "model"]
    return rows(tx.execute(sa.select(*columns).order_by(table.c.at.desc(), table.c.version.desc())))


def count_tellings(tx: Transaction) -> int:
    """How many submissions are somebody."""
    statement = sa.select(sa.func.count()).where(submissions.c.contact_id.is_not(None))
    return tx.execute(statement).scalar_one()


_TOLD = (submissions.c.id, submissions.c.contact, submissions.c.contact_id)


def tellings(tx: Transaction, *, after: str, limit: int) -> list[Telling]:
    """The next `limit` submissions that are somebody, by id, from the one `after`."""
    statement = sa.select(*_TOLD).where(
        submissions.c.id > after, submissions.c.contact.is_not(None), submissions.c.contact_id.is_not(None)
    )
    return [Telling(*row) for row in tx.execute(statement.order_by(submissions.c.id).limit(limit))]


def told(tx: Transaction, ids: Iterable[str]) -> Iterator[Telling]:
    """These submissions, in no order."""
    for some in chunks(sorted(set(ids))):
        for row in tx.execute(sa.select(*_TOLD).where(submissions.c.id.in_(some), submissions.c.contact.is_not(None))):
            yield Telling(*row)


def decided(tx: Transaction, *, by_dedupe: bool, dedupe: str, limit: int) -> list[dict[str, Any]]:
    """The newest decisions made by dedupe, or by people: submission_id, kind, contact_id, decision (JSON)."""
    whose = decisions.c.by == dedupe if by_dedupe else decisions.c.by != dedupe
    columns = (decisions.c.submission_id, decisions.c.kind, decisions.c.contact_id, decisions.c.decision)
    return rows(tx.execute(sa.select(*columns).where(whose).order_by(decisions.c.no.desc()).limit(limit)))


def merged_unasked(tx: Transaction, dedupe: str) -> tuple[int, Sequence[tuple[str, str]]]:
    """How many submissions dedupe took for somebody known, and which of them are somebody else by now.

    The latter as pairs of the contact that it was taken for and the contact that it is.
    """
    ours = (decisions.c.by == dedupe, decisions.c.kind == DecisionKind.MATCH)
    count = tx.execute(sa.select(sa.func.count()).where(*ours)).scalar_one()
    moved = (
        sa.select(decisions.c.contact_id, submissions.c.contact_id)
        .join(submissions, submissions.c.id == decisions.c.submission_id)
        .where(*ours, submissions.c.contact_id != decisions.c.contact_id)
    )
    return count, [(str(then), str(now)) for then, now in tx.execute(moved)]
