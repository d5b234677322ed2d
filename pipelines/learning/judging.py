"""How good scores were, by outcomes that nothing was learned from.

Measures are scikit-learn's; import this where a report is made, never in a worker that only scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pipelines.learning.intervals import wilson
from pipelines.learning.learned import LearnedModel
from pipelines.learning.training import LEAST_HELD_OUT, Example, place_in_time
from pipelines.models import Moment, Value
from pipelines.score import score_features
from pipelines.scoring import ScoringModel

RESAMPLED: Final = 2000
"""Bootstrap samples of an interval."""
_SEED: Final = 20_260
"""The same outcomes give the same interval."""
_PERIODS: Final = 4
_TENTHS: Final = 10

_Floats = np.ndarray[Any, np.dtype[np.float64]]


class Interval(Value):
    """A measure with the 95 % interval of its bootstrap (Efron and Tibshirani 1993, percentile method)."""

    value: float
    low: float
    high: float


class Quality(Value):
    """What one way of scoring is worth."""

    auc: float
    """The chance that a won contact is scored above a lost one."""
    pr_auc: float
    """Average precision; that of chance is the base rate."""
    brier: float
    """Mean squared error of the probabilities; smaller is better."""
    lift_10: float
    """Share won among the best tenth by score, over the base rate."""
    lift_20: float


class Tenth(Value):
    """A tenth of the contacts by predicted probability: what was predicted and what came."""

    contacts: int
    predicted: float
    observed: float
    low: float
    high: float
    """Of the 95 % interval of `observed` (Wilson 1927)."""


class Period(Value):
    """A quarter of the held-out contacts in the order of time."""

    since: Moment
    until: Moment
    contacts: int
    base_rate: float
    predicted: float
    auc: float | None
    """None where all ended alike."""


class FeatureShare(Value):
    """What a feature does to scores."""

    feature: str
    mean_points: float
    """Mean of what it adds or takes, without its sign."""
    lowest: float
    highest: float
    """Points of its worst and best bin."""


class Judgement(Value):
    """A model against the champion, the rules and the base rate, on contacts that it did not learn from."""

    model: str
    champion: str
    contacts: int
    won: int
    base_rate: float
    since: Moment
    until: Moment
    candidate: Quality
    rules: Quality
    champion_quality: Quality
    base_brier: float
    """Of predicting the base rate of those it learned from for everybody."""
    auc: Interval
    better_by: Interval
    """AUC of the model less that of the champion, on the same resampled contacts."""
    hot: int
    hot_precision: float
    """Share won among those that the model calls hot."""
    calibration: tuple[Tenth, ...]
    periods: tuple[Period, ...]
    features: tuple[FeatureShare, ...]

    @property
    def beats(self) -> bool:
        """Whether it is better than the champion, and than chance, beyond chance."""
        return self.better_by.low > 0 and self.auc.low > 0.5

    @property
    def verdict(self) -> str:
        """In a sentence."""
        gain = self.better_by
        told = f"AUC {gain.value:+.3f} (95 % interval {gain.low:+.3f} to {gain.high:+.3f})"
        if self.beats:
            return f"beats {self.champion} beyond chance: {told}"
        if self.better_by.low > 0:
            return f"is not better than chance: AUC {self.auc.low:.3f} to {self.auc.high:.3f}"
        return f"does not beat {self.champion} beyond chance: {told}"


def held_out(model: LearnedModel, examples: Sequence[Example]) -> list[Example]:
    """Those that `model` did not learn from and that were scored after those it did, in the order of time."""
    ordered = sorted(examples, key=place_in_time)
    return [one for one in ordered if place_in_time(one) > _last(model)]


def _last(model: LearnedModel) -> tuple[datetime, int]:
    return model.learned_until, model.learned_last


def judge(
    model: LearnedModel, examples: Sequence[Example], rules: ScoringModel, champion: LearnedModel | None = None
) -> Judgement | None:
    """Judge `model` by those of the examples that are held out from it, against `champion` (None: the rules).

    A champion that learned from some of them itself is only made to look better. None where there are too few of them:
    under `LEAST_HELD_OUT` won or lost.
    """
    late = held_out(model, examples)
    won = np.array([one.won for one in late], dtype=float)
    if min(won.sum(), len(won) - won.sum()) < LEAST_HELD_OUT:
        return None
    likely = np.array([model.probability(one.features) for one in late])
    scores, by_rules = _scores(model, late), _scores(rules, late)
    until = _last(model)
    early = [one for one in examples if place_in_time(one) <= until]
    base = model.won / model.examples
    rules_quality = _quality(by_rules, _as_probability(_scores(rules, early), early, by_rules, base), won)
    theirs, their_quality = by_rules, rules_quality
    if champion is not None:
        theirs = _scores(champion, late)
        their_quality = _quality(theirs, np.array([champion.probability(one.features) for one in late]), won)
    mine, difference = _bootstrap(scores, theirs, won)
    hot = scores >= model.hot
    return Judgement(
        model=model.version,
        champion=(champion or rules).version,
        contacts=len(late),
        won=int(won.sum()),
        base_rate=float(won.mean()),
        since=late[0].at,
        until=late[-1].at,
        candidate=_quality(scores, likely, won),
        rules=rules_quality,
        champion_quality=their_quality,
        base_brier=float(brier_score_loss(won, np.full(len(won), base))),
        auc=mine,
        better_by=difference,
        hot=int(hot.sum()),
        hot_precision=float(won[hot].mean()) if hot.any() else 0.0,
        calibration=_calibration(likely, won),
        periods=_periods(late, likely, scores, won),
        features=_feature_shares(model, late),
    )


def _quality(scores: _Floats, likely: _Floats, won: _Floats) -> Quality:
    return Quality(
        auc=float(roc_auc_score(won, scores)),
        pr_auc=float(average_precision_score(won, scores)),
        brier=float(brier_score_loss(won, likely)),
        lift_10=_lift(scores, won, 0.1),
        lift_20=_lift(scores, won, 0.2),
    )


def _scores(model: ScoringModel, examples: Sequence[Example]) -> _Floats:
    return np.array([score_features(one.features, model).value for one in examples], dtype=float)


def _as_probability(before: _Floats, early: Sequence[Example], scores: _Floats, base: float) -> _Floats:
    """Scores as probabilities, as fairly as they can be: by a logistic curve over what was known before."""
    won = [one.won for one in early]
    if len(set(won)) < 2:
        return np.full(len(scores), base)
    curve = LogisticRegression(C=1e6).fit(before.reshape(-1, 1) / 100, won)
    return np.asarray(curve.predict_proba(scores.reshape(-1, 1) / 100)[:, 1])


def _lift(scores: _Floats, won: _Floats, share: float) -> float:
    """Of the best `share`; among those of equal score at its edge, all have their part of the places left."""
    places = max(round(len(scores) * share), 1)
    edge = np.sort(scores)[-places]
    above, at = scores > edge, scores == edge
    wins = won[above].sum() + (places - above.sum()) * won[at].mean()
    return float(wins / places / won.mean())


def _bootstrap(mine: _Floats, theirs: _Floats, won: _Floats) -> tuple[Interval, Interval]:
    """The AUC of `mine`, and how much it is above that of `theirs`: contacts drawn in pairs with both scores."""
    chance = np.random.default_rng(_SEED)
    first, second = _Ranked(mine, won), _Ranked(theirs, won)
    drawn = np.empty((RESAMPLED, 2))
    for number in range(RESAMPLED):
        counts = np.bincount(chance.integers(0, len(won), len(won)), minlength=len(won)).astype(float)
        drawn[number] = first.auc(counts), second.auc(counts)
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    ones = np.ones(len(won))
    plain, gain = first.auc(ones), first.auc(ones) - second.auc(ones)
    return _interval(plain, drawn[:, 0]), _interval(gain, drawn[:, 0] - drawn[:, 1])


class _Ranked:
    """Scores in order, to have the AUC of any resampling of them in linear time."""

    def __init__(self, scores: _Floats, won: _Floats) -> None:
        levels, self._level = np.unique(scores, return_inverse=True)
        self._levels = len(levels)
        self._won = won

    def auc(self, counts: _Floats) -> float:
        """Mann and Whitney's statistic with ties as halves; `counts` says how often each contact was drawn."""
        wins = np.bincount(self._level, weights=counts * self._won, minlength=self._levels)
        losses = np.bincount(self._level, weights=counts * (1 - self._won), minlength=self._levels)
        pairs = wins.sum() * losses.sum()
        return float((wins * (np.cumsum(losses) - losses / 2)).sum() / pairs) if pairs else float("nan")


def _interval(value: float, drawn: _Floats) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))


def _calibration(likely: _Floats, won: _Floats) -> tuple[Tenth, ...]:
    found = []
    for part in np.array_split(np.argsort(likely, kind="stable"), min(_TENTHS, len(likely))):
        wins = int(won[part].sum())
        low, high = wilson(wins, len(part))
        found.append(
            Tenth(
                contacts=len(part),
                predicted=float(likely[part].mean()),
                observed=wins / len(part),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _periods(late: Sequence[Example], likely: _Floats, scores: _Floats, won: _Floats) -> tuple[Period, ...]:
    found = []
    for part in np.array_split(np.arange(len(late)), _PERIODS):
        if not len(part):
            continue
        both = len(np.unique(won[part])) == 2
        found.append(
            Period(
                since=late[part[0]].at,
                until=late[part[-1]].at,
                contacts=len(part),
                base_rate=float(won[part].mean()),
                predicted=float(likely[part].mean()),
                auc=float(roc_auc_score(won[part], scores[part])) if both else None,
            )
        )
    return tuple(found)


def _feature_shares(model: LearnedModel, late: Sequence[Example]) -> tuple[FeatureShare, ...]:
    found = []
    for one in model.features:
        points = [model.factor * each.log_odds for each in one.bins]
        seen = [points[one.place(example.features.get(one.name))] for example in late]
        used = [worth for worth, each in zip(points, one.bins, strict=True) if each.share]
        found.append(
            FeatureShare(
                feature=one.name,
                mean_points=float(np.abs(seen).mean()),
                lowest=min(used),
                highest=max(used),
            )
        )
    return tuple(sorted(found, key=lambda share: -share.mean_points))
