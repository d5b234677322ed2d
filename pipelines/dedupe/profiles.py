"""Groups of rows judged as groups: what all rows of one say of a field against what all rows of the other say.

Average linkage over pairs (`cluster`) has a weakness where much is missing: two rows of one person that have little
filled in common look like strangers, though a third that has everything joins them. Here the evidence of each *field*
is averaged over the pairs across two groups in which both rows have it, and only then summed over the fields. So a
missing value neither speaks for nor against, and a birth date that differs counts in full, even if half the rows have
none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGEST_BLOCK: Final = 250
"""Rows divided into groups at once, all pairs of them weighed; more are parted first at their weakest links."""
LINK_STEPS: Final = (-3.0, 0.0, 3.0, 6.0, 10.0, 15.0, 22.0)
"""Bits of a link that holds a block together: the next step where a block is too large."""
_APART: Final = -1e9

Rows = NDArray[np.int64]


def divide(
    size: int, field_bits: NDArray[np.float32], present: NDArray[np.bool_], weights: NDArray[np.int64],
    *, prior: float, join_at: float,
) -> NDArray[np.int64]:  # fmt: skip
    """The group of each of `size` rows: the number of its first row.

    `field_bits` and `present` have a row for each pair in the order of `numpy.triu_indices(size, 1)` and a column for
    each field. Groups are joined, the most alike first, while `prior` and the averaged evidence exceed `join_at`.
    """
    fields = field_bits.shape[1]
    above = np.triu_indices(size, 1)
    held = (weights[above[0]] * weights[above[1]]).astype(np.float64)
    sums, counts = np.zeros((fields, size, size)), np.zeros((fields, size, size))
    for matrix, values in ((sums, field_bits), (counts, present)):
        matrix[:, above[0], above[1]] = values.T * held
        matrix += matrix.transpose(0, 2, 1)
    total = prior + (sums / np.maximum(counts, 1e-9)).sum(axis=0)
    np.fill_diagonal(total, _APART)
    groups = np.arange(size)
    alive = np.ones(size, dtype=bool)
    while True:
        one, other = sorted(divmod(int(total.argmax()), size))
        if total[one, other] <= join_at:
            return groups
        for matrix in (sums, counts):
            matrix[:, one] += matrix[:, other]
            matrix[:, :, one] = matrix[:, one]
        groups[groups == other] = one
        alive[other] = False
        joined = prior + (sums[:, one] / np.maximum(counts[:, one], 1e-9)).sum(axis=0)
        joined[~alive] = _APART
        joined[one] = _APART
        total[one], total[:, one] = joined, joined
        total[other], total[:, other] = _APART, _APART


def blocks(
    size: int, left: NDArray[np.int32], right: NDArray[np.int32], bits: NDArray[np.float32], *, step: int = 0
) -> Iterator[Rows]:
    """Rows linked with each other, directly or through others, in blocks of at most `LARGEST_BLOCK`.

    A larger block is parted by asking more of its links; what no step parts is yielded whole.
    """
    strong = bits > LINK_STEPS[step]
    left, right, bits = left[strong], right[strong], bits[strong]
    linked = np.unique(np.concatenate([left, right]))
    if not len(linked):
        return
    roots = components(size, left, right)[linked]
    order = np.argsort(roots, kind="stable")
    cuts = np.flatnonzero(np.diff(roots[order])) + 1
    large = np.zeros(size, dtype=bool)
    for part in np.split(linked[order].astype(np.int64), cuts):
        if len(part) <= LARGEST_BLOCK or step == len(LINK_STEPS) - 1:
            yield np.sort(part)
        else:
            large[part] = True
    inside = large[left]
    if inside.any():
        yield from blocks(size, left[inside], right[inside], bits[inside], step=step + 1)


def components(size: int, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int32]:
    """The lowest row that each row is connected to."""
    root = np.arange(size, dtype=np.int32)
    while True:
        before = root.copy()
        low = np.minimum(root[left], root[right])
        np.minimum.at(root, root[left], low)
        np.minimum.at(root, root[right], low)
        root = root[root]
        if np.array_equal(before, root):
            return root
