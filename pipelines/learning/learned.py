"""A model learned from outcomes: for each feature the log-odds of its bins, which become the points of a score.

Everything is additive, so a score's reasons are the model itself and not an explanation made up afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import exp, floor
from typing import Final

from pipelines.fields import EXTRA
from pipelines.learning.levels import as_level, as_number
from pipelines.models import Contribution, Moment, Temperature, Value
from pipelines.reasons import BASE
from pipelines.scoring import Features

LEARNED: Final = "learned-"
"""What the version of such a model begins with."""
OTHER: Final = "something else"
"""Label of the bin of levels that training saw too seldom, or never."""
MISSING: Final = "not told"
"""Label of the bin of contacts of whom the feature is not known."""


class Bin(Value):
    """Some values of a feature that count alike."""

    label: str
    log_odds: float
    """Natural; what it adds to the average contact's."""
    share: float
    """Of the contacts that the model learned from."""


class LearnedFeature(Value):
    """A feature's bins: those of its numbers in order, then those of its levels, then `OTHER` and `MISSING`."""

    name: str
    cuts: tuple[float, ...] = ()
    """Where the bins of the numbers meet: a number is in the bin after the last cut that is not above it."""
    bins: tuple[Bin, ...]

    @property
    def numbers(self) -> int:
        """How many of the bins are of numbers."""
        return len(self.cuts) + 1 if self.cuts else 0

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.label: place for place, one in enumerate(self.bins[:-2]) if place >= self.numbers}

    def place(self, value: str | float | None) -> int:
        """Which bin a value is in."""
        level = as_level(value)
        if not level:
            return len(self.bins) - 1
        if (found := self._places.get(level)) is not None:
            return found
        number = as_number(value) if self.cuts else None
        return len(self.bins) - 2 if number is None else bisect_right(self.cuts, number)


class LearnedModel(Value):
    """A `pipelines.scoring.ScoringModel` that was learned.

    log-odds become points by a line, as on a credit scorecard (Siddiqi 2006, "Credit Risk Scorecards", ch. 6: points
    to double the odds): value = `offset` + `factor` · log-odds, held within 0 to 100.
    """

    version: str
    intercept: float
    """Log-odds of the average contact."""
    features: tuple[LearnedFeature, ...]
    factor: float
    offset: float
    hot: int
    warm: int
    bands: tuple[float, ...] = ()
    """Shares of the ten bands of the score (0-9, ..., 90-100) among those it learned from."""
    learned_from: Moment
    learned_until: Moment
    """From the times between these two; what is later is held out."""
    learned_last: int
    """Up to which of the examples of `learned_until`, in their order."""
    examples: int
    won: int

    def log_odds(self, features: Features) -> float:
        """Of being won."""
        return self.intercept + sum(one.bins[one.place(features.get(one.name))].log_odds for one in self.features)

    def probability(self, features: Features) -> float:
        """Of being won."""
        return 1 / (1 + exp(-max(min(self.log_odds(features), 700), -700)))

    def contributions(self, features: Features) -> Sequence[Contribution]:
        """What each feature is worth (`pipelines.scoring.ScoringModel`)."""
        parts = [(BASE, "the average contact", self.offset + self.factor * self.intercept)]
        for one in self.features:
            found = one.bins[one.place(features.get(one.name))]
            parts.append((one.name, _reason(one.name, found.label), self.factor * found.log_odds))
        points = apportion([worth for _, _, worth in parts])
        return [
            Contribution(feature=feature, points=worth, reason=reason)
            for (feature, reason, _), worth in zip(parts, points, strict=True)
            if worth
        ]

    def temperature(self, value: int) -> Temperature:
        """How warm a contact of this score is."""
        if value >= self.hot:
            return Temperature.HOT
        return Temperature.WARM if value >= self.warm else Temperature.COLD


def apportion(parts: Sequence[float]) -> list[int]:
    """Whole numbers for these parts, each its floor or one above, whose sum is the rounded sum of the parts.

    The largest remainders are rounded up (Hamilton's method), the first of equal ones.
    """
    floors = [floor(part) for part in parts]
    missing = floor(sum(parts) + 0.5) - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda place: floors[place] - parts[place])
    for place in by_remainder[: max(missing, 0)]:
        floors[place] += 1
    return floors


def _reason(name: str, label: str) -> str:
    """`Origem: google`, `company size: medium`."""
    spoken = name.removeprefix(EXTRA) if name.startswith(EXTRA) else name.replace("_", " ")
    return f"{spoken}: {label}"


def band_shares(values: Iterable[int]) -> tuple[float, ...]:
    """The shares of scores in the ten bands 0-9, ..., 80-89, 90-100."""
    counts = [0] * 10
    for value in values:
        counts[min(value // 10, 9)] += 1
    total = sum(counts) or 1
    return tuple(count / total for count in counts)
