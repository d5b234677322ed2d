"""Any provider with an HTTP API as a source of facts: a URL template and paths into its JSON, no code.

[enrichment.apollo]
kind = "http"
url = "https://api.example.com/v1/people/match?email={email}"
headers = { X-Api-Key = "..." }
facts = { job_title = "person.title", company_size = "person.organization.employees" }
cost = 0.05
daily_budget = 10
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipelines.models import Contact, Fact
from worker.config import EnrichmentSection
from worker.enrichment.templates import TemplateKeys, check_template, facts_in, filled, key_for, places_in
from worker.enrichment.terms import read_keys
from worker.enrichment.web_api import WebApi
from worker.ports import Terms

TERMS: Final = Terms(timeout=8.0)


def _url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme not in {"http", "https"} or not rest or "{" in rest.partition("/")[0]:
        raise ValueError("write it in full, https://api.example.com/..., its host without a place")
    return check_template(text)


class HttpKeys(TemplateKeys):
    url: Annotated[str, AfterValidator(_url)]
    method: Literal["GET", "POST"] = "GET"
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    """JSON to send; places in its texts are filled."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.places:
            raise ValueError("url: it names nothing of the contact; put {domain} into it")
        return self

    @property
    def places(self) -> set[str]:
        """What of a contact is sent."""
        return places_in(self.url) | places_in(dict(self.body or {}))


class HttpFacts:
    """By whichever values its templates name."""

    def __init__(self, name: str, keys: HttpKeys) -> None:
        self.name = name
        self.fields: Collection[str] = frozenset(keys.facts)
        self.terms: Terms | None = keys.terms(TERMS)
        self._keys = keys
        self._places = keys.places
        self._api = WebApi(f"[enrichment.{name}]", timeout=self.terms.timeout, headers=keys.headers)

    def key(self, contact: Contact) -> str:
        return key_for(contact, self._places)

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        values = json.loads(key)
        body = filled(dict(self._keys.body), values) if self._keys.body is not None else None
        answer = self._api.ask(self._keys.method, filled(self._keys.url, values, in_url=True), body=body)
        return facts_in(answer, self._keys, self.name, now)


def build(name: str, section: EnrichmentSection) -> HttpFacts:
    """From an `[enrichment.NAME]` of kind http."""
    return HttpFacts(name, read_keys(HttpKeys, name, section))
