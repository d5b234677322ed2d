"""Company names: tidied for people, and folded to a key under which two spellings of one company are equal."""

from __future__ import annotations

import re

from pipelines.text import fold, remembered, tidy_line, vocabulary, words

_LEGAL_FORMS = vocabulary(
    """
    ltda limitada me mei epp eireli eirelli sa ss slu scp sociedade anonima unipessoal
    inc incorporated llc llp lp ltd limited corp corporation co company plc pc pllc pty pte pvt private
    gmbh mbh ag kg kgaa ohg ug ev eg se nv bv cv vof sprl bvba srl srls spa sas sasu sarl eurl sca scs snc sci
    sl slu slne slp sac saa sapi sab eirl spa scrl lda as asa aps ab oy oyj hb kb kft zrt doo dd sro kk zoo
    """
)
_LEGAL_ENDINGS = (
    ("e", "co", "kg"), ("co", "kg"), ("e", "cia"), ("e", "companhia"), ("e", "co"), ("y", "cia"), ("de", "cv"),
    ("de", "rl"), ("em", "liquidacao"), ("em", "recuperacao", "judicial"), ("sociedade", "anonima"),
    ("sociedade", "limitada"), ("sociedad", "anonima"), ("sociedad", "limitada"),
    ("de", "responsabilidade", "limitada"), ("s", "a"), ("s", "s"), ("s", "l"), ("l", "t", "d", "a"), ("m", "e"),
    ("e", "p", "p"), ("sp", "z", "o", "o"), ("sp", "z", "oo"),
)  # fmt: skip
_COMPANY_ONLY = vocabulary(
    "ltda limitada eireli eirelli epp inc incorporated llc llp ltd corp corporation gmbh sarl srl plc lda pty oyj sapi"
)
"""Legal forms that are not also words, initials or surnames (Sá)."""
_STOCK_COMPANY = re.compile(r"\bS ?[./] ?A\b", re.IGNORECASE)
_DOTTED = re.compile(r"\b(\w)[./] ?(?=\w\b)")
_AND = re.compile(r"\s*[&+]\s*")
_QUOTES = "\"'“”«»‘’"


@remembered
def tidy_company(name: str) -> str:
    """A company's name for reading: tidied, without quotes around it and punctuation at its end, its case as given
    (who writes IBM, eBay or acme in small letters knows better than we)."""
    name = tidy_line(name)
    if len(name) > 2 and name[0] in _QUOTES and name[-1] in _QUOTES:
        name = name[1:-1].strip()
    return name.rstrip(" ,;:-–|").lstrip(" ,;:-–|.")


@remembered
def company_key(name: str) -> str:
    """The words by which a company is recognised: folded, "&" as "e", without legal form, punctuation or the owner's
    CPF that a MEI's registered name ends in. Empty for an empty name; a name of nothing but a legal form stays.
    Idempotent.
    """
    spoken = _spoken(name)
    while len(spoken) > 1 and (cut := _ending(spoken)):
        spoken = spoken[: len(spoken) - cut]
    return " ".join(spoken)


def has_legal_form(name: str) -> bool:
    """Whether a name ends in a legal form that no person's name ends in: Ltda, S/A, EIRELI, Inc., GmbH."""
    spoken = _spoken(name)
    return len(spoken) > 1 and (spoken[-1] in _COMPANY_ONLY or bool(_STOCK_COMPANY.search(name, len(name) // 2)))


def _spoken(name: str) -> tuple[str, ...]:
    folded = _DOTTED.sub(r"\1", _AND.sub(" e ", fold(tidy_line(name))))
    return tuple("e" if word in {"and", "y", "et", "und"} else word for word in words(folded))


def _ending(spoken: tuple[str, ...]) -> int:
    """How many words at the end say only the legal form; never all of them."""
    for form in _LEGAL_ENDINGS:
        if spoken[-len(form) :] == form and len(spoken) > len(form):
            return len(form)
    last = spoken[-1]
    return 1 if last in _LEGAL_FORMS or (last.isdigit() and len(last) == 11) else 0
