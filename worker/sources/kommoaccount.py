"""The contacts of a Kommo account, read by `portaria kommo import`: pages of its API, as JSON.

They tell who is there already, and of nobody who has just come: no workflow starts for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pipelines.models import SourceRecord
from worker.errors import Unauthorized
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.bodies import decode_delivery
from worker.sources.kommoentities import READERS, Entity
from worker.sources.reasons import MALFORMED_RECORD
from worker.sources.trees import Tree, at, items_of, object_at, text_at

ACCOUNT_SOURCE: Final = "kommo-account"
"""Name and kind of this source: it is there without being configured."""


class KommoAccount:
    """Nobody sends it: what is read is kept as deliveries by ourselves."""

    kind = ACCOUNT_SOURCE

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        raise Unauthorized("the account is read by `portaria kommo import`; nothing is sent here")

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        return None

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        system = text_at(tree, "system")
        for place, item in items_of(at(tree, "contacts")):
            if not isinstance(item, dict):
                yield BadRecord(MALFORMED_RECORD, f"contacts[{place}]: an object is expected")
            else:
                yield from READERS["contacts"](Entity(system, "update", f"contacts[{place}]", as_in_hooks(item)))


def as_in_hooks(contact: Mapping[str, Tree]) -> dict[str, Any]:
    """A contact of the API in the words of a hook about it."""
    kept = ("id", "name", "created_at", "updated_at", "is_deleted")
    values = [
        {
            "id": text_at(one, "field_id"),
            "name": text_at(one, "field_name"),
            "code": text_at(one, "field_code"),
            "values": [{"value": at(value, "value")} for _, value in items_of(at(one, "values"))],
        }
        for _, one in items_of(contact.get("custom_fields_values"))
    ]
    tags = object_at(contact.get("_embedded")).get("tags")
    return {**{name: contact[name] for name in kept if name in contact}, "custom_fields": values, "tags": tags or []}
