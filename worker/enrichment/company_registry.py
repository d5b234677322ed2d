"""What does the registry of companies say of a CNPJ? Asked of any service shaped as BrasilAPI's `cnpj/v1`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from pipelines.models import Contact, DocumentKind, Fact
from pipelines.text import tidy_line
from worker.config import EnrichmentSection
from worker.enrichment.terms import LookUpKeys, read_keys
from worker.enrichment.web_api import WebApi
from worker.ports import Terms

TERMS: Final = Terms(max_age=90 * 86_400.0, nothing_max_age=7 * 86_400.0, timeout=8.0, per_second=3)

_LONGEST: Final = 300
_MOST_PARTNERS: Final = 20

_PLAIN: Final = (
    ("razao_social", "company_legal_name", 1.0),
    ("porte", "company_size", 0.9),
    ("cnae_fiscal", "industry_code", 1.0),
    ("cnae_fiscal_descricao", "industry", 1.0),
    ("descricao_situacao_cadastral", "company_status", 1.0),
    ("data_inicio_atividade", "company_founded", 1.0),
    ("capital_social", "company_capital", 1.0),
    # The company's seat, not where the person is: sure enough for a score, too unsure to fill an address.
    ("municipio", "city", 0.6),
    ("uf", "region", 0.6),
)
"""The registry's key, our field, and how sure the finding is of the person's company today."""


class CnpjKeys(LookUpKeys):
    base_url: str = Field(default="https://brasilapi.com.br/api/cnpj/v1", pattern="^https?://[^/]")
    """The CNPJ's fourteen places are put behind it."""


class CompanyRegistryFacts:
    """By the first CNPJ whose check digits are right."""

    name = "cnpj"
    fields: Collection[str] = frozenset({"company", "company_partners", *(field for _, field, _ in _PLAIN)})

    def __init__(self, base_url: str, terms: Terms = TERMS) -> None:
        self.terms: Terms | None = terms
        self._base_url = base_url.rstrip("/")
        self._api = WebApi(f"[enrichment.{self.name}]", timeout=terms.timeout)

    def key(self, contact: Contact) -> str:
        valid = (each.number for each in contact.documents if each.kind is DocumentKind.CNPJ and each.valid)
        return next(valid, "")

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """What is registered; nothing for a number that was never given out (404, or 400 as BrasilAPI says it)."""
        answer = self._api.ask("GET", f"{self._base_url}/{key}", nothing=frozenset({400, 404}))
        if not isinstance(answer, dict):
            return ()
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=confidence)
            for field, text, confidence in _findings(answer)
            if (value := tidy_line(text)[:_LONGEST])
        ]


def _findings(answer: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for theirs, ours, confidence in _PLAIN:
        yield ours, _text(answer.get(theirs)), confidence
    # The name on the sign, which is what people say, else the registered one.
    yield "company", _text(answer.get("nome_fantasia")) or _text(answer.get("razao_social")), 0.9
    partners = answer.get("qsa")
    if isinstance(partners, list):
        names = [_text(each.get("nome_socio")) for each in partners[:_MOST_PARTNERS] if isinstance(each, dict)]
        yield "company_partners", "; ".join(filter(None, names)), 1.0


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def build(name: str, section: EnrichmentSection) -> CompanyRegistryFacts:
    """From `[enrichment.cnpj]`."""
    keys = read_keys(CnpjKeys, name, section)
    return CompanyRegistryFacts(keys.base_url, keys.terms(TERMS))
