"""Those who are in the Kommo account already are found before a second record is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.doubles import TAG, Remedy
from worker import steps
from worker.fake_kommo.people import PEOPLE, contact_item, move_in
from worker.steps.account_import import import_account
from worker.steps.doubles import doubles, mark
from worker.store import contacts

Build = Callable[..., Any]
FORM = {
    "Nome": "Olga Prates Lima", "E-mail": "Olga.Prates@example.com", "Telefone": "(11) 98765-4321",
    "Mensagem": "Quero um orçamento",
}  # fmt: skip


@pytest.mark.parametrize("written", ["+5511987654321", "5511987654321", "11987654321", "1187654321"])
def test_she_is_found_however_her_number_is_written_there(build_house: Build, written: str) -> None:
    house = build_house()
    there = house.fake.account.add("contacts", contact_item("Olga Prates Lima", written))
    house.send(FORM)
    house.settle()
    assert [one["id"] for one in house.fake.account.alive("contacts")] == [there["id"]]
    emails = [each for each in there["custom_fields_values"] if each["field_code"] == "EMAIL"]
    assert [value["value"] for each in emails for value in each["values"]] == ["olga.prates@example.com"]
    (lead,) = house.fake.account.alive("leads")
    assert house.fake.account.linked(("leads", lead["id"]), "contacts") == [there["id"]]


def test_somebody_else_with_the_same_number_is_left_alone(build_house: Build) -> None:
    house = build_house()
    house.fake.account.add(
        "contacts", contact_item("Tadeu Wolff Zanini", "+551133334444", emails=("t.wolff@example.com",))
    )
    house.send({"Nome": "Olga Prates Lima", "Telefone": "(11) 3333-4444", "Mensagem": "Quero um orçamento"})
    house.settle()
    assert sorted(one["name"] for one in house.fake.account.alive("contacts")) == [
        "Olga Prates Lima",
        "Tadeu Wolff Zanini",
    ]


def test_an_import_makes_everybody_known_and_starts_nothing(build_house: Build) -> None:
    house = build_house()
    for number in range(300):
        house.fake.account.add(
            "contacts", contact_item(f"Pessoa Inventada {number}", f"+55119{61_000_000 + number * 997}")
        )
    olga = house.fake.account.add("contacts", contact_item("Olga Prates Lima", "1187654321"))
    list(import_account(house.runtime))
    house.settle()
    account = house.fake.account
    assert account.alive("leads") == []
    assert account.tasks == account.notes["contacts"] == {}
    assert len(account.alive("contacts")) == 301
    asked = len(house.fake.calls)
    house.send(FORM)
    house.settle()
    assert len(account.alive("contacts")) == 301
    assert any(each["field_code"] == "EMAIL" for each in olga["custom_fields_values"])
    searches = [path for method, path, _ in house.fake.calls[asked:] if (method, path) == ("GET", "contacts")]
    assert len(searches) == 2  # by its id: before the update, and before the tags are added


def test_the_account_to_try_it_with_has_people_in_it_one_of_them_twice(build_house: Build) -> None:
    house = build_house()
    assert move_in(house.fake.account) == len(PEOPLE)
    list(import_account(house.runtime))
    house.settle()
    with house.runtime.database.read() as tx:
        known = contacts.listed(tx)
    assert len(known) == len(PEOPLE) - 1
    assert [len(records) for records in doubles(house.runtime).values()] == [2]
    assert not house.fake.account.events


def test_two_records_that_somebody_merges_by_hand_are_one_from_the_next_update_on(build_house: Build) -> None:
    house = build_house()
    account = house.fake.account
    olga = contact_item("Olga Prates Lima", "+5511987654321", emails=("olga.prates@example.com",))
    first = account.add("contacts", olga)
    house.clock.forward(3600)
    second = account.add("contacts", olga)
    list(import_account(house.runtime))
    house.settle()
    ((kept, _),) = doubles(house.runtime).values()
    gone, left = (first, second) if str(first["id"]) == kept.id else (second, first)
    gone["is_deleted"] = True
    house.clock.forward(3600)
    house.send({**FORM, "Empresa": "Obras Prates"})
    house.settle()
    assert set(house.states()) == {"done"}
    assert doubles(house.runtime) == {}
    (lead,) = account.alive("leads")
    assert account.linked(("leads", lead["id"]), "contacts") == [left["id"]]


def test_an_import_that_was_stopped_goes_on_and_takes_nothing_twice(build_house: Build) -> None:
    house = build_house()
    for number in range(600):
        house.fake.account.add("contacts", contact_item(f"Pessoa {number}", f"+55119{61_000_000 + number * 997}"))
    first = next(import_account(house.runtime))
    assert first.contacts == 250
    deliveries = [page.delivery for page in import_account(house.runtime)]
    assert first.delivery not in deliveries
    house.fake.account.add("contacts", contact_item("Nova Pessoa", emails=("nova@example.com",)))
    again = list(import_account(house.runtime))
    assert len(again) >= 1
    house.settle()
    assert len(house.fake.account.alive("contacts")) == 601


def test_two_records_of_one_person_are_listed_and_marked_once(build_house: Build) -> None:
    house = build_house("on_merge = []")
    house.send({"Nome": "Olga Prates Lima", "E-mail": "olga@example.com", "Mensagem": "Quero um orçamento"})
    house.send({"Nome": "Tadeu Wolff Zanini", "E-mail": "tadeu@example.com", "Mensagem": "Quero um orçamento"})
    house.settle()
    with house.runtime.database.read() as tx:
        kept, other = [row["id"] for row in contacts.listed(tx)]
    steps.merge_contacts_of(house.runtime, kept, other, by="Ana")
    for _ in range(2):
        found = doubles(house.runtime)
        assert list(found) == [kept]
        mark(house.runtime, kept, found[kept], tuple(Remedy))
    marked = house.fake.account.records["contacts"][int(found[kept][1].id)]
    assert [tag["name"] for tag in marked["tags"]].count(TAG) == 1
    texts = house.fake.account.with_texts("contacts", marked["id"])
    assert sum(found[kept][0].id in text for text in texts) == 1
    assert house.fake.account.linked(("contacts", marked["id"]), "leads") == []
