"""Every score that was made, with the features it was made of, as they were then. Append-only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.models import Score
from pipelines.scoring import Features
from worker import tables
from worker.store.engine import Transaction, rows

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
        tx.execute(sa.insert(table), values)


def of_contact(tx: Transaction, contact_id: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """The scores of a contact, newest first: `model`, `value`, `score` and `features` (JSON), `at`."""
    statement = sa.select(table).where(table.c.contact_id == contact_id).order_by(table.c.no.desc()).limit(limit)
    return rows(tx.execute(statement))
