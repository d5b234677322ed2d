"""RD Station Marketing webhooks: JSON of one contact (developers.rdstation.com/reference/webhooks-payload)."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.plainform import PlainForm
from worker.sources.records import flatten, flatten_context, record, remote
from worker.sources.trees import Tree, moment_of, object_at, text_at

_HINTS = {
    "email": "email", "name": "name", "job_title": "job_title", "website": "website", "personal_phone": "phone",
    "mobile_phone": "phone", "city": "city", "state": "region", "country": "country", "birthdate": "birth_date",
    "company.name": "company", "company.site": "website",
}  # fmt: skip
_ASIDE = frozenset({"uuid", "funnel", "legal_bases", "tags", "links"})
"""Members of the contact that are RD Station's book-keeping: the funnel holds the owner's e-mail, not the person's."""


class RdStation(PlainForm):
    """RD Station documents no signature. `cf_*` are the account's own fields."""

    kind = "rdstation"

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        tree = peek(request)
        event = [text_at(tree, name) for name in ("event_type", "event_identifier", "event_timestamp")]
        return key_of(text_at(tree, "contact", "uuid"), *event)

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        contact = object_at(tree, "contact")
        if not contact:
            raise Unparsable("Not an RD Station hook: there is no contact in it.")
        fields = list(_fields(contact))
        fields += flatten_context({key: value for key, value in object_at(tree).items() if key != "contact"})
        uuid = text_at(contact, "uuid")
        yield record(
            fields,
            remotes=[remote("rdstation", "contact", uuid)] if uuid else [],
            occurred_at=moment_of(text_at(tree, "event_timestamp") or text_at(tree, "timestamp")),
        )


def _fields(contact: dict[str, Tree]) -> Iterator[SourceField]:
    yield from flatten({key: value for key, value in contact.items() if key not in _ASIDE}, hints=_HINTS)
    yield from flatten_context({key: value for key, value in contact.items() if key in _ASIDE})
