"""Kommo's API cannot merge contacts: what a person is told, what is done instead, and that an undo takes it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.doubles import TAG
from pipelines.states import Stage, tail_from
from worker import steps
from worker.fake_kommo.people import contact_item
from worker.sources.kommoaccount import ACCOUNT_SOURCE
from worker.steps.account_import import import_account
from worker.steps.doubles import about_doubles, doubles, foretold_of_merge
from worker.store import contacts
from worker.store.sweep import Due

Build = Callable[..., Any]
OLGA = {"Nome": "Olga Prates Lima", "E-mail": "olga@example.com", "Mensagem": "Quero um orçamento"}
TADEU = {"Nome": "Tadeu Wolff Zanini", "E-mail": "tadeu@example.com", "Mensagem": "Quero um orçamento"}


def two(house: Any) -> tuple[str, str]:
    """Our ids of two contacts, each with a lead at Kommo. Olga came last: hers is the name when they are one."""
    house.send(TADEU)
    house.clock.forward(60)
    house.send(OLGA)
    house.settle()
    with house.runtime.database.read() as tx:
        ids = {row["name"]: row["id"] for row in contacts.listed(tx)}
    return ids[OLGA["Nome"]], ids[TADEU["Nome"]]


def whose_leads(house: Any) -> dict[str, str]:
    """Lead's name → its contacts at Kommo."""
    return {name.partition(" ")[0]: " ".join(names) for name, names, _ in house.records()["leads"]}


def tags_of(house: Any, name: str) -> list[str]:
    return next(tags for one, _, tags, _ in house.records()["contacts"] if one == name)


def notes_of(house: Any, name: str) -> list[str]:
    return [text for whose, text in house.records()["notes"] if whose == name]


def test_a_merge_gives_the_leads_to_the_record_that_stays_and_an_undo_gives_them_back(build_house: Build) -> None:
    house = build_house()
    olga, tadeu = two(house)
    before = house.records()
    told = foretold_of_merge(house.runtime, olga, tadeu)
    assert "Kommo's API cannot merge contacts: both records stay there" in told
    assert "the leads of contact" in told
    merge = steps.merge_contacts_of(house.runtime, olga, tadeu, by="Ana")
    house.settle()
    assert whose_leads(house) == {"Olga": OLGA["Nome"], "Tadeu": OLGA["Nome"]}
    assert TAG in tags_of(house, TADEU["Nome"])
    assert any("The same person as contact" in text for text in notes_of(house, TADEU["Nome"]))
    assert [one["state"] for one in about_doubles(house.runtime, merge)] == ["done"] * 3
    steps.undo_merge(house.runtime, merge, by="Ana")
    house.settle()
    assert whose_leads(house) == {"Olga": OLGA["Nome"], "Tadeu": TADEU["Nome"]}
    assert TAG not in tags_of(house, TADEU["Nome"])
    after = house.records()
    assert len(after["notes"]) == len(before["notes"]) + 2
    assert {**after, "notes": (), "contacts": ()} == {**before, "notes": (), "contacts": ()}


def test_a_merge_that_is_undone_before_kommo_hears_of_it_moves_nothing(build_house: Build) -> None:
    house = build_house()
    olga, tadeu = two(house)
    merge = steps.merge_contacts_of(house.runtime, olga, tadeu, by="Ana")
    steps.undo_merge(house.runtime, merge, by="Ana")
    calls = len(house.fake.calls)
    house.settle()
    assert not [path for _, path, _ in house.fake.calls[calls:] if "link" in path or "notes" in path]
    assert about_doubles(house.runtime, merge) == []


def test_a_record_that_was_on_its_way_at_the_merge_goes_back_with_the_undo(build_house: Build) -> None:
    house = build_house()
    house.send(OLGA)
    house.settle()
    tadeu = contact_item("Tadeu Wolff Zanini", "+5521987650000", emails=("tadeu@example.com",))
    record = house.fake.account.add("contacts", tadeu)
    house.clock.forward(3600)
    list(import_account(house.runtime))

    def until_create(due: Due) -> None:
        for stage in tail_from(due.stage):
            if stage is Stage.CREATE:
                return
            steps.STEPS[stage](house.runtime, due.ids)

    steps.dispatch(house.runtime, until_create)
    with house.runtime.database.read() as tx:
        ids = {row["name"]: row["id"] for row in contacts.listed(tx)}
    olga, other = ids["Olga Prates Lima"], ids["Tadeu Wolff Zanini"]
    merge = steps.merge_contacts_of(house.runtime, olga, other, by="Ana")
    house.clock.forward(3600)
    house.settle()
    assert str(record["id"]) in {ref.id for ref in doubles(house.runtime)[olga]}
    steps.undo_merge(house.runtime, merge, by="Ana")
    house.clock.forward(3600)
    house.settle()
    assert doubles(house.runtime) == {}
    with house.runtime.database.read() as tx:
        found = contacts.linked(tx, [olga, other], system=house.runtime.crm.name)
    assert [link.ref.id for link in found[other]] == [str(record["id"])]


def test_a_lead_that_a_seller_has_moved_since_stays_where_it_is(build_house: Build) -> None:
    house = build_house()
    olga, tadeu = two(house)
    third = house.fake.account.add("contacts", {"name": "Terceira Pessoa"})["id"]
    merge = steps.merge_contacts_of(house.runtime, olga, tadeu, by="Ana")
    house.settle()
    account = house.fake.account
    lead = next(one["id"] for one in account.alive("leads") if one["name"].startswith("Tadeu"))
    (kept,) = account.linked(("leads", lead), "contacts")
    account.unlink(("leads", lead), ("contacts", kept))
    account.link(("leads", lead), ("contacts", third))
    steps.undo_merge(house.runtime, merge, by="Ana")
    house.settle()
    assert account.linked(("leads", lead), "contacts") == [third]


def test_records_that_somebody_merged_by_hand_hold_nothing_up(build_house: Build) -> None:
    house = build_house()
    olga, tadeu = two(house)
    merge = steps.merge_contacts_of(house.runtime, olga, tadeu, by="Ana")
    house.settle()
    other = next(one for one in house.fake.account.alive("contacts") if one["name"] == TADEU["Nome"])
    other["is_deleted"] = True
    steps.undo_merge(house.runtime, merge, by="Ana")
    house.settle()


@pytest.mark.parametrize(
    ("wanted", "moved", "tagged", "noted"),
    [("[]", False, False, False), ('["leads"]', True, False, False), ('["tag", "note"]', False, True, True)],
)
def test_the_configuration_says_what_is_done(
    build_house: Build, wanted: str, *, moved: bool, tagged: bool, noted: bool
) -> None:
    house = build_house(f"on_merge = {wanted}")
    olga, tadeu = two(house)
    assert ("leads" in foretold_of_merge(house.runtime, olga, tadeu)) == moved
    steps.merge_contacts_of(house.runtime, olga, tadeu, by="Ana")
    house.settle()
    assert (whose_leads(house)["Tadeu"] == OLGA["Nome"]) == moved
    assert (TAG in tags_of(house, TADEU["Nome"])) == tagged
    assert any("The same person" in text for text in notes_of(house, TADEU["Nome"])) == noted


def test_a_review_of_two_that_are_at_kommo_says_so_and_does_it(build_house: Build) -> None:
    house = build_house()
    house.send({**OLGA, "CPF": "529.982.247-25"})
    house.settle()
    account = house.fake.account
    (olga,) = account.alive("contacts")
    email = {"field_code": "EMAIL", "values": [{"value": OLGA["E-mail"], "enum_code": "WORK"}]}
    another = {"field_id": 1016238, "values": [{"value": "111.444.777-35"}]}
    double = account.add("contacts", {"name": OLGA["Nome"], "custom_fields_values": [email, another]})
    account.add("leads", {"name": "Antigo", "_embedded": {"contacts": [{"id": double["id"]}]}})
    house.clock.forward(600)
    list(import_account(house.runtime))
    house.settle()
    (review,) = steps.waiting_reviews(house.runtime)
    assert review.source == ACCOUNT_SOURCE
    assert "Kommo's API cannot merge contacts" in review.view()["in_crm"]
    assert str(double["id"]) in review.in_crm
    steps.resolve_review(house.runtime, review.id, same_as=review.candidate, by="Ana")
    house.settle()
    lead = next(one["id"] for one in account.alive("leads") if one["name"] == "Antigo")
    assert account.linked(("leads", lead), "contacts") == [olga["id"]]
    assert TAG in [tag["name"] for tag in double["tags"]]
    assert TAG not in [tag["name"] for tag in olga["tags"]]
    assert [[ref.id for ref in refs] for refs in doubles(house.runtime).values()] == [
        [str(olga["id"]), str(double["id"])]
    ]
