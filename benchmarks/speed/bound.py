"""The bare sum of the calls that a contact cannot do without, and nothing around them.

Phone parse and check, e-mail check, the candidates from the key index, the comparisons, and two commits a batch (what
came, and what became of it). Dedupe's own features and keys are made too: without them nothing can be looked up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from uuid import uuid4

import email_validator
import phonenumbers
import sqlalchemy as sa

from benchmarks.agents import known
from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.decision import Candidate, decide
from pipelines.dedupe.features import features, load_features
from worker.steps.dedupe_model import model_in_force
from worker.steps.resolve import SMALLEST_POPULATION
from worker.steps.runtime import Runtime
from worker.store import contacts
from worker.store.bulk import insert_rows, update_rows
from worker.store.engine import chunks

BATCH = 100

_KEPT = sa.Table("bench_kept", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True), sa.Column("told", sa.Text))


def bound(runtime: Runtime, told: Sequence[dict[str, str]]) -> dict[str, float]:
    """CPU seconds of this process for all of these people, by what is called."""
    with runtime.database.write() as tx:
        _KEPT.create(tx)
    spent = dict.fromkeys(("phone", "e-mail", "look-up", "comparisons", "commits"), 0.0)
    for some in chunks(told, BATCH):
        for name, seconds in _batch(runtime, some):
            spent[name] += seconds
    return spent


def _batch(runtime: Runtime, some: Sequence[dict[str, str]]) -> Iterator[tuple[str, float]]:
    at = time.process_time()
    for one in some:
        number = phonenumbers.parse(one["celular"], "BR")
        if phonenumbers.is_valid_number(number):
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    yield "phone", time.process_time() - at
    at = time.process_time()
    for one in some:
        email_validator.validate_email(one["email"], check_deliverability=False, test_environment=True)
    yield "e-mail", time.process_time() - at
    people = [known(one) for one in some]  # what normalize would have made of it is not counted
    at = time.process_time()
    subjects = [features(one) for one in people]
    keys = [[key.hash for key in keys_of(subject)] for subject in subjects]
    with runtime.database.read() as tx:
        blocks = contacts.blocks(tx, {key for each in keys for key in each})
        usable = {key: block for key, block in blocks.items() if len(block) < MAX_BLOCK}
        found = contacts.candidates(tx, {number for block in usable.values() for number in block})
        population, model = contacts.population(tx), model_in_force(tx)
    read = {number: Candidate(name, load_features(line)) for number, (name, line) in found.items()}
    yield "look-up", time.process_time() - at
    at = time.process_time()
    for subject, of in zip(subjects, keys, strict=True):
        candidates = {number: read[number] for key in of for number in usable.get(key, ())}
        sizes = {key: len(blocks.get(key, ())) for key in of}
        frequencies = model.frequencies(max(population, SMALLEST_POPULATION), sizes)
        decide(subject, list(candidates.values()), model, runtime.policy, frequencies)
    yield "comparisons", time.process_time() - at
    at = time.process_time()
    texts = [one.model_dump_json() for one in people]
    rows = [{"id": uuid4().hex, "told": text} for text in texts]
    with runtime.database.write() as tx:
        insert_rows(tx, _KEPT, rows)
    with runtime.database.write() as tx:
        update_rows(tx, _KEPT, rows, by=["id"])
    yield "commits", time.process_time() - at
