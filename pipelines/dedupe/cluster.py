"""From pairs to people: average linkage, so that A~B and B~C do not make A and C one person.

Two groups are joined while the average probability over *all* pairs across them stays at least at the threshold
(UPGMA: Sokal and Michener 1958). A pair that was never scored counts as no match, so a chain of likely pairs stops
where its ends have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

COHESION: Final = 0.5
"""The average probability that holds a cluster together, unless the caller asks for another."""


def cluster(
    size: int,
    pairs: Iterable[tuple[int, int, float]],
    *,
    threshold: float = COHESION,
    weights: Sequence[int] | None = None,
) -> list[int]:
    """The cluster of each of `size` items: the number of its first member.

    `pairs` are (left, right, probability), each pair at most once. An item stands for `weights` records (one unless
    given). Items that no pair names stay alone. The order of the pairs does not matter.
    """
    links: list[dict[int, float]] = [{} for _ in range(size)]
    members = list(weights) if weights is not None else [1] * size
    for left, right, probability in pairs:
        if left != right:
            links[left][right] = links[right][left] = probability * members[left] * members[right]
    owner = list(range(size))
    stamps = [0] * size
    queue = [
        (-total / (members[left] * members[right]), left, right, 0, 0)
        for left, row in enumerate(links)
        for right, total in row.items()
        if left < right and total / (members[left] * members[right]) >= threshold
    ]
    heapify(queue)
    while queue:
        _, left, right, left_stamp, right_stamp = heappop(queue)
        if stamps[left] != left_stamp or stamps[right] != right_stamp:
            continue
        # The lower number lives on: the result does not depend on which side was longer.
        ours, theirs = links[left], links[right]
        ours.pop(right), theirs.pop(left)
        for other, total in theirs.items():
            ours[other] = ours.get(other, 0.0) + total
            links[other].pop(right)
        members[left] += members[right]
        owner[right] = left
        stamps[left] += 1
        stamps[right] = -1
        links[right] = {}
        for other, total in ours.items():
            links[other][left] = total
            average = total / (members[left] * members[other])
            if average >= threshold:
                low, high = (left, other) if left < other else (other, left)
                heappush(queue, (-average, low, high, stamps[low], stamps[high]))
    return [_root(owner, item) for item in range(size)]


def _root(owner: list[int], item: int) -> int:
    while owner[item] != item:
        owner[item] = owner[owner[item]]
        item = owner[item]
    return item
