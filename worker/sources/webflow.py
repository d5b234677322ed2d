"""Webflow form submissions: JSON; hooks made through the API are signed, those of the dashboard are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.models import SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import SignatureCheck, age_complaint, authenticate, hmac_check
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.reasons import OTHER_EVENT
from worker.sources.records import context, field, is_noise, record
from worker.sources.trees import moment_of, object_at, text_at


class Webflow:
    """`secret` is the OAuth application's or the webhook's own; the keys of `payload.data` are the fields' names."""

    kind = "webflow"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, _check(request, now))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        return key_of(text_at(peek(request), "payload", "id"))

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        if text_at(tree, "triggerType") not in {"", "form_submission"}:
            yield NotContact(OTHER_EVENT, "only form_submission brings a person")
            return
        payload = object_at(tree, "payload")
        if "data" not in payload:
            raise Unparsable("Not a Webflow form hook: there is no payload.data in it.")
        answers = object_at(payload, "data").items()
        fields = [field(name, value, label=name) for name, value in answers if not is_noise(name)]
        fields.append(context("form_name", payload.get("name")))
        fields += [context(key, payload.get(key)) for key in ("formId", "siteId", "pageUrl", "id")]
        yield record(fields, occurred_at=moment_of(text_at(payload, "submittedAt")))


def _check(request: InboundRequest, now: datetime) -> SignatureCheck:
    """Signed is `TIMESTAMP:BODY`, the timestamp in milliseconds (developers.webflow.com, "Working with Webhooks")."""
    timestamp = request.headers.get("x-webflow-timestamp", "")
    signed = timestamp.encode("utf-8", "replace") + b":" + request.body
    signature = hmac_check(request, "x-webflow-signature", "hex", message=signed)
    return lambda secret: age_complaint(timestamp, now, unit=0.001) or signature(secret)
