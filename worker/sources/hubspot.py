"""HubSpot webhooks: a JSON array of events with ids only, signed with `X-HubSpot-Signature-v3`; the contacts themselves
come from its API (developers.hubspot.com, "CRM API: Contacts", batch read)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pipelines.models import SourceRecord
from worker.asking import Around
from worker.errors import PortariaError
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import SignatureCheck, age_complaint, authenticate, hmac_check
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of, key_of_all
from worker.sources.providers import Provider, has_token
from worker.sources.reasons import DELETED, MALFORMED_RECORD, MISSING_ID, NOT_FOUND, OTHER_EVENT
from worker.sources.records import context, field, record, remote
from worker.sources.trees import Tree, items_of, moment_of, object_at, text_at

_CONTACT_OBJECT = "0-1"
"""HubSpot's type id of contacts, in events of the `object.*` kind."""
_GONE = frozenset({"deletion", "privacyDeletion"})
# HubSpot's own names of its default contact properties.
_PROPERTIES = {
    "firstname": "given_name", "lastname": "family_name", "email": "email", "phone": "phone", "mobilephone": "phone",
    "company": "company", "jobtitle": "job_title", "website": "website", "city": "city", "state": "region",
    "zip": "postal_code", "country": "country", "address": "address", "message": "message",
}  # fmt: skip


_WHOLE = "hs_object_id"
"""A property that every contact read through the API has, and no event."""
_FURTHER = (
    "hs_language", "hs_whatsapp_phone_number", "lifecyclestage", "hs_lead_status", "hs_analytics_source",
    "recent_conversion_event_name", "createdate", "lastmodifieddate", _WHOLE,
)  # fmt: skip
FORBIDDEN = 403
_AT_ONCE = 100
"""Contacts of one batch read."""


class HubSpot:
    """`secret` is the app's client secret; `public_url` the hook's full address where a proxy changes it on the way.

    `token` is a private app's, to read contacts with; `properties` names those of your own to read besides.
    """

    kind = "hubspot"
    base_url = "https://api.hubapi.com"

    def can_fetch(self, settings: SourceSettings) -> bool:
        return has_token(settings)

    def is_reference(self, record: SourceRecord, settings: SourceSettings) -> bool:
        return has_token(settings) and all(one.key != _WHOLE for one in record.fields) and bool(_contact_id(record))

    def fetch(
        self, references: Sequence[SourceRecord], settings: SourceSettings, around: Around
    ) -> Iterator[SourceRecord | NotContact | PortariaError]:
        """Several events of one contact are one question, the answer to it serves them all."""
        with Provider(settings, self.base_url) as provider:
            for start in range(0, len(references), _AT_ONCE):
                some = references[start : start + _AT_ONCE]
                try:
                    contacts = _read_contacts(provider, list(dict.fromkeys(map(_contact_id, some))), settings)
                except PortariaError as problem:
                    yield from [problem] * len(some)
                    continue
                for reference in some:
                    contact = contacts.get(_contact_id(reference))
                    yield _contact(contact) if contact else NotContact(NOT_FOUND, "no contact of this id in HubSpot")

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, _check(request, settings, now))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The events' ids; `attemptNumber` is left out, since it counts the redeliveries."""
        return key_of_all([_event_key(event) for _, event in items_of(peek(request))])

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        for place, event in items_of(decode_delivery(delivery)):
            yield _read(place, event)


def _check(request: InboundRequest, settings: SourceSettings, now: datetime) -> SignatureCheck:
    """Signed is METHOD + URI + BODY + TIMESTAMP in milliseconds (developers.hubspot.com, "Validating Requests", v3)."""
    timestamp = request.headers.get("x-hubspot-request-timestamp", "")
    uri = str(settings.options.get("public_url") or request.url)
    before = f"{request.method}{uri}".encode("utf-8", "replace")
    message = before + request.body + timestamp.encode("utf-8", "replace")
    signature = hmac_check(request, "x-hubspot-signature-v3", "base64", message=message)
    return lambda secret: age_complaint(timestamp, now, unit=0.001) or signature(secret)


def _event_key(event: Tree) -> str | None:
    names = ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt")
    return key_of(*(text_at(event, name) for name in names))


def _read(place: str, event: Tree) -> SourceRecord | BadRecord | NotContact:
    if not isinstance(event, dict):
        return BadRecord(MALFORMED_RECORD, f"event {place}: an object is expected")
    entity, _, action = text_at(event, "subscriptionType").partition(".")
    if entity != "contact" and not (entity == "object" and text_at(event, "objectTypeId") == _CONTACT_OBJECT):
        return NotContact(OTHER_EVENT, f"event {place}: not about a contact")
    if action in _GONE:
        return NotContact(DELETED, f"event {place}")
    contact_id = text_at(event, "objectId")
    if not contact_id:
        return BadRecord(MISSING_ID, f"event {place}: no objectId")
    fields = [context(key, value) for key, value in event.items() if key not in {"propertyName", "propertyValue"}]
    if changed := text_at(event, "propertyName"):
        fields.append(field(changed, event.get("propertyValue"), hint=_PROPERTIES.get(changed, "")))
    return record(
        fields,
        remotes=[remote(f"hubspot:{text_at(event, 'portalId')}", "contact", contact_id)],
        occurred_at=moment_of(text_at(event, "occurredAt")),
    )


def _contact_id(record: SourceRecord) -> str:
    return next((ref.id for ref in record.remotes if ref.kind == "contact"), "")


def _read_contacts(provider: Provider, ids: Sequence[str], settings: SourceSettings) -> dict[str, dict[str, Tree]]:
    own = settings.options.get("properties", ())
    names = dict.fromkeys((*_PROPERTIES, *_FURTHER, *map(str, own if isinstance(own, list | tuple) else [own])))
    asked = {"properties": list(names), "inputs": [{"id": one} for one in ids]}
    answer = provider.ask("POST", "crm/v3/objects/contacts/batch/read", body=asked)
    if answer.status == FORBIDDEN:
        raise provider.refused("answered 403")
    if not answer.is_success:
        raise provider.failed(f"answered {answer.status} to a batch read")
    results = [object_at(result) for _, result in items_of(object_at(answer.tree).get("results"))]
    return {text_at(result, "id"): result for result in results}


def _contact(contact: dict[str, Tree]) -> SourceRecord:
    properties = object_at(contact, "properties")
    known = {_WHOLE: text_at(contact, "id"), **properties}
    return record(
        [
            context(name, value) if name in _FURTHER else field(name, value, hint=_PROPERTIES.get(name, ""))
            for name, value in known.items()
            if value is not None
        ],
        occurred_at=moment_of(text_at(contact, "updatedAt")),
        language=text_at(properties, "hs_language").replace("_", "-"),
    )
