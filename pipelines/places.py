"""Postal addresses: the codes of states and countries, the CEP, and one line of address taken apart where it is plain.

Honest rather than clever: what does not fit a rule stays as it was written. Nothing is looked up, so nobody here knows
whether a street exists.
"""

from __future__ import annotations

import gettext
import re
from functools import lru_cache

import pycountry

from pipelines.models import PostalAddress
from pipelines.text import remembered, tidy_line, words

CODED = "coded"
"""Rule: a country or state by name became its ISO 3166 code; a CEP got its hyphen and a lost leading zero back."""

_STATES = {
    "AC": "acre", "AL": "alagoas", "AP": "amapa", "AM": "amazonas", "BA": "bahia", "CE": "ceara",
    "DF": "distrito federal", "ES": "espirito santo", "GO": "goias", "MA": "maranhao", "MT": "mato grosso",
    "MS": "mato grosso do sul", "MG": "minas gerais", "PA": "para", "PB": "paraiba", "PR": "parana", "PE": "pernambuco",
    "PI": "piaui", "RJ": "rio de janeiro", "RN": "rio grande do norte", "RS": "rio grande do sul", "RO": "rondonia",
    "RR": "roraima", "SC": "santa catarina", "SP": "sao paulo", "SE": "sergipe", "TO": "tocantins",
}  # fmt: skip
_STATE_BY_NAME = {name: letters for letters, name in _STATES.items()}
_OTHER_NAMES = {
    "eua": "US", "usa": "US", "u s a": "US", "u s": "US", "estados unidos da america": "US",
    "estados unidos de america": "US",
    "ee uu": "US", "eeuu": "US", "inglaterra": "GB", "england": "GB", "escocia": "GB", "scotland": "GB", "wales": "GB",
    "uk": "GB", "u k": "GB", "great britain": "GB", "gra bretanha": "GB", "gran bretana": "GB", "holanda": "NL",
    "holland": "NL", "paises baixos": "NL", "coreia": "KR", "corea": "KR", "korea": "KR", "tchequia": "CZ",
    "republica tcheca": "CZ", "republica checa": "CZ", "russia": "RU", "rusia": "RU", "siria": "SY", "ira": "IR",
    "vietna": "VN", "china": "CN", "taiwan": "TW", "brasil": "BR", "brazil": "BR", "bresil": "BR", "moldova": "MD",
}  # fmt: skip
_LANGUAGES = ("pt", "pt_BR", "es")


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """ISO letters by folded code and by name in English, Portuguese and Spanish, as pycountry ships them."""
    found: dict[str, str] = {}
    translations = [
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in _LANGUAGES
    ]
    for country in pycountry.countries:
        names = [getattr(country, kind, "") for kind in ("name", "common_name", "official_name")]
        names += [translation.gettext(name) for translation in translations for name in names if name]
        for name in [country.alpha_2, country.alpha_3, *names]:
            found.setdefault(" ".join(words(name)), str(country.alpha_2))
    found.pop("", None)
    return found | _OTHER_NAMES


@remembered
def parse_country(text: str) -> str:
    """ISO 3166 two letters of a country given by its code or its name in Portuguese, English or Spanish, or empty."""
    return _countries().get(" ".join(words(text[:200])), "")


@remembered
def parse_state(text: str) -> str:
    """The two letters of a Brazilian state given by letters or name ("SP", "são paulo", "Estado de São Paulo"), or
    empty."""
    plain = " ".join(words(text[:200]))
    if plain.upper() in _STATES:
        return plain.upper()
    for prefix in ("estado de ", "estado do ", "estado da "):
        plain = plain.removeprefix(prefix)
    return _STATE_BY_NAME.get(plain, "")


_PORTUGUESE = re.compile(r"\d{4}-\d{3}")


def parse_postal_code(text: str, country: str = "") -> str:
    """A postal code as written on letters, or empty when it is none. `01310-100` for Brazil, which a code of seven or
    eight digits is taken for when no other `country` is given; seven digits have lost the zero of São Paulo."""
    code = re.sub(r"(?i)^cep[ :.]*", "", tidy_line(text)).upper()
    digits = re.sub(r"[ .\-–]", "", code).removesuffix("0" if re.fullmatch(r"\d{7,8}\.0", code) else "")
    if re.fullmatch(r"[0-9]{7,8}", digits) and (country == "BR" or (not country and not _PORTUGUESE.fullmatch(code))):
        digits = digits.zfill(8)
        return "" if len(set(digits)) == 1 or digits.startswith("000") else f"{digits[:5]}-{digits[5:]}"
    if country == "BR" or not re.fullmatch(r"[0-9A-Z][0-9A-Z \-]{1,9}", code) or not re.search(r"\d", code):
        return ""
    return "" if set(code) <= {"0", "-", " "} else code


_CITY_AND_STATE = re.compile(r"(.{2,80}?) ?(?:[-–/,(]|\b - \b) ?([A-Za-z]{2})\)?")


def parse_city(text: str) -> tuple[str, str]:
    """City and Brazilian state (empty where none is said) of "São Paulo - SP", "São Paulo/SP", "São Paulo"."""
    city = tidy_line(text)
    match = _CITY_AND_STATE.fullmatch(city) if len(city) < 100 else None
    if match and match[2].upper() in _STATES:
        return match[1].strip(), match[2].upper()
    return city, ""


_CEP = re.compile(r"(?:\bCEP\b[ :.]*)?(?<!\d)\d{5}-\d{3}(?!\d)|\bCEP\b[ :.]*\d{8}(?!\d)", re.IGNORECASE)
_STATE_AT_END = re.compile(r"(?:[,/–-]|\s) ?([A-Z]{2})[ ,.]*")
_SEGMENT = re.compile(r" ?[,;\n|] ?| [-–] ")
_HOUSE_NUMBER = re.compile(r"(?:n[.º°o]* ?)?\d{1,6} ?[A-Za-z]?|s/? ?n[.º°]?|km ?\d+", re.IGNORECASE)
_STREET = re.compile(r"(?:rua|r\.|av|avenida|travessa|alameda|rodovia|estrada|pra[çc]a|largo|.*\d)", re.IGNORECASE)
_INSIDE = re.compile(
    r"(?:ap|apto|apartamento|bl|bloco|sala|sl|cj|conj|conjunto|casa|andar|lote|quadra|qd|lt|fundos|loja|torre|unit|suite|"
    r"piso|depto|dpto|of|oficina|apt)\b.*|\d+[ºª°].*",
    re.IGNORECASE,
)


def parse_address(text: str) -> PostalAddress:
    """One line of address, taken apart: CEP, country and Brazilian state wherever they are plain, the city before the
    state, the house number after the first comma, apartment and district between. Without a state at the end nobody can
    tell a district from a city: then what remains stays together as the street. No word of it is lost.
    """
    rest = tidy_line(text)
    postal_code = country = region = city = number = ""
    if found := _CEP.search(rest):
        postal_code = parse_postal_code(found.group())
        rest = (rest[: found.start()].rstrip(" ,;-–") + " , " + rest[found.end() :].lstrip(" ,;-–")).strip(" ,;")
    head, _, tail = rest.rpartition(",")
    if head and len(tail) > 3 and (country := parse_country(tail)):
        rest = head.strip(" ,;-–")
    state = _STATE_AT_END.search(rest, max(0, len(rest) - 8))
    if state and state.end() == len(rest) and state[1] in _STATES and country in {"", "BR"}:
        region, rest = state[1], rest[: state.start()].rstrip(" ,;/-–")
    segments = [segment for segment in _SEGMENT.split(rest) if segment]
    if region and (len(segments) > 1 or not _STREET.match(rest)):
        city = "".join(segments[-1:])
        segments = segments[:-1]
    if len(segments) > 1 and _HOUSE_NUMBER.fullmatch(segments[1]):
        number = segments.pop(1)
    inside = [segment for segment in segments[1:] if _INSIDE.fullmatch(segment)]
    outside = [segment for segment in segments[1:] if not _INSIDE.fullmatch(segment)]
    district = outside.pop() if city and outside else ""
    return PostalAddress(
        street=", ".join([*segments[:1], *outside]),
        number=number,
        complement=", ".join(inside),
        district=district,
        city=city,
        region=region,
        postal_code=postal_code,
        country=country,
    )
