"""Our words (`pipelines.crm_fields`) as Kommo's items, and back.

| our word | Kommo |
|---|---|
| `name`, `given_name`, `family_name` | `name`, `first_name`, `last_name` |
| `phones`, `emails` | the fields PHONE and EMAIL that every account has |
| `job_title`, `website` | POSITION and WEB where the account has them, else as mapped |
| `documents` | `cpf`, `cnpj` or `document` of `[crm.fields]` |
| `company` | a linked company, or `company` of `[crm.fields]` |
| `address` | `address` of `[crm.fields]` (an address field, or a text), or its parts by their own names |
| `birth_date`, `language`, `source` | as mapped in `[crm.fields]` |
| `extra` | `"extra.LABEL"` of `[crm.fields]` |

What has no place there is told in the contact's first note, so that nobody has to look for it elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pipelines.text import fold
from worker.kommo.directory import Field

Item = dict[str, Any]
Find = Callable[[int | str], Field | None]
"""A custom field by its id, code or name."""

PHONE: Final = "PHONE"
EMAIL: Final = "EMAIL"
_BY_CODE: Final = {"job_title": "POSITION", "website": "WEB"}
_PARTS: Final = ("street", "number", "complement", "district", "city", "region", "postal_code", "country")
_UNTOLD: Final = frozenset({"language", "source", *_PARTS})
"""What needs no note when it has no field: it has another place, or says nothing to a seller."""
_ADDRESS: Final = {
    "street": "address_line_1", "complement": "address_line_2", "city": "city", "region": "state",
    "postal_code": "zip", "country": "country",
}  # fmt: skip
"""Parts of an address → `enum_code` of an address field; number and district go with the street."""
_TRUE: Final = frozenset({"1", "true", "yes", "sim", "si", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "nao", "off"})
WORDS: Final = frozenset(
    {
        "cpf", "cnpj", "document", "company", "job_title", "website", "address", "street", "number", "complement",
        "district", "city", "region", "postal_code", "country", "birth_date", "language", "source",
    }
)  # fmt: skip
"""Words that `[crm.fields]` may map, beside `extra.LABEL`."""
LEAD_WORDS: Final = frozenset({"score", "temperature", "source"})


@dataclass(frozen=True, slots=True)
class Told:
    """A contact in Kommo's terms."""

    item: Item
    left: Mapping[str, str]
    """What has no place in it: label → text."""


def contact_item(
    fields: Mapping[str, Any], mapping: Mapping[str, int | str], find: Find, *, linked: bool, is_new: bool = False
) -> Told:
    """The item of a contact. `linked`: its company is linked as a record of its own; `is_new`: without a name it shows
    its first phone or address, which never takes the place of a name that is there."""
    item: Item = {}
    if name := shown_name(fields) if is_new else str(fields.get("name") or ""):
        item["name"] = name
    for ours, theirs in (("given_name", "first_name"), ("family_name", "last_name")):
        if fields.get(ours):
            item[theirs] = fields[ours]
    values: list[Item] = []
    for ours, code in (("phones", PHONE), ("emails", EMAIL)):
        if fields.get(ours):
            values.append(
                {"field_code": code, "values": [{"value": each, "enum_code": "WORK"} for each in fields[ours]]}
            )
    left: dict[str, str] = {}
    for word, label, text, parts in _told(fields):
        if word == "company" and linked:
            continue
        named = mapping.get(word) or _BY_CODE.get(word)
        field = find(named) if named else None
        value = _value(field, text, parts) if field else None
        if value is not None and field is not None:
            values.append({"field_id": field.id, "values": value})
        elif word.partition(".")[0] not in _UNTOLD:
            left[label] = text
    if values:
        item["custom_fields_values"] = values
    return Told(item, left)


def lead_item(fields: Mapping[str, Any], mapping: Mapping[str, int | str], find: Find) -> Item:
    """The item of a lead, without its place and its contact."""
    item: Item = {}
    if fields.get("name"):
        item["name"] = fields["name"]
    if "price" in fields:
        item["price"] = int(fields["price"])
    values = []
    for word in sorted(LEAD_WORDS & fields.keys()):
        field = find(mapping[word]) if word in mapping else None
        if field and (value := _value(field, str(fields[word]), {})) is not None:
            values.append({"field_id": field.id, "values": value})
    if values:
        item["custom_fields_values"] = values
    return item


def shown_name(fields: Mapping[str, Any]) -> str:
    """The name; of one without, the first phone or address."""
    return str(fields.get("name") or next(iter([*fields.get("phones", ()), *fields.get("emails", ())]), ""))


def _told(fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """(word, label for a person, text, parts) of everything that is no name, phone or address of mail."""
    for document in fields.get("documents", ()):
        kind = document["kind"] if document["kind"] in {"cpf", "cnpj"} else "document"
        yield kind, kind.upper() if kind != "document" else "Document", document["number"], {}
    for word in ("company", "job_title", "website", "birth_date", "language", "source"):
        if fields.get(word):
            yield word, word.replace("_", " ").capitalize(), str(fields[word]), {}
    if address := fields.get("address"):
        yield "address", "Address", _address_text(address), address
        for part in _PARTS:
            if address.get(part):
                yield part, part, address[part], {}
    for label, text in (fields.get("extra") or {}).items():
        yield f"extra.{label}", label, str(text), {}


def _address_text(address: Mapping[str, str]) -> str:
    return ", ".join(address[part] for part in _PARTS if address.get(part))


def _value(field: Field, text: str, parts: Mapping[str, str]) -> list[Item] | None:
    """`values` of a field; None where the field cannot hold the text."""
    if field.type in {"select", "radiobutton", "multiselect"}:
        texts = [one.strip() for one in re.split("[;,]", text)] if field.type == "multiselect" else [text]
        chosen = [field.choices.get(fold(one)) for one in texts]
        return [{"enum_id": each} for each in chosen] if chosen and None not in chosen else None
    if field.type == "checkbox":
        word = fold(text)
        return [{"value": word in _TRUE}] if word in _TRUE | _FALSE else None
    if field.type in {"date", "birthday", "date_time"}:
        return [{"value": f"{text}T00:00:00+00:00"}] if _is_day(text) else None
    if field.type == "numeric":
        return [{"value": text}] if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    if field.type == "smart_address":
        return _smart_address(parts) if parts else [{"value": text, "enum_code": "address_line_1"}]
    if field.type == "multitext":
        return [{"value": text, "enum_code": "WORK"}]
    return [{"value": text}] if field.type in {"text", "textarea", "url", "streetaddress", "tracking_data"} else None


def _smart_address(parts: Mapping[str, str]) -> list[Item]:
    given = dict(parts)
    given["street"] = ", ".join(parts[name] for name in ("street", "number", "district") if parts.get(name))
    return [{"value": given[ours], "enum_code": theirs} for ours, theirs in _ADDRESS.items() if given.get(ours)]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# --- back ------------------------------------------------------------------------------------------------------------


def contact_words(record: Mapping[str, Any], mapping: Mapping[str, int | str], find: Find) -> dict[str, Any]:
    """A contact of Kommo in our words; nothing empty."""
    fields: dict[str, Any] = {"name": record.get("name") or ""}
    fields |= {"given_name": record.get("first_name") or "", "family_name": record.get("last_name") or ""}
    fields |= {"phones": texts_of(record, PHONE), "emails": texts_of(record, EMAIL)}
    fields["tags"] = [tag["name"] for tag in record.get("_embedded", {}).get("tags") or ()]
    for word, named in {**_BY_CODE, **mapping}.items():
        field = find(named)
        text = "; ".join(texts_of(record, field.id)) if field else ""
        if not text:
            continue
        if word in {"cpf", "cnpj", "document"}:
            kind = word if word != "document" else "other"
            fields.setdefault("documents", []).append({"kind": kind, "number": text})
        elif word.startswith("extra."):
            fields.setdefault("extra", {})[word.removeprefix("extra.")] = text
        else:
            fields[word] = text
    return {word: value for word, value in fields.items() if value}


def texts_of(record: Mapping[str, Any], named: int | str) -> list[str]:
    """The values of a custom field, by its id or code, as text."""
    for each in record.get("custom_fields_values") or ():
        if named in {each.get("field_id"), each.get("field_code")}:
            return [str(value["value"]) for value in each.get("values") or () if value.get("value") not in (None, "")]
    return []


# --- gently ----------------------------------------------------------------------------------------------------------


def difference(item: Item, record: Mapping[str, Any]) -> Item:
    """The part of `item` that the record does not have yet. A phone or an address is added to those that are there: a
    field that is sent replaces its values, so all are sent. Nothing is emptied."""
    changed = {
        name: value
        for name, value in item.items()
        if name in {"name", "first_name", "last_name", "price", "responsible_user_id"} and record.get(name) != value
    }
    values = [new for each in item.get("custom_fields_values", ()) if (new := _missing(each, record)) is not None]
    return changed | ({"custom_fields_values": values} if values else {})


def _missing(given: Item, record: Mapping[str, Any]) -> Item | None:
    kept = next(
        (
            each
            for each in record.get("custom_fields_values") or ()
            if (given.get("field_id") and each.get("field_id") == given["field_id"])
            or (given.get("field_code") and each.get("field_code") == given["field_code"])
        ),
        None,
    )
    there = list((kept or {}).get("values") or ())
    if given.get("field_code") in {PHONE, EMAIL}:
        known = {_same(value.get("value")) for value in there}
        new = [value for value in given["values"] if _same(value["value"]) not in known]
        if not new:
            return None
        # Read answers may say `enum` where writes want `enum_code`.
        old = [
            {
                "value": value["value"],
                **({"enum_code": code} if (code := value.get("enum_code") or value.get("enum")) else {}),
            }
            for value in there
        ]
        return {**given, "values": [*old, *new]}
    return None if all(any(_holds(one, value) for one in there) for value in given["values"]) else given


def _same(value: Any) -> str:
    """A phone's digits or an address in lower case: how two ways of writing one are the same."""
    text = str(value).strip().lower()
    return text if "@" in text else re.sub(r"\D", "", text)


def _holds(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a value as it is read is the one to write."""
    if "value" not in wanted:
        return bool(there.get("enum_id") == wanted["enum_id"])
    if "enum_code" in wanted and (there.get("enum_code") or there.get("enum")) not in {None, wanted["enum_code"]}:
        return False
    text, shown = wanted["value"], there.get("value")
    if isinstance(text, str) and text.endswith("T00:00:00+00:00"):  # a day: read as seconds, or as it was written
        return shown == int(datetime.fromisoformat(text).timestamp()) or str(shown).startswith(text[:10])
    return str(shown) == str(text)
