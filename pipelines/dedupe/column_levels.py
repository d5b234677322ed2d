"""Levels of agreement of many pairs at once: one array a column, by rapidfuzz in batches.

Level 0 is "missing", 1 "exact"; the last of each kind is "different". Pairs of equal codes cost nothing; of the others
each distinct pair of values is compared once, however many rows hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from pipelines.dedupe.columns import Column, Kind
from pipelines.dedupe.nicknames import full_forms
from pipelines.dedupe.phonetics import phonetic

Levels = NDArray[np.int8]
Rows = NDArray[np.int32]

LEVEL_NAMES: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.GIVEN: ("missing", "exact", "nickname", "slip", "initial", "part", "swapped", "alike", "different"),
    Kind.FAMILY: ("missing", "exact", "sound", "slip", "initial", "part", "swapped", "alike", "different"),
    Kind.EMAIL: ("missing", "exact", "role", "local", "slip", "plain local", "alike", "different"),
    Kind.PHONE: ("missing", "exact", "last digits", "slip", "different"),
    Kind.DOCUMENT: ("missing", "exact", "slip", "different"),
    Kind.DATE: ("missing", "exact", "slip", "two parts", "year only", "same year", "different"),
    Kind.COMPANY: ("missing", "exact", "same words", "very alike", "alike", "vaguely alike", "different"),
    Kind.CODE: ("missing", "exact", "slip", "beginning", "different"),
    Kind.CATEGORY: ("missing", "exact", "different"),
    Kind.TEXT: ("missing", "exact", "same words", "very alike", "alike", "vaguely alike", "different"),
}
"""From none through the strongest to the weakest."""

MOST_WORDS: Final = 12
SMALL_DOMAIN: Final = 8
"""Distinct addresses up to which a mail domain is taken to be one person's or one family's."""
_CHUNK: Final = 1 << 20


class Comparator:
    """Compares the rows of one table in one column. Made once: it keeps what is computed once a value."""

    def __init__(self, column: Column, swapped: Column | None = None) -> None:
        self.column = column
        self.names = LEVEL_NAMES[column.kind]
        self._values = np.array(column.values, dtype=object)
        self._swapped = swapped
        self._swapped_codes = _recoded(swapped, column) if swapped is not None else None
        self._sounds = _sounds(column) if column.kind in (Kind.GIVEN, Kind.FAMILY) else None
        self._forms = _forms(column) if column.kind is Kind.GIVEN else None
        self._words: NDArray[np.int32] | None = None
        self._weights: NDArray[np.float64] | None = None
        if column.kind in _WORDY:
            self._words, self._weights = _word_table(column)

    def levels(self, left: Rows, right: Rows) -> Levels:
        """The level of each pair of rows."""
        codes = self.column.codes
        ones, others = codes[left], codes[right]
        different = np.int8(len(self.names) - 1)
        result = np.where(ones == others, np.int8(1), different)
        result[(ones == 0) | (others == 0)] = 0
        if self.column.kind is Kind.EMAIL:
            role = np.flatnonzero((result == 1) & self._is_role[ones])
            result[role] = 2
        if self.column.kind is Kind.CATEGORY:
            return result
        unlike = np.flatnonzero(result == different)
        if len(unlike):
            low, high = np.minimum(ones[unlike], others[unlike]), np.maximum(ones[unlike], others[unlike])
            keys = low.astype(np.int64) << 32 | high
            distinct, back = np.unique(keys, return_inverse=True)
            graded = np.concatenate(
                [
                    self._grade((part >> 32).astype(np.int32), (part & 0xFFFFFFFF).astype(np.int32))
                    for part in (distinct[at : at + _CHUNK] for at in range(0, len(distinct), _CHUNK))
                ]
            )
            result[unlike] = graded[back]
        if self._swapped is not None and self._swapped_codes is not None:
            self._mark_swapped(left, right, result)
        return result

    @cached_property
    def _is_role(self) -> NDArray[np.bool_]:
        return np.array([value.startswith("!") for value in self.column.values])

    def _mark_swapped(self, left: Rows, right: Rows, result: Levels) -> None:
        """Given name here, family name there: in the other column as well as in this."""
        swapped = self.names.index("swapped")
        weak = np.flatnonzero((result >= swapped) | (result == 0))
        assert self._swapped_codes is not None
        here, there = self.column.codes, self._swapped_codes
        one, other = left[weak], right[weak]
        crossed = ((here[one] == there[other]) & (here[one] > 0)) | ((here[other] == there[one]) & (here[other] > 0))
        result[weak[crossed]] = swapped

    def _grade(self, one: Rows, other: Rows) -> Levels:
        grade = {
            Kind.GIVEN: self._person, Kind.FAMILY: self._person, Kind.EMAIL: self._email,
            Kind.PHONE: self._phone, Kind.DOCUMENT: self._document, Kind.DATE: self._date, Kind.COMPANY: self._wordy,
            Kind.CODE: self._code, Kind.TEXT: self._wordy,
        }[self.column.kind]  # fmt: skip
        return grade(one, other)

    def _texts(self, one: Rows, other: Rows) -> tuple[list[str], list[str]]:
        return self._values[one].tolist(), self._values[other].tolist()

    def _person(self, one: Rows, other: Rows) -> Levels:
        texts = self._texts(one, other)
        alike = _batch(texts, JaroWinkler.similarity)
        slips = _batch(texts, OSA.distance, cutoff=2)
        sizes = self._sizes
        shorter = np.minimum(sizes[one], sizes[other])
        result = np.full(len(one), len(self.names) - 1, dtype=np.int8)
        result[alike >= 0.80] = 7
        firsts = self._firsts
        result[self._share_words(one, other) > 0] = 5
        initial = (shorter == 1) & (firsts[one] == firsts[other])
        result[(alike >= 0.92) | (slips <= 1) & (shorter >= 3) | (slips <= 2) & (shorter >= 6)] = 3
        assert self._sounds is not None
        result[(self._sounds[one] == self._sounds[other]) & (self._sounds[one] > 0)] = 2 if self._forms is None else 3
        if self._forms is not None:
            forms = self._forms
            result[(_overlap(forms[one], forms[other]) > 0) & (shorter > 1)] = 2
        result[initial] = 4
        return result

    def _share_words(self, one: Rows, other: Rows) -> NDArray[np.float64]:
        table = self._word_codes
        return _overlap(table[one], table[other])

    @cached_property
    def _word_codes(self) -> NDArray[np.int32]:
        return _numbered_words([value.split()[:4] for value in self.column.values], 4)

    @cached_property
    def _sizes(self) -> NDArray[np.int32]:
        return np.array([len(value) for value in self.column.values], dtype=np.int32)

    @cached_property
    def _firsts(self) -> NDArray[np.int32]:
        return np.array([ord(value[0]) if value else 0 for value in self.column.values], dtype=np.int32)

    def _email(self, one: Rows, other: Rows) -> Levels:
        lefts, rights = self._texts(one, other)
        slips = _batch((lefts, rights), OSA.distance, cutoff=3)
        alike = _batch((lefts, rights), OSA.normalized_similarity)
        # At a large provider maria.lima83 and maria.lima90 are two people: the letters follow from the name, the
        # digits do not. At a domain that hardly anybody has, they are one and a slip.
        digits, locals_, public = self._digits, self._locals, self._is_public
        same_digits = (digits[one] == digits[other]) | ~(public[one] | public[other])
        result = np.full(len(one), 7, dtype=np.int8)
        result[(alike >= 0.75) & same_digits] = 6
        same_local = (locals_[one] == locals_[other]) & (locals_[one] > 0)
        result[same_local & (digits[one] == 0)] = 5
        result[(slips <= 2) & same_digits] = 4
        result[same_local & (digits[one] > 0)] = 3
        role = self._is_role
        result[role[one] | role[other]] = 7
        return result

    @cached_property
    def _locals(self) -> NDArray[np.int32]:
        locals_ = [value.rpartition("@")[0] for value in self.column.values]
        return _numbered([local if len(local) >= 5 else "" for local in locals_])

    @cached_property
    def _is_public(self) -> NDArray[np.bool_]:
        """Whether the address is at a domain with many others."""
        domains = _numbered([value.rpartition("@")[2] for value in self.column.values])
        return np.bincount(domains)[domains] > SMALL_DOMAIN

    @cached_property
    def _digits(self) -> NDArray[np.int32]:
        return _numbered(["".join(filter(str.isdigit, value.rpartition("@")[0])) for value in self.column.values])

    def _phone(self, one: Rows, other: Rows) -> Levels:
        lefts, rights = self._texts(one, other)
        ends = [text[-8:] for text in lefts], [text[-8:] for text in rights]
        slips = _batch(ends, OSA.distance, cutoff=1)
        result = np.full(len(one), 4, dtype=np.int8)
        result[slips <= 1] = 3
        result[slips == 0] = 2
        return result

    def _document(self, one: Rows, other: Rows) -> Levels:
        result = np.full(len(one), 3, dtype=np.int8)
        result[_batch(self._texts(one, other), OSA.distance, cutoff=1) <= 1] = 2
        return result

    def _date(self, one: Rows, other: Rows) -> Levels:
        parts = self._date_parts
        left, right = parts[one], parts[other]
        same = (left == right) & (left > 0)
        result = np.full(len(one), 6, dtype=np.int8)
        vague = (left[:, 1:] == 1).all(axis=1) | (right[:, 1:] == 1).all(axis=1)
        result[same[:, 0]] = 5
        result[same[:, 0] & vague] = 4
        result[same.sum(axis=1) >= 2] = 3
        slips = _batch(self._texts(one, other), OSA.distance, cutoff=1) <= 1
        exchanged = same[:, 0] & (left[:, 1] == right[:, 2]) & (left[:, 2] == right[:, 1])
        result[(slips | exchanged) & ~(same[:, 0] & vague)] = 2
        return result

    @cached_property
    def _date_parts(self) -> NDArray[np.int32]:
        parts = np.zeros((len(self.column.values), 3), dtype=np.int32)
        for at, value in enumerate(self.column.values):
            pieces = value.split("-")
            if len(pieces) == 3 and all(piece.isdigit() for piece in pieces):
                parts[at] = [int(piece[:6]) for piece in pieces]
        return parts

    def _code(self, one: Rows, other: Rows) -> Levels:
        lefts, rights = self._texts(one, other)
        slips = _batch((lefts, rights), OSA.distance, cutoff=1)
        beginnings = self._beginnings
        starts = beginnings[one] == beginnings[other]
        sizes = self._sizes
        result = np.full(len(one), 4, dtype=np.int8)
        result[starts] = 3
        result[(slips <= 1) & (np.minimum(sizes[one], sizes[other]) >= 4)] = 2
        return result

    @cached_property
    def _beginnings(self) -> NDArray[np.int32]:
        return _numbered([_beginning(value) for value in self.column.values])

    def _wordy(self, one: Rows, other: Rows) -> Levels:
        texts = self._texts(one, other)
        sorted_ratio = _batch(texts, fuzz.token_sort_ratio) / 100
        assert self._words is not None
        assert self._weights is not None
        shared = _weighted_overlap(self._words[one], self._words[other], self._weights)
        totals = self._weights[self._words].sum(axis=1)
        fewer = np.minimum(totals[one], totals[other])
        more = np.maximum(totals[one], totals[other])
        dice = 2 * shared / np.maximum(fewer + more, 1e-9)
        contained = shared / np.maximum(fewer, 1e-9)
        likeness = np.maximum(sorted_ratio, dice)
        result = np.full(len(one), len(self.names) - 1, dtype=np.int8)
        result[likeness >= 0.45] = 5
        result[(likeness >= 0.65) | (contained >= 0.95)] = 4
        result[likeness >= 0.84] = 3
        result[likeness >= 0.95] = 2
        return result


_WORDY: Final = (Kind.TEXT, Kind.COMPANY)


def _beginning(code: str) -> str:
    head, _, _ = code.partition(" ")
    return head if head != code else code[: max(len(code) // 2, 3)]


def _batch(texts: tuple[list[str], list[str]], scorer: Any, cutoff: float | None = None) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = cpdist(
        texts[0], texts[1], scorer=scorer, score_cutoff=cutoff, dtype=np.float32, workers=-1
    )
    return scores


def _recoded(source: Column, target: Column) -> NDArray[np.int32]:
    """Each row's value in `source`, numbered as in `target`; -1 where that does not have it."""
    numbers = {value: number for number, value in enumerate(target.values)}
    return np.array([numbers.get(value, -1) if value else 0 for value in source.values], dtype=np.int32)[source.codes]


def _numbered(texts: Sequence[str]) -> NDArray[np.int32]:
    numbers: dict[str, int] = {"": 0}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int32)


def _sounds(column: Column) -> NDArray[np.int32]:
    return _numbered(["".join(sorted(map(phonetic, value.split()))) for value in column.values])


def _numbered_words(lists: Sequence[Sequence[str]], width: int) -> NDArray[np.int32]:
    numbers: dict[str, int] = {}
    table = np.zeros((len(lists), width), dtype=np.int32)
    for row, parts in enumerate(lists):
        for at, part in enumerate(parts[:width]):
            table[row, at] = numbers.setdefault(part, len(numbers) + 1)
    return table


def _forms(column: Column) -> NDArray[np.int32]:
    return _numbered_words([sorted(full_forms(value.partition(" ")[0]))[:6] for value in column.values], 6)


def _word_table(column: Column) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Distinct words of each value as numbers, and each word's weight: log2 of how rare it is (its IDF)."""
    table = _numbered_words([list(dict.fromkeys(value.split())) for value in column.values], MOST_WORDS)
    seen = np.bincount(table.ravel(), weights=np.repeat(column.counts, MOST_WORDS))
    seen[0] = 0
    weights = np.log2(1 + len(column.codes) / np.maximum(seen, 1))
    weights[0] = 0.0
    return table, weights


def _overlap(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.float64]:
    same = np.zeros(len(one), dtype=np.float64)
    for at in range(one.shape[1]):
        word = one[:, at]
        same += ((other == word[:, None]) & (word > 0)[:, None]).any(axis=1)
    return same


def _weighted_overlap(
    one: NDArray[np.int32], other: NDArray[np.int32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = np.zeros(len(one), dtype=np.float64)
    for at in range(one.shape[1]):
        word = one[:, at]
        total += np.where((other == word[:, None]).any(axis=1), weights[word], 0.0)
    return total
