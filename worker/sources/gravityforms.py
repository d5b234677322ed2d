"""Gravity Forms' Webhooks addon: JSON or urlencoded, field numbers as keys ("1.3"), beside the entry's own columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.plainform import PlainForm
from worker.sources.records import context, flatten, is_noise, record
from worker.sources.trees import Tree, moment_of, text_at

_PART = re.compile(r"(\d+)\.(\d+)")
_NAME_PARTS = {"3": "given_name", "6": "family_name"}
_NAME_LAYOUT = frozenset({"2", "3", "4", "6", "8"})
"""Prefix, first, middle, last, suffix (docs.gravityforms.com, "Name Field"); an address has a .1, a choice too."""
_ENTRY_COLUMNS = frozenset(
    {
        "id", "form_id", "post_id", "date_created", "date_updated", "ip", "source_url", "currency", "payment_status",
        "payment_date", "payment_amount", "payment_method", "transaction_id", "is_fulfilled", "created_by",
        "transaction_type", "status", "source_id", "form_title",
    }
)  # fmt: skip
_ENTRY_NOISE = frozenset({"is_starred", "is_read", "submission_speeds"})


class GravityForms(PlainForm):
    """The numbers differ per form and say nothing but a name's parts: a mapping helps (`"3" = "phone"`)."""

    kind = "gravityforms"

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The entry, unique in its site."""
        return key_of(text_at(peek(request), "id"))

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        entry = decode_delivery(delivery)
        if not isinstance(entry, dict):
            raise Unparsable("Not a Gravity Forms hook: an object of fields is expected.")
        # The entry's times are UTC without saying so (docs.gravityforms.com, "Entry Object").
        created = text_at(entry, "date_created")
        yield record(_fields(entry), occurred_at=moment_of(f"{created}Z"))


def _fields(entry: dict[str, Tree]) -> Iterator[SourceField]:
    hints = _name_hints(entry)
    for key, value in entry.items():
        if key in _ENTRY_COLUMNS:
            yield context(key, value)
        elif key not in _ENTRY_NOISE and not is_noise(key):
            yield from flatten(value, key, hints)


def _name_hints(entry: dict[str, Tree]) -> dict[str, str]:
    layouts: dict[str, set[str]] = {}
    for number, part in (found.groups() for key in entry if (found := _PART.fullmatch(key))):
        layouts.setdefault(number, set()).add(part)
    return {
        f"{number}.{part}": standard
        for number, parts in layouts.items()
        if _NAME_PARTS.keys() <= parts <= _NAME_LAYOUT
        for part, standard in _NAME_PARTS.items()
    }
