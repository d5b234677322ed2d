"""Elementor Pro's webhook action: urlencoded, in two layouts by its switch "Advanced Data"."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, NotContact, SourceSettings
from worker.sources.bodies import decode_delivery
from worker.sources.plainform import PlainForm
from worker.sources.records import context, field, flatten, is_noise, record
from worker.sources.trees import Tree, object_at, text_at

_HINTS = {"email": "email", "tel": "phone"}
_NO_LABEL = "No Label "
_META_NOISE = frozenset({"user_agent", "credit"})


class Elementor(PlainForm):
    """Advanced: `fields[ID][title|type|value]`, `meta[...]`, `form[...]`. Simple: the labels are the keys."""

    kind = "elementor"

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        if not isinstance(tree, dict):
            raise Unparsable("Not an Elementor hook: an object of fields is expected.")
        yield record(_advanced(tree) if object_at(tree, "fields") else _simple(tree))


def _advanced(tree: dict[str, Tree]) -> Iterator[SourceField]:
    for key, one in object_at(tree, "fields").items():
        if isinstance(one, dict):
            hint = _HINTS.get(text_at(one, "type"), "")
            yield field(key, one.get("value") or one.get("raw_value"), label=text_at(one, "title"), hint=hint)
        else:
            yield field(key, one)
    yield context("form_name", object_at(tree, "form").get("name"))
    yield context("form_id", object_at(tree, "form").get("id"))
    for key, one in object_at(tree, "meta").items():
        if key not in _META_NOISE:
            yield context(key, object_at(one).get("value") if isinstance(one, dict) else one)
    for key, rest in tree.items():
        if key not in {"fields", "form", "meta"}:
            yield from flatten(rest, key)


def _simple(tree: dict[str, Tree]) -> Iterator[SourceField]:
    for key, value in tree.items():
        if key in {"form_id", "form_name"}:
            yield context(key, value)
        elif isinstance(value, dict):
            yield from flatten(value, key)
        elif not is_noise(key):
            yield field(key, value, label=key.removeprefix(_NO_LABEL))
