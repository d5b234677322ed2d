"""How large a company is, what it earns and what it does, from the many ways in which forms, registries and data
providers say so.

Sizes are the four classes that Brazil and the European Union share by name. By people: micro up to 9, small to 49,
medium to 249, large from there on (European Commission, recommendation 2003/361/EC). By yearly revenue in reais: micro
up to 360 thousand, small to 4.8 million (Lei Complementar 123/2006), medium to 300 million, large above (BNDES, "Porte
de empresa"). Industries are the sections of CNAE 2.0, which are those of ISIC Rev. 4.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pipelines.text import fold, vocabulary, words


class Size(StrEnum):
    MICRO = "micro"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Industry(StrEnum):
    AGRICULTURE = "agriculture"
    MINING = "mining"
    MANUFACTURING = "manufacturing"
    ENERGY = "energy"
    WATER = "water"
    CONSTRUCTION = "construction"
    COMMERCE = "commerce"
    TRANSPORT = "transport"
    HOSPITALITY = "hospitality"
    INFORMATION = "information"
    FINANCE = "finance"
    REAL_ESTATE = "real_estate"
    PROFESSIONAL = "professional"
    ADMINISTRATIVE = "administrative"
    PUBLIC = "public"
    EDUCATION = "education"
    HEALTH = "health"
    ARTS = "arts"
    OTHER_SERVICES = "other_services"
    HOUSEHOLDS = "households"
    INTERNATIONAL = "international"


LONGEST: Final = 200
"""Characters that are read."""

_PEOPLE: Final = ((Size.MICRO, 9), (Size.SMALL, 49), (Size.MEDIUM, 249))
_REAIS: Final = ((Size.MICRO, 360_000), (Size.SMALL, 4_800_000), (Size.MEDIUM, 300_000_000))
"""The most of each class; above the last one it is large."""

_SIZE_WORDS: Final = {
    word: size
    for size, listed in {
        Size.MICRO: "mei me micro microempresa autonomo autonoma freelancer solo self",
        Size.SMALL: "epp pequena pequeno pequenas small startup",
        Size.MEDIUM: "media medio medias medium mid mediana mediano demais",
        Size.LARGE: "grande grandes large enterprise corporate multinacional multinational",
    }.items()
    for word in vocabulary(listed)
}
"""`demais`, "the others", is what Receita Federal calls whoever is neither micro nor small: medium at least."""

_NUMBER: Final = re.compile(r"(\d{1,3}(?:[., ]\d{3})+(?!\d)|\d+)(?:[.,](\d{1,2}))?(?!\d)\s*([a-z]+)?")
_UP_TO: Final = re.compile(r"(?:ate|menos de|abaixo de|up to|less than|under|hasta|<=?)\s*(?:r\$|us\$|\$)?\s*\d")
_UNITS: Final = {
    **dict.fromkeys(("mil", "k", "thousand"), 1_000),
    **dict.fromkeys(("milhao", "milhoes", "mi", "mm", "m", "million", "millon", "millones"), 1_000_000),
    **dict.fromkeys(("bilhao", "bilhoes", "bi", "b", "billion"), 1_000_000_000),
}


@lru_cache(maxsize=4096)
def read_size(text: str) -> Size | None:
    """The class of a number of people ("11-50", "mais de 500 funcionários", "até 10") or of a word ("EPP", "large");
    of a range its lower end counts. None where it says neither. Never raises."""
    amount = _amount(text, with_units=False)
    if amount is not None:
        return _class(amount, _PEOPLE)
    return next((_SIZE_WORDS[word] for word in words(text[:LONGEST]) if word in _SIZE_WORDS), None)


@lru_cache(maxsize=4096)
def read_revenue(text: str, *, monthly: bool = False) -> Size | None:
    """The class of a yearly revenue in reais ("R$ 1 a 5 milhões", "acima de 300 mil"); of a range its lower end counts.
    None where it says none. Never raises."""
    amount = _amount(text, with_units=True)
    if amount is not None:
        return _class(amount * 12 if monthly else amount, _REAIS)
    return next((_SIZE_WORDS[word] for word in words(text[:LONGEST]) if word in _SIZE_WORDS), None)


def _amount(text: str, *, with_units: bool) -> float | None:
    """The lower end of what the text says; of "up to 10" the most that it can be."""
    plain = fold(text[:LONGEST])
    found: list[tuple[float, int]] = []
    for match in _NUMBER.finditer(plain):
        whole = float(re.sub(r"\D", "", match[1])[:15])
        cents = float(f"0.{match[2]}") if match[2] else 0.0
        found.append((whole + cents, _UNITS.get(match[3] or "", 1) if with_units else 1))
    if not found:
        return None
    amount, unit = found[0]
    if unit == 1 and len(found) > 1 and amount <= found[1][0]:  # "1 a 5 milhões": the unit is said once
        unit = found[1][1]
    most = amount * unit
    return most - 1 if _UP_TO.search(plain) else most


def _class(amount: float, bounds: tuple[tuple[Size, int], ...]) -> Size:
    return next((size for size, most in bounds if amount <= most), Size.LARGE)


_SECTIONS: Final = (
    (1, 3, Industry.AGRICULTURE), (5, 9, Industry.MINING), (10, 33, Industry.MANUFACTURING), (35, 35, Industry.ENERGY),
    (36, 39, Industry.WATER), (41, 43, Industry.CONSTRUCTION), (45, 47, Industry.COMMERCE),
    (49, 53, Industry.TRANSPORT), (55, 56, Industry.HOSPITALITY), (58, 63, Industry.INFORMATION),
    (64, 66, Industry.FINANCE), (68, 68, Industry.REAL_ESTATE), (69, 75, Industry.PROFESSIONAL),
    (77, 82, Industry.ADMINISTRATIVE), (84, 84, Industry.PUBLIC), (85, 85, Industry.EDUCATION),
    (86, 88, Industry.HEALTH), (90, 93, Industry.ARTS), (94, 96, Industry.OTHER_SERVICES),
    (97, 97, Industry.HOUSEHOLDS), (99, 99, Industry.INTERNATIONAL),
)  # fmt: skip
"""CNAE 2.0: the first and the last division of each section."""
_CNAE: Final = re.compile(r"\d{4}-?\d(?:/?\d{2})?|\d{6}")

_INDUSTRY_WORDS: Final = {
    word: industry
    for industry, listed in {
        Industry.AGRICULTURE: "agro agricola agricultura agronegocio agropecuaria pecuaria fazenda farming agriculture",
        Industry.MINING: "mineracao mining mineria petroleo",
        Industry.MANUFACTURING: """
            industria industrial fabricacao fabrica metalurgica manufatura manufacturing fabricante confeccao
            """,
        Industry.ENERGY: "energia energy eletrica solar utilities",
        Industry.WATER: "saneamento residuos reciclagem waste recycling",
        Industry.CONSTRUCTION: "construcao construtora construction engenharia obras construccion empreiteira",
        Industry.COMMERCE: """
            comercio varejo atacado loja lojas retail wholesale ecommerce distribuidora supermercado comercial
            """,
        Industry.TRANSPORT: "transporte transportes transportadora logistica logistics transportation frete",
        Industry.HOSPITALITY: "hotel hotelaria restaurante restaurantes turismo hospitality food alimentacao padaria",
        Industry.INFORMATION: """
            software tecnologia ti informatica saas technology it telecom telecomunicacoes internet media midia editora
            computer
            """,
        Industry.FINANCE: "financeiro banco bancos fintech seguros seguradora finance financial banking insurance",
        Industry.REAL_ESTATE: "imobiliaria imoveis imobiliario inmobiliaria",
        Industry.PROFESSIONAL: """
            consultoria consulting advocacia juridico contabilidade legal marketing publicidade agencia accounting
            arquitetura veterinaria
            """,
        Industry.ADMINISTRATIVE: "limpeza seguranca terceirizacao facilities staffing recrutamento locacao",
        Industry.PUBLIC: "governo publico prefeitura government",
        Industry.EDUCATION: "educacao escola ensino faculdade universidade education educacion curso cursos school",
        Industry.HEALTH: "saude clinica hospital hospitalar medico odontologia health healthcare salud laboratorio",
        Industry.ARTS: "esporte esportes academia entretenimento cultura eventos sports entertainment",
        Industry.OTHER_SERVICES: "beleza estetica salao igreja ong associacao nonprofit sindicato",
    }.items()
    for word in vocabulary(listed)
}


@lru_cache(maxsize=4096)
def read_industry(text: str) -> Industry | None:
    """The section of a CNAE code (with or without punctuation or its leading zero, as registries send it), else by a
    word ("Varejo", "Computer Software"). None where it says neither. Never raises."""
    plain = text[:LONGEST].strip()
    if _CNAE.fullmatch(re.sub(r"[.]", "", plain)):
        digits = re.sub(r"\D", "", plain)
        division = int(digits.zfill(7 if len(digits) > 5 else 5)[:2])
        return next((section for first, last, section in _SECTIONS if first <= division <= last), None)
    return next((_INDUSTRY_WORDS[word] for word in words(plain) if word in _INDUSTRY_WORDS), None)


_ASKS_FOR_SIZE: Final = vocabulary(
    "funcionarios colaboradores empregados employees empleados porte headcount tamanho equipe"
)
_ASKS_FOR_REVENUE: Final = vocabulary("faturamento revenue facturacion receita ingresos")
_ASKS_FOR_INDUSTRY: Final = vocabulary("segmento setor ramo industry industria sector rubro cnae nicho")
_MONTHLY: Final = vocabulary("mensal mes monthly mensual")


def answered(extra: dict[str, str]) -> tuple[Size | None, Size | None, Industry | None]:
    """Size, revenue and industry as the person said them in free fields whose labels ask for one of these."""
    size = revenue = None
    industry = None
    for label, answer in extra.items():
        asked = set(words(label[:LONGEST].replace("_", " ")))
        if size is None and asked & _ASKS_FOR_SIZE:
            size = read_size(answer)
        elif revenue is None and asked & _ASKS_FOR_REVENUE:
            revenue = read_revenue(answer, monthly=bool(asked & _MONTHLY))
        elif industry is None and asked & _ASKS_FOR_INDUSTRY:
            industry = read_industry(answer)
    return size, revenue, industry
