"""Groups of rows: likely pairs gathered into blocks, blocks divided into people (`profiles`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.candidate_pairs import Pairs, pack, unpack
from pipelines.dedupe.cluster import cluster
from pipelines.dedupe.pair_scores import CHUNK, probability_of_bits
from pipelines.dedupe.profiles import LARGEST_BLOCK, LINK_STEPS, blocks, divide


class Weigher(Protocol):
    """What knows how much pairs of rows weigh: by columns (`Scorer`), or as contacts (`ContactScorer`)."""

    prior: float
    """log2 of the odds of two rows by chance being one person."""

    def evidence(self, pairs: Pairs) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The bits of each field of each pair, and whether both rows hold it."""
        ...


def grouped(
    weigher: Weigher, pairs: Pairs, bits: NDArray[np.float32], held: NDArray[np.int64], join_at: float
) -> NDArray[np.int64]:
    """The group of each row. `bits` are those of the pairs without the prior, `held` how often each row is listed."""
    rows = len(held)
    totals = bits + weigher.prior
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
        if count > CHUNK // 2:
            _divide(weigher, waiting, held, groups, join_at)
            waiting, count = [], 0
    _divide(weigher, waiting, held, groups, join_at)
    return groups


def _divide(
    weigher: Weigher,
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
    field_bits, present = weigher.evidence(pairs)
    at = 0
    for block, (a, _) in zip(waiting, inside, strict=True):
        part = slice(at, at + len(a))
        at += len(a)
        found = divide(len(block), field_bits[part], present[part], held[block], prior=weigher.prior, join_at=join_at)
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
    probability = probability_of_bits(totals[inside])
    links = zip(place[left[inside]].tolist(), place[right[inside]].tolist(), probability.tolist(), strict=True)
    groups[block] = block[np.array(cluster(len(block), links, weights=held[block].tolist()))]


def pairs_within(rows: NDArray[np.int64], labels: NDArray[np.int64]) -> Pairs:
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
