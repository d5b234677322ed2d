"""Every score that was made, with the features it was made of, as they were then. Append-only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.models import Score
from pipelines.scoring import Features
from worker import tables
from worker.ports import Priority
from worker.store.bulk import insert_rows
from worker.store.engine import Transaction, chunks, rows

table = tables.scores


@dataclass(frozen=True, slots=True)
class NewScore:
    """A score to keep."""

    submission_id: str
    contact_id: str
    score: Score
    features: Features


def add(tx: Transaction, new: Sequence[NewScore], now: datetime) -> None:
    """Append scores."""
    if new:
        values = [
            {
                "submission_id": one.submission_id,
                "contact_id": one.contact_id,
                "model": one.score.model,
                "value": one.score.value,
                "score": one.score.model_dump_json(),
                "features": json.dumps(dict(one.features), ensure_ascii=False),
                "at": now,
            }
            for one in new
        ]
        insert_rows(tx, table, values)


@dataclass(frozen=True, slots=True)
class Scored:
    """A score of long ago, with what was known then."""

    no: int
    """The order in which scores were made."""
    submission_id: str
    contact_id: str
    """Who it is of today."""
    value: int
    model: str
    features: Features
    at: datetime
    is_import: bool
    """It came in a file, which may tell of what was long before."""


def of_contacts(tx: Transaction, contact_ids: Iterable[str]) -> Iterator[Scored]:
    """Every score of these live contacts and of what was merged into them, a contact's oldest first."""
    told = tables.submissions
    for some in chunks(sorted(set(contact_ids))):
        statement = _with_submission().where(told.c.contact_id.in_(some)).order_by(table.c.no)
        yield from map(_scored, tx.execute(statement))


def since(tx: Transaction, moment: datetime, *, most: int) -> list[Scored]:
    """The newest `most` scores made since then, newest first."""
    statement = _with_submission().where(table.c.at >= moment).order_by(table.c.no.desc()).limit(most)
    return list(map(_scored, tx.execute(statement)))


def _with_submission() -> sa.Select[Any]:
    told = tables.submissions
    columns = (table.c[name] for name in ("no", "submission_id", "value", "model", "features", "at"))
    return sa.select(*columns, told.c.contact_id, told.c.priority).join(told, told.c.id == table.c.submission_id)


def _scored(row: Any) -> Scored:
    return Scored(
        no=row.no,
        submission_id=row.submission_id,
        contact_id=row.contact_id,
        value=row.value,
        model=row.model,
        features=json.loads(row.features),
        at=row.at,
        is_import=row.priority == Priority.IMPORT,
    )


def of_contact(tx: Transaction, contact_id: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """The scores of a contact, newest first: `model`, `value`, `score` and `features` (JSON), `at`."""
    statement = sa.select(table).where(table.c.contact_id == contact_id).order_by(table.c.no.desc()).limit(limit)
    return rows(tx.execute(statement))
