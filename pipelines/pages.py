"""Which pages of the house's website somebody looked at, from the free fields that trackers and form tools add."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from pipelines.text import vocabulary, words


class Page(StrEnum):
    """What a page is for; the one that tells most first."""

    CAREERS = "careers"
    PRICING = "pricing"
    DEMO = "demo"
    PRODUCT = "product"
    CONTENT = "content"


_WORDS: Final = {
    word: page
    for page, listed in {
        Page.CAREERS: "carreiras carreira careers vagas vaga jobs curriculo",
        Page.PRICING: "preco precos pricing price prices plano planos plans plan orcamento cotacao quote precios",
        Page.DEMO: "demo demonstracao demonstration agendar trial teste",
        Page.PRODUCT: "produto produtos servico servicos product products services solucao solucoes solutions",
        Page.CONTENT: "blog ebook artigo artigos material materiais conteudo webinar newsletter article",
    }.items()
    for word in vocabulary(listed)
}
_RANK: Final = {page: rank for rank, page in enumerate(Page)}
_PAGE_LABELS: Final = vocabulary("page pages pagina paginas url landing referrer referer")
_VIEW_LABELS: Final = frozenset(
    {
        "page views", "pageviews", "pages viewed", "paginas visitadas", "paginas vistas", "visitas", "visits",
        "total visits", "totalvisits", "numero de visitas",
    }
)  # fmt: skip
_LONGEST: Final = 2000
_MOST_VIEWS: Final = 10_000


def read_pages(extra: Mapping[str, str]) -> tuple[Page | None, int]:
    """The page that tells most, and how many pages they looked at (0: nobody says). Never raises."""
    found: list[Page] = []
    views = 0
    for label, text in extra.items():
        asked = words(label[:100].replace("_", " "))
        plain = text[:_LONGEST].strip()
        if " ".join(asked) in _VIEW_LABELS and re.fullmatch(r"[0-9]{1,6}(?:\.0+)?", plain):
            views = min(int(float(plain)), _MOST_VIEWS)
        elif not _PAGE_LABELS.isdisjoint(asked):
            seen = {_WORDS[word] for address in plain.split() for word in words(_path(address)) if word in _WORDS}
            found.extend(seen)
    return min(found, key=_RANK.__getitem__, default=None), views


def _path(address: str) -> str:
    try:
        return urlsplit(address).path.replace("_", " ").replace("-", " ")
    except ValueError:
        return ""
