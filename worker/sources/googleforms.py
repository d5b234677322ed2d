"""Google Forms through a short Apps Script of the form's owner, which may sign by Standard Webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.models import SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate, standard_webhooks_check
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of
from worker.sources.records import context, field, record
from worker.sources.trees import moment_of, object_at, text_at


class GoogleForms:
    """`{"form": {id, title}, "response": {id, timestamp, email, payload: {QUESTION: answer or answers}}}`."""

    kind = "googleforms"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, standard_webhooks_check(request, now))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The response, and when it was sent: a response edited by its author keeps its id."""
        response = object_at(peek(request), "response")
        return key_of(text_at(response, "id"), text_at(response, "timestamp"))

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        response = object_at(tree, "response")
        if "payload" not in response:
            raise Unparsable("Not a Google Forms delivery: there is no response.payload in it.")
        answers = object_at(response, "payload").items()
        fields = [field(question, answer, label=question) for question, answer in answers]
        # The respondent's own address, where the form collects it.
        fields.append(field("response.email", response.get("email"), hint="email"))
        fields.append(context("form_name", object_at(tree, "form").get("title")))
        fields.append(context("form_id", object_at(tree, "form").get("id")))
        yield record(fields, occurred_at=moment_of(text_at(response, "timestamp")))
