"""Fit a model to outcomes: regularised logistic regression over bins, then calibrated. The only user of scikit-learn's
learners; import it where something is trained, never in a worker that only scores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

from pipelines.learning.binning import LEAKED, find_bins
from pipelines.learning.learned import LEARNED, Bin, LearnedFeature, LearnedModel, band_shares
from pipelines.learning.levels import as_number
from pipelines.score import score_features
from pipelines.scoring import Features

HELD_OUT: Final = 0.25
"""The share of the examples, the latest ones, that no part of the training sees."""
_FOLDS: Final = 3
"""Parts of the later half of the rest, on which strength and calibration are found."""
LEAST_OF_EACH: Final = 40
"""Won and lost each, among those to learn from. Some ten events for each of a few effects (Peduzzi et al. 1996)."""
LEAST_HELD_OUT: Final = 10
"""Won and lost each, among those held out."""
LEAK_AUC: Final = 0.97
"""A single feature that tells won from lost so well was written down after the outcome."""
_STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""scikit-learn's C, tried from strongly to weakly regularised."""
_POINTS_DOUBLING: Final = 20.0
"""At most so many points double the odds: the customary scale of scorecards (Siddiqi 2006)."""
_HOT_SHARE: Final = 0.10
"""The best tenth of those it learned from is hot."""

_Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Example:
    """A scored contact whose outcome is known."""

    submission: str
    at: datetime
    """When it was scored; of a list of the past, when its outcome came."""
    no: int
    """The order of those of one time."""
    features: Features
    """As they were when it was scored."""
    won: bool


def place_in_time(one: Example) -> tuple[datetime, int]:
    """What examples are put in order by."""
    return one.at, one.no


class TooFewOutcomes(ValueError):
    """There are too few outcomes to learn anything; the text says how many there are and how many it takes."""


@dataclass(frozen=True, slots=True)
class Trained:
    model: LearnedModel
    left_out: Mapping[str, str]
    """Feature → reason code of `pipelines.learning.binning`."""
    suspicious: Mapping[str, float]
    """Feature → the AUC it reaches alone, of those left out as leaked."""


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """The earlier ones, to learn from, and the later ones, held out; by their place in time.

    Raises `TooFewOutcomes`.
    """
    ordered = sorted(examples, key=place_in_time)
    until = len(ordered) - round(len(ordered) * HELD_OUT)
    learned, held_out = ordered[:until], ordered[until:]
    for part, least, name in ((learned, LEAST_OF_EACH, "to learn from"), (held_out, LEAST_HELD_OUT, "to be held out")):
        won = sum(one.won for one in part)
        if min(won, len(part) - won) < least:
            raise TooFewOutcomes(
                f"too few outcomes: {won} won and {len(part) - won} lost {name}, and it takes {least} of each;"
                f" {len(examples)} scored contacts have an outcome so far"
            )
    return learned, held_out


def train(
    examples: Sequence[Example],
    *,
    hot: int,
    warm: int,
    leave_out: Collection[str] = (),
    keep: Collection[str] = (),
) -> Trained:
    """The model that the earlier three quarters of these examples make.

    `leave_out` names features not to learn from; `keep` those that stay however leaked they look. Deterministic: the
    same examples make the same model and the same version. Raises `TooFewOutcomes`.
    """
    learned, _ = split(examples)
    won = np.array([one.won for one in learned], dtype=float)
    observed = [one.features for one in learned]
    binning = find_bins(observed, tuple(leave_out))
    left_out = dict(binning.left_out)
    suspicious = {}
    features = []
    for one in binning.features:
        alone = _auc_alone(one, observed, won)
        if alone >= LEAK_AUC and one.name not in keep:
            left_out[one.name], suspicious[one.name] = LEAKED, alone
        else:
            features.append(one)
    if not features:
        raise TooFewOutcomes("there is nothing to learn from: every feature is constant, one contact's own or left out")
    design = _Design(features, observed)
    with threadpool_limits(1):  # more threads win nothing on such columns, and a worker's machine has other work
        weights, intercept = _fit(design.matrix(), won)
    model = _as_model(features, design.log_odds(weights), intercept, learned, hot=hot, warm=warm)
    return Trained(model, left_out, suspicious)


class _Design:
    """Columns for the bins: one for each level; for numbers one for each cut that a number is above, and one that rises
    with the bins' middles.

    So regularisation draws levels to the average, neighbouring bins of numbers together, and what is left of a number's
    effect to a straight line.
    """

    def __init__(self, features: Sequence[LearnedFeature], observed: Sequence[Features]) -> None:
        self.places = np.array([[one.place(told.get(one.name)) for one in features] for told in observed])
        self.blocks = [
            _block(one, [told.get(one.name) for told in observed], self.places[:, number])
            for number, one in enumerate(features)
        ]

    def matrix(self) -> sparse.csr_matrix:
        """One row a contact."""
        return sparse.hstack(
            [sparse.csr_matrix(block)[self.places[:, number]] for number, block in enumerate(self.blocks)], format="csr"
        )

    def log_odds(self, weights: _Floats) -> list[_Floats]:
        """The log-odds of each feature's bins."""
        ends = np.cumsum([block.shape[1] for block in self.blocks])
        return [block @ part for block, part in zip(self.blocks, np.split(weights, ends[:-1]), strict=True)]


def _block(one: LearnedFeature, values: Sequence[str | float | None], places: np.ndarray[Any, Any]) -> _Floats:
    """The columns of one feature, a row a bin."""
    bins, numbers = len(one.bins), one.numbers
    if not numbers:
        return np.eye(bins)
    above = np.tril(np.ones((bins, max(numbers - 1, 0))), -1)
    above[numbers:] = 0
    levels = np.eye(bins)[:, numbers:]
    row = np.array([as_number(value) if place < numbers else 0 for value, place in zip(values, places, strict=True)])
    row = np.clip(row, *np.quantile(row[places < numbers], [0.005, 0.995]))
    count = np.bincount(places, minlength=bins)[:numbers]
    middles = np.bincount(places, weights=row, minlength=bins)[:numbers] / np.maximum(count, 1)
    spread = row[places < numbers].std() or 1.0
    rising = np.zeros((bins, 1))
    rising[:numbers, 0] = (middles - row[places < numbers].mean()) / spread
    return np.hstack([rising, above, levels])


def _fit(matrix: sparse.csr_matrix, won: _Floats) -> tuple[_Floats, float]:
    """Weights and intercept, their strength chosen and their scale calibrated on examples later than those fitted to.

    The later half is taken in `_FOLDS` parts, each predicted from all before it. Calibration is a line on the log-odds
    (Platt 1999), the only kind under which a sum stays a sum.
    """
    edges = np.linspace(len(won) // 2, len(won), _FOLDS + 1).astype(int).tolist()
    if not 0 < won[: edges[0]].mean() < 1 or not 0 < won[edges[0] :].mean() < 1:
        raise TooFewOutcomes("too few outcomes: all of the earlier or of the later ones ended alike")
    late = won[edges[0] :]
    tried: list[tuple[float, float, _Floats]] = []
    for strength in _STRENGTHS:
        raw = np.concatenate(
            [
                _regression(strength).fit(matrix[:since], won[:since]).decision_function(matrix[since:until])
                for since, until in pairwise(edges)
            ]
        )
        tried.append((float(log_loss(late, 1 / (1 + np.exp(-raw)), labels=[0, 1])), strength, raw))
        if len(tried) > 2 and tried[-1][0] > tried[-2][0] > tried[-3][0]:
            break  # weaker still would only be worse
    _, strength, raw = min(tried, key=lambda one: one[:2])
    weights = _regression(strength).fit(matrix, won).coef_[0] * _slope(raw, late)
    return weights, _intercept(matrix @ weights, won)


def _regression(strength: float) -> LogisticRegression:
    # Newton's method with conjugate gradients: a fraction of the time of lbfgs on such columns, as measured.
    return LogisticRegression(C=strength, max_iter=1000, solver="newton-cg")


def _slope(raw: _Floats, won: _Floats) -> float:
    """How much the log-odds have to be drawn together or apart; never turned round, never more than threefold."""
    line = LogisticRegression(C=1e6, max_iter=1000).fit(raw.reshape(-1, 1), won)
    return float(min(max(line.coef_[0][0], 0.1), 3.0))


def _intercept(log_odds: _Floats, won: _Floats) -> float:
    """The one that makes the mean probability the share of those won (Newton's method)."""
    share = float(won.mean())
    found = float(np.log(share / (1 - share)) - log_odds.mean())
    for _ in range(50):
        likely = 1 / (1 + np.exp(-(log_odds + found)))
        step = (won.sum() - likely.sum()) / (likely * (1 - likely)).sum()
        found += float(step)
        if abs(step) < 1e-9:
            break
    return found


def _as_model(
    features: Sequence[LearnedFeature],
    weighed: Sequence[_Floats],
    intercept: float,
    learned: Sequence[Example],
    *,
    hot: int,
    warm: int,
) -> LearnedModel:
    """Centre each feature at its average, drop those that count for nothing, and lay the scale."""
    kept = []
    for one, log_odds in zip(features, weighed, strict=True):
        shares = np.array([each.share for each in one.bins])
        average = float(shares @ log_odds)
        intercept += average
        bins = [
            Bin(label=each.label, log_odds=round(float(worth) - average, 6), share=round(each.share, 6))
            for each, worth in zip(one.bins, log_odds, strict=True)
        ]
        if float(shares @ np.abs(log_odds - average)) > 1e-4:
            kept.append(one.model_copy(update={"bins": tuple(bins)}))
    last = learned[-1]
    model = LearnedModel(
        version="",
        intercept=round(intercept, 6),
        features=tuple(kept),
        factor=1,
        offset=0,
        hot=hot,
        warm=warm,
        learned_from=learned[0].at,
        learned_until=last.at,
        learned_last=last.no,
        examples=len(learned),
        won=sum(one.won for one in learned),
    )
    factor, offset = _scale([model.log_odds(one.features) for one in learned], hot)
    model = model.model_copy(update={"factor": factor, "offset": offset})
    values = [score_features(one.features, model).value for one in learned]
    model = model.model_copy(update={"bands": band_shares(values)})
    digest = hashlib.sha256(model.model_dump_json(exclude={"version"}).encode()).hexdigest()[:10]
    return model.model_copy(update={"version": LEARNED + digest})


def _scale(log_odds: Sequence[float], hot: int) -> tuple[float, float]:
    """Factor and offset: the best tenth is hot, and nearly all scores keep within 0 to 100."""
    row = np.asarray(log_odds)
    low, at, high = np.quantile(row, [0.002, 1 - _HOT_SHARE, 0.998])
    room = [_POINTS_DOUBLING / np.log(2)]
    if at - low > 1e-9:
        room.append(hot / (at - low))
    if high - at > 1e-9:
        room.append((100 - hot) / (high - at))
    factor = float(min(room))
    return round(factor, 6), round(hot - factor * float(at), 6)


def _auc_alone(one: LearnedFeature, observed: Sequence[Features], won: _Floats) -> float:
    """How well a feature alone tells won from lost: bins ranked by one half of the contacts, judged on the other."""
    places = np.array([one.place(features.get(one.name)) for features in observed])
    scores = np.zeros(len(won))
    base = won.mean()
    for half in (0, 1):
        here, there = np.arange(len(won)) % 2 == half, np.arange(len(won)) % 2 != half
        size = len(one.bins)
        seen = np.bincount(places[there], minlength=size)
        wins = np.bincount(places[there], weights=won[there], minlength=size)
        scores[here] = ((wins + base) / (seen + 1))[places[here]]
    return float(roc_auc_score(won, scores))
