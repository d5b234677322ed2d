"""The marker that goes with every record we make, and finding the record that carries it.

Kommo has no idempotency key and forgets a `request_id`. So contacts and leads carry our marker in a text field (`[crm]
marker`; `portaria kommo setup` makes it), or as a tag where the account has no such field; notes and tasks carry it in
their last line. What was made lately is looked for in the list of the newest, which does not lag as the search does;
what is older, by the search, which has caught up by then.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.kommo.client import PAGE, KommoClient
from worker.kommo.directory import Directory
from worker.kommo.words import Item, texts_of

SETTLE_SECONDS: Final = 120.0
"""For how long after the record of a call a write may still land. It is begun within 30 s of when the adapter is asked,
which is within 10 s of the record (`worker.steps.calls.LATE_SECONDS`), and Kommo's own gateway gives up on a request
after about a minute (its 504): what is not there after two minutes is not coming."""

NEWEST: Final = 4 * PAGE
"""So many of the newest records are looked through."""
REREAD_SECONDS: Final = 5.0
"""A list of the newest serves all look-ups of a batch."""
_PREFIX: Final = "ptr-"
_IN_TEXT: Final = re.compile(rf"{_PREFIX}[0-9a-z]{{16}}")

ENTITIES: Final[Mapping[str, str]] = {"contact": "contacts", "lead": "leads", "company": "companies"}
"""The kind of a reference → Kommo's word."""


def marker_of(key: str) -> str:
    """The marker of a write: short, the same each time, and a word that stands in no other text."""
    return _PREFIX + base64.b32encode(hashlib.blake2b(key.encode(), digest_size=10).digest()).decode().lower()


def with_marker(text: str, key: str) -> str:
    """A note's or task's text with its marker as the last line."""
    return f"{text}\n\n{marker_of(key)}"


def without_marker(text: str) -> str:
    """The text as it was given."""
    return _IN_TEXT.sub("", text).rstrip()


class Markers:
    """Leaves markers, and looks for them."""

    def __init__(
        self,
        client: KommoClient,
        directory: Directory,
        field: int | str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._directory = directory
        self._field = field
        self._monotonic = monotonic
        self._newest: dict[str, tuple[float, dict[str, str]]] = {}

    def mark(self, entity: str, item: Item, key: str) -> Item:
        """The item of a new contact or lead with its marker: the last of its custom fields, else a tag."""
        field = self._directory.field(entity, self._field)
        if field is not None:
            value = {"field_id": field.id, "values": [{"value": marker_of(key)}]}
            return {**item, "custom_fields_values": [*item.get("custom_fields_values", ()), value]}
        embedded = item.get("_embedded", {})
        tags = [*embedded.get("tags", ()), {"name": marker_of(key)}]
        return {**item, "_embedded": {**embedded, "tags": tags}}

    def forget_newest(self) -> None:
        """Something is about to be made that the lists read so far do not have."""
        self._newest.clear()

    def refuse_field(self, entity: str) -> None:
        """Kommo does not take the marker's field: tags from now on."""
        if (field := self._directory.field(entity, self._field)) is not None:
            self._directory.refuse(entity, field.id)

    def find(self, write: CrmWrite) -> str | None:
        """The id of the record that `write` made; None when there is none. Raises `PortariaError`."""
        marker = marker_of(write.key)
        if write.kind is WriteKind.CREATE_CONTACT:
            return self._find_record("contacts", marker)
        if write.kind is WriteKind.CREATE_LEAD:
            return self._find_record("leads", marker)
        if write.target is None:
            return None
        entity, number = ENTITIES[write.target.kind], write.target.id
        if write.kind is WriteKind.ADD_NOTE:
            path, params, name = f"{entity}/{number}/notes", {}, "notes"
        else:
            path, params, name = "tasks", {"filter": {"entity_type": entity, "entity_id": [number]}}, "tasks"
        for _, page in self._client.pages(path, {**params, "order": {"id": "desc"}}):
            for one in page:
                text = one.get("text") if name == "tasks" else (one.get("params") or {}).get("text")
                if marker in str(text):
                    return str(one["id"])
        return None

    def _find_record(self, entity: str, marker: str) -> str | None:
        at, found = self._newest.get(entity, (float("-inf"), {}))
        if self._monotonic() - at > REREAD_SECONDS:
            at = self._monotonic()  # before it is read: what comes while it is read is not in it
            found = self._read_newest(entity)
            self._newest[entity] = (at, found)
        if marker in found:
            return found[marker]
        for _, page in self._client.pages(entity, {"query": marker}):
            for record in page:
                if marker in self._marks(entity, record):
                    return str(record["id"])
        return None

    def _read_newest(self, entity: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for start, page in self._client.pages(entity, {"order": {"id": "desc"}}):
            for record in page:
                found |= {mark: str(record["id"]) for mark in self._marks(entity, record)}
            if start >= NEWEST:
                break
        return found

    def _marks(self, entity: str, record: Mapping[str, Any]) -> list[str]:
        """Markers of ours on a record."""
        field = self._directory.field(entity, self._field)
        texts = texts_of(record, field.id) if field else []
        tags = [str(tag.get("name", "")) for tag in record.get("_embedded", {}).get("tags") or ()]
        return [text for text in (*texts, *tags) if text.startswith(_PREFIX)]


def make_field(client: KommoClient, entity: str, field: int | str) -> bool:
    """Make the text field that markers go into, where the account has none; whether it was made now. Raises
    `PortariaError`."""
    if Directory(client).field(entity, field) is not None:
        return False
    client.send("POST", f"{entity}/custom_fields", [{"name": str(field), "type": "text", "is_api_only": True}])
    return True


def entity_of(ref: RemoteRef) -> str:
    """Kommo's word for the kind of a reference; `contacts`, `leads` or `companies`."""
    return ENTITIES[ref.kind]
