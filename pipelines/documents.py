"""Identity documents: CPF of a person, CNPJ of a company (with letters too, since July 2026), and all the others.

Check digits by python-stdnum. CPF: Receita Federal, Instrução Normativa RFB 2.172/2024; CNPJ with letters in its first
twelve places: Instrução Normativa RFB 2.229/2024.
"""

from __future__ import annotations

import re

from stdnum.br import cnpj, cpf

from pipelines.models import Document, DocumentKind
from pipelines.text import remembered, tidy_line

LEADING_ZEROS_RESTORED = "leading_zeros_restored"
"""Rule: a spreadsheet took the zeros in front for nothing; put back, which the check digits prove right."""
DOCUMENT_COMPACTED = "document_compacted"
"""Rule: written without punctuation and captions, letters in capitals."""

_LONGEST = 40
_CAPTION = re.compile(
    r"(?:(?:cpf|cnpj|rg|cnh|dni|nif|cuit|cuil|rut|rfc|nie|passaporte|passport|documento|doc|id|n[º°o]|n[úu]mero)"
    r"\b[ .:/º°-]*)+",
    re.IGNORECASE,
)
_SPREADSHEET_END = re.compile(r"\.0+$")
_PUNCTUATION = re.compile(r"[\s.\-–—/\\_,']+")
_PLAIN = re.compile(r"[0-9A-Z]+")
_CNPJ_SHAPE = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CPF_AS_WRITTEN = re.compile(r"\d{3}\.?\d{3}\.?\d{3}[-/. ]?\d{2}")
_CNPJ_AS_WRITTEN = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/?[0-9A-Z]{4}-?\d{2}")
_FEWEST_DIGITS = {DocumentKind.CPF: 9, DocumentKind.CNPJ: 12}
"""How short a bare number may be to have its zeros put back: chance alone would prove a shorter one too often."""


@remembered
def parse_document(text: str) -> Document | None:
    """The document that `text` consists of, or None: no number, one digit over and over, or longer than any document.

    A CPF or CNPJ whose check digits are wrong is kept with its kind by shape and `valid` False; leading zeros that a
    spreadsheet lost come back where the check digits prove them. Everything else is of kind OTHER. Idempotent on
    `number`. Never raises.
    """
    given = tidy_line(text)
    if len(given) > _LONGEST:
        return None
    caption = _CAPTION.match(given)
    bare = given[caption.end() :] if caption else given
    compact = _PUNCTUATION.sub("", _SPREADSHEET_END.sub("", bare)).upper()
    digits = sum(map(str.isdecimal, compact))
    if not _PLAIN.fullmatch(compact) or digits < 3 or not 4 <= len(compact) <= 32 or len(set(compact)) == 1:
        return None
    kind, number, valid = _judged(compact, bare.upper())
    return Document(kind=kind, number=number, given=given, valid=valid)


def _judged(compact: str, written: str) -> tuple[DocumentKind, str, bool]:
    if compact.isdigit():
        as_given = compact == written.strip().removesuffix(".0")  # bare digits, as spreadsheets leave them
        for kind, check, length in ((DocumentKind.CPF, cpf, 11), (DocumentKind.CNPJ, cnpj, 14)):
            long_enough = _FEWEST_DIGITS[kind] <= len(compact) < length and as_given
            if (long_enough or len(compact) == length) and check.is_valid(compact.zfill(length)):
                return kind, compact.zfill(length), True
        if len(compact) == 14 and compact.startswith("000") and cpf.is_valid(compact[3:]) and len(set(compact)) > 2:
            return DocumentKind.CPF, compact[3:], True  # banks fill a CPF up to the length of a CNPJ
        if len(compact) in {11, 14}:
            return (DocumentKind.CPF if len(compact) == 11 else DocumentKind.CNPJ), compact, False
    elif _CNPJ_SHAPE.fullmatch(compact):
        valid = bool(cnpj.is_valid(compact))
        if valid or _CNPJ_AS_WRITTEN.fullmatch(written.strip()):
            return DocumentKind.CNPJ, compact, valid
    return DocumentKind.OTHER, compact, False


def looks_like_document(text: str) -> bool:
    """Whether a text is a CPF or CNPJ by itself, whatever it is called: right check digits, and written as one."""
    written = tidy_line(text).upper()
    document = parse_document(written)
    if document is None or not document.valid:
        return False
    return bool(_CPF_AS_WRITTEN.fullmatch(written) or _CNPJ_AS_WRITTEN.fullmatch(written) or len(document.number) == 14)


def cnpj_root(number: str) -> str:
    """The first eight places of a CNPJ, which all branches of one company share; empty for anything else."""
    return number[:8] if _CNPJ_SHAPE.fullmatch(number) else ""
