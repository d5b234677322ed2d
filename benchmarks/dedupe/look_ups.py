"""One new contact against a real store, from its blocking keys to the decision, beside what others would do.

    python -m benchmarks.dedupe.look_ups --store DIR [--database URL] [--size 1000000] [--queries 10000] [--seconds 60]

The store (SQLite in DIR, or PostgreSQL at the URL) is filled first where it is empty (`filled_store`). Then,
in one run, over the same queries: Portaria through the store's own functions, one transaction a contact, and a hundred
contacts a transaction in two processes (bulk); rapidfuzz `process.extractOne` over all names and addresses in memory;
and on PostgreSQL pg_trgm's `%` over a GIN index of them, where the extension is there. Each stops after `--seconds`.

"CPU" is the time that this process computed: on a machine that does other work it is what the clock would say on a
quiet one, SQLite included, but not PostgreSQL's own processes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from rapidfuzz import fuzz, process

from benchmarks.dedupe.arrivals import contact_of
from benchmarks.dedupe.crm_people import generate
from benchmarks.dedupe.filled_store import fill
from benchmarks.machine import describe
from pipelines.dedupe.blocking import keys_of, nearest
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.features import Features, features, load_features
from pipelines.models import Contact
from worker import tables
from worker.steps.dedupe_model import model_in_force
from worker.steps.resolve import SMALLEST_POPULATION
from worker.store import contacts
from worker.store.engine import Database, Transaction, chunks

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--database", default="")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    url = options.database or f"sqlite:///{(options.store / 'portaria.db').resolve()}"
    database = Database(url)
    fill(database, options.size, options.seed)
    arriving = islice(generate(options.size + options.queries, options.seed), options.size, None)
    queries = [contact_of(fields) for fields, _ in arriving]
    given = {name: value for name, value in vars(options).items() if name not in ("database", "store")}
    describe(store="SQLite" if database.is_sqlite else "PostgreSQL", **given)
    print("| | p50 ms | p99 ms | p50 ms CPU | p99 ms CPU | contacts/s | queries |\n|---|---|---|---|---|---|---|")

    def one_by_one(subject: Features) -> None:
        with database.read() as tx:
            _decide(tx, [subject])

    _tell("portaria, a contact folded for comparison", queries, features, options.seconds)
    subjects = [features(contact) for contact in queries]
    for subject in subjects[:50]:
        one_by_one(subject)
    _tell("portaria, keys to decision, one a transaction", subjects[50:], one_by_one, options.seconds)
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _tell_bulk(url, queries, options.seconds)
    print(f"memory of one process at its peak until here: {mebibytes:.0f} MiB", flush=True)
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
    model, population = model_in_force(tx), max(contacts.population(tx), SMALLEST_POPULATION)
    keys = [[key.hash for key in keys_of(subject)] for subject in subjects]
    blocks = contacts.blocks(tx, {key for some in keys for key in some})
    near = [nearest(blocks, own, population) for own in keys]
    found = contacts.candidates(tx, {number for some in near for number in some})
    known = {number: Candidate(whose, load_features(line)) for number, (whose, line) in found.items()}
    for subject, own, some in zip(subjects, keys, near, strict=True):
        sizes = {key: len(blocks.get(key, ())) for key in own}
        candidates = [known[number] for number in some]
        decide(subject, candidates, model, Policy(), model.frequencies(population, sizes))


def _tell(name: str, queries: Iterable[T], ask: Callable[[T], object], seconds: float) -> None:
    took: list[float] = []
    computed: list[float] = []
    end = time.perf_counter() + seconds
    for query in queries:
        start, start_of_cpu = time.perf_counter(), time.process_time()
        ask(query)
        computed.append(time.process_time() - start_of_cpu)
        took.append(time.perf_counter() - start)
        if start > end:
            break
    (p50, p99), (cpu_p50, cpu_p99) = map(_middle_and_end, (took, computed))
    rate = len(took) / sum(took)
    print(f"| {name} | {p50:.3f} | {p99:.3f} | {cpu_p50:.3f} | {cpu_p99:.3f} | {rate:,.0f} | {len(took)} |", flush=True)


def _middle_and_end(seconds: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3


def _tell_bulk(url: str, queries: Sequence[Contact], seconds: float) -> None:
    """Two processes, each with its half of the queries and a connection of its own."""
    halves = [(url, queries[first::2], seconds) for first in (0, 1)]
    with get_context("spawn").Pool(2) as pool:
        pool.starmap(_bulk, [(url, half[:100], seconds) for _, half, _ in halves], chunksize=1)  # what is loaded once
        start = time.perf_counter()
        told = pool.starmap(_bulk, halves, chunksize=1)
        took = time.perf_counter() - start
    done, computed = (sum(each) for each in zip(*told, strict=True))
    per_cpu = 2 * done / computed
    print(f"| portaria, 100 a transaction, two processes | | | | | {done / took:,.0f} | {done} |")
    print(f"two processes computing all the time would do {per_cpu:,.0f} contacts/s", flush=True)


def _bulk(url: str, queries: Sequence[Contact], seconds: float) -> tuple[int, float]:
    database, done = Database(url), 0
    end, start_of_cpu = time.perf_counter() + seconds, time.process_time()
    for some in chunks(queries, 100):
        with database.read() as tx:
            _decide(tx, [features(contact) for contact in some])
        done += len(some)
        if time.perf_counter() > end:
            break
    computed = time.process_time() - start_of_cpu
    database.close()
    return done, computed


def _trigrams(database: Database, asked: Sequence[str], seconds: float) -> None:
    with database.write() as tx:
        if tx.execute(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")).first() is None:
            print("| pg_trgm | not measured: this server does not have it | | | |")
            return
        tx.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
        tx.execute(sa.text("CREATE TABLE IF NOT EXISTS bench_texts (no BIGINT PRIMARY KEY, text TEXT NOT NULL)"))
        if tx.execute(sa.text("SELECT 1 FROM bench_texts LIMIT 1")).first() is None:
            found = tx.execute(sa.select(tables.contacts.c.no, tables.contacts.c.features)).all()
            rows = ((row.no, _text(load_features(row.features))) for row in found)
            driver: Any = tx.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy("COPY bench_texts FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            tx.execute(sa.text("CREATE INDEX ON bench_texts USING gin (text gin_trgm_ops)"))
    nearest = sa.text(
        "SELECT no, similarity(text, :text) AS near FROM bench_texts WHERE text % :text ORDER BY near DESC LIMIT 1"
    )

    def ask(text: str) -> None:
        with database.read(in_pieces=True) as tx:  # a transaction, for SET LOCAL
            tx.execute(sa.text("SET LOCAL pg_trgm.similarity_threshold = 0.5"))
            tx.execute(nearest, {"text": text}).first()

    _tell("pg_trgm, GIN, 0.5", asked, ask, seconds)


if __name__ == "__main__":
    main()
