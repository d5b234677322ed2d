"""The people of a proof are told apart by dedupe, or a proof of an hour would find what is no fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.decision import Candidate, decide
from pipelines.dedupe.features import Features, features
from pipelines.dedupe.weights import DEFAULT_MODEL
from pipelines.models import DecisionKind, Origin, SourceField, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage
from worker.prove.people import Person, person
from worker.steps.resolve import SMALLEST_POPULATION

AN_HOUR = 30_000
"""About as many people as come in an hour at eight deliveries a second."""
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def test_nobody_has_anything_of_another() -> None:
    everybody = [person(number) for number in range(1, AN_HOUR)]
    for value in ("name", "email", "second_email", "phone", "second_phone", "company"):
        assert len({getattr(one, value) for one in everybody}) == len(everybody), value


def _told(one: Person) -> Features:
    told = {"nome": one.name, "email": one.email, "celular": one.phone, "empresa": one.company, "cargo": one.job_title}
    fields = tuple(SourceField(key=key, label=key, values=(value,)) for key, value in told.items())
    origin = Origin(source="site", delivery="d", submission=one.id, stage=Stage.NORMALIZE, at=NOW)
    return features(normalize_record(SourceRecord(fields=fields), {}, origin, now=NOW).contact)


def not_new(people: int) -> Iterator[tuple[int, DecisionKind, str]]:
    """Those of the first `people` of whom dedupe does not say that they are new, and what it says."""
    index: defaultdict[int, list[Candidate]] = defaultdict(list)
    for number in range(1, people + 1):
        told = _told(person(number))
        keys = [key.hash for key in keys_of(told)]
        sizes = {key: len(index[key]) for key in keys}
        known = {each.contact_id: each for key in keys if sizes[key] < MAX_BLOCK for each in index[key]}
        frequencies = DEFAULT_MODEL.frequencies(max(number, SMALLEST_POPULATION), sizes)
        decision = decide(told, list(known.values()), DEFAULT_MODEL, frequencies=frequencies)
        if decision.kind is not DecisionKind.NEW:
            yield number, decision.kind, decision.evidence[0].contact_id
        for key in keys:
            index[key].append(Candidate(str(number), told))


def test_dedupe_takes_nobody_for_another() -> None:
    assert list(not_new(1_000)) == []
