"""Our words as Kommo's items, and the gentle difference."""

from __future__ import annotations

from worker.kommo.directory import Field
from worker.kommo.words import contact_item, difference

FIELDS = {
    "Cidade": Field(1, "Cidade", "", "text", {}),
    "Porte": Field(2, "Porte", "", "select", {"grande": 21}),
    "Nascimento": Field(3, "Nascimento", "", "birthday", {}),
}


def find(named: int | str) -> Field | None:
    return FIELDS.get(str(named))


def test_what_has_a_field_goes_there_and_the_rest_is_told() -> None:
    fields = {
        "name": "Olga Prates",
        "address": {"city": "Campinas", "street": "Rua das Flores"},
        "birth_date": "1980-02-29",
        "extra": {"Porte": "Grande", "Cor": "azul"},
    }
    mapping = {"city": "Cidade", "birth_date": "Nascimento", "extra.Porte": "Porte"}
    told = contact_item(fields, mapping, find, linked=True)
    values = {each["field_id"]: each["values"][0] for each in told.item["custom_fields_values"]}
    assert values == {1: {"value": "Campinas"}, 2: {"enum_id": 21}, 3: {"value": "1980-02-29T00:00:00+00:00"}}
    assert told.left == {"Address": "Rua das Flores, Campinas", "Cor": "azul"}


def test_an_update_without_a_name_sends_none() -> None:
    assert "name" not in contact_item({"phones": ["+5511987654321"]}, {}, find, linked=True).item
    assert contact_item({"phones": ["+551187654321"]}, {}, find, linked=True, is_new=True).item["name"]


def test_a_second_phone_is_sent_with_the_first_and_nothing_else_is() -> None:
    there = {
        "name": "Olga",
        "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "5511987654321", "enum": "MOB"}]}],
    }
    item = contact_item({"name": "Olga", "phones": ["+5511987654321"]}, {}, find, linked=True).item
    assert difference(item, there) == {}
    more = contact_item({"name": "Olga", "phones": ["+551133334444", "+5511987654321"]}, {}, find, linked=True).item
    (field,) = difference(more, there)["custom_fields_values"]
    assert [value["value"] for value in field["values"]] == ["5511987654321", "+551133334444"]
    assert field["values"][0]["enum_code"] == "MOB"
