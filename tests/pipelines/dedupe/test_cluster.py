"""Average linkage: groups hold together as a whole."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedupe.cluster import cluster


def test_a_chain_does_not_collapse() -> None:
    """A~B and B~C, but A and C have nothing in common: the likelier pair stands."""
    assert cluster(3, [(0, 1, 0.9), (1, 2, 0.8)], threshold=0.5) == [0, 0, 2]


def test_a_long_chain_does_not_collapse() -> None:
    found = cluster(10, [(n, n + 1, 0.9) for n in range(9)], threshold=0.5)
    assert max(found.count(label) for label in found) <= 3


def test_a_group_that_agrees_is_one() -> None:
    assert set(cluster(5, [(a, b, 0.9) for a, b in combinations(range(5), 2)])) == {0}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, float]]]:
    size = draw(st.integers(1, 8))
    pairs = list(combinations(range(size), 2))
    weights = draw(st.lists(st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0]), min_size=len(pairs), max_size=len(pairs)))
    return size, [(left, right, weight) for (left, right), weight in zip(pairs, weights, strict=True) if weight]


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(graph: tuple[int, list[tuple[int, int, float]]], chance: object) -> None:
    size, pairs = graph
    shuffled = [(right, left, weight) for left, right, weight in pairs]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cluster(size, shuffled) == cluster(size, pairs)


@given(graphs())
def test_every_cluster_is_named_by_its_first_member(graph: tuple[int, list[tuple[int, int, float]]]) -> None:
    size, pairs = graph
    found = cluster(size, pairs)
    assert all(found[label] == label <= item for item, label in enumerate(found))
