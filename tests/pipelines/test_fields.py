"""The standard fields by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.fields import ADDRESS_PARTS, field_values, is_field
from pipelines.models import FIELDS, Contact, PostalAddress


def test_every_standard_field_can_be_read_and_is_empty_in_an_empty_contact() -> None:
    assert all(is_field(field) and field_values(Contact(), field) == () for field in FIELDS)


def test_what_a_contact_holds(contact_of: Callable[..., Contact]) -> None:
    contact = contact_of(
        "Ana Souza", mail="ana@example.com bia@example.com", phone="(11) 98765-4301", document="11.222.333/0001-81",
        company="Invenção", extra={"Produto": "ERP", "Vazio": ""},
    ).model_copy(
        update={"birth_date": date(1980, 2, 3), "address": PostalAddress(street="Rua Inventada", city="Recife")}
    )  # fmt: skip
    held = {field: field_values(contact, field) for field in FIELDS if field_values(contact, field)}
    assert held == {
        "name": ("Ana Souza",),
        "given_name": ("Ana",),
        "family_name": ("Souza",),
        "email": ("ana@example.com", "bia@example.com"),
        "phone": ("+5511987654301",),
        "document": ("11222333000181",),
        "birth_date": ("1980-02-03",),
        "company": ("Invenção",),
        "street": ("Rua Inventada",),
        "city": ("Recife",),
        "address": ("Rua Inventada, Recife",),
    }
    assert field_values(contact, "extra.Produto") == ("ERP",)
    assert field_values(contact, "extra.Vazio") == field_values(contact, "extra.Outro") == ()


@pytest.mark.parametrize("field", ["nome", "", "extra.", "emails", "origins"])
def test_another_name_is_no_field(field: str) -> None:
    assert not is_field(field)
    with pytest.raises(ValueError, match="there is no field"):
        field_values(Contact(), field)


def test_the_parts_of_an_address_are_all_there() -> None:
    assert set(ADDRESS_PARTS) == set(PostalAddress.model_fields)
