"""A submission that was resolved before and comes again: its contact says what all that tell of it say now."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.dedupe.blocking import keys_of
from pipelines.dedupe.features import features, load_features
from pipelines.models import Contact
from worker import steps
from worker.errors import PermanentError
from worker.steps.foreseeing import foresee_replay
from worker.steps.replay_views import outlook_view
from worker.steps.resolve import RETOLD
from worker.steps.runtime import Runtime
from worker.store import contacts, history, merges, submissions
from worker.store.replays import Wanted

from .test_replaying import mended, send

ANA = {"nome": "Ana Souza Prado", "email": "ana@prado.example.com", "fone": "(11) 97654-0321"}
MAPPING = {"xq7": "company", "xq8": "phone"}


@pytest.fixture
def stuck(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> str:
    """The contact of two submissions, the second of which was given up after it was resolved, its fields unread."""

    def broken(*_: object, **__: object) -> None:
        raise PermanentError("the model is broken", code="broken")

    send(runtime, ANA)
    with monkeypatch.context() as patched:
        patched.setattr("worker.steps.scoring.score_features", broken)
        send(runtime, {**ANA, "xq7": "Oficina Prado", "xq8": "(21) 97654-0322"})
    with runtime.database.read() as tx:
        found = {row["contact_id"] for row in submissions.listed(tx)}
    assert len(found) == 1
    return str(found.pop())


def known(runtime: Runtime, contact: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        row = contacts.read(tx, contact)
        assert row is not None
        return {**row, "contact": Contact.model_validate_json(row["contact"]), "keys": merges.keys_of(tx, [contact])}


def events(runtime: Runtime, contact: str) -> list[str]:
    with runtime.database.read() as tx:
        return [row["event"] for row in history.of(tx, contact) if row["event"] == RETOLD]


def replayed(runtime: Runtime) -> None:
    assert steps.replay(runtime, Wanted(states=["dead"]), by="ana", limit=10).submissions
    steps.work_here(runtime)


def test_what_a_mended_mapping_reads_reaches_the_golden_record_and_the_crm(runtime: Runtime, stuck: str) -> None:
    assert known(runtime, stuck)["contact"].company == ""
    house = mended(runtime, MAPPING)
    outlooks, _ = foresee_replay(house, Wanted(states=["dead"]), limit=10)
    (view,) = map(outlook_view, outlooks)
    assert view["changes"]["company"] == [None, ["Oficina Prado"]]
    foreseen = {write["kind"]: write["fields"] for write in view["writes"]}
    assert {"company", "phones"} <= set(foreseen["update_contact"])
    assert known(house, stuck)["contact"].company == ""  # only foreseen
    assert events(house, stuck) == []

    replayed(house)
    row = known(house, stuck)
    assert row["contact"].company == "Oficina Prado"
    assert {phone.e164 for phone in row["contact"].phones} == {"+5511976540321", "+5521976540322"}
    assert row["arrivals"] == 2
    assert events(house, stuck) == [RETOLD]
    record = house.crm.read(row["crm"])[row["crm"][0]]  # type: ignore[attr-defined]
    assert record.fields["company"] == "Oficina Prado"
    # Who arrives with what was read only now is known by it.
    assert load_features(row["features"]) == features(row["contact"])
    assert {key.hash for key in keys_of(features(row["contact"]))} <= row["keys"][stuck]
    send(house, {"nome": "Ana Prado", "fone": "(21) 97654-0322"})
    assert known(house, stuck)["arrivals"] == 3


def test_what_a_mended_mapping_no_longer_reads_is_gone(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermanentError("the model is broken", code="broken")

    wrong = mended(runtime, {"xq7": "phone"})
    with monkeypatch.context() as patched:
        patched.setattr("worker.steps.scoring.score_features", broken)
        send(wrong, {"nome": "Ana Souza Prado", "email": "ana@prado.example.com", "xq7": "(11) 97654-0321"})
    with wrong.database.read() as tx:
        (row,) = submissions.listed(tx)
    before = known(wrong, row["contact_id"])
    assert before["contact"].phones
    house = mended(runtime, {"xq7": "ignore"})
    replayed(house)
    after = known(house, row["contact_id"])
    assert after["contact"].phones == ()
    assert after["keys"][row["contact_id"]] < before["keys"][row["contact_id"]]


def test_a_replay_that_reads_the_same_changes_no_contact(runtime: Runtime, stuck: str) -> None:
    before = known(runtime, stuck)
    replayed(runtime)
    after = known(runtime, stuck)
    assert (after["contact"], after["keys"]) == (before["contact"], before["keys"])
    assert after["version"] == before["version"]
    assert events(runtime, stuck) == []


def test_several_of_one_contact_come_again_together(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermanentError("the model is broken", code="broken")

    with monkeypatch.context() as patched:
        patched.setattr("worker.steps.scoring.score_features", broken)
        send(runtime, {**ANA, "xq7": "Oficina Prado"})
        send(runtime, {**ANA, "xq8": "(21) 97654-0322"})
    house = mended(runtime, MAPPING)
    outlooks, _ = foresee_replay(house, Wanted(), limit=10)
    writes = [write for outlook in outlooks for write in outlook.writes if write.kind == "create_contact"]
    assert [write.fields.get("company") for write in writes] == ["Oficina Prado"]
    assert len(writes[0].fields["phones"]) == 2
    replayed(house)
    with house.database.read() as tx:
        (contact,) = {row["contact_id"] for row in submissions.listed(tx)}
    told = known(house, contact)["contact"]
    assert (told.company, len(told.phones)) == ("Oficina Prado", 2)
