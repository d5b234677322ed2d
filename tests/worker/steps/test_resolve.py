"""Two workers and one person: one contact, whether they share an identifier or are only alike."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.dedupe.features import Features, features
from pipelines.models import Contact
from pipelines.states import Stage
from worker import steps
from worker.errors import Conflict, PermanentError
from worker.ports import Priority
from worker.steps import STEPS, resolve
from worker.steps.resolve import _Resolution
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions
from worker.store.contacts import Golden
from worker.store.engine import Database
from worker.store.submissions import Outcome
from worker.store.sweep import Due

PAIRS = 40


def receive(runtime: Runtime, *people: dict[str, str]) -> list[str]:
    """Bring these people up to the dedupe stage; their submissions' ids."""
    ids: list[str] = []
    for person in people:
        body = json.dumps(person).encode()
        steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE)

    def up_to_dedupe(due: Due) -> None:
        for stage in (Stage.NORMALIZE, Stage.VALIDATE):
            STEPS[stage](runtime, due.ids)
        ids.extend(due.ids)

    steps.dispatch(runtime, up_to_dedupe)
    return ids


def resolved(runtime: Runtime, submission_id: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission_id)
    assert row is not None
    return row


def count(runtime: Runtime) -> int:
    with runtime.database.read() as tx:
        return contacts.count(tx)


@pytest.mark.parametrize(
    "second",
    [
        {"email": "pessoa{n}@example.com", "fone": "(11) 97{n:03d}-{n:04d}"},
        {"email": "", "fone": "(11) 97{n:03d}-{n:04d}"},
        {"email": "outra{n}@example.com", "empresa": "Oficina {n} Ltda", "fone": "(11) 97{n:03d}-{n:04d}"},
    ],
    ids=["same mail and phone", "same phone", "same phone and company, other mail"],
)
def test_one_person_through_two_doors_at_one_instant_is_one_contact(
    runtime: Runtime, postgres_url: str, second: dict[str, str]
) -> None:
    databases = [Database(runtime.settings.database_url) for _ in range(2)]
    workers = [replace(runtime, database=database, owner=f"here:{n}:1") for n, database in enumerate(databases)]
    given = ("Aurélia", "Benedito", "Cassandra", "Demétrio", "Eulália", "Fausto", "Gisela", "Horácio")
    family = ("Alcântara", "Bittencourt", "Cavalcanti", "Drummond", "Escobar")
    pairs = []
    for number in range(1, PAIRS + 1):
        name = f"{given[number % 8]} {family[number % 5]}"
        first = {"nome": name, "email": f"pessoa{number}@example.com", "fone": f"(11) 97{number:03d}-{number:04d}"}
        first["empresa"] = f"Oficina {number} Ltda"
        again = {"nome": name.upper(), **{key: value.format(n=number) for key, value in second.items()}}
        pairs.append((receive(runtime, first), receive(runtime, again)))
    together = Barrier(2)

    def race(worker: Runtime, ids: list[str]) -> None:
        together.wait(10)
        steps.dedupe(worker, ids)

    with ThreadPoolExecutor(2) as pool:
        for pair in pairs:
            for running in [pool.submit(race, worker, ids) for worker, ids in zip(workers, pair, strict=True)]:
                running.result(30)
    for database in databases:
        database.close()
    assert count(runtime) == PAIRS
    for (first_id,), (second_id,) in pairs:
        rows = resolved(runtime, first_id), resolved(runtime, second_id)
        assert sorted(row["decision"] for row in rows) in (["match", "new"], ["new", "review"])
        assert len({row["contact_id"] for row in rows if row["contact_id"]}) == 1


def test_who_comes_twice_in_one_batch_is_one_contact(runtime: Runtime) -> None:
    person = {"nome": "Olga Prates", "email": "olga@example.com", "fone": "(11) 97654-0123"}
    ids = receive(runtime, person, {**person, "mensagem": "de novo"}, {**person, "empresa": "Prates"})
    steps.dedupe(runtime, ids)
    assert count(runtime) == 1
    with runtime.database.read() as tx:
        row = contacts.read(tx, resolved(runtime, ids[0])["contact_id"])
    assert row is not None
    assert row["arrivals"] == 3


def test_resolving_twice_changes_nothing(runtime: Runtime, clock: Any) -> None:
    ids = receive(runtime, {"nome": "Olga Prates", "email": "olga@example.com"})
    steps.dedupe(runtime, ids)
    before = resolved(runtime, ids[0])
    steps.dedupe(runtime, ids)
    assert resolved(runtime, ids[0]) == before
    assert count(runtime) == 1


def in_review(runtime: Runtime) -> tuple[str, str]:
    """A submission that dedupe is not sure about, and the contact it may be."""
    # Everything agrees but the document: likely one person, and a rule asks for a person's word.
    known = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "cpf": "529.982.247-25"}
    perhaps = {**known, "cpf": "111.444.777-35"}
    first = receive(runtime, known)
    steps.dedupe(runtime, first)
    second = receive(runtime, perhaps)
    steps.dedupe(runtime, second)
    row = resolved(runtime, second[0])
    assert (row["state"], row["reason"], row["stage"], row["due_at"]) == ("review", "in_review", None, None)
    return second[0], resolved(runtime, first[0])["contact_id"]


def test_a_person_says_it_is_the_same(runtime: Runtime) -> None:
    submission, contact = in_review(runtime)
    assert steps.resolve_review(runtime, submission, same_as=contact, by="ana") == contact
    row = resolved(runtime, submission)
    assert (row["state"], row["stage"], row["decision"], row["contact_id"]) == ("resolved", "enrich", "match", contact)
    steps.work_here(runtime)
    assert resolved(runtime, submission)["state"] == "done"
    assert count(runtime) == 1


def test_a_person_says_it_is_somebody_new_and_that_is_remembered(runtime: Runtime) -> None:
    submission, contact = in_review(runtime)
    made = steps.resolve_review(runtime, submission, same_as=None, by="ana")
    assert made != contact
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [made]) == {made: {contact}, contact: {made}}
    steps.work_here(runtime)
    assert resolved(runtime, submission)["state"] == "done"
    assert count(runtime) == 2


def test_a_review_is_decided_once_and_only_for_contacts_there_are(runtime: Runtime) -> None:
    submission, contact = in_review(runtime)
    with pytest.raises(PermanentError, match="there is no contact con_nobody"):
        steps.resolve_review(runtime, submission, same_as="con_nobody", by="ana")
    steps.resolve_review(runtime, submission, same_as=contact, by="ana")
    with pytest.raises(PermanentError, match="is not in review"):
        steps.resolve_review(runtime, submission, same_as=None, by="bia")


def test_batches_that_match_the_same_two_in_different_order_both_get_through(
    runtime: Runtime, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share no key, so nothing keeps one from beginning before the other ends; each holds what the other wants."""
    database = Database(postgres_url)
    known = [
        {"nome": "Aurélia Bittencourt", "email": "aurelia@example.com", "fone": "(11) 97001-0001"},
        {"nome": "Fausto Drummond", "email": "fausto@example.com", "fone": "(11) 97002-0002"},
    ]
    on_postgres = replace(runtime, database=database)
    steps.dedupe(on_postgres, receive(on_postgres, *known))
    by_mail = receive(on_postgres, *({"nome": one["nome"], "email": one["email"]} for one in known))
    by_phone = receive(on_postgres, *({"nome": one["nome"], "fone": one["fone"]} for one in reversed(known)))
    monkeypatch.setattr(contacts, "lock_keys", lambda _tx, _keys: None)  # as if the names shared no key
    both_hold_one = Barrier(2)
    golden = contacts.golden
    ended: list[Conflict] = []

    def crossing(*arguments: Any, **options: Any) -> dict[str, Golden]:
        found = golden(*arguments, **options)
        with suppress(BrokenBarrierError):
            both_hold_one.wait(5)
        return found

    monkeypatch.setattr(contacts, "golden", crossing)
    resolve_together = _Resolution.resolve

    def watched(self: _Resolution, *arguments: Any) -> list[Outcome]:
        try:
            return resolve_together(self, *arguments)
        except sa.exc.OperationalError as problem:
            ended.append(Conflict(type(problem.orig).__name__))
            both_hold_one.abort()
            raise

    monkeypatch.setattr(_Resolution, "resolve", watched)
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(steps.dedupe, replace(on_postgres, owner=f"here:{number}:1"), ids)
            for number, ids in enumerate([by_mail, by_phone])
        ]
        assert [str(each.result(60)) for each in running] == ["dedupe: 2 of 2 went on"] * 2
    assert [str(each) for each in ended] == ["DeadlockDetected"]
    assert count(on_postgres) == 2
    database.close()


def test_one_that_cannot_be_resolved_leaves_its_batch_alone(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = receive(runtime, *({"nome": f"Pessoa {n}", "email": f"pessoa{n}@example.com"} for n in range(5)))

    def poisoned(contact: Contact) -> Features:
        if contact.emails and contact.emails[0].address == "pessoa3@example.com":
            raise RecursionError("deep")
        return features(contact)

    monkeypatch.setattr(resolve, "features", poisoned)
    steps.dedupe(runtime, ids)
    states = [(row["state"], row["reason"]) for row in (resolved(runtime, each) for each in ids)]
    assert states == [("resolved", "")] * 3 + [("waiting", "unexpected_error")] + [("resolved", "")]
    assert count(runtime) == 4
