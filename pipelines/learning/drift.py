"""Whether contacts still are what a model learned from, and whether its hot ones still are won as often.

The population stability index (PSI) compares shares of bins: the sum of (now - then) · ln(now / then). Under 0.1 is
little, from 0.25 on much (Siddiqi 2006, "Credit Risk Scorecards", ch. 8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log
from typing import Final

from pipelines.learning.intervals import wilson
from pipelines.learning.learned import LearnedModel
from pipelines.models import Moment, Value
from pipelines.scoring import Features

ENOUGH: Final = 200
"""Scored contacts from which a drift is told; fewer differ by chance."""
_MONTHS: Final = 6
_COARSE: Final = 10
"""At most so many bins of a number are compared: finer ones differ by chance."""


class HotMonth(Value):
    """What became of the contacts called hot in one month, as far as it is known."""

    month: str
    """`2026-11`."""
    hot: int
    """With an outcome."""
    won: int

    @property
    def precision(self) -> float | None:
        """The share won; None where no outcome is known yet."""
        return self.won / self.hot if self.hot else None


class Drift(Value):
    """A model against what came lately."""

    model: str
    contacts: int
    """Scored lately."""
    since: Moment | None
    score_psi: float | None
    """None where the model has nothing to compare with (the rules) or too few came."""
    feature_psi: Mapping[str, float]
    hot: tuple[HotMonth, ...]
    expected_precision: float | None
    """Of hot ones, when the model was judged."""
    alarms: tuple[str, ...] = ()
    """What is over the bounds, a sentence each."""

    @property
    def is_over(self) -> bool:
        return bool(self.alarms)


def psi(then: Sequence[float], counts: Sequence[int]) -> float:
    """The index of counts now against shares then; an empty bin counts as half a contact."""
    total = sum(counts)
    smoothed = [(count + 0.5) / (total + 0.5 * len(counts)) for count in counts]
    before = [(share * total + 0.5) / (total + 0.5 * len(then)) for share in then]
    return sum((now - old) * log(now / old) for now, old in zip(smoothed, before, strict=True))


def measure_drift(
    model: LearnedModel | None,
    name: str,
    lately: Sequence[tuple[Features, int]],
    hot_outcomes: Sequence[tuple[Moment, bool]],
    *,
    since: Moment | None,
    expected_precision: float | None,
    max_psi: float,
    min_hot_precision: float,
) -> Drift:
    """Compare `lately` (features and score of the contacts scored since) with what `model` learned from.

    `hot_outcomes` are those scored hot whose outcome is known: when they were scored, and whether they were won.
    """
    score_psi, feature_psi = None, {}
    if model is not None and len(lately) >= ENOUGH:
        bands = Counter(min(value // 10, 9) for _, value in lately)
        score_psi = psi(model.bands, [bands[band] for band in range(10)])
        feature_psi = _feature_psi(model, [features for features, _ in lately])
    months: dict[str, list[bool]] = {}
    for at, won in sorted(hot_outcomes):
        months.setdefault(f"{at:%Y-%m}", []).append(won)
    hot = tuple(
        HotMonth(month=month, hot=len(ended), won=sum(ended)) for month, ended in sorted(months.items())[-_MONTHS:]
    )
    alarms = []
    if score_psi is not None and score_psi > max_psi:
        alarms.append(f"scores are distributed otherwise than in training: PSI {score_psi:.2f} > {max_psi:g}")
    for feature, index in sorted(feature_psi.items(), key=lambda one: -one[1]):
        if index > max_psi:
            alarms.append(f"{feature} is distributed otherwise than in training: PSI {index:.2f} > {max_psi:g}")
    alarms += _precision_alarms(hot, expected_precision, min_hot_precision)
    return Drift(
        model=name,
        contacts=len(lately),
        since=since,
        score_psi=score_psi,
        feature_psi=feature_psi,
        hot=hot,
        expected_precision=expected_precision,
        alarms=tuple(alarms),
    )


def _precision_alarms(hot: Sequence[HotMonth], expected: float | None, least: float) -> list[str]:
    known = sum(month.hot for month in hot[-2:])
    won = sum(month.won for month in hot[-2:])
    if known < 10:
        return []
    share, (_, high) = won / known, wilson(won, known)
    if least and share < least:
        return [f"of the hot contacts of late {share:.0%} were won, under the bound of {least:.0%}"]
    if expected is not None and high < expected:
        return [f"of the hot contacts of late {share:.0%} were won, and {expected:.0%} when the model was judged"]
    return []


def _feature_psi(model: LearnedModel, lately: Sequence[Features]) -> dict[str, float]:
    found = {}
    for one in model.features:
        group = _groups(one.numbers, len(one.bins), [each.share for each in one.bins])
        then = [0.0] * (max(group) + 1)
        for place, each in enumerate(one.bins):
            then[group[place]] += each.share
        counts = Counter(group[one.place(features.get(one.name))] for features in lately)
        found[one.name] = psi(then, [counts[number] for number in range(len(then))])
    return found


def _groups(numbers: int, bins: int, shares: Sequence[float]) -> list[int]:
    """Which group each bin is in: neighbouring bins of numbers together until they hold a tenth."""
    groups, group, held = [], 0, 0.0
    for place in range(bins):
        groups.append(group)
        held += shares[place]
        if place >= numbers - 1 or held >= 1 / _COARSE:
            group, held = group + 1, 0.0
    return groups
