"""Typeform webhooks: JSON, signed with `Typeform-Signature` (developers.typeform.com/webhooks)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate, hmac_check
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.records import context, field, flatten, record
from worker.sources.trees import Tree, at, items_of, moment_of, object_at, text_at

_HINTS = {"email": "email", "phone_number": "phone"}


class Typeform:
    """`secret` is the webhook's secret. One response is one person; a question's title is its field's label."""

    kind = "typeform"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, hmac_check(request, "typeform-signature", "base64", prefix="sha256="))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        tree = peek(request)
        return key_of(text_at(tree, "event_id") or text_at(tree, "form_response", "token"))

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        response = object_at(tree, "form_response")
        if not response:
            raise Unparsable("Not a Typeform hook: there is no form_response in it.")
        titles = dict(_titles(at(response, "definition", "fields")))
        fields = [_answer(place, answer, titles) for place, answer in items_of(response.get("answers"))]
        fields += flatten(response.get("hidden"), "hidden")
        for _, variable in items_of(response.get("variables")):
            fields.append(context(f"variables.{text_at(variable, 'key')}", at(variable, text_at(variable, "type"))))
        fields.append(context("form_name", at(response, "definition", "title")))
        fields += [context(key, at(response, key)) for key in ("form_id", "token", "landed_at")]
        fields.append(context("score", at(response, "calculated", "score")))
        yield record(fields, occurred_at=moment_of(text_at(response, "submitted_at")))


def _titles(questions: Tree) -> Iterator[tuple[str, str]]:
    """Question id → title; a group's or a contact block's own questions stand in its properties."""
    for _, question in items_of(questions):
        yield text_at(question, "id"), text_at(question, "title")
        yield from _titles(at(question, "properties", "fields"))


def _answer(place: str, answer: Tree, titles: dict[str, str]) -> SourceField:
    kind = text_at(answer, "type")
    question = text_at(answer, "field", "id")
    value = at(answer, kind)
    if isinstance(value, dict):
        # A choice has a label, several have labels, and each may have an "other" of the person's own.
        value = [at(value, "label"), at(value, "labels"), at(value, "other")] if "choice" in kind else value
    key = text_at(answer, "field", "ref") or question or f"answers.{place}"
    return field(key, value, label=titles.get(question, ""), hint=_HINTS.get(kind, ""))
