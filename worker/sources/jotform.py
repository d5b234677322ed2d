"""Jotform webhooks: multipart/form-data whose `rawRequest` is the JSON of the answers, `q{number}_{slug}` each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.jsondata import load_json
from worker.sources.plainform import PlainForm
from worker.sources.records import context, field, flatten, record
from worker.sources.trees import Tree, moment_of, object_at, text_at, texts_of

_QUESTION = re.compile(r"q\d+_")
# The parts that Jotform's own compound questions have.
_NAME_PARTS = {"first": "given_name", "last": "family_name"}
_ADDRESS_PARTS = {
    "addr_line1": "street", "addr_line2": "complement", "city": "city", "state": "region", "postal": "postal_code",
    "country": "country",
}  # fmt: skip
_PRETTY_READ = 10_000
"""Characters of `pretty` that labels are looked for in."""


class Jotform(PlainForm):
    """Jotform signs nothing. Answers to compound questions (name, phone, address, date) come in parts."""

    kind = "jotform"

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The submission, and when it was sent: an edited submission comes again under its number."""
        tree = peek(request)
        submission = text_at(tree, "submissionID")
        try:
            sent_at = text_at(_answers(tree), "submitDate")
        except Unparsable:
            sent_at = ""
        return key_of(submission, sent_at) if sent_at else key_of(submission)

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        answers = _answers(tree)
        if not answers:
            raise Unparsable("Not a Jotform hook: there is no rawRequest in it.")
        pretty = text_at(tree, "pretty")[:_PRETTY_READ]
        fields: list[SourceField] = []
        for key, answer in answers.items():
            if _QUESTION.match(key):
                fields += _answer(key, answer, pretty)
        fields.append(context("form_name", object_at(tree).get("formTitle")))
        fields += [context(key, object_at(tree).get(key)) for key in ("formID", "submissionID", "ip", "username")]
        yield record(fields, occurred_at=moment_of(text_at(answers, "submitDate")))


def _answers(tree: Tree) -> dict[str, Tree]:
    raw = text_at(tree, "rawRequest")
    return object_at(load_json(raw)) if raw else {}


def _answer(key: str, answer: Tree, pretty: str) -> Iterator[SourceField]:
    label = _label(answer, pretty)
    parts = answer if isinstance(answer, dict) else {}
    if {"first", "last"} <= parts.keys():
        for part, value in parts.items():
            yield field(f"{key}.{part}", value, label=label, hint=_NAME_PARTS.get(part, ""))
    elif "addr_line1" in parts:
        for part, value in parts.items():
            yield field(f"{key}.{part}", value, label=label, hint=_ADDRESS_PARTS.get(part, ""))
    elif {"area", "phone"} <= parts.keys() or "full" in parts:
        number = " ".join(text_at(parts, part) for part in ("country", "area", "phone", "full"))
        yield field(key, number.strip(), label=label, hint="phone")
    elif {"day", "month", "year"} <= parts.keys():
        yield field(key, "-".join(text_at(parts, part) for part in ("year", "month", "day")).strip("-"), label=label)
    elif parts:
        yield from flatten(parts, key)
    else:
        yield field(key, answer, label=label)


def _label(answer: Tree, pretty: str) -> str:
    """The question's text, from `pretty`: `Label:answer, Label:answer`, where it can be told by its answer."""
    said = " ".join(text.strip() for text in texts_of(answer))
    before, found, _ = pretty.partition(f":{said}") if said else ("", "", "")
    return before.rpartition(", ")[2].strip() if found else ""
