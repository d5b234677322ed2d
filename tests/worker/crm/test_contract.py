"""What every CRM adapter must do. An adapter joins by adding itself to `crm`."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.asking import Around
from worker.config import CrmSection
from worker.crm import build_crm
from worker.crm.kommo import KommoCrm
from worker.crm.local import LocalCrm
from worker.errors import PermanentError
from worker.fake_kommo.server import TOKEN, Running
from worker.kommo.settings import MARKER
from worker.ports import Crm, HoldsLeads
from worker.rates import Rate, Rates
from worker.store.circuits import CircuitTable
from worker.store.credentials import CredentialTable
from worker.store.engine import Database
from worker.store.local_crm import LocalRecordTable


@pytest.fixture(params=["local", "kommo", "kommo without a field for markers"])
def crm(request: pytest.FixtureRequest, database: Database, clock: Any) -> Crm:
    if request.param == "local":
        return LocalCrm(LocalRecordTable(database, clock))
    server: Running = request.getfixturevalue("fake_kommo")
    if request.param != "kommo":
        for entity in ("contacts", "leads"):
            fields = server.fake.account.schema.fields[entity]
            for number in [number for number, one in fields.items() if one["name"] == MARKER]:
                del fields[number]
    section = CrmSection(kind="kommo", base_url=server.url, token=TOKEN)
    records = LocalRecordTable(database, clock)
    around = Around(records, CredentialTable(database, clock), CircuitTable(database), Rates(), clock)
    made = build_crm(section, around)
    assert isinstance(made, KommoCrm)
    made.client.rate = Rate(10_000)
    return made


def write(kind: WriteKind, key: str, target: RemoteRef | None = None, **fields: object) -> CrmWrite:
    return CrmWrite(key=key, kind=kind, contact_id="con_1", target=target, fields=fields)


def create(crm: Crm, key: str = "create:con_1", name: str = "Olga Prates") -> RemoteRef:
    (made,) = crm.perform([write(WriteKind.CREATE_CONTACT, key, name=name, emails=["olga@example.com"])])
    assert isinstance(made, RemoteRef)
    return made


def test_a_contact_is_made_in_the_adapters_own_system(crm: Crm) -> None:
    made = create(crm)
    assert (made.system, made.kind) == (crm.name, "contact")


def test_the_outcome_of_a_create_is_found_by_its_key(crm: Crm) -> None:
    wanted = write(WriteKind.CREATE_CONTACT, "create:con_1", name="Olga Prates")
    assert crm.look_up(wanted) is None
    made = create(crm)
    assert crm.look_up(wanted) == made
    assert crm.look_up(write(WriteKind.CREATE_CONTACT, "create:con_2", name="Olga Prates")) is None


def test_two_of_one_name_are_two(crm: Crm) -> None:
    assert create(crm, "create:con_1") != create(crm, "create:con_2")


def test_outcomes_come_in_the_order_of_the_writes(crm: Crm) -> None:
    writes = [write(WriteKind.CREATE_CONTACT, f"create:con_{number}", name=f"Pessoa {number}") for number in range(60)]
    made = crm.perform(writes)
    assert [crm.look_up(each) for each in writes] == list(made)


def test_an_update_of_nobody_goes_wrong_alone(crm: Crm) -> None:
    there = create(crm)
    gone = RemoteRef(system=crm.name, kind="contact", id="999999999")
    first, second = crm.perform(
        [
            write(WriteKind.UPDATE_CONTACT, "update:1", gone, company="Acme"),
            write(WriteKind.UPDATE_CONTACT, "update:2", there, company="Acme"),
        ]
    )
    assert isinstance(first, PermanentError)
    assert second == there


@pytest.mark.parametrize(
    ("kind", "made", "fields"),
    [
        (WriteKind.CREATE_LEAD, "lead", {"name": "Olga Prates"}),
        (WriteKind.CREATE_TASK, "task", {"text": "Ligar", "due_at": "2026-11-21T12:15:00+00:00"}),
        (WriteKind.ADD_NOTE, "note", {"text": "Quero um orçamento"}),
    ],
)
def test_what_hangs_on_a_contact_is_made_and_found(
    crm: Crm, kind: WriteKind, made: str, fields: dict[str, str]
) -> None:
    wanted = write(kind, f"{made}:1", create(crm), **fields)
    (ref,) = crm.perform([wanted])
    assert isinstance(ref, RemoteRef)
    assert ref.kind == made
    assert crm.look_up(wanted) == ref


def test_tags_are_added_to_those_that_are_there(crm: Crm) -> None:
    there = create(crm)
    for tag in ("a", "b", "a"):
        assert crm.perform([write(WriteKind.ADD_TAGS, f"tags:{tag}", there, tags=[tag])]) == [there]


def test_tags_are_taken_from_those_that_are_there(crm: Crm) -> None:
    there = create(crm)
    crm.perform([write(WriteKind.ADD_TAGS, "tags:1", there, tags=["a", "b"])])
    for _ in range(2):
        assert crm.perform([write(WriteKind.REMOVE_TAGS, "tags:2", there, tags=["a", "c"])]) == [there]
    assert [tag for tag in crm.read([there])[there].fields["tags"] if not tag.startswith("ptr-")] == ["b"]


def test_a_lead_is_given_to_another_contact_and_back(crm: Crm) -> None:
    assert isinstance(crm, HoldsLeads)
    one, other = create(crm, "create:con_1"), create(crm, "create:con_2", "Rui Sá")
    (lead,) = crm.perform([write(WriteKind.CREATE_LEAD, "lead:1", one, name="Olga Prates (site)")])
    assert isinstance(lead, RemoteRef)
    assert crm.leads_of([one, other]) == {one: [lead], other: []}
    there = write(WriteKind.MOVE_LEAD, "move:1", lead, source=one.id, destination=other.id)
    for _ in range(2):
        assert crm.perform([there]) == [lead]
        assert crm.leads_of([one, other]) == {one: [], other: [lead]}
        assert crm.read([lead])[lead].parent == other
    back = write(WriteKind.MOVE_LEAD, "move:2", lead, source=other.id, destination=one.id)
    assert crm.perform([back]) == [lead]
    assert crm.leads_of([one, other]) == {one: [lead], other: []}


def test_a_lead_that_somebody_has_moved_since_is_left_there(crm: Crm) -> None:
    assert isinstance(crm, HoldsLeads)
    one, other, third = (create(crm, f"create:con_{number}") for number in (1, 2, 3))
    (lead,) = crm.perform([write(WriteKind.CREATE_LEAD, "lead:1", third, name="Olga Prates (site)")])
    assert crm.perform([write(WriteKind.MOVE_LEAD, "move:1", lead, source=one.id, destination=other.id)]) == [lead]
    assert crm.leads_of([one, other, third]) == {one: [], other: [], third: [lead]}
    gone = RemoteRef(system=crm.name, kind="lead", id="999999999")
    (wrong,) = crm.perform([write(WriteKind.MOVE_LEAD, "move:2", gone, source=one.id, destination=other.id)])
    assert isinstance(wrong, PermanentError)


def test_a_lead_moves_and_tells_of_it(crm: Crm) -> None:
    contact = create(crm)
    (lead,) = crm.perform([write(WriteKind.CREATE_LEAD, "lead:1", contact, name="Olga Prates (site)")])
    assert isinstance(lead, RemoteRef)
    before = crm.read([lead])[lead]
    assert (before.parent, before.fields["name"]) == (contact, "Olga Prates (site)")
    assert crm.read([lead])[lead] == before
    assert crm.perform([write(WriteKind.UPDATE_LEAD, "move:1", lead, name="Olga Prates (feira)")]) == [lead]
    after = crm.read([lead])[lead]
    assert after.fields["name"] == "Olga Prates (feira)"
    assert after.version != before.version


def test_records_are_found_by_their_text(crm: Crm) -> None:
    first, second = create(crm, "create:con_1", "Olga Prates"), create(crm, "create:con_2", "Olga Prates Lima")
    create(crm, "create:con_3", "Rui Sá")
    assert {found.ref for found in crm.search("contact", "olga prates")} == {first, second}
    assert len(crm.search("contact", "olga prates", limit=1)) == 1
    assert list(crm.search("lead", "olga")) == []


def test_who_is_not_there_is_left_out(crm: Crm) -> None:
    there = create(crm)
    gone = RemoteRef(system=crm.name, kind="contact", id="999999999")
    assert set(crm.read([gone, there])) == {there}


def test_nothing_to_do_is_nothing_done(crm: Crm) -> None:
    assert list(crm.perform([])) == []


def test_a_working_connection_has_no_problems(crm: Crm) -> None:
    assert [problem for problem in crm.check() if problem.fatal] == []
