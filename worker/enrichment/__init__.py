"""Where facts about a contact come from: one file a source, one line each in `_ALL`, cheapest first.

A source is a small stateless class that keeps the promises of `worker.ports.FactSource`. Those here only compute: they
need no network, answer at once, and their `max_age` of 0 says that no answer is worth keeping. The names of facts are
in the table of `pipelines.enrich`.
"""

from __future__ import annotations

from collections.abc import Mapping

from worker.config import EnrichmentSection
from worker.enrichment.document import DocumentFacts
from worker.enrichment.email_domain import EmailDomainFacts
from worker.enrichment.job_title import JobTitleFacts
from worker.enrichment.language import LanguageFacts
from worker.enrichment.name import NameFacts
from worker.enrichment.phone import PhoneFacts
from worker.errors import ConfigurationError
from worker.ports import FactSource

_ALL: tuple[FactSource, ...] = (
    DocumentFacts(),
    JobTitleFacts(),
    EmailDomainFacts(),
    NameFacts(),
    PhoneFacts(),
    LanguageFacts(),
)

FACT_SOURCES: Mapping[str, FactSource] = {source.name: source for source in _ALL}
"""Every source of facts by its name, in the order they are asked."""

TRUST = "trust"
"""Key of `[enrichment.NAME]`: true lets the source fill empty fields however unsure it is."""


def build_fact_sources(sections: Mapping[str, EnrichmentSection]) -> Mapping[str, FactSource]:
    """The sources that are not switched off, by name, in the order to ask them. Raises `ConfigurationError` for a
    source or a key that does not exist."""
    for name, section in sections.items():
        if name not in FACT_SOURCES:
            known = ", ".join(FACT_SOURCES)
            raise ConfigurationError(f"[enrichment.{name}]: there is no such source of facts; there are {known}")
        for key, value in section.options.items():
            if key != TRUST:
                raise ConfigurationError(f"[enrichment.{name}] {key}: there is no such key; there are enabled, {TRUST}")
            if not isinstance(value, bool):
                raise ConfigurationError(f"[enrichment.{name}] {TRUST} is true or false")
    return {name: source for name, source in FACT_SOURCES.items() if name not in sections or sections[name].enabled}


def trusted_sources(sections: Mapping[str, EnrichmentSection]) -> frozenset[str]:
    """The sources whose findings fill empty fields however unsure they are: `trusted` of
    `pipelines.enrich.merge_facts`."""
    return frozenset(name for name, section in sections.items() if section.options.get(TRUST) is True)
