"""A score's reasons in a few lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import Contribution, Score, Temperature
from pipelines.reasons import BASE, CLAMP, best_and_worst, reasons_text


def score(**points: int) -> Score:
    parts = tuple(Contribution(feature=name, points=worth, reason=name) for name, worth in points.items())
    return Score(value=72, temperature=Temperature.WARM, contributions=parts)


def test_the_three_best_and_the_three_worst_and_neither_start_nor_clamp() -> None:
    scored = score(base=15, a=1, b=2, c=3, d=4, e=5, f=6, g=-7, clamp=-90)
    assert reasons_text(scored).splitlines() == [
        "Score 72 (warm)", "+6 f", "+5 e", "+4 d", "Least:", "-7 g", "+1 a", "+2 b",
    ]  # fmt: skip


def test_what_lowered_the_score_is_never_called_best() -> None:
    best, worst = best_and_worst(score(a=-1, b=-2))
    assert best == ()
    assert [part.feature for part in worst] == ["b", "a"]


def test_few_reasons_are_told_once() -> None:
    assert reasons_text(score(a=1)) == "Score 72 (warm)\n+1 a"
    assert reasons_text(score(base=15)) == "Score 72 (warm)"


@given(st.dictionaries(st.sampled_from(("a", "b", "c", "d", "e", "f", "g", BASE, CLAMP)), st.integers(-100, 100)))
def test_no_reason_is_told_twice_and_the_best_are_no_worse_than_the_worst(points: dict[str, int]) -> None:
    best, worst = best_and_worst(score(**points))
    features = [part.feature for part in (*best, *worst)]
    assert len(features) == len(set(features)) <= 6
    assert not {BASE, CLAMP} & set(features)
    assert all(high.points >= low.points for high in best for low in worst)
