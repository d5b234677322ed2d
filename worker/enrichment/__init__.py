"""Where facts about a contact come from: one file a source, one line each here, cheapest first.

A source is a small stateless class that keeps the promises of `worker.ports.FactSource`. Those that only compute are
always there; those that ask somebody outside are there where portaria.toml has an `[enrichment.NAME]` for them. The
names of facts are in the table of `pipelines.enrich`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.config import EnrichmentSection
from worker.enrichment import company_registry, http_api, website
from worker.enrichment.document import DocumentFacts
from worker.enrichment.email_domain import EmailDomainFacts
from worker.enrichment.job_title import JobTitleFacts
from worker.enrichment.language import LanguageFacts
from worker.enrichment.mail_exchange import TERMS as MAIL_EXCHANGE_TERMS
from worker.enrichment.mail_exchange import MailExchangeFacts
from worker.enrichment.name import NameFacts
from worker.enrichment.phone import PhoneFacts
from worker.enrichment.terms import LookUpKeys, read_keys
from worker.errors import ConfigurationError
from worker.ports import FactSource

_HERE: tuple[FactSource, ...] = (
    DocumentFacts(),
    JobTitleFacts(),
    EmailDomainFacts(),
    NameFacts(),
    PhoneFacts(),
    LanguageFacts(),
)

FACT_SOURCES: Mapping[str, FactSource] = {source.name: source for source in _HERE}
"""Every source that only computes by its name, in the order they are asked."""

TRUST = "trust"
"""Key of `[enrichment.NAME]`: true lets the source fill empty fields however unsure it is."""


def _mail_exchange(name: str, section: EnrichmentSection) -> FactSource:
    return MailExchangeFacts(terms=read_keys(LookUpKeys, name, section).terms(MAIL_EXCHANGE_TERMS))


def _mcp(name: str, section: EnrichmentSection) -> FactSource:
    # Only here: importing MCP takes a second of CPU, which every process would pay at its start.
    from worker.enrichment import mcp_tool

    return mcp_tool.build(name, section)


KINDS: Mapping[str, Callable[[str, EnrichmentSection], FactSource]] = {
    "mail_exchange": _mail_exchange,
    "cnpj": company_registry.build,
    "website": website.build,
    "http": http_api.build,
    "mcp": _mcp,
}
"""What makes a source outside from its section, by kind. A section that is named as a kind is of that kind."""


def build_fact_sources(sections: Mapping[str, EnrichmentSection]) -> Mapping[str, FactSource]:
    """The sources that are not switched off, by name, in the order to ask them: those that compute, then those outside
    by what a call costs. Raises `ConfigurationError` for a source or a key that does not exist."""
    outside = []
    for name, section in sections.items():
        if name in FACT_SOURCES:
            _check_here(name, section)
        else:
            source = _build(name, section)
            if section.enabled:
                outside.append(source)
    here = [source for source in _HERE if source.name not in sections or sections[source.name].enabled]
    outside.sort(key=lambda source: source.terms.cost if source.terms else 0.0)
    return {source.name: source for source in (*here, *outside)}


def _build(name: str, section: EnrichmentSection) -> FactSource:
    kind = section.options.get("kind", name)
    if kind not in KINDS:
        what = f"kind: there is no {kind!r}" if "kind" in section.options else "there is no such source of facts"
        raise ConfigurationError(
            f"[enrichment.{name}] {what}; there are {', '.join(FACT_SOURCES)}, and outside {', '.join(KINDS)}"
        )
    return KINDS[kind](name, section)


def _check_here(name: str, section: EnrichmentSection) -> None:
    for key, value in section.options.items():
        if key != TRUST:
            raise ConfigurationError(f"[enrichment.{name}] {key}: there is no such key; there are enabled, {TRUST}")
        if not isinstance(value, bool):
            raise ConfigurationError(f"[enrichment.{name}] {TRUST} is true or false")


def trusted_sources(sections: Mapping[str, EnrichmentSection]) -> frozenset[str]:
    """The sources whose findings fill empty fields however unsure they are: `trusted` of
    `pipelines.enrich.merge_facts`."""
    return frozenset(name for name, section in sections.items() if section.options.get(TRUST) is True)
