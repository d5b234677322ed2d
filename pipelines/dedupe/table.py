"""A whole list deduplicated: columns in, people out. No labels, no settings; it learns its weights from the list.

The steps: rows that are equal in all that is compared become one; candidates (`candidate_pairs`); levels
(`column_levels`); weights (`training`), starting from what is expected of each kind of column; groups, field by field
(`profiles`). Then again with the weights that the groups found so far teach, since ten tellings of one person show what
happens to a name far better than pairs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.candidate_pairs import ALL_PAIRS_UP_TO, Pairs, all_pairs, candidate_pairs, distinct, pack, unpack
from pipelines.dedupe.cluster import cluster
from pipelines.dedupe.column_levels import LEVEL_NAMES, Comparator
from pipelines.dedupe.columns import Column, Kind, without_repetition
from pipelines.dedupe.profiles import LARGEST_BLOCK, LINK_STEPS, blocks, divide
from pipelines.dedupe.training import Levels, Pass, Rates, leaning, learn, observed_rates

Progress = Callable[[str, int, int], None]

RANDOM_PAIRS: Final = 1_000_000
PASS_PAIRS: Final = 200_000
ROUNDS: Final = 2
"""Times that the weights are learned again from the people found."""
SURE: Final = 8.0
"""Bits from which groups are joined to learn from: a few wrong ones teach the wrong thing."""
JOIN_AT: Final = -0.5
"""Bits from which groups are joined in the end."""
_CHUNK: Final = 1 << 20

_EXPECTED: Final[dict[Kind, tuple[float, ...]]] = {
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

_STRANGERS: Final[dict[Kind, tuple[float, ...]]] = {
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
MENTIONED: Final = -3.0
"""Bits from which a pair is told of."""
EQUAL_ROWS: Final = 20
"""Equal rows up to which each is paired with each in what is told."""
RARITY_WEIGHT: Final = 60.0
"""How many rows the expected share of a value is worth."""


@dataclass(frozen=True, slots=True)
class FieldWeights:
    """One column's weights, for the report."""

    name: str
    kind: Kind
    levels: tuple[str, ...]
    bits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TableResult:
    """What was found in a list."""

    contacts: NDArray[np.int32]
    """For each row the first row of its contact."""
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    probability: NDArray[np.float32]
    """The pairs that are likely enough to mention."""
    compared: int
    prior_bits: float
    weights: tuple[FieldWeights, ...]


class _Scorer:
    """Bits of pairs under the weights learned so far."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.comparators = _comparators(columns)
        self.sizes = [len(comparator.names) for comparator in self.comparators]
        self.expected = [np.array((0.0, *_EXPECTED[column.kind])) for column in columns]
        rows = len(columns[0].codes)
        self.strangers = [np.array((0.0, *_STRANGERS[column.kind])) for column in columns]
        self.rarity = [_log2_share(column, rows) for column in columns]
        self.match: Rates = self.expected
        self.random: Rates = self.expected
        self.prior = 0.0

    def levels(self, pairs: Pairs, progress: Callable[[int, int], None] = lambda done, total: None) -> Levels:
        result = np.zeros((len(pairs), len(self.columns)), dtype=np.int8)
        for at in range(0, len(pairs), _CHUNK):
            left, right = unpack(pairs[at : at + _CHUNK])
            for field, comparator in enumerate(self.comparators):
                result[at : at + _CHUNK, field] = comparator.levels(left, right)
            progress(min(at + _CHUNK, len(pairs)), len(pairs))
        return result

    def field_bits(self, pairs: Pairs, levels: Levels) -> NDArray[np.float32]:
        """The bits of each field of each pair; agreement weighs by how rare the value is."""
        left, _ = unpack(pairs)
        result = np.zeros(levels.shape, dtype=np.float32)
        for field, column in enumerate(self.columns):
            level = levels[:, field]
            result[:, field] = _weights(self.match[field], self.random[field])[level]
            exact = level == 1
            rarity = self.rarity[field][column.codes[left[exact]]]
            result[exact, field] = log2(self.match[field][1]) - rarity
        return result

    def bits(self, pairs: Pairs, levels: Levels) -> NDArray[np.float32]:
        """The sum of the fields' bits, without the prior."""
        total = np.zeros(len(pairs), dtype=np.float32)
        for at in range(0, len(pairs), _CHUNK):
            part = slice(at, at + _CHUNK)
            total[part] = self.field_bits(pairs[part], levels[part]).sum(axis=1)
        return total


def _comparators(columns: Sequence[Column]) -> list[Comparator]:
    given = next((column for column in columns if column.kind is Kind.GIVEN), None)
    family = next((column for column in columns if column.kind is Kind.FAMILY), None)
    partner = {id(given): family, id(family): given} if given is not None and family is not None else {}
    return [Comparator(column, partner.get(id(column))) for column in columns]


def _log2_share(column: Column, rows: int) -> NDArray[np.float32]:
    """How common each value is among the rows that hold any."""
    counts = column.counts.astype(np.float64)
    held = max(rows - counts[0], 1)
    expected = RARITY_WEIGHT * _STRANGERS[column.kind][0]
    return np.asarray(np.log2((np.maximum(counts, 2) + expected) / (held + RARITY_WEIGHT)), dtype=np.float32)


def _weights(match: NDArray[np.float64], random: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.log2(np.maximum(match, 1e-7) / np.maximum(random, 1e-7))
    weights[0] = 0.0
    return weights


def dedupe_table(
    columns: Sequence[Column],
    *,
    pairs_per_row: int = 60,
    progress: Progress = lambda step, done, total: None,
) -> TableResult:
    """The people in a list. Deterministic: the same list gives the same people."""
    rows = len(columns[0].codes)
    columns = without_repetition(columns)
    if not columns:
        nothing = np.empty(0, dtype=np.int32)
        return TableResult(np.arange(rows, dtype=np.int32), nothing, nothing, nothing.astype(np.float32), 0, 0.0, ())
    firsts, back, held = _distinct_rows(columns)
    thin = [Column(column.name, column.kind, column.codes[firsts], column.values) for column in columns]
    scorer = _Scorer(thin)
    pairs = candidate_pairs(
        thin,
        pairs_per_row=pairs_per_row,
        progress=lambda done, total: progress("look up", done, total),
    )
    levels = scorer.levels(pairs, lambda done, total: progress("compare", done, total))
    _train(scorer, len(firsts), progress)
    for number in range(ROUNDS):
        progress("learn", number, ROUNDS)
        _, groups = _grouped(scorer, pairs, levels, held, len(firsts), SURE)
        scorer.match = _match_rates(scorer, _pairs_within(groups))
    progress("group", 0, 1)
    bits, groups = _grouped(scorer, pairs, levels, held, len(firsts), JOIN_AT)
    contacts = _rows_of(groups, firsts, back, scorer)
    listed, listed_bits = _listed(scorer, pairs, bits, groups)
    left, right, probability = _with_equal_rows(listed, _probability(listed_bits + scorer.prior), back, contacts)
    return TableResult(
        contacts,
        left,
        right,
        probability,
        len(pairs),
        scorer.prior,
        tuple(
            FieldWeights(column.name, column.kind, names, tuple(_weights(match, random).round(2).tolist()))
            for column, names, match, random in zip(
                thin, (LEVEL_NAMES[column.kind] for column in thin), scorer.match, scorer.random, strict=True
            )
        ),
    )


def _distinct_rows(columns: Sequence[Column]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first of each set of equal rows, each row's number among these, and how many each stands for."""
    keys = np.zeros(len(columns[0].codes), dtype=np.int64)
    for codes in (column.codes for column in columns):
        _, dense = np.unique(keys * (int(codes.max()) + 1) + codes, return_inverse=True)
        keys = dense.astype(np.int64)
    _, firsts, back, held = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(firsts)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return firsts[order], rank[back], held[order]


def _train(scorer: _Scorer, rows: int, progress: Progress) -> None:
    progress("learn", 0, len(scorer.columns))
    strangers = all_pairs(rows) if rows <= ALL_PAIRS_UP_TO // 2 else _random_pairs(rows)
    levels = scorer.levels(strangers)
    scorer.random = [
        leaning(rates, expected, float((levels[:, field] > 0).sum()), STRANGERS_WEIGHT)
        for field, (rates, expected) in enumerate(
            zip(observed_rates(levels, scorer.sizes), scorer.strangers, strict=True)
        )
    ]
    passes = []
    for field, column in enumerate(scorer.columns):
        if column.kind is Kind.CATEGORY:
            continue
        pairs = _pass_pairs(column)
        if len(pairs) >= 20:
            passes.append(Pass(scorer.levels(pairs), (field,)))
        progress("learn", field + 1, len(scorer.columns))
    scorer.match = learn(passes, scorer.random, scorer.expected).match


def _random_pairs(rows: int) -> Pairs:
    """Pairs by chance, the same each time."""
    chance = np.random.default_rng(20_260_101)
    left, right = chance.integers(0, rows, (2, RANDOM_PAIRS))
    different = left != right
    return distinct(pack(left[different], right[different]))


def _pass_pairs(column: Column) -> Pairs:
    """Neighbours among the rows that hold one value; of mailboxes and telephones only such as few hold."""
    counts = column.counts
    most = 4 if column.kind in (Kind.EMAIL, Kind.PHONE, Kind.DOCUMENT) else 200
    usable = (counts >= 2) & (counts <= most)
    usable[0] = False
    if column.kind is Kind.EMAIL:
        usable &= np.array([not value.startswith("!") for value in column.values])
    rows = np.flatnonzero(usable[column.codes])
    order = rows[np.argsort(column.codes[rows], kind="stable")]
    made = []
    for step in (1, 2, 3):
        if len(order) > step:
            same = column.codes[order[step:]] == column.codes[order[:-step]]
            made.append(pack(order[:-step][same], order[step:][same]))
    pairs = np.concatenate(made) if made else np.empty(0, dtype=np.int64)
    return np.sort(pairs)[:: max(len(pairs) // PASS_PAIRS, 1)]


def _grouped(
    scorer: _Scorer, pairs: Pairs, levels: Levels, held: NDArray[np.int64], rows: int, join_at: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The bits of each pair and the group of each row, with the share of matches that the two agree on."""
    bits = scorer.bits(pairs, levels)
    scorer.prior = _prior(bits, rows)
    totals = bits + scorer.prior
    near = totals > LINK_STEPS[0]
    left, right = unpack(pairs[near])
    groups = np.arange(rows, dtype=np.int64)
    waiting: list[NDArray[np.int64]] = []
    count = 0
    for block in blocks(rows, left, right, totals[near]):
        if len(block) > LARGEST_BLOCK:
            _link(block, left, right, totals[near], held, groups)
            continue
        waiting.append(block)
        count += len(block) * (len(block) - 1) // 2
        if count > _CHUNK // 2:
            _divide(scorer, waiting, held, groups, join_at)
            waiting, count = [], 0
    _divide(scorer, waiting, held, groups, join_at)
    return bits, groups


def _divide(
    scorer: _Scorer,
    waiting: Sequence[NDArray[np.int64]],
    held: NDArray[np.int64],
    groups: NDArray[np.int64],
    join_at: float,
) -> None:
    """Divides some blocks of rows into groups, all pairs in them weighed field by field."""
    if not waiting:
        return
    inside = [np.triu_indices(len(block), 1) for block in waiting]
    pairs = np.concatenate([pack(block[a], block[b]) for block, (a, b) in zip(waiting, inside, strict=True)])
    levels = scorer.levels(pairs)
    field_bits, present = scorer.field_bits(pairs, levels), levels > 0
    at = 0
    for block, (a, _) in zip(waiting, inside, strict=True):
        part = slice(at, at + len(a))
        at += len(a)
        found = divide(len(block), field_bits[part], present[part], held[block], prior=scorer.prior, join_at=join_at)
        groups[block] = block[found]


def _link(
    block: NDArray[np.int64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    totals: NDArray[np.float32],
    held: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> None:
    """Divides a block that is too large to weigh all its pairs, by average linkage of those that were compared."""
    place = np.full(len(groups), -1)
    place[block] = np.arange(len(block))
    inside = np.flatnonzero((place[left] >= 0) & (place[right] >= 0))
    probability = _probability(totals[inside])
    links = zip(place[left[inside]].tolist(), place[right[inside]].tolist(), probability.tolist(), strict=True)
    groups[block] = block[np.array(cluster(len(block), links, weights=held[block].tolist()))]


def _probability(bits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp2(-np.clip(bits, -60, 60))), dtype=np.float32)


def _prior(bits: NDArray[np.float32], rows: int) -> float:
    """log2 of the odds of two rows by chance being one person: the share that the pairs' probabilities sum to."""
    possible = max(rows * (rows - 1) / 2, 1)
    prior = log2(max(rows * 0.2, 1) / possible)
    for _ in range(30):
        matches = float(_probability(bits + prior).sum())
        share = min(max(matches, 1.0) / possible, 0.5)
        after = log(share / (1 - share)) / log(2)
        if abs(after - prior) < 1e-3:
            break
        prior = after
    return prior


def _pairs_within_labels(rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Pairs:
    order = rows[np.argsort(labels, kind="stable")]
    sorted_labels = np.sort(labels, kind="stable")
    made = []
    step = 1
    alive = np.arange(len(order))
    while True:
        alive = alive[alive + step < len(order)]
        alive = alive[sorted_labels[alive] == sorted_labels[alive + step]]
        if not len(alive):
            break
        made.append(pack(order[alive], order[alive + step]))
        step += 1
    return np.sort(np.concatenate(made)) if made else np.empty(0, dtype=np.int64)


def _pairs_within(groups: NDArray[np.int64]) -> Pairs:
    pairs = _pairs_within_labels(np.arange(len(groups)), groups)
    return pairs[:: max(len(pairs) // RANDOM_PAIRS, 1)]


def _match_rates(scorer: _Scorer, pairs: Pairs) -> Rates:
    """Match rates by counting among pairs taken for matches, leaning on those known so far while they are few."""
    counted = observed_rates(scorer.levels(pairs), scorer.sizes)
    return [leaning(rates, known, len(pairs), 50.0) for rates, known in zip(counted, scorer.match, strict=True)]


def _listed(
    scorer: _Scorer, pairs: Pairs, bits: NDArray[np.float32], groups: NDArray[np.int64]
) -> tuple[Pairs, NDArray[np.float32]]:
    """The pairs to tell of: the likely ones, and all within a group, those never compared weighed now."""
    likely = bits + scorer.prior >= MENTIONED
    pairs, bits = pairs[likely], bits[likely]
    within = _pairs_within_labels(np.arange(len(groups)), groups)
    more = within[~np.isin(within, pairs, kind="sort")]
    more_bits = np.empty(len(more), dtype=np.float32)
    for at in range(0, len(more), _CHUNK):
        part = more[at : at + _CHUNK]
        more_bits[at : at + _CHUNK] = scorer.bits(part, scorer.levels(part))
    return np.concatenate([pairs, more]), np.concatenate([bits, more_bits])


def _with_equal_rows(
    pairs: Pairs, probability: NDArray[np.float32], back: NDArray[np.int64], contacts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Pairs of distinct rows as pairs of rows of the list, each row that is equal to another standing for itself.

    Of more than `EQUAL_ROWS` equal rows only the first so many are told of.
    """
    order = np.argsort(back, kind="stable")
    starts = np.searchsorted(back[order], np.arange(int(back.max()) + 1))
    sizes = np.minimum(np.diff(np.concatenate([starts, [len(back)]])), EQUAL_ROWS)
    left, right = unpack(pairs)
    lefts, rights, chances = [], [], []
    for step in range(int(sizes.max())):
        for other in range(int(sizes.max())):
            both = (sizes[left] > step) & (sizes[right] > other)
            if both.any():
                lefts.append(order[starts[left[both]] + step])
                rights.append(order[starts[right[both]] + other])
                chances.append(probability[both])
            if other > step:
                several = np.flatnonzero(sizes > other)
                one, two = order[starts[several] + step], order[starts[several] + other]
                same = contacts[one] == contacts[two]
                lefts.append(one[same])
                rights.append(two[same])
                chances.append(np.ones(int(same.sum()), dtype=np.float32))
    if not lefts:
        nothing = np.empty(0, dtype=np.int32)
        return nothing, nothing, nothing.astype(np.float32)
    ends = np.sort(np.stack([np.concatenate(lefts), np.concatenate(rights)]), axis=0).astype(np.int32)
    return ends[0], ends[1], np.concatenate(chances)


def _rows_of(
    groups: NDArray[np.int64], firsts: NDArray[np.int64], back: NDArray[np.int64], scorer: _Scorer
) -> NDArray[np.int32]:
    """The contact of each row of the list; equal rows that say too little to be one person stay apart."""
    contacts = firsts[groups][back].astype(np.int32)
    itself = np.zeros(len(firsts))
    for field, column in enumerate(scorer.columns):
        known = column.codes > 0
        itself[known] += log2(scorer.match[field][1]) - scorer.rarity[field][column.codes[known]]
    vague = (itself + scorer.prior < 0)[back]
    repeated = np.arange(len(back)) != firsts[back]
    apart = vague & repeated
    contacts[apart] = np.flatnonzero(apart)
    return contacts
