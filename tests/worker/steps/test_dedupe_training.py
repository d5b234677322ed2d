"""Learning the weights from the store's own contacts: learned, used at once, gone back from."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipelines.dedupe.weights import DEFAULT_MODEL
from pipelines.states import Stage
from worker import steps
from worker.errors import PermanentError
from worker.ports import Priority
from worker.steps import STEPS
from worker.steps.dedupe_model import SHIPPED, model_in_force
from worker.steps.runtime import Runtime
from worker.store import dedupe_models, submissions
from worker.store.sweep import Due

GIVEN = ("Aurélia", "Benedito", "Cassandra", "Demétrio", "Eulália", "Fausto", "Gisela", "Horácio", "Iara", "Jandira")
SYLLABLES = ("bal", "cor", "dran", "fer", "gul", "lim", "mar", "nos", "pir", "quel", "rov")
PEOPLE = 110


def people(count: int = PEOPLE) -> Iterator[dict[str, str]]:
    """Each comes twice, with the same mailbox; in this house everybody changes the telephone meanwhile."""
    chance = random.Random(3)
    for number in range(count):
        name = f"{chance.choice(GIVEN)} {''.join(chance.sample(SYLLABLES, 4))}".title()
        for _ in range(2):
            phone = f"(11) 9{chance.randrange(60_000_000, 99_000_000)}"
            yield {"nome": name, "email": f"pessoa{number}x@example.com", "telefone": phone, "cidade": "Olinda"}


def bring(runtime: Runtime, rows: list[dict[str, str]]) -> list[str]:
    """Through dedupe; the submissions' ids."""
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    kept = steps.receive(runtime, "site", body, content_type="application/x-ndjson", priority=Priority.IMPORT)

    def up_to_dedupe(due: Due) -> None:
        for stage in (Stage.NORMALIZE, Stage.VALIDATE, Stage.DEDUPE):
            STEPS[stage](runtime, due.ids)

    steps.dispatch(runtime, up_to_dedupe)
    with runtime.database.read() as tx:
        return sorted(row["id"] for row in submissions.listed(tx, delivery_id=kept.id, limit=None))


def model_of(runtime: Runtime, submission: str) -> str:
    with runtime.database.read() as tx:
        rows = dedupe_models.decided(tx, by_dedupe=True, dedupe="dedupe", limit=2000)
    return str(next(json.loads(row["decision"])["model"] for row in rows if row["submission_id"] == submission))


def test_learned_from_the_store_used_at_once_and_gone_back_from(runtime: Runtime) -> None:
    bring(runtime, list(people()))
    dry = steps.train_dedupe(runtime, by="ana", use=False)
    with runtime.database.read() as tx:
        assert model_in_force(tx) is DEFAULT_MODEL
    report = steps.train_dedupe(runtime, by="ana")
    assert replace(dry, in_force=True) == report
    assert (report.tellings, report.pairs["email"], report.merged_unasked, report.taken_back) == (220, 110, 110, 0)
    assert report.wrong_in_1000[0] == 0
    assert 20 < report.wrong_in_1000[1] < 60  # 110 right ones say no more than that
    assert "phone" not in report.unsure
    assert "document" in report.unsure
    with runtime.database.read() as tx:
        model = model_in_force(tx)
    assert model.version == report.version == "own-1"
    assert model.fields["phone"]["different"].match > 0.7 > DEFAULT_MODEL.fields["phone"]["different"].match
    assert model.shares["city"]["olinda"] > 5 * DEFAULT_MODEL.frequencies(10_000, {}).share_of_city("olinda")

    (submission,) = bring(runtime, [{"nome": "Zuleica Trindade", "email": "zuleica@example.com"}])
    assert model_of(runtime, submission) == "own-1"
    steps.use_dedupe_model(runtime, SHIPPED, by="ana")
    (submission,) = bring(runtime, [{"nome": "Yara Valadares", "email": "yara@example.com"}])
    assert model_of(runtime, submission) == SHIPPED
    steps.use_dedupe_model(runtime, "own-1", by="ana")
    assert [view["in_force"] for view in steps.dedupe_models_of(runtime)] == [True, False]


def test_too_few_teach_nothing(runtime: Runtime) -> None:
    bring(runtime, list(people(3)))
    with pytest.raises(PermanentError, match="6 submissions are too few to learn from: it takes 200"):
        steps.train_dedupe(runtime, by="ana")


def test_versions_that_there_are_not(runtime: Runtime) -> None:
    with pytest.raises(PermanentError, match="there is no dedupe model own-9"):
        steps.use_dedupe_model(runtime, "own-9", by="ana")
    with pytest.raises(PermanentError, match="there is no dedupe model own-9"):
        steps.dedupe_model(runtime, "own-9")


def test_a_model_of_another_release_is_not_gone_by(runtime: Runtime, caplog: Any) -> None:
    other = DEFAULT_MODEL.model_dump(mode="json") | {"version": "own-1"}
    other["fields"]["email"]["telepathy"] = {"match": 0.5, "random": 0.1}
    with runtime.database.write() as tx:
        dedupe_models.add(tx, "own-1", json.dumps(other), report="", by="ana", now=runtime.clock())
        dedupe_models.use(tx, "own-1", runtime.clock())
    (submission,) = bring(runtime, [{"nome": "Yara Valadares", "email": "yara@example.com"}])
    assert model_of(runtime, submission) == SHIPPED
    assert "dedupe model own-1 is of another release" in caplog.text


def test_what_people_said_is_learned_from(runtime: Runtime) -> None:
    """One review said to be the same, one to be somebody new, one merge that was taken apart."""
    ids = bring(runtime, list(people()))
    same = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "cpf": "529.982.247-25"}
    other = {"nome": "Rui Prado Lemos", "email": "rui@example.com", "cpf": "390.533.447-05"}
    bring(runtime, [same, other])
    waiting = bring(runtime, [{**same, "cpf": "111.444.777-35"}, {**other, "cpf": "168.995.350-09"}])
    first, second = (review for review in steps.waiting_reviews(runtime) if review.id in waiting)
    steps.resolve_review(runtime, first.id, same_as=first.candidate, by="ana")
    steps.resolve_review(runtime, second.id, same_as=None, by="ana")
    with runtime.database.read() as tx:
        row = submissions.read(tx, ids[1])
    assert row is not None
    steps.split(runtime, row["contact_id"], [ids[1]], by="ana")
    report = steps.train_dedupe(runtime, by="ana", use=False)
    assert report.reviews == 3
    assert (report.merged_unasked, report.taken_back) == (110, 1)
    assert report.wrong_in_1000[0] > 0
    assert report.calibration == "3 reviews, 1 of them the same person: at least 30 of both kinds"
