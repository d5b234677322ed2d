"""How a model reads the value of a feature: as a level of few that many contacts share, or as a number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pipelines.text import fold, tidy_line

LONGEST: Final = 80
"""Characters of a level: a longer text is told apart by its beginning."""
_ONES_OWN: Final = 10
"""From so many digits a number is a phone's, a document's or an account's, which is one person's own."""
_DIGITS: Final = re.compile(r"\d")
_DECIMAL: Final = re.compile(r"-?\d{1,9}[.,]\d+")
_GROUPED: Final = re.compile(r"-?\d{1,3}(?:([.,])\d{3})+(?!\d)(?:[.,]\d+)?")


def as_level(value: str | float | None) -> str:
    """The value as a level: on one line, without accents and in small letters. Empty where there is none, or where it
    may be one person's own (an address, a phone, a document): nothing is to be learned of one person."""
    if value is None:
        return ""
    return _read_level(value) if isinstance(value, str) else f"{value:g}"


def as_number(value: str | float | None) -> float | None:
    """The value as a number, where it is one: `1.5`, `1,5`, `1.234,50`, `R$ 900`, `12%`. None for anything else."""
    if value is None:
        return None
    number = _read_number(value) if isinstance(value, str) else float(value)
    return number if number is not None and abs(number) < 1e15 else None


@lru_cache(maxsize=65_536)
def _read_level(value: str) -> str:
    text = fold(tidy_line(value))[:LONGEST]
    own = "@" in text or (len(_DIGITS.findall(text)) >= _ONES_OWN and not _DECIMAL.fullmatch(text))
    return "" if own else text


@lru_cache(maxsize=65_536)
def _read_number(text: str) -> float | None:
    text = text.strip().lower().removeprefix("r$").removeprefix("$").removesuffix("%").strip()
    if not text or not text.isascii() or not (text[-1].isdigit() or text[-1] == "."):
        return None
    if "," in text:
        grouped = _GROUPED.fullmatch(text)
        thousands = grouped[1] if grouped and not (text.count(",") == 1 and "." not in text) else "."
        text = text.replace(thousands, "").replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
