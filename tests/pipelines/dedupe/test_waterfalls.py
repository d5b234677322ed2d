"""The ten cases that `python -m benchmarks.dedupe.waterfalls` prints: what comes of each, and what must be said."""

from __future__ import annotations

import pytest

from benchmarks.dedupe.waterfalls import CASES, decided
from pipelines.dedupe.explanation import explain

EXPECTED = {
    "twins": ("review", "names_conflict"),
    "a couple": ("review", "names_conflict"),
    "father and son": ("review", "births_differ"),
    "colleagues": ("new", "below_review"),
    "the same mobile": ("match", "mobile"),
    "given and family name": ("match", "swapped"),
    "a nickname": ("match", "nickname"),
    "who changed the company": ("match", "different"),
    "an address with a slip": ("match", "close"),
    "two of the commonest": ("new", "below_review"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_a_hard_case(case: str) -> None:
    ((kind, said),) = [expected for start, expected in EXPECTED.items() if case.startswith(start)]
    decision = decided(CASES[case])
    assert decision.kind == kind
    assert said in explain(decision)
