"""What is told of the groups: the contact of each row, and the pairs worth telling of, equal rows included."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.candidate_pairs import Pairs, unpack
from pipelines.dedupe.columns import IDENTIFIERS, Column
from pipelines.dedupe.grouping import Weigher, pairs_within
from pipelines.dedupe.pair_scores import CHUNK, STRANGERS, Scorer, expected_prior, log2_share

MENTIONED: Final = -3.0
"""Bits from which a pair is told of."""
EQUAL_ROWS: Final = 20
"""Equal rows up to which each is paired with each in what is told."""


def listed_pairs(
    weigher: Weigher, pairs: Pairs, bits: NDArray[np.float32], groups: NDArray[np.int64]
) -> tuple[Pairs, NDArray[np.float32]]:
    """The pairs to tell of: the likely ones, and all within a group, those never compared weighed now."""
    likely = bits + weigher.prior >= MENTIONED
    pairs, bits = pairs[likely], bits[likely]
    within = pairs_within(np.arange(len(groups)), groups)
    more = within[~np.isin(within, pairs, kind="sort")]
    more_bits = np.empty(len(more), dtype=np.float32)
    for at in range(0, len(more), CHUNK):
        part = more[at : at + CHUNK]
        more_bits[at : at + CHUNK] = weigher.evidence(part)[0].sum(axis=1)
    return np.concatenate([pairs, more]), np.concatenate([bits, more_bits])


def with_equal_rows(
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


def contacts_of(
    groups: NDArray[np.int64],
    firsts: NDArray[np.int64],
    back: NDArray[np.int64],
    scorer: Scorer,
    columns: Sequence[Column],
) -> NDArray[np.int32]:
    """The contact of each row of the list; equal rows that say too little to be one person stay apart.

    `columns` are those of the whole list. A mailbox, a telephone or a document says who it is even if the list repeats
    it ten thousand times; a name does not.
    """
    contacts = firsts[groups][back].astype(np.int32)
    itself = np.zeros(len(firsts))
    for field, column in enumerate(columns):
        codes = column.codes[firsts]
        known = codes > 0
        # As often as the list holds it, equal rows counted each: five hundred Maria Silvas are a common name.
        rarity = log2_share(column)[codes[known]]
        if column.kind in IDENTIFIERS:
            rarity = np.minimum(rarity, log2(STRANGERS[column.kind][0]))
        itself[known] += log2(scorer.match[field][1]) - rarity
    vague = (itself + min(scorer.prior, expected_prior(len(back))) < 0)[back]
    repeated = np.arange(len(back)) != firsts[back]
    apart = vague & repeated
    contacts[apart] = np.flatnonzero(apart)
    return contacts
