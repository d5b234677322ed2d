"""Tally webhooks: JSON, signed with `Tally-Signature` (tally.so/help/webhooks)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate, hmac_check
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.reasons import OTHER_EVENT
from worker.sources.records import context, field, record
from worker.sources.trees import Tree, at, items_of, moment_of, object_at, text_at, texts_of

_HINTS = {"INPUT_EMAIL": "email", "INPUT_PHONE_NUMBER": "phone"}


class Tally:
    """`secret` is the webhook's signing secret. Chosen options come as ids: their texts are put in."""

    kind = "tally"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, hmac_check(request, "tally-signature", "base64"))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        tree = peek(request)
        return key_of(text_at(tree, "eventId") or text_at(tree, "data", "submissionId"))

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        data = object_at(tree, "data")
        if text_at(tree, "eventType") not in {"", "FORM_RESPONSE"}:
            yield NotContact(OTHER_EVENT, "only FORM_RESPONSE brings a person")
            return
        if "fields" not in data:
            raise Unparsable("Not a Tally hook: there is no data.fields in it.")
        fields = [_answer(place, answer) for place, answer in items_of(data["fields"])]
        fields.append(context("form_name", data.get("formName")))
        fields += [context(key, data.get(key)) for key in ("formId", "submissionId", "respondentId")]
        yield record(fields, occurred_at=moment_of(text_at(data, "createdAt") or text_at(tree, "createdAt")))


def _answer(place: str, answer: Tree) -> SourceField:
    value = at(answer, "value")
    options = {text_at(option, "id"): text_at(option, "text") for _, option in items_of(at(answer, "options"))}
    if options:
        value = [options.get(chosen, chosen) for chosen in texts_of(value)]
    elif text_at(answer, "type") in {"FILE_UPLOAD", "SIGNATURE"}:
        value = [text_at(upload, "url") for _, upload in items_of(value)]
    return field(
        text_at(answer, "key") or f"fields.{place}",
        value,
        label=text_at(answer, "label"),
        hint=_HINTS.get(text_at(answer, "type"), ""),
    )
