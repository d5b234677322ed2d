"""What each entity of a Kommo hook says of a person (Kommo, "Webhooks: general information", and captures)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.lead_outcomes import Outcome
from pipelines.models import RemoteRef, SourceField, SourceRecord
from worker.ports import BadRecord, NotContact, OutcomeTold
from worker.sources.reasons import COMPANY, DELETED, MISSING_ID, OTHER_ENTITY, OUTCOME, OUTGOING_MESSAGE
from worker.sources.records import CONTEXT, context, field, flatten, flatten_context, record, remote
from worker.sources.trees import Tree, at, items_of, moment_of, object_at, text_at

# Codes of the fields that every account has.
_CODES = {"PHONE": "phone", "EMAIL": "email", "POSITION": "job_title", "WEB": "website", "ADDRESS": "address"}
_TIMESTAMP = re.compile(r"-?[0-9]{5,11}")
# Codes of the fields that Kommo tracks a visitor with: they tell of the page, not of the person.
_TRACKING = ("UTM_", "REFER", "GCLID", "GCLIENTID", "FBCLID", "YCLID")
# Parts of a field of the address type.
_SUBTYPES = {
    "address_line_1": "street", "address_line_2": "complement", "city": "city", "state": "region",
    "zip": "postal_code", "country": "country",
}  # fmt: skip
_BOOKKEEPING = frozenset(
    {
        "id", "uid", "type", "account_id", "created_at", "updated_at", "date_create", "last_modified",
        "created_user_id", "modified_user_id", "created_by", "updated_by", "group_id", "is_deleted", "is_unsorted",
        "custom_fields", "linked_leads_id", "linked_company_id",
        "name", "tags", "company_name",
    }
)  # fmt: skip
"""Members that are read on their own, or that tell of Kommo's row (whose account, when, by which user) only."""
# `name_1`, `name_2`, `name_3` of a Kommo form: the name of the contact, of the lead, of the company.
_FORM_NAMES = {"1": ("form.name", "name"), "3": ("form.company_name", "company")}


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of a hook."""

    system: str
    """`kommo:SUBDOMAIN`, the system of its remotes."""
    action: str
    place: str
    """Where it stands in the hook, for a person to find it."""
    data: Mapping[str, Tree]

    def text(self, name: str) -> str:
        return text_at(self.data.get(name))

    def remote(self, kind: str, identifier: str) -> list[RemoteRef]:
        """None or one, since most ids may be missing."""
        return [remote(self.system, kind, identifier)] if identifier else []

    def changed_at(self) -> datetime | None:
        names = ("updated_at", "last_modified", "created_at", "date_create")
        return next((moment for name in names if (moment := moment_of(self.text(name)))), None)


Found = Iterator[SourceRecord | BadRecord | NotContact]


def _contact(entity: Entity) -> Found:
    if entity.text("type") == "company":
        yield NotContact(COMPANY, entity.place)
    elif entity.action in {"delete", "note"} or not entity.text("id"):
        yield _nobody(entity)
    else:
        yield record(
            _contact_fields(entity.data), remotes=_contact_remotes(entity, entity.data), occurred_at=entity.changed_at()
        )


def _lead(entity: Entity) -> Found:
    if entity.action in {"delete", "note"} or not entity.text("id"):
        yield _nobody(entity)
        return
    told = _outcome(entity)
    if told is not None:
        yield told
    if told is None or entity.action != "status":
        yield record(
            _lead_fields(entity.data), remotes=entity.remote("lead", entity.text("id")), occurred_at=entity.changed_at()
        )


_CLOSED = {"142": Outcome.WON, "143": Outcome.LOST}
"""The two statuses that end a lead in every pipeline (Kommo, "Leads pipelines and stages")."""


def _outcome(entity: Entity) -> OutcomeTold | None:
    """What became of the lead; None while it is open and was before."""
    status, before = entity.text("status_id"), entity.text("old_status_id")
    outcome = _CLOSED.get(status)
    if outcome is None:
        if before not in _CLOSED or not status:
            return None
        outcome = Outcome.OPEN
    (lead,) = entity.remote("lead", entity.text("id"))
    try:
        value = float(entity.text("price")) or None
    except ValueError:
        value = None
    at = moment_of(entity.text("closed_at")) or entity.changed_at()
    return OutcomeTold(OUTCOME, f"{entity.place}: {outcome}", outcome, lead, at, value)


def _nobody(entity: Entity) -> BadRecord | NotContact:
    if entity.action == "note":
        return NotContact(OTHER_ENTITY, f"{entity.place}: a note")
    if entity.action == "delete":
        return NotContact(DELETED, entity.place)
    return BadRecord(MISSING_ID, f"{entity.place}: no id")


def _incoming_lead(entity: Entity) -> Found:
    """A form, mail, call or chat that nobody has accepted yet: what it said, and what Kommo made of it."""
    if entity.action == "delete":
        yield NotContact(DELETED, f"{entity.place}: accepted or declined")
        return
    data = object_at(entity.data.get("data"))
    leads = [lead for _, lead in items_of(data.get("leads")) if isinstance(lead, dict)]
    contacts = [contact for _, contact in items_of(data.get("contacts")) if isinstance(contact, dict)]
    lead_ids = dict.fromkeys([entity.text("lead_id"), *(text_at(lead, "id") for lead in leads)])
    lead_remotes = [ref for lead_id in lead_ids for ref in entity.remote("lead", lead_id)]
    first, *others = contacts or [{}]
    fields = [*_contact_fields(first), *_source_fields(entity)]
    for lead in leads:
        fields += _lead_fields(lead)
    for _, company in items_of(data.get("companies")):
        fields.append(field("company_name", at(company, "name"), hint="company"))
    said_at = moment_of(text_at(entity.data.get("source_data"), "date")) or entity.changed_at()
    yield record(fields, remotes=[*_contact_remotes(entity, first), *lead_remotes], occurred_at=said_at)
    for contact in others:
        remotes = [*_contact_remotes(entity, contact), *lead_remotes]
        yield record(_contact_fields(contact), remotes=remotes, occurred_at=said_at)


def _message(entity: Entity) -> Found:
    author = entity.data.get("author")
    if (entity.text("type") or text_at(author, "type")) not in {"incoming", "external"}:
        yield NotContact(OUTGOING_MESSAGE, entity.place)
        return
    about_lead = entity.text("entity_type") == "lead" or entity.text("element_type") == "2"
    lead_id = (entity.text("entity_id") or entity.text("element_id")) if about_lead else ""
    fields = [
        field("author.name", at(author, "name"), hint="name"),
        field("text", entity.data.get("text"), hint="message"),
        context("channel", entity.data.get("origin")),
        *(context(name, entity.data.get(name)) for name in ("talk_id", "chat_id", "id")),
    ]
    fields += flatten_context(entity.data.get("attachment"), "attachment")
    remotes = [*entity.remote("contact", entity.text("contact_id")), *entity.remote("lead", lead_id)]
    yield record(fields, remotes=remotes, occurred_at=entity.changed_at())


READERS: Mapping[str, Callable[[Entity], Found]] = {
    "contacts": _contact,
    "leads": _lead,
    "unsorted": _incoming_lead,
    "message": _message,
}
"""The entities that may bring a person."""


def _contact_remotes(entity: Entity, contact: Mapping[str, Tree]) -> list[RemoteRef]:
    """The contact, its company and its leads; Kommo keys the leads by their ids: `linked_leads_id[7][ID]=7`."""
    remotes = entity.remote("contact", text_at(contact.get("id")))
    remotes += entity.remote("company", text_at(contact.get("linked_company_id")))
    for key, lead in items_of(contact.get("linked_leads_id")):
        remotes += entity.remote("lead", text_at(lead, "ID") or text_at(lead) or key)
    return remotes


def _contact_fields(contact: Mapping[str, Tree]) -> Iterator[SourceField]:
    yield field("name", contact.get("name"), hint="name")
    yield field("company_name", contact.get("company_name"), hint="company")
    yield from _custom_fields(contact)
    yield from _the_rest(contact, "")


def _lead_fields(lead: Mapping[str, Tree]) -> Iterator[SourceField]:
    """The lead's name is the deal's, hardly ever the person's."""
    yield context("lead_name", lead.get("name"))
    yield from _custom_fields(lead)
    yield from _the_rest(lead, "lead_")


def _the_rest(data: Mapping[str, Tree], prefix: str) -> Iterator[SourceField]:
    yield context(f"{prefix}tags", [text_at(tag, "name") or tag for _, tag in items_of(data.get("tags"))])
    for name, value in data.items():
        if name not in _BOOKKEEPING:
            yield from flatten_context(value, f"{prefix}{name}")


def _custom_fields(data: Mapping[str, Tree]) -> Iterator[SourceField]:
    """Values come as `values[0][value]`, as a bare `values[0]` (dates) or as one `values[value]` (radio buttons)."""
    for place, one in items_of(data.get("custom_fields")):
        key = f"custom_fields.{text_at(one, 'id') or place}"
        code = text_at(one, "code").upper()
        label = text_at(one, "name") or code
        hint = CONTEXT if code.startswith(_TRACKING) else _CODES.get(code, "")
        for _, item in items_of(at(one, "values")):
            value = at(item, "value") if "value" in object_at(item) else item
            subtype = text_at(item, "subtype")
            if isinstance(value, dict):
                for part in flatten(value, key):
                    yield part.model_copy(update={"label": label})
            elif isinstance(item, str) and _TIMESTAMP.fullmatch(item):
                yield field(key, _day(item), label=label, hint=hint)
                yield context(f"{key}.timestamp", item)
            elif subtype:
                yield field(f"{key}.{subtype}", value, label=label, hint=_SUBTYPES.get(subtype, ""))
            else:
                yield field(key, value, label=label, hint=hint)


def _day(timestamp: str) -> str:
    """A date field's day. It comes as the midnight of the account's zone, which is not in the hook: the nearest
    midnight in UTC is of the same day in every zone from UTC-11 to UTC+12."""
    return (datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=int(timestamp))).date().isoformat()


def _source_fields(entity: Entity) -> Iterator[SourceField]:
    """What the person filled in, wrote or called from, and the form, page or line they did it on."""
    source = object_at(entity.data.get("source_data"))
    for place, answer in object_at(source, "data").items():
        about = text_at(answer, "element_type")
        value, label = at(answer, "value"), text_at(answer, "name")
        if not place.startswith("name_"):
            yield field(f"form.{place}", value, label=label)
        elif about in _FORM_NAMES:
            key, hint = _FORM_NAMES[about]
            yield field(key, value, label=label, hint=hint)
        else:
            yield context("lead_name", value)
    category = entity.text("category")
    sender = source.get("from")
    if isinstance(sender, dict):
        yield field("from.name", sender.get("name"), hint="name")
        yield field("from.email", sender.get("email"), hint="email")
    elif category == "sip":
        yield field("from", sender, hint="phone")
    else:
        yield context("from", sender)
    yield context("category", category)
    for name, value in source.items():
        if name not in {"data", "from", "date"}:
            yield from flatten_context(value, name)
