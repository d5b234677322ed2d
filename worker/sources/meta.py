"""Meta Lead Ads: hooks with ids only (JSON, signed by the app), and the lead as the Graph API gives it
(developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from pipelines.models import SourceField, SourceRecord
from worker.asking import Around
from worker.errors import PortariaError, Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate, meta_check, meta_handshake
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of, key_of_all
from worker.sources.providers import Provider, has_token
from worker.sources.reasons import MALFORMED_RECORD, MISSING_ID, OTHER_EVENT
from worker.sources.records import CONTEXT, context, field, flatten_context, record, remote
from worker.sources.trees import Tree, at, items_of, moment_of, object_at, text_at

# Names of the standard questions (developers.facebook.com/docs/marketing-api/guides/lead-ads/create).
_HINTS = {
    "full_name": "name", "first_name": "given_name", "last_name": "family_name", "email": "email",
    "work_email": "email", "phone_number": "phone", "work_phone_number": "phone", "company_name": "company",
    "job_title": "job_title", "street_address": "street", "city": "city", "state": "region", "province": "region",
    "zip_code": "postal_code", "post_code": "postal_code", "country": "country", "date_of_birth": "birth_date",
    "website": "website",
}  # fmt: skip


# The Graph API's error codes ("Handling Errors", "Rate Limits"): they come with status 400.
_BUSY_CODES = frozenset({"4", "17", "32", "341", "613", *map(str, range(80000, 80015))})
_NO_SUCH_RECORD = "100"


class Meta:
    """`secret` is the app's secret, `verify_token` the handshake's. A hook's lead is fetched by its leadgen id with
    `token`, a page's (or a system user's) that has `leads_retrieval`."""

    kind = "meta"
    base_url = "https://graph.facebook.com"

    def can_fetch(self, settings: SourceSettings) -> bool:
        return has_token(settings)

    def is_reference(self, record: SourceRecord, settings: SourceSettings) -> bool:
        told = any(one.hint != CONTEXT for one in record.fields)
        return has_token(settings) and not told and bool(_lead_id(record))

    def fetch(
        self, references: Sequence[SourceRecord], settings: SourceSettings, around: Around
    ) -> Iterator[SourceRecord | NotContact | PortariaError]:
        with Provider(settings, self.base_url) as provider:
            for reference in references:
                try:
                    yield _lead(_read_lead(provider, _lead_id(reference)))
                except PortariaError as problem:
                    yield problem

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, meta_check(request))

    def handshake(self, request: InboundRequest, settings: SourceSettings) -> str:
        """The answer to Meta's GET; raises `Unauthorized`."""
        return meta_handshake(request, settings)

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The leads' ids; a lead as the Graph API gives it is another delivery than the hook that announced it."""
        tree = peek(request)
        if "field_data" in object_at(tree):
            return key_of("lead", text_at(tree, "id"))
        leads = [text_at(change, "value", "leadgen_id") for _, change in _changes(tree)]
        return key_of_all([key_of("leadgen", lead) for lead in leads])

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        if "field_data" in object_at(tree):
            yield _lead(object_at(tree))
        elif "entry" in object_at(tree):
            for place, change in _changes(tree):
                yield _announced(place, change)
        else:
            raise Unparsable("Not a Meta hook: there is neither entry nor field_data in it.")


def _changes(tree: Tree) -> Iterator[tuple[str, Tree]]:
    for entry_place, entry in items_of(at(tree, "entry")):
        for place, change in items_of(at(entry, "changes")):
            yield f"entry {entry_place}, change {place}", change


def _announced(place: str, change: Tree) -> SourceRecord | BadRecord | NotContact:
    if not isinstance(change, dict):
        return BadRecord(MALFORMED_RECORD, f"{place}: an object is expected")
    if text_at(change, "field") != "leadgen":
        return NotContact(OTHER_EVENT, f"{place}: only leadgen brings a person")
    value = object_at(change, "value")
    lead = text_at(value, "leadgen_id")
    if not lead:
        return BadRecord(MISSING_ID, f"{place}: no leadgen_id")
    return record(
        [context(key, one) for key, one in value.items()],
        remotes=[remote("meta", "lead", lead)],
        occurred_at=moment_of(text_at(value, "created_time")),
    )


def _lead(lead: dict[str, Tree]) -> SourceRecord:
    fields: list[SourceField] = []
    for place, answer in items_of(lead["field_data"]):
        question = text_at(answer, "name")
        values = at(answer, "values")
        fields.append(field(question or f"field_data.{place}", values, label=question, hint=_HINTS.get(question, "")))
    for key, value in lead.items():
        if key != "field_data":
            fields += flatten_context(value, key)
    lead_id = text_at(lead, "id")
    return record(
        fields,
        remotes=[remote("meta", "lead", lead_id)] if lead_id else [],
        occurred_at=moment_of(text_at(lead, "created_time")),
    )


def _lead_id(record: SourceRecord) -> str:
    return next((ref.id for ref in record.remotes if ref.kind == "lead"), "")


def _read_lead(provider: Provider, lead: str) -> dict[str, Tree]:
    """The lead; raises `TransientError` for one that is not there as well, since Meta says the same of one that our
    token may not read (yet)."""
    answer = provider.ask("GET", quote(lead, safe=""))
    code = text_at(answer.tree, "error", "code")
    if code in _BUSY_CODES:
        raise provider.busy()
    if code == _NO_SUCH_RECORD:
        raise provider.failed("has no such lead, or our token may not read it: give its page leads_retrieval")
    if code:
        raise provider.refused(f"answered error {code}")
    lead_data = object_at(answer.tree)
    if not answer.is_success or "field_data" not in lead_data:
        raise provider.failed(f"answered {answer.status} without a lead")
    return lead_data
