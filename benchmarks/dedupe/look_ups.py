"""One new contact against a real store, from its blocking keys to the decision, beside what others would do.

    python -m benchmarks.dedupe.look_ups --store DIR [--database URL] [--size 1000000] [--queries 2000] [--seconds 60]

The store (SQLite in DIR, or PostgreSQL at the URL) is filled first where it is empty (`filled_store`). Then,
in one run, over the same queries: Portaria through the store's own functions, one transaction a contact, and a hundred
contacts a transaction (bulk); rapidfuzz `process.extractOne` over all names and addresses in memory; and on PostgreSQL
pg_trgm's `%` over a GIN index of them, where the extension is there. Each stops after `--seconds`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from rapidfuzz import fuzz, process

from benchmarks.dedupe.arrivals import arrivals
from benchmarks.dedupe.filled_store import fill
from benchmarks.machine import describe
from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.features import Features, features, load_features
from pipelines.models import Contact
from worker import tables
from worker.steps.dedupe_model import model_in_force
from worker.store import contacts
from worker.store.engine import Database, Transaction, chunks

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--database", default="")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    database = Database(options.database or f"sqlite:///{(options.store / 'portaria.db').resolve()}")
    fill(database, options.size, options.seed)
    stream = islice(arrivals(options.size + options.queries, options.seed), options.size, None)
    queries = [contact for contact, _ in stream]
    given = {name: value for name, value in vars(options).items() if name not in ("database", "store")}
    describe(store="SQLite" if database.is_sqlite else "PostgreSQL", **given)
    print("| | p50 ms | p99 ms | contacts/s | queries |\n|---|---|---|---|---|")

    def one_by_one(contact: Contact) -> None:
        with database.read() as tx:
            _decide(tx, [features(contact)])

    for contact in queries[:50]:
        one_by_one(contact)  # caches warm: the store's, and ours of compared names
    _tell("portaria, one a transaction", queries, one_by_one, options.seconds)
    _tell_bulk(database, queries, options.seconds)
    with database.read() as tx:
        rows = tx.execute(sa.select(tables.contacts.c.features)).scalars()
        texts = [_text(load_features(line)) for line in rows]
    asked = [_text(features(contact)) for contact in queries]
    _tell("rapidfuzz extractOne WRatio", asked, lambda text: process.extractOne(text, texts), options.seconds)
    _tell(
        "rapidfuzz extractOne token_sort_ratio",
        asked,
        lambda text: process.extractOne(text, texts, scorer=fuzz.token_sort_ratio),
        options.seconds,
    )
    if not database.is_sqlite:
        _trigrams(database, asked, options.seconds)


def _text(value: Features) -> str:
    return " ".join(filter(None, (value.given, value.family, value.emails, value.phones.partition(" ")[0], value.city)))


def _decide(tx: Transaction, subjects: Sequence[Features]) -> None:
    """What `worker.steps.resolve` does of the look-up: keys, blocks, candidates, decision."""
    model, population = model_in_force(tx), contacts.population(tx)
    keys = [[key.hash for key in keys_of(subject)] for subject in subjects]
    blocks = contacts.blocks(tx, {key for some in keys for key in some})
    found = contacts.candidates(tx, {number for block in blocks.values() if len(block) < MAX_BLOCK for number in block})
    known = {number: Candidate(whose, load_features(line)) for number, (whose, line) in found.items()}
    for subject, own in zip(subjects, keys, strict=True):
        sizes = {key: len(blocks.get(key, ())) for key in own}
        numbers = {number for key in own if sizes[key] < MAX_BLOCK for number in blocks.get(key, ())}
        candidates = [known[number] for number in numbers]
        decide(subject, candidates, model, Policy(), model.frequencies(population, sizes))


def _tell(name: str, queries: Iterable[T], ask: Callable[[T], object], seconds: float) -> None:
    took: list[float] = []
    end = time.perf_counter() + seconds
    for query in queries:
        start = time.perf_counter()
        ask(query)
        took.append(time.perf_counter() - start)
        if start > end:
            break
    ordered = sorted(took)
    p50, p99 = ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3
    print(f"| {name} | {p50:.3f} | {p99:.3f} | {len(took) / sum(took):,.0f} | {len(took)} |", flush=True)


def _tell_bulk(database: Database, queries: Sequence[Contact], seconds: float) -> None:
    start, done = time.perf_counter(), 0
    for some in chunks(queries, 100):
        with database.read() as tx:
            _decide(tx, [features(contact) for contact in some])
        done += len(some)
        if time.perf_counter() - start > seconds:
            break
    took = time.perf_counter() - start
    print(f"| portaria, 100 a transaction, one process | | | {done / took:,.0f} | {done} |", flush=True)


def _trigrams(database: Database, asked: Sequence[str], seconds: float) -> None:
    with database.write() as tx:
        if tx.execute(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")).first() is None:
            print("| pg_trgm | not measured: this server does not have it | | | |")
            return
        tx.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
        tx.execute(sa.text("CREATE TABLE IF NOT EXISTS bench_texts (no BIGINT PRIMARY KEY, text TEXT NOT NULL)"))
        if tx.execute(sa.text("SELECT 1 FROM bench_texts LIMIT 1")).first() is None:
            for some in chunks(tx.execute(sa.select(tables.contacts.c.no, tables.contacts.c.features)).all(), 10_000):
                values = [{"no": row.no, "text": _text(load_features(row.features))} for row in some]
                tx.execute(sa.text("INSERT INTO bench_texts VALUES (:no, :text)"), values)
            tx.execute(sa.text("CREATE INDEX ON bench_texts USING gin (text gin_trgm_ops)"))
    nearest = sa.text(
        "SELECT no, similarity(text, :text) AS near FROM bench_texts WHERE text % :text ORDER BY near DESC LIMIT 1"
    )

    def ask(text: str) -> None:
        with database.read() as tx:
            tx.execute(sa.text("SET LOCAL pg_trgm.similarity_threshold = 0.5"))
            tx.execute(nearest, {"text": text}).first()

    _tell("pg_trgm, GIN, 0.5", asked, ask, seconds)


if __name__ == "__main__":
    main()
