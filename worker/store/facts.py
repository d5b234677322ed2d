"""Answers of enrichment sources, kept as long as they are good; a known nothing is an answer too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter

from pipelines.models import Fact
from worker import tables
from worker.store.engine import Transaction, chunks, insert_ignoring

table = tables.cached_facts
_FACTS = TypeAdapter(tuple[Fact, ...])


def cached(tx: Transaction, source: str, keys: Sequence[str], now: datetime) -> dict[str, tuple[Fact, ...]]:
    """What `source` said of each of these keys, where that is still good."""
    found = {}
    for some in chunks(sorted(set(keys))):
        good = (table.c.source == source, table.c.key.in_(some), table.c.expires_at > now)
        for row in tx.execute(sa.select(table.c.key, table.c.facts).where(*good)):
            found[row.key] = _FACTS.validate_json(row.facts)
    return found


def keep(tx: Transaction, source: str, answers: Mapping[str, Sequence[Fact]], expires_at: datetime) -> None:
    """Keep what `source` said until `expires_at`."""
    for some in chunks(sorted(answers)):
        tx.execute(sa.delete(table).where(table.c.source == source, table.c.key.in_(some)))
    values = [
        {"source": source, "key": key, "facts": _FACTS.dump_json(tuple(facts)).decode(), "expires_at": expires_at}
        for key, facts in sorted(answers.items())
    ]
    insert_ignoring(tx, table, values)
