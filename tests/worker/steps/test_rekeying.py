"""Contacts filed under keys of an earlier release are entered anew: while workers go on, and stopped at any point."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.dedupe.blocking import KEYS_VERSION
from worker import steps, tables
from worker.ports import Priority
from worker.steps import rekeying
from worker.steps.runtime import Runtime
from worker.store import contacts, merges

PEOPLE = [
    {"nome": f"{given} Quaresma", "email": f"{given.lower()}.q{n}@example.com", "fone": f"(11) 9876{n}-43{n}1"}
    for n, given in enumerate(("Aurélia", "Benedito", "Cassandra", "Demétrio", "Eulália"), start=1)
]


def arrive(runtime: Runtime, *people: dict[str, str]) -> None:
    for person in people:
        body = json.dumps(person).encode()
        steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE)
    steps.work_here(runtime)


def index(runtime: Runtime) -> dict[str, Any]:
    """All that dedupe looks people up by."""
    with runtime.database.read() as tx:
        ids = list(tx.execute(sa.select(tables.contacts.c.id)).scalars())
        found = tx.execute(sa.select(tables.contacts.c.id, tables.contacts.c.features))
        features = {row.id: row.features for row in found}
        return {"keys": merges.keys_of(tx, ids), "features": features}


def age(runtime: Runtime) -> None:
    """As an earlier release would have left them: one key that nobody makes any more, a mark of another version."""
    with runtime.database.write() as tx:
        numbers = list(tx.execute(sa.select(tables.contacts.c.no)).scalars())
        tx.execute(sa.delete(tables.contact_keys))
        contacts.add_keys(tx, ((7, number) for number in numbers))
        tx.execute(sa.update(tables.contacts).values(keyed="", features="1" + "\x1f" * 13))


def stale(runtime: Runtime) -> int:
    with runtime.database.read() as tx:
        return contacts.count_stale(tx)


def test_all_are_found_as_if_they_had_arrived_today(runtime: Runtime) -> None:
    arrive(runtime, *PEOPLE, {**PEOPLE[0], "email": "aurelia@casa.example"})
    assert stale(runtime) == 0
    before = index(runtime)
    age(runtime)
    assert stale(runtime) == len(PEOPLE)
    told: list[tuple[str, int, int]] = []
    assert steps.rekey(runtime, lambda *step: told.append(step)) == len(PEOPLE)
    assert told[-1] == ("rekey", len(PEOPLE), len(PEOPLE))
    assert index(runtime) == before
    assert stale(runtime) == 0
    assert steps.rekey(runtime) == 0


def test_stopped_it_goes_on_where_it_was(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(runtime, *PEOPLE)
    before = index(runtime)
    age(runtime)
    monkeypatch.setattr(rekeying, "TOGETHER", 2)

    def stop(step: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        steps.rekey(runtime, stop)
    assert stale(runtime) == 3
    assert steps.rekey(runtime) == 3
    assert index(runtime) == before


def test_who_comes_back_before_it_is_still_to_be_entered(runtime: Runtime) -> None:
    """A worker enters what it was told; the rest of the contact's keys are still of the earlier release."""
    arrive(runtime, PEOPLE[0])
    with runtime.database.write() as tx:
        tx.execute(sa.update(tables.contacts).values(keyed=""))
    arrive(runtime, PEOPLE[0])
    assert stale(runtime) == 1


def test_a_merge_is_undone_after_it(runtime: Runtime) -> None:
    """The journal holds keys of the earlier release: both are to be entered anew, and then are as they were."""
    arrive(runtime, *PEOPLE[:2])
    before = index(runtime)
    kept, other = sorted(before["keys"])
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    with runtime.database.write() as tx:
        entry = merges.read(tx, merge)
        assert entry is not None
        assert entry.journal.keyed == KEYS_VERSION
        old = entry.journal.model_copy(update={"keyed": ""}).model_dump_json()
        tx.execute(sa.update(tables.merges).values(journal=old))
    steps.undo_merge(runtime, merge, by="bia")
    assert stale(runtime) == 2
    steps.rekey(runtime)
    assert index(runtime)["keys"] == before["keys"]
