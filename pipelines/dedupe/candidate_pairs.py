"""Which rows of a table to compare: pairs that agree on one rare thing or on two common ones.

A *view* is one way to look at a column: the value, its sound, its first half, the year. A *rule* is one view, or two of
different columns; rows that agree in all views of a rule form a block. Every rule takes its smallest blocks first and
stops at its budget, so that a value held by ten thousand rows costs ten thousand, not fifty million: of a block too
large to be compared whole each row meets its nearest neighbours only. Small tables are compared whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.columns import Column, Kind
from pipelines.dedupe.nicknames import full_forms
from pipelines.dedupe.phonetics import phonetic

Pairs = NDArray[np.int64]
"""Each pair as one number: the lower row in the upper 32 bits."""

ALL_PAIRS_UP_TO: Final = 2_500
"""Rows up to which every pair is compared: three million of them take seconds."""
NEIGHBOURS: Final = 4
"""Rows on each side that a row of an overlarge block is compared with."""


@dataclass(frozen=True, slots=True)
class View:
    column: int
    name: str
    codes: NDArray[np.int32]
    """One a row; 0 is missing."""
    distinct: int


def all_pairs(rows: int) -> Pairs:
    return pack(*np.triu_indices(rows, 1))


def pack(left: NDArray[np.integer], right: NDArray[np.integer]) -> Pairs:
    """Pairs of rows as numbers, the lower row first."""
    low, high = np.minimum(left, right).astype(np.int64), np.maximum(left, right).astype(np.int64)
    pairs: Pairs = low << 32 | high
    return pairs


def distinct(pairs: Pairs) -> Pairs:
    """The pairs sorted, each once. (Sorting beats the hash table of `numpy.unique` on millions of 64-bit numbers.)"""
    ordered = np.sort(pairs)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def unpack(pairs: Pairs) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Left and right rows of pairs."""
    return (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)


def candidate_pairs(
    columns: Sequence[Column],
    *,
    pairs_per_row: int = 60,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pairs:
    """The pairs to compare, each once, sorted.

    At most about `pairs_per_row` for each row; rules that make the fewest pairs go first.
    """
    rows = len(columns[0].codes) if columns else 0
    if rows <= ALL_PAIRS_UP_TO:
        return all_pairs(rows)
    views = [view for at, column in enumerate(columns) for view in _views(at, column)]
    budget = pairs_per_row * rows
    rules = sorted(_rules(views, rows), key=lambda rule: rule[0])
    found: Pairs = np.empty(0, dtype=np.int64)
    pending: list[Pairs] = []
    waiting = 0
    for number, (_, rule) in enumerate(rules):
        made = _pairs_of_rule(rule, limit=max(budget // 8, 1000))
        pending.append(made)
        waiting += len(made)
        if waiting > max(budget // 2, 1_000_000) or number == len(rules) - 1:
            found = distinct(np.concatenate([found, *pending]))
            pending, waiting = [], 0
        progress(number + 1, len(rules))
        if len(found) >= budget:
            break
    return found


def _rules(views: Sequence[View], rows: int) -> Iterator[tuple[float, tuple[View, ...]]]:
    """Rules with the number of pairs that each is expected to make, too wide ones left out."""
    for view in views:
        expected = _expected(view)
        if expected <= 6 * rows:
            yield expected, (view,)
    for one, other in combinations(views, 2):
        if one.column != other.column:
            # As if independent: the block of both is the block of one, thinned by the other.
            expected = _expected(one) * _expected(other) / max(rows**2 / 2, 1)
            if expected <= 40 * rows:
                yield expected, (one, other)


def _expected(view: View) -> float:
    counts = np.bincount(view.codes)[1:].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def _pairs_of_rule(rule: Sequence[View], limit: int) -> Pairs:
    """Pairs of rows in one block, smallest blocks first, about `limit` at the most, and neighbours in the rest."""
    held = np.ones(len(rule[0].codes), dtype=bool)
    keys = np.zeros(len(rule[0].codes), dtype=np.int64)
    for view in rule:
        held &= view.codes > 0
        keys = keys * (view.distinct + 1) + view.codes
    rows = np.flatnonzero(held)
    order = rows[np.argsort(keys[rows], kind="stable")]
    ordered = keys[order]
    if len(ordered) < 2:
        return np.empty(0, dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(ordered)]]))
    by_size = np.sort(sizes[sizes > 1])
    total = np.cumsum(by_size.astype(np.float64) * (by_size - 1) / 2)
    within = int(np.searchsorted(total, limit, side="right"))
    largest = int(by_size[within - 1]) if within else 0
    reach = np.repeat(np.where(sizes <= max(largest, NEIGHBOURS + 1), sizes - 1, NEIGHBOURS), sizes)
    left_in_block = np.repeat(starts + sizes, sizes) - np.arange(len(ordered)) - 1
    reach = np.minimum(reach, left_in_block)
    made: list[Pairs] = []
    alive = np.flatnonzero(reach > 0)
    step = 1
    while len(alive):
        made.append(pack(order[alive], order[alive + step]))
        step += 1
        alive = alive[reach[alive] >= step]
    return np.concatenate(made) if made else np.empty(0, dtype=np.int64)


def _views(at: int, column: Column) -> Iterator[View]:
    makers = _VIEWS.get(column.kind, {"value": lambda value: value})
    for name, make in makers.items():
        numbers: dict[str, int] = {"": 0}
        renumbered = np.array(
            [numbers.setdefault(make(value), len(numbers)) for value in column.values], dtype=np.int32
        )
        if len(numbers) > 1:
            yield View(at, name, renumbered[column.codes], len(numbers))
    if column.kind in (Kind.TEXT, Kind.COMPANY):
        yield from _rare_words(at, column)


def _rare_words(at: int, column: Column) -> Iterator[View]:
    """The rarest word of each value that another row holds too, and the second."""
    counts: dict[str, int] = {}
    for value, held in zip(column.values, column.counts.tolist(), strict=True):
        for word in set(value.split()):
            counts[word] = counts.get(word, 0) + held
    numbers: dict[str, int] = {"": 0}
    table = np.zeros((len(column.values), 2), dtype=np.int32)
    for row, value in enumerate(column.values):
        shared = sorted((counts[word], word) for word in set(value.split()) if counts[word] > 1)
        for place, (_, word) in enumerate(shared[:2]):
            table[row, place] = numbers.setdefault(word, len(numbers))
    for place in range(2):
        yield View(at, f"word {place}", table[column.codes, place], len(numbers))


def _sound(value: str) -> str:
    return " ".join(sorted(map(phonetic, value.split())))


def _root(value: str) -> str:
    return min(full_forms(value.partition(" ")[0])) if value else ""


def _date_part(*places: int) -> Callable[[str], str]:
    def part(value: str) -> str:
        pieces = value.split("-")
        return "-".join(pieces[place] for place in places) if len(pieces) == 3 else ""

    return part


def _local(value: str) -> str:
    return "" if value.startswith("!") else value.rpartition("@")[0]


_VIEWS: Final[dict[Kind, dict[str, Callable[[str], str]]]] = {
    Kind.GIVEN: {"sound": _sound, "full form": _root, "start": lambda v: v[:3], "end": lambda v: v[-3:]},
    Kind.FAMILY: {"sound": _sound, "start": lambda v: v[:3], "end": lambda v: v[-3:]},
    Kind.EMAIL: {
        "value": lambda v: v, "local": _local, "start": lambda v: _local(v)[:6], "end": lambda v: _local(v)[-6:],
    },
    Kind.PHONE: {"last digits": lambda v: v[-8:], "start": lambda v: v[-8:-3], "end": lambda v: v[-5:]},
    Kind.DOCUMENT: {"value": lambda v: v, "start": lambda v: v[: len(v) // 2], "end": lambda v: v[-(len(v) // 2) :]},
    Kind.DATE: {
        "value": lambda v: v, "year and month": _date_part(0, 1), "year and day": _date_part(0, 2),
        "month and day": _date_part(1, 2),
    },
    Kind.COMPANY: {"value": lambda v: v, "start": lambda v: v[:5]},
    Kind.CODE: {"value": lambda v: v, "start": lambda v: v[: max(len(v) // 2, 2)], "end": lambda v: v[-3:]},
    Kind.TEXT: {"value": lambda v: v, "start": lambda v: v[:5]},
}  # fmt: skip
