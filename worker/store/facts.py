"""Answers of enrichment sources, kept as long as they are good; a known nothing is an answer too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter

from pipelines.models import Fact
from worker import tables
from worker.store.bulk import among, insert_ignoring
from worker.store.engine import Transaction, chunks

table = tables.cached_facts
_FACTS = TypeAdapter(tuple[Fact, ...])


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer that is still good."""

    facts: tuple[Fact, ...]
    asked_at: datetime


def cached(tx: Transaction, source: str, keys: Sequence[str], now: datetime) -> dict[str, Cached]:
    """What `source` said of each of these keys, where that is still good."""
    found = {}
    columns = (table.c.key, table.c.facts, table.c.asked_at)
    for some in chunks(sorted(set(keys))):
        good = (table.c.source == source, among(table.c.key, some), table.c.expires_at > now)
        for row in tx.execute(sa.select(*columns).where(*good)):
            found[row.key] = Cached(_FACTS.validate_json(row.facts), row.asked_at)
    return found


def keep(
    tx: Transaction, source: str, answers: Mapping[str, Sequence[Fact]], expires_at: datetime, now: datetime
) -> None:
    """Keep what `source` said until `expires_at`."""
    for some in chunks(sorted(answers)):
        tx.execute(sa.delete(table).where(table.c.source == source, among(table.c.key, some)))
    values = [
        {
            "source": source,
            "key": key,
            "facts": _FACTS.dump_json(tuple(facts)).decode(),
            "asked_at": now,
            "expires_at": expires_at,
        }
        for key, facts in sorted(answers.items())
    ]
    insert_ignoring(tx, table, values)


def forget_expired(tx: Transaction, now: datetime) -> int:
    """Remove the answers that are no longer good; how many that were."""
    return tx.execute(sa.delete(table).where(table.c.expires_at <= now)).rowcount
