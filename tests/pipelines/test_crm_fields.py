"""What a CRM is told of a contact."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines import crm_fields
from pipelines.crm_fields import changed_fields, contact_fields
from pipelines.models import Contact, PersonName, PostalAddress, WriteKind

Make = Callable[..., Contact]


def test_the_words(contact_of: Make) -> None:
    contact = contact_of(
        "Ana Souza", mail="ana@example.com", phone="(11) 98765-4301", document="11.222.333/0001-81",
        company="Invenção", job_title="Diretora", website="https://example.com", language="pt", message="Olá",
        extra={"Produto": "ERP", "Vazio": ""},
    ).model_copy(
        update={"birth_date": date(1980, 2, 3), "address": PostalAddress(city="Recife", region="PE")}
    )  # fmt: skip
    assert contact_fields(contact) == {
        "name": "Ana Souza",
        "given_name": "Ana",
        "family_name": "Souza",
        "emails": ["ana@example.com"],
        "phones": ["+5511987654301"],
        "documents": [{"kind": "cnpj", "number": "11222333000181"}],
        "company": "Invenção",
        "job_title": "Diretora",
        "website": "https://example.com",
        "address": {"city": "Recife", "region": "PE"},
        "birth_date": "1980-02-03",
        "language": "pt",
        "extra": {"Produto": "ERP"},
    }


def test_a_name_that_came_in_parts_is_told_whole() -> None:
    contact = Contact(name=PersonName(given="Ana", family="Souza"))
    assert contact_fields(contact)["name"] == "Ana Souza"


def test_the_table_names_every_word_and_kind(contact_of: Make) -> None:
    table = crm_fields.__doc__ or ""
    assert all(f"`{word}`" in table for word in contact_fields(contact_of("Ana Souza", mail="a@example.com")))
    assert all(kind in table for kind in WriteKind)


def test_only_what_changed_is_told(contact_of: Make) -> None:
    old = contact_of("Ana Souza", mail="ana@example.com", company="Invenção")
    new = contact_of("Ana Souza", mail="ana@example.com", company="Globex", job_title="Diretora")
    assert changed_fields(new, old) == {"company": "Globex", "job_title": "Diretora"}


def test_nothing_is_ever_emptied_or_shortened(contact_of: Make) -> None:
    old = contact_of(
        "Ana Souza", mail="ana@example.com bia@example.com", company="Invenção", extra={"a": "1", "b": "2"}
    )
    assert changed_fields(contact_of(mail="bia@example.com", extra={"b": "2"}), old) == {}
    assert changed_fields(contact_of(mail="eva@example.com bia@example.com", extra={"a": "3"}), old) == {
        "emails": ["eva@example.com", "bia@example.com", "ana@example.com"],
        "extra": {"a": "3", "b": "2"},
    }


def test_another_order_is_no_change(contact_of: Make) -> None:
    old = contact_of(mail="ana@example.com bia@example.com", phone="(11) 98765-4301,(11) 3333-4444")
    new = contact_of(mail="bia@example.com ana@example.com", phone="(11) 3333-4444,(11) 98765-4301")
    assert changed_fields(new, old) == {}


@given(st.data())
def test_fields_are_json_without_a_hole_and_change_only_once(
    any_contact: st.SearchStrategy[Contact], data: st.DataObject
) -> None:
    old, new = data.draw(any_contact), data.draw(any_contact)
    told = contact_fields(new)
    assert json.loads(json.dumps(told)) == told
    assert all(told.values())
    assert changed_fields(new, new) == {}
    assert changed_fields(new, Contact()) == told
    after = contact_fields(old) | changed_fields(new, old)
    for field, value in contact_fields(old).items():
        assert entries(value) <= entries(after[field]) or field not in {"emails", "phones", "documents"}


def entries(value: Any) -> set[str]:
    return {json.dumps(entry) for entry in value} if isinstance(value, list) else set()
