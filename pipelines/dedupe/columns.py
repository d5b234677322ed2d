"""A list of people as columns: what each column holds, its values tidied once, each row a number into them.

A table of a million rows is kept as one array of 32-bit codes a column and each distinct value once; no row is ever an
object. Code 0 is "missing".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.companies import company_key
from pipelines.dedupe.features import compared_words, is_lone_letters
from pipelines.dedupe.name_frequencies import GIVEN
from pipelines.dedupe.nicknames import NICKNAMES
from pipelines.emails import canonical_email, is_role_address
from pipelines.names import parse_name
from pipelines.text import is_placeholder, tidy_line, words

Codes = NDArray[np.int32]

KNOWN_GIVEN: Final = frozenset(GIVEN) | NICKNAMES

LONGEST: Final = 200
"""Characters of a value that are compared."""


class Kind(StrEnum):
    """How a column's values are compared."""

    GIVEN = "given_name"
    FAMILY = "family_name"
    EMAIL = "email"
    PHONE = "phone"
    DOCUMENT = "document"
    DATE = "date"
    COMPANY = "company"
    CODE = "code"
    """Postal codes, house numbers, customer numbers: short, with digits; one slip is close."""
    CATEGORY = "category"
    """Few values, each held by many: equal or not."""
    TEXT = "text"
    IGNORED = "ignored"
    """Numbers the rows, says nothing, or repeats other columns."""


IDENTIFIERS: Final = (Kind.EMAIL, Kind.PHONE, Kind.DOCUMENT)
"""Kinds whose values belong to one person, or to few."""

KIND_OF_FIELD: Final = {
    "given_name": Kind.GIVEN, "family_name": Kind.FAMILY, "email": Kind.EMAIL, "phone": Kind.PHONE,
    "document": Kind.DOCUMENT, "birth_date": Kind.DATE, "company": Kind.COMPANY, "postal_code": Kind.CODE,
    "number": Kind.CODE, "ignore": Kind.IGNORED,
}  # fmt: skip
"""Kinds of the standard fields; every other field is guessed by its content (TEXT, CATEGORY or CODE)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, tidied."""

    name: str
    kind: Kind
    codes: Codes
    """One for each row; 0 is missing."""
    values: tuple[str, ...]
    """By code; the first is the empty one."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows hold each value."""
        return np.bincount(self.codes, minlength=len(self.values)).astype(np.int64)


_ISO: Final = re.compile(r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ].*)?$")
_DAY_FIRST: Final = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$")
_ROW_NUMBER_WORDS: Final = frozenset(
    (
        "id",
        "key",
        "uuid",
        "guid",
        "row",
        "rowid",
        "index",
        "idx",
        "codigo",
        "cod",
        "num",
        "nr",
        "record",
        "rec",
        "unique",
    )
)


def guess_kind(name: str, values: Sequence[str], counts: Sequence[int], rows: int, field: str = "") -> Kind:
    """What a column holds, by the standard field it was mapped to or, failing that, by its values.

    `values` are its distinct values that are not empty, `counts` how many rows hold each.
    """
    held = sum(counts)
    if held == 0:
        return Kind.IGNORED
    if field in KIND_OF_FIELD:
        kind = KIND_OF_FIELD[field]
        if kind is not Kind.DATE or _share(values, _is_date) > 0.5:
            return kind
    if rows >= 20 and len(values) == held >= 0.99 * rows and _ROW_NUMBER_WORDS & set(words(name.replace("_", " "))):
        return Kind.IGNORED
    if _share(values, lambda value: "@" in value) > 0.8:
        return Kind.EMAIL
    if _share(values, _is_date) > 0.9:
        return Kind.DATE
    if len(values) == 1:
        return Kind.IGNORED  # the same in every row: a country, a source
    if len(values) <= max(60, rows * 0.002) and held / len(values) >= 8 and _longest(values) <= 40:
        return Kind.CATEGORY
    if _share(values, lambda value: any(map(str.isdigit, value)) and len(value) <= 16 and value.count(" ") <= 1) > 0.8:
        if rows >= 20 and len(values) == held == rows and _is_counting(values):
            return Kind.IGNORED
        return Kind.CODE
    return Kind.TEXT


def _share(values: Sequence[str], holds: Callable[[str], bool]) -> float:
    sample = values[:: max(len(values) // 500, 1)]
    return sum(map(holds, sample)) / max(len(sample), 1)


def _longest(values: Sequence[str]) -> int:
    return max(map(len, values), default=0)


def _is_date(value: str) -> bool:
    if value.isdigit():
        return bool(_ISO.match(value)) and value[:2] in ("18", "19", "20") and value[4:6] <= "12" and value[6:] <= "31"
    return bool(_tidy_date(value))


def _is_counting(values: Sequence[str]) -> bool:
    numbers = [int(value) for value in values if value.isascii() and value.isdigit()]
    return len(numbers) == len(values) and max(numbers) - min(numbers) < 2 * len(numbers)


def _tidy_date(value: str) -> str:
    """As ISO where it can be; day first unless that is impossible (13 is no month)."""
    if found := _ISO.match(value):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.match(value):
        day, month, year = found.groups()
        if int(month) > 12:
            day, month = month, day
    else:
        return ""
    return f"{year}-{int(month):02d}-{int(day):02d}"


def tidy(value: str, kind: Kind) -> str:
    """One value for comparing; empty when it is missing or junk."""
    value = value[:LONGEST].strip()
    if not value or is_placeholder(value):
        return ""
    if kind is Kind.EMAIL:
        address = canonical_email(tidy_line(value))
        if is_placeholder(address.partition("@")[0]) and not is_role_address(address):
            return ""
        return f"!{address}" if "@" in address and is_role_address(address) else address
    if kind is Kind.PHONE:
        return _tidy_phone(value)
    if kind is Kind.DATE:
        return _tidy_date(value) or " ".join(compared_words(value))
    if kind is Kind.DOCUMENT:
        return "".join(compared_words(value))
    if kind is Kind.COMPANY:
        return company_key(value)
    return " ".join(compared_words(value))


def _tidy_phone(value: str) -> str:
    """Digits without the Brazilian country code, trunk zero and ninth digit; junk is nothing."""
    digits = re.sub(r"\D", "", value)
    digits = digits.removeprefix("00").removeprefix("0")
    if len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    if len(digits) == 11 and digits[2] == "9":
        digits = digits[:2] + digits[3:]
    return digits if len(digits) >= 6 and len(set(digits[-6:])) > 1 else ""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """One column as read: the standard field it was mapped to (or nothing), distinct values, each row's number."""

    name: str
    field: str
    values: Sequence[str]
    """The first is the empty one."""
    codes: Codes


def make_columns(raw: Sequence[RawColumn]) -> list[Column]:
    """All columns of a table, tidied, each with its kind; whole names of persons taken apart."""
    made: list[Column] = []
    for column in raw:
        counts = np.bincount(column.codes, minlength=len(column.values))
        kind = guess_kind(column.name, column.values[1:], counts[1:].tolist(), len(column.codes), column.field)
        if column.field == "name" and kind is Kind.TEXT and _are_persons(column.values):
            made += _named(column)
        elif kind is not Kind.IGNORED:
            made.append(make_column(column.name, kind, column.values, column.codes))
    for kind in (Kind.GIVEN, Kind.FAMILY):
        same = [column for column in made if column.kind is kind]
        if len(same) > 1 and kind is not Kind.IGNORED:
            # A list with both "name" and "first name": what one leaves out the other may hold.
            made = [_filled(same), *(column for column in made if column.kind is not kind)]
    return _without_lone_letters(made)


def _without_lone_letters(columns: Sequence[Column]) -> list[Column]:
    """The columns, with nothing where a row has no word of two letters in any part of its name."""
    names = [column for column in columns if column.kind in (Kind.GIVEN, Kind.FAMILY)]
    if not names:
        return list(columns)
    lone = [np.array([is_lone_letters(*value.split()) for value in column.values]) for column in names]
    nobody = np.logical_and.reduce([each[column.codes] for each, column in zip(lone, names, strict=True)])
    return [
        Column(column.name, column.kind, np.where(nobody, 0, column.codes).astype(np.int32), column.values)
        if column.kind in (Kind.GIVEN, Kind.FAMILY)
        else column
        for column in columns
    ]


def _are_persons(values: Sequence[str]) -> bool:
    """Whether enough of the names start with (or, family name first, hold) a given name that we know."""
    return _share(values[1:], lambda value: any(word in KNOWN_GIVEN for word in words(value)[:3])) > 0.25


def _named(column: RawColumn) -> list[Column]:
    """Given and family names of a column of whole names."""
    parsed = [parse_name(value[:LONGEST]) if value and not is_placeholder(value) else None for value in column.values]
    parts = (
        (Kind.GIVEN, [name.given if name else "" for name in parsed]),
        (Kind.FAMILY, [f"{name.family} {name.suffix}".strip() if name else "" for name in parsed]),
    )
    return [make_column(f"{column.name} ({kind})", kind, values, column.codes) for kind, values in parts]


def _filled(columns: Sequence[Column]) -> Column:
    """One column of several of a kind: in each row the first that holds something."""
    numbers: dict[str, int] = {"": 0}
    codes = np.zeros(len(columns[0].codes), dtype=np.int32)
    for column in columns:
        renumber = np.array([numbers.setdefault(value, len(numbers)) for value in column.values], dtype=np.int32)
        codes = np.where(codes > 0, codes, renumber[column.codes])
    return Column(columns[0].name, columns[0].kind, codes, tuple(numbers))


def make_column(name: str, kind: Kind, raw: Sequence[str], raw_codes: Codes) -> Column:
    """A column from its distinct raw values (the first the empty one) and each row's number into them."""
    numbers: dict[str, int] = {"": 0}
    renumber = np.zeros(len(raw), dtype=np.int32)
    for at, value in enumerate(raw):
        renumber[at] = numbers.setdefault(tidy(value, kind), len(numbers))
    return Column(name, kind, renumber[raw_codes], tuple(numbers))


def without_repetition(columns: Sequence[Column], sample: int = 2000) -> list[Column]:
    """The columns without those that only repeat what shorter ones of the same row say (`full_name` and its parts)."""
    lengths = {id(column): np.mean([len(value.split()) for value in column.values]) for column in columns}
    kept = list(columns)
    for column in columns:
        shorter = [each for each in kept if lengths[id(each)] < lengths[id(column)] and each.kind is not Kind.CATEGORY]
        if column.kind is not Kind.TEXT or len(shorter) < 2:
            continue
        rows = np.flatnonzero(column.codes)[:: max(len(column.codes) // sample, 1)]
        repeated = Counter(_is_said_elsewhere(int(row), column, shorter) for row in rows)
        if repeated[True] > 0.6 * max(len(rows), 1):
            kept = [each for each in kept if each is not column]
    return kept


def _is_said_elsewhere(row: int, column: Column, others: Sequence[Column]) -> bool:
    said = {word for other in others for word in other.values[other.codes[row]].split()}
    own = column.values[column.codes[row]].split()
    return len(own) > 1 and sum(word in said for word in own) >= len(own) - (len(own) > 2)
