"""A form that signs nothing, numbers nothing and sends its fields as they are: what most form plugins are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from pipelines.models import SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate
from worker.sources.bodies import decode_delivery
from worker.sources.reasons import EMPTY, MALFORMED_RECORD
from worker.sources.records import flatten, record
from worker.sources.trees import Tree


class PlainForm:
    """An object of fields is one person, a list of objects several; any of JSON, urlencoded and multipart."""

    kind: str = ""
    hints: ClassVar[Mapping[str, str]] = {}
    """Dotted keys that the provider itself defines → standard field."""

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        """The shared secret is all there is to verify by."""
        authenticate(request, settings)

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """None: the provider numbers nothing."""
        return None

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        people = _people(decode_delivery(delivery))
        if not people:
            yield NotContact(EMPTY, "an empty list")
        for place, person in enumerate(people):
            if not isinstance(person, dict):
                yield BadRecord(MALFORMED_RECORD, f"item {place}: an object of fields is expected")
            elif fields := list(flatten(person, hints=self.hints)):
                yield record(fields)
            else:
                yield NotContact(EMPTY, f"item {place}: no fields")


def _people(tree: Tree) -> list[Tree]:
    """`[{...}, {...}]` and `{"anything": [{...}, {...}]}` are lists of people; any other object is one person."""
    if isinstance(tree, dict) and len(tree) == 1:
        (only,) = tree.values()
        if isinstance(only, list) and only and all(isinstance(item, dict) for item in only):
            return only
    if isinstance(tree, list):
        return tree
    if isinstance(tree, dict):
        return [tree]
    raise Unparsable("The body is a bare value: an object of fields, or a list of them, is expected.")
