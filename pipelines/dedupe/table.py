"""A whole list deduplicated: columns in, people out. No labels, no settings; it learns its weights from the list.

The steps: rows that are equal in all that is compared become one; candidates (`candidate_pairs`); levels
(`column_levels`); weights (`training`), starting from what is expected of each kind of column; groups, field by field
(`profiles`). Then again with the weights that the groups found so far teach, since ten tellings of one person show what
happens to a name far better than pairs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.candidate_pairs import ALL_PAIRS_UP_TO, Pairs, all_pairs, candidate_pairs, distinct, pack
from pipelines.dedupe.column_levels import LEVEL_NAMES
from pipelines.dedupe.columns import IDENTIFIERS, Column, Kind, without_repetition
from pipelines.dedupe.contact_rows import ContactRows
from pipelines.dedupe.contact_scores import LIKELY_FROM, ContactScorer
from pipelines.dedupe.grouping import Weigher, grouped, pairs_within
from pipelines.dedupe.listing import contacts_of, listed_pairs, with_equal_rows
from pipelines.dedupe.pair_scores import STRANGERS_WEIGHT, Scorer, prior_of, probability_of_bits, weights_of
from pipelines.dedupe.training import Pass, Rates, leaning, learn, observed_rates
from pipelines.dedupe.weights import DEFAULT_MODEL

Progress = Callable[[str, int, int], None]

RANDOM_PAIRS: Final = 1_000_000
PASS_PAIRS: Final = 200_000
ROUNDS: Final = 2
"""Times that the weights are learned again from the people found."""
SURE: Final = 8.0
"""Bits from which groups are joined to learn from: a few wrong ones teach the wrong thing."""
LEARNED_WEIGHT: Final = 500.0
"""How many pairs found the rates known before are worth: sure groups hold few of the slips of the rest."""
JOIN_AT: Final = -0.5
"""Bits from which groups are joined in the end."""
JOIN_CONTACTS_AT: Final = -2.0
"""The same in a list of contacts, whose bits are the more careful ones."""


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


def dedupe_table(
    columns: Sequence[Column],
    *,
    contacts: ContactRows | None = None,
    pairs_per_row: int = 60,
    progress: Progress = lambda step, done, total: None,
) -> TableResult:
    """The people in a list. Deterministic: the same list gives the same people.

    `contacts` are the rows of a list of contacts (`contact_rows.are_contacts`), which the model of the stage weighs.
    """
    rows = len(columns[0].codes)
    columns = without_repetition(columns)
    if not columns:
        nothing = np.empty(0, dtype=np.int32)
        return TableResult(np.arange(rows, dtype=np.int32), nothing, nothing, nothing.astype(np.float32), 0, 0.0, ())
    firsts, back, held = _distinct_rows(columns)
    thin = [Column(column.name, column.kind, column.codes[firsts], column.values) for column in columns]
    scorer = Scorer(thin)
    pairs = candidate_pairs(
        thin,
        pairs_per_row=pairs_per_row,
        progress=lambda done, total: progress("look up", done, total),
    )
    levels = scorer.levels(pairs, lambda done, total: progress("compare", done, total))
    _train(scorer, len(firsts), progress)
    weigher: Weigher = scorer
    bits = scorer.bits(pairs, levels)
    scorer.prior = prior_of(bits, len(firsts))
    if contacts is not None:
        pairs = pairs[bits + scorer.prior >= LIKELY_FROM]
        others = scorer.only([column for column in thin if not contacts.compares(column)])
        weigher = people = ContactScorer(DEFAULT_MODEL, contacts, firsts, thin, others)
        bits = people.bits(pairs, lambda done, total: progress("weigh", done, total))
    else:
        for number in range(ROUNDS):
            progress("learn", number, ROUNDS)
            groups = grouped(scorer, pairs, bits, held, SURE)
            scorer.match = _match_rates(scorer, _sampled_within(groups))
            bits = scorer.bits(pairs, levels)
            scorer.prior = prior_of(bits, len(firsts))
    progress("group", 0, 1)
    groups = grouped(weigher, pairs, bits, held, JOIN_AT if contacts is None else JOIN_CONTACTS_AT)
    whom = contacts_of(groups, firsts, back, scorer, columns)
    listed, listed_bits = listed_pairs(weigher, pairs, bits, groups)
    left, right, probability = with_equal_rows(listed, probability_of_bits(listed_bits + weigher.prior), back, whom)
    return TableResult(
        whom,
        left,
        right,
        probability,
        len(pairs),
        scorer.prior,
        tuple(
            FieldWeights(column.name, column.kind, names, tuple(weights_of(match, random).round(2).tolist()))
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


def _train(scorer: Scorer, rows: int, progress: Progress) -> None:
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
    most = 4 if column.kind in IDENTIFIERS else 200
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


def _sampled_within(groups: NDArray[np.int64]) -> Pairs:
    pairs = pairs_within(np.arange(len(groups)), groups)
    return pairs[:: max(len(pairs) // RANDOM_PAIRS, 1)]


def _match_rates(scorer: Scorer, pairs: Pairs) -> Rates:
    """Match rates by counting among pairs taken for matches, leaning on those known so far while they are few."""
    counted = observed_rates(scorer.levels(pairs), scorer.sizes)
    return [
        leaning(rates, known, len(pairs), LEARNED_WEIGHT) for rates, known in zip(counted, scorer.match, strict=True)
    ]
