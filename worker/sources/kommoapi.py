"""What Kommo's API says of contacts and leads (its API v4), in the shape in which its hooks say it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.models import RemoteRef, SourceRecord
from worker.asking import Around
from worker.config import CrmSection
from worker.errors import ConfigurationError, PermanentError, PortariaError
from worker.kommo.client import BATCH, KommoClient
from worker.kommo.settings import open_client
from worker.ports import NotContact, SourceSettings
from worker.sources.jsondata import load_json
from worker.sources.kommoentities import READERS, Entity
from worker.sources.reasons import NO_CONTACT, NOT_FOUND
from worker.sources.trees import Tree, at, items_of, object_at, text_at

OTHER_ACCOUNT = "other_account"
"""Reason code: the hook is of another Kommo account than the one that the token belongs to."""
_DAYS = frozenset({"date", "birthday", "date_time"})
Found = SourceRecord | NotContact | PortariaError


def api_section(settings: SourceSettings) -> CrmSection | None:
    """How to reach the account: the source's own `base_url` and `token`, else `[crm]` where that is Kommo."""
    options = settings.options
    if options.get("token"):
        subdomain = {"subdomain": options["subdomain"]} if options.get("subdomain") else {}
        keys = {"base_url": options.get("base_url", ""), "token": options["token"], **subdomain}
        return CrmSection.model_validate({"kind": "kommo", **keys})
    crm = options.get("crm")
    return crm if isinstance(crm, CrmSection) and crm.kind == "kommo" else None


def connect(settings: SourceSettings, around: Around) -> KommoClient:
    """A client of the account. Raises `ConfigurationError`."""
    section = api_section(settings)
    if section is None:
        raise ConfigurationError(f'[sources.{settings.name}] set base_url and token, or [crm] kind = "kommo"')
    return open_client(
        section,
        credentials=around.credentials,
        circuits=around.circuits,
        rates=around.rates,
        clock=around.clock,
    )


def is_from_api(item: Tree) -> bool:
    """Whether an entity has the API's shape, not a hook's."""
    return isinstance(item, dict) and "_links" in item


def as_hook(item: Tree) -> Tree:
    """An entity of the API as a hook would say it."""
    entity = object_at(item)
    embedded = object_at(entity, "_embedded")
    leads = [text_at(lead, "id") for _, lead in items_of(embedded.get("leads"))]
    company = next((one for _, one in items_of(embedded.get("companies"))), None)
    left_out = {"_links", "_embedded", "custom_fields_values", "first_name", "last_name"}
    said: dict[str, Tree] = {name: value for name, value in entity.items() if name not in left_out}
    said["name"] = text_at(entity, "name") or " ".join(
        filter(None, (text_at(entity, "first_name"), text_at(entity, "last_name")))
    )
    said["custom_fields"] = [_custom_field(one) for _, one in items_of(entity.get("custom_fields_values"))]
    said["tags"] = embedded.get("tags")
    said["linked_leads_id"] = {lead: {"ID": lead} for lead in leads if lead}
    said["linked_company_id"] = text_at(company, "id")
    said["company_name"] = text_at(company, "name")
    return said


def _custom_field(one: Tree) -> Tree:
    values: list[Tree] = []
    for _, item in items_of(at(one, "values")):
        value = at(item, "value")
        if text_at(one, "field_type") in _DAYS:
            values.append(text_at(value))
            continue
        kept: dict[str, Tree] = {"value": value}
        if text_at(one, "field_type") == "smart_address":
            kept["subtype"] = text_at(item, "enum_code") or text_at(item, "enum")
        values.append(kept)
    return {
        "id": text_at(one, "field_id"),
        "name": text_at(one, "field_name"),
        "code": text_at(one, "field_code"),
        "values": values,
    }


def fetch(references: Sequence[SourceRecord], client: KommoClient) -> Iterator[Found]:
    """The contact that each reference names, or the main contact of the lead that it names; `BATCH` at a time."""
    for start in range(0, len(references), BATCH):
        some = references[start : start + BATCH]
        try:
            yield from _fetch_some(some, client)
        except PortariaError as problem:
            yield from [problem] * len(some)


def _fetch_some(references: Sequence[SourceRecord], client: KommoClient) -> list[Found]:
    contacts_of: list[tuple[str, Found | None]] = []
    leads = client.by_id("leads", _ids(references, _lead_without_contact), {"with": "contacts"})
    for reference in references:
        contact_id, lead_id = _id(reference, "contact"), _id(reference, "lead")
        wrong: Found | None = None
        if _is_of_another(reference, client.address.system):
            why = f"the hook is of {reference.remotes[0].system}, the token of {client.address.system}"
            wrong = PermanentError(f"{why}: mend base_url and token of the source", code=OTHER_ACCOUNT)
        elif not contact_id and lead_id not in leads:
            wrong = NotContact(NOT_FOUND, "Kommo has no lead of this id")
        elif not contact_id and not (contact_id := _main_contact(leads[lead_id])):
            wrong = NotContact(NO_CONTACT, "the lead has no contact in Kommo (yet)")
        contacts_of.append((contact_id, wrong))
    wanted = dict.fromkeys(contact_id for contact_id, wrong in contacts_of if wrong is None)
    contacts = client.by_id("contacts", wanted, {"with": "leads"})
    companies = client.by_id("companies", _companies_of(contacts.values()))
    return [
        wrong or _person(contacts.get(contact_id), companies, client.address.system)
        for contact_id, wrong in contacts_of
    ]


def _is_of_another(reference: SourceRecord, system: str) -> bool:
    """Whether the hook names another account; some hooks give only its number, or nothing."""
    named = reference.remotes[0].system
    account = named.partition(":")[2]
    return bool(account) and not account.isdigit() and named != system


def _person(contact: Mapping[str, Any] | None, companies: Mapping[str, Any], system: str) -> Found:
    if contact is None:
        return NotContact(NOT_FOUND, "Kommo has no contact of this id")
    tree = object_at(as_hook(load_json(json.dumps(contact))))
    company = companies.get(text_at(tree, "linked_company_id"))
    if company:
        tree["company_name"] = str(company.get("name") or "")
    (found,) = READERS["contacts"](Entity(system, "update", "fetched", tree))
    return found if isinstance(found, SourceRecord) else NotContact(NOT_FOUND, found.detail)


def _main_contact(lead: Mapping[str, Any]) -> str:
    contacts = (lead.get("_embedded") or {}).get("contacts") or []
    main = [one for one in contacts if one.get("is_main")] or contacts
    return str(main[0]["id"]) if main else ""


def _companies_of(contacts: Iterable[Mapping[str, Any]]) -> list[str]:
    found = (one for contact in contacts for one in (contact.get("_embedded") or {}).get("companies") or [])
    return list(dict.fromkeys(str(one["id"]) for one in found))


def _lead_without_contact(reference: SourceRecord) -> str:
    return "" if _id(reference, "contact") else _id(reference, "lead")


def _ids(references: Sequence[SourceRecord], which: Callable[[SourceRecord], str]) -> list[str]:
    return list(dict.fromkeys(filter(None, map(which, references))))


def _id(reference: SourceRecord, kind: str) -> str:
    return next((ref.id for ref in reference.remotes if ref.kind == kind), "")


def names_somebody(record: SourceRecord) -> bool:
    """Whether the record says who it is, or how to reach them."""
    return any(one.values and one.hint in {"name", "email", "phone"} for one in record.fields)


def refers(record: SourceRecord) -> bool:
    """Whether the record points at a contact or a lead of Kommo."""
    kinds: set[str] = {ref.kind for ref in record.remotes if _is_kommo(ref)}
    return bool(kinds & {"contact", "lead"})


def _is_kommo(ref: RemoteRef) -> bool:
    return ref.system.partition(":")[0] == "kommo"
