"""The bits of pairs of rows of a list: what is expected of each kind of column, and what the list has taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.candidate_pairs import Pairs, unpack
from pipelines.dedupe.column_levels import Comparator
from pipelines.dedupe.columns import Column, Kind
from pipelines.dedupe.training import Levels, Rates

CHUNK: Final = 1 << 20
"""Pairs weighed at once: bounds the memory, whatever the list."""

EXPECTED: Final[dict[Kind, tuple[float, ...]]] = {
    Kind.GIVEN: (0.70, 0.06, 0.09, 0.03, 0.02, 0.02, 0.03, 0.05),
    Kind.FAMILY: (0.72, 0.03, 0.10, 0.01, 0.03, 0.02, 0.03, 0.06),
    Kind.EMAIL: (0.70, 0.02, 0.03, 0.08, 0.01, 0.04, 0.12),
    Kind.PHONE: (0.70, 0.04, 0.06, 0.20),
    Kind.DOCUMENT: (0.85, 0.10, 0.05),
    Kind.DATE: (0.75, 0.09, 0.05, 0.03, 0.03, 0.05),
    Kind.COMPANY: (0.66, 0.06, 0.06, 0.06, 0.04, 0.12),
    Kind.CODE: (0.72, 0.08, 0.08, 0.12),
    Kind.CATEGORY: (0.88, 0.12),
    Kind.TEXT: (0.64, 0.06, 0.08, 0.07, 0.05, 0.10),
}
"""What one person's records are expected to show at each level from `exact` on, before any were seen."""

STRANGERS: Final[dict[Kind, tuple[float, ...]]] = {
    Kind.GIVEN: (6e-3, 4e-3, 4e-3, 3e-3, 0.01, 5e-4, 0.05, 0.92),
    Kind.FAMILY: (6e-3, 1e-3, 3e-3, 3e-3, 0.02, 5e-4, 0.05, 0.92),
    Kind.EMAIL: (1e-5, 1e-4, 2e-5, 1e-5, 5e-4, 0.01, 0.99),
    Kind.PHONE: (1e-5, 1e-5, 1e-4, 0.9999),
    Kind.DOCUMENT: (1e-6, 1e-5, 0.9999),
    Kind.DATE: (5e-5, 8e-4, 5e-3, 2e-3, 0.02, 0.97),
    Kind.COMPANY: (1e-3, 2e-4, 1e-3, 5e-3, 0.02, 0.97),
    Kind.CODE: (5e-3, 5e-3, 0.05, 0.94),
    Kind.CATEGORY: (0.4, 0.6),
    Kind.TEXT: (5e-3, 1e-3, 2e-3, 0.01, 0.05, 0.93),
}
"""What two strangers are expected to show: all that a list of a dozen rows can go by."""
STRANGERS_WEIGHT: Final = 2_000.0
"""How many random pairs that expectation is worth."""
RARITY_WEIGHT: Final = 60.0
"""How many rows the expected share of a value is worth."""

LIKELIEST: Final = 0.2
"""Two rows of which nothing is known are not taken for one person, however short the list."""


class Scorer:
    """Bits of pairs under the weights learned so far."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.comparators = _comparators(columns)
        self.sizes = [len(comparator.names) for comparator in self.comparators]
        self.expected = [np.array((0.0, *EXPECTED[column.kind])) for column in columns]
        self.strangers = [np.array((0.0, *STRANGERS[column.kind])) for column in columns]
        self.rarity = [log2_share(column) for column in columns]
        self.match: Rates = self.expected
        self.random: Rates = self.expected
        self.prior = 0.0

    def levels(self, pairs: Pairs, progress: Callable[[int, int], None] = lambda done, total: None) -> Levels:
        result = np.zeros((len(pairs), len(self.columns)), dtype=np.int8)
        for at in range(0, len(pairs), CHUNK):
            left, right = unpack(pairs[at : at + CHUNK])
            for field, comparator in enumerate(self.comparators):
                result[at : at + CHUNK, field] = comparator.levels(left, right)
            progress(min(at + CHUNK, len(pairs)), len(pairs))
        return result

    def field_bits(self, pairs: Pairs, levels: Levels) -> NDArray[np.float32]:
        """The bits of each field of each pair; agreement weighs by how rare the value is."""
        left, _ = unpack(pairs)
        result = np.zeros(levels.shape, dtype=np.float32)
        for field, column in enumerate(self.columns):
            level = levels[:, field]
            result[:, field] = weights_of(self.match[field], self.random[field])[level]
            exact = level == 1
            rarity = self.rarity[field][column.codes[left[exact]]]
            result[exact, field] = log2(self.match[field][1]) - rarity
        return result

    def bits(self, pairs: Pairs, levels: Levels) -> NDArray[np.float32]:
        """The sum of the fields' bits, without the prior."""
        total = np.zeros(len(pairs), dtype=np.float32)
        for at in range(0, len(pairs), CHUNK):
            part = slice(at, at + CHUNK)
            total[part] = self.field_bits(pairs[part], levels[part]).sum(axis=1)
        return total

    def evidence(self, pairs: Pairs) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The bits of each field of each pair, and whether both rows hold it."""
        levels = self.levels(pairs)
        return self.field_bits(pairs, levels), levels > 0

    def only(self, columns: Sequence[Column]) -> Scorer:
        """One with the weights learned so far that looks at these columns alone."""
        places = [at for at, column in enumerate(self.columns) if any(column is each for each in columns)]
        other = Scorer([self.columns[at] for at in places])
        other.match, other.random = [self.match[at] for at in places], [self.random[at] for at in places]
        return other


def _comparators(columns: Sequence[Column]) -> list[Comparator]:
    given = next((column for column in columns if column.kind is Kind.GIVEN), None)
    family = next((column for column in columns if column.kind is Kind.FAMILY), None)
    partner = {id(given): family, id(family): given} if given is not None and family is not None else {}
    return [Comparator(column, partner.get(id(column))) for column in columns]


def log2_share(column: Column) -> NDArray[np.float32]:
    """How common each value is among the rows that hold any."""
    counts = column.counts.astype(np.float64)
    held = max(len(column.codes) - counts[0], 1)
    expected = RARITY_WEIGHT * STRANGERS[column.kind][0]
    return np.asarray(np.log2((np.maximum(counts, 2) + expected) / (held + RARITY_WEIGHT)), dtype=np.float32)


def weights_of(match: NDArray[np.float64], random: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.log2(np.maximum(match, 1e-7) / np.maximum(random, 1e-7))
    weights[0] = 0.0
    return weights


def probability_of_bits(bits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp2(-np.clip(bits, -60, 60))), dtype=np.float32)


def expected_prior(rows: int) -> float:
    """log2 of the odds before anything was compared: every fifth row is a person told of already."""
    return log2(max(rows * 0.2, 1) / max(rows * (rows - 1) / 2, 1))


def prior_of(bits: NDArray[np.float32], rows: int) -> float:
    """log2 of the odds of two rows by chance being one person: the share that the pairs' probabilities sum to."""
    possible = max(rows * (rows - 1) / 2, 1)
    prior = expected_prior(rows)
    for _ in range(30):
        matches = float(probability_of_bits(bits + prior).sum())
        share = min(max(matches, 1.0) / possible, LIKELIEST)
        after = log(share / (1 - share)) / log(2)
        if abs(after - prior) < 1e-3:
            break
        prior = after
    return prior
