"""What a person merged or parted is so in the CRM too, once it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipelines.models import CrmWrite, RemoteRef
from pipelines.states import STAGES, Stage
from worker import steps
from worker.crm.local import LocalCrm
from worker.errors import PortariaError, TransientError
from worker.ports import Priority
from worker.steps.runtime import Runtime
from worker.store import local_crm, submissions
from worker.store.local_crm import LocalRecordTable


class LocalCrmThatMayBeAway(LocalCrm):
    away = False

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        if self.away:
            return [TransientError("down", code="crm_down")] * len(writes)
        return super().perform(writes)


@pytest.fixture
def crm(runtime: Runtime, clock: Any) -> LocalCrmThatMayBeAway:
    return LocalCrmThatMayBeAway(LocalRecordTable(runtime.database, clock))


@pytest.fixture
def house(runtime: Runtime, crm: LocalCrmThatMayBeAway) -> Runtime:
    return replace(runtime, crm=crm)


def arrives(runtime: Runtime, **person: str) -> tuple[str, str]:
    """The submission and the contact of a person who has come through everything."""
    body = json.dumps(person).encode()
    kept = steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE)
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=kept.id)
    assert row["state"] == "done"
    return row["id"], row["contact_id"]


def in_crm(runtime: Runtime) -> dict[str, Mapping[str, Any]]:
    """The CRM's contacts by name."""
    with runtime.database.read() as tx:
        return {record.fields["name"]: record.fields for record in local_crm.listed(tx, "contact")}


OLGA = {"nome": "Olga Prates Lima", "email": "olga@example.com"}
HER_PHONE = {"nome": "Rui Sá", "fone": "(11) 97654-0123"}


def test_a_merge_brings_the_kept_record_up_to_date(house: Runtime) -> None:
    (_, kept), (_, other) = arrives(house, **OLGA), arrives(house, **HER_PHONE)
    steps.merge_contacts_of(house, kept, other, by="ana")
    assert "phones" not in in_crm(house)["Olga Prates Lima"]
    assert steps.tell_crm(house) == 1
    assert in_crm(house)["Olga Prates Lima"]["phones"] == ["+5511976540123"]
    assert steps.tell_crm(house) == 0


def test_who_is_parted_has_a_record_again(house: Runtime) -> None:
    _, contact = arrives(house, **OLGA)
    again, same = arrives(house, **OLGA, empresa="Couto")
    assert contact == same
    before = len(in_crm(house))
    steps.split(house, contact, [again], by="ana")
    steps.tell_crm(house)
    with house.database.read() as tx:
        assert len(local_crm.listed(tx, "contact")) == before + 1


def test_an_undo_is_told_as_the_merge_was(house: Runtime) -> None:
    (_, kept), (_, other) = arrives(house, **OLGA), arrives(house, **HER_PHONE)
    merge = steps.merge_contacts_of(house, kept, other, by="ana")
    steps.tell_crm(house)
    steps.undo_merge(house, merge, by="ana")
    assert steps.tell_crm(house) == 1


def test_a_crm_that_is_away_is_told_later(house: Runtime, crm: LocalCrmThatMayBeAway, clock: Any) -> None:
    (_, kept), (_, other) = arrives(house, **OLGA), arrives(house, **HER_PHONE)
    crm.away = True
    steps.merge_contacts_of(house, kept, other, by="ana")
    assert steps.tell_crm(house) == 0
    crm.away = False
    assert steps.tell_crm(house) == 0  # not due yet
    clock.forward(60)
    assert steps.tell_crm(house) == 1
    assert in_crm(house)["Olga Prates Lima"]["phones"] == ["+5511976540123"]


def test_who_has_a_submission_under_way_is_told_by_it(house: Runtime) -> None:
    (_, kept), (_, other) = arrives(house, **OLGA), arrives(house, **HER_PHONE)
    steps.receive(
        house, "site", json.dumps({**OLGA, "empresa": "Couto"}).encode(), content_type="application/json",
        priority=Priority.LIVE,
    )  # fmt: skip
    chains: list[Any] = []
    steps.dispatch(house, chains.append)
    resolved = STAGES.index(Stage.DEDUPE) + 1
    for stage in STAGES[:resolved]:
        steps.STEPS[stage](house, chains[0].ids)
    steps.merge_contacts_of(house, kept, other, by="ana")
    assert steps.tell_crm(house) == 1
    assert "phones" not in in_crm(house)["Olga Prates Lima"]
    for stage in STAGES[resolved:]:
        steps.STEPS[stage](house, chains[0].ids)
    record = in_crm(house)["Olga Prates Lima"]
    assert (record["phones"], record["company"]) == (["+5511976540123"], "Couto")
