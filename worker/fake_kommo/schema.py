"""The account's fields, pipelines and users, and what its validation says of an item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ENTITIES: Final = ("contacts", "leads", "companies")
LINKABLE: Final = ("contacts", "companies", "leads")
ACCOUNT: Final[Mapping[str, Any]] = {
    "id": 31361463, "name": "Fake", "subdomain": "fake", "currency": "BRL", "country": "BR", "current_user_id": 8375357,
}  # fmt: skip

NO_CHOICE, WRONG_TYPE, MISSING = "NotSupportedChoice", "InvalidType", "FieldMissing"
_DETAILS: Final = {
    NO_CHOICE: "The value you selected is not a valid choice.",
    WRONG_TYPE: "This value has a wrong type.",
    MISSING: "This field is missing.",
}
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_ADDRESS_PARTS: Final = {"address_line_1", "address_line_2", "city", "state", "zip", "country"}

Fault = tuple[str, str]
"""Path in the item, and code."""


def told(fault: Fault) -> dict[str, str]:
    """A fault as the body of a 400 has it."""
    path, code = fault
    return {"code": code, "path": path, "detail": _DETAILS[code]}


@dataclass
class Schema:
    fields: dict[str, dict[int, dict[str, Any]]]
    """By entity and id."""
    pipelines: dict[int, dict[str, Any]]
    users: list[dict[str, Any]]

    def field(self, entity: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The field that a value names by `field_id` or `field_code`."""
        fields = self.fields[entity]
        if "field_id" in given:
            return fields.get(given["field_id"]) if isinstance(given["field_id"], int) else None
        return next((one for one in fields.values() if one["code"] and one["code"] == given.get("field_code")), None)

    def stored(self, entity: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """A checked value of a field, as reading it shows it."""
        one = self.field(entity, given)
        assert one is not None
        values = []
        for value in given["values"]:
            shown = {"value": value.get("value")}
            enum = _enum(one, value)
            if enum is not None:
                shown |= {"enum_id": enum["id"], "enum_code": enum["value"] if one["type"] == "multitext" else None}
                if one["type"] != "multitext":
                    shown["value"] = enum["value"]
            values.append(shown)
        return {
            "field_id": one["id"], "field_name": one["name"], "field_code": one["code"], "field_type": one["type"],
            "values": values,
        }  # fmt: skip

    def place(self, item: Mapping[str, Any], *, is_unsorted: bool = False) -> tuple[int, int]:
        """The pipeline and stage of a lead: as given, else the main pipeline and its first stage."""
        main = next(one for one in self.pipelines.values() if one["is_main"])
        number = item.get("pipeline_id") or (
            self.pipeline_of(item["status_id"], main["id"]) if item.get("status_id") else main["id"]
        )
        stages = self.pipelines[number]["statuses"]
        first = next(stage for stage in stages if (stage["type"] == 1) == is_unsorted)
        return number, first["id"] if is_unsorted else item.get("status_id") or first["id"]

    def pipeline_of(self, status_id: int, otherwise: int) -> int:
        """The pipeline of a stage; won and lost (142, 143) are in every one."""
        holding = [one["id"] for one in self.pipelines.values() if any(s["id"] == status_id for s in one["statuses"])]
        return otherwise if otherwise in holding or not holding else holding[0]

    def faults(self, entity: str, item: Any, exists: Any) -> Iterator[Fault]:
        """What is wrong with an item of a POST or PATCH of records; `exists` says whether a record is there."""
        if not isinstance(item, dict):
            yield "", WRONG_TYPE
            return
        for name in ("name", "first_name", "last_name"):
            if name in item and not isinstance(item[name], str):
                yield name, WRONG_TYPE
        for name in ("price", "created_at", "updated_at", "pipeline_id", "status_id", "responsible_user_id"):
            if name in item and (not isinstance(item[name], int) or isinstance(item[name], bool)):
                yield name, WRONG_TYPE
        if item.get("responsible_user_id") and item["responsible_user_id"] not in [user["id"] for user in self.users]:
            yield "responsible_user_id", NO_CHOICE
        if entity == "leads":
            yield from self._place_faults(item)
        yield from self._field_faults(entity, item.get("custom_fields_values"))
        embedded = item.get("_embedded") or {}
        for other in LINKABLE:
            for place, each in enumerate(embedded.get(other) or ()):
                if "id" in each and not exists(other, each["id"]):
                    yield f"_embedded.{other}.{place}.id", NO_CHOICE
        for group, tags in (("_embedded.tags", embedded.get("tags")), ("tags_to_add", item.get("tags_to_add"))):
            for place, tag in enumerate(tags or ()):
                if not isinstance(tag, dict) or not ("id" in tag or tag.get("name")):
                    yield f"{group}.{place}.name", MISSING

    def _place_faults(self, item: Mapping[str, Any]) -> Iterator[Fault]:
        number, status = item.get("pipeline_id"), item.get("status_id")
        if number and number not in self.pipelines:
            yield "pipeline_id", NO_CHOICE
            return
        stages = [s["id"] for one in self.pipelines.values() if number in (None, one["id"]) for s in one["statuses"]]
        if status and status not in stages:
            yield "status_id", NO_CHOICE

    def _field_faults(self, entity: str, values: Any) -> Iterator[Fault]:
        if values is None:
            return
        if not isinstance(values, list):
            yield "custom_fields_values", WRONG_TYPE
            return
        for place, given in enumerate(values):
            path = f"custom_fields_values.{place}"
            one = self.field(entity, given) if isinstance(given, dict) else None
            if one is None:
                yield f"{path}.{'field_code' if 'field_code' in given else 'field_id'}", NO_CHOICE
            elif not isinstance(given.get("values"), list) or not given["values"]:
                yield f"{path}.values", MISSING
            else:
                for number, value in enumerate(given["values"]):
                    if fault := _value_fault(one, value):
                        yield f"{path}.values.{number}.{fault[0]}", fault[1]


def _enum(one: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any] | None:
    for enum in one["enums"] or ():
        if enum["id"] == value.get("enum_id") or (value.get("enum_code") and enum["value"] == value["enum_code"]):
            return dict(enum)
        if one["type"] != "multitext" and enum["value"] == value.get("value"):
            return dict(enum)
    return None


def _value_fault(one: Mapping[str, Any], value: Any) -> Fault | None:
    if not isinstance(value, dict):
        return "value", WRONG_TYPE
    given = value.get("value")
    kind = one["type"]
    if kind in {"select", "multiselect", "radiobutton"}:
        return None if _enum(one, value) else ("enum_id" if "enum_id" in value else "value", NO_CHOICE)
    if "value" not in value or given is None or given == "":
        return "value", MISSING
    if kind == "multitext" and ("enum_code" in value or "enum_id" in value) and _enum(one, value) is None:
        return "enum_code" if "enum_code" in value else "enum_id", NO_CHOICE
    if kind == "smart_address" and value.get("enum_code") not in _ADDRESS_PARTS:
        return "enum_code", NO_CHOICE
    wanted: dict[str, Any] = {"numeric": (int, float, str), "checkbox": bool, "legal_entity": dict}
    if kind in {"date", "birthday", "date_time"}:
        good = isinstance(given, int) or (isinstance(given, str) and _DATE.fullmatch(given) is not None)
    else:
        good = isinstance(given, wanted.get(kind, str)) and not (kind == "numeric" and isinstance(given, bool))
    return None if good else ("value", WRONG_TYPE)


def first_schema() -> Schema:
    """The fields, pipelines and users that the account begins with."""
    phone = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
    contacts = [
        _field(178382, "Telefone", "multitext", "PHONE", phone, 126290),
        _field(178384, "E-mail", "multitext", "EMAIL", ("WORK", "PRIV", "OTHER"), 126302),
        _field(178380, "Cargo", "text", "POSITION"),
        _field(1016236, "Tipo de cliente", "select", None, ("Novo", "Recorrente", "VIP"), 867968),
        _field(1016238, "CPF", "text"),
        _field(1016239, "CNPJ", "text"),
        _field(1016240, "Nascimento", "birthday"),
        _field(1016242, "Endereço", "smart_address"),
        _field(1016244, "Site", "url", "WEB"),
        _field(1016246, "Portaria", "text"),
    ]
    leads = [
        _field(1928050, "Score", "numeric"),
        _field(1928052, "Temperatura", "select", None, ("hot", "warm", "cold"), 1669868),
        _field(1928054, "Origem", "text"),
        _field(1928056, "Portaria", "text"),
    ]
    companies = [
        _field(178386, "Telefone", "multitext", "PHONE", phone, 126390),
        _field(178388, "E-mail", "multitext", "EMAIL", ("WORK", "PRIV", "OTHER"), 126402),
    ]
    sales = _pipeline(6950551, "Vendas", ("Contato inicial", "Negociação", "Proposta"), is_main=True)
    after = _pipeline(6950561, "Pós-venda", ("Onboarding", "Em uso"), is_main=False)
    return Schema(
        fields={"contacts": _by_id(contacts), "leads": _by_id(leads), "companies": _by_id(companies)},
        pipelines={sales["id"]: sales, after["id"]: after},
        users=[
            {"id": 8375357, "name": "Ana Prado", "email": "ana@example.com"},
            {"id": 8375359, "name": "Bruno Reis", "email": "bruno@example.com"},
        ],
    )


def _by_id(fields: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {one["id"]: one for one in fields}


def _field(
    number: int, name: str, kind: str, code: str | None = None, enums: tuple[str, ...] = (), first: int = 0
) -> dict[str, Any]:
    listed = [{"id": first + 2 * place, "value": value, "sort": place} for place, value in enumerate(enums)]
    return {"id": number, "name": name, "type": kind, "code": code, "enums": listed or None, "is_api_only": False}


def _pipeline(number: int, name: str, stages: tuple[str, ...], *, is_main: bool) -> dict[str, Any]:
    incoming = {"id": number * 10, "name": "Incoming leads", "type": 1, "pipeline_id": number}
    own = [
        {"id": number * 10 + place, "name": each, "type": 0, "pipeline_id": number}
        for place, each in enumerate(stages, 1)
    ]
    ends = [{"id": 142, "name": "Closed - won", "type": 0, "pipeline_id": number}]
    ends += [{"id": 143, "name": "Closed - lost", "type": 0, "pipeline_id": number}]
    return {"id": number, "name": name, "is_main": is_main, "is_archive": False, "statuses": [incoming, *own, *ends]}
