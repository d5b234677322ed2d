"""A model of one's own: weights from the user's contacts without labels, probabilities set right by their reviews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe import name_frequencies
from pipelines.dedupe.comparison import FIELDS, LEVELS, compare
from pipelines.dedupe.features import Features
from pipelines.dedupe.names_compared import DIFFERENT, MISSING
from pipelines.dedupe.training import Levels, Pass, Rates, leaning, learn
from pipelines.dedupe.weights import Model

FeaturePair = tuple[Features, Features]

CHOSEN_BY: Final[dict[str, tuple[str, ...]]] = {
    "email": ("email", "company"),
    "phone": ("phone",),
    "document": ("document",),
    "remote": ("remote",),
    "name": ("given_name", "family_name", "generation"),
}
"""What each pass may not teach: the fields that chose its pairs, and what follows from them."""
STRANGERS_WEIGHT: Final = 5_000.0
"""How many random pairs the shipped rates among strangers are worth."""
SURE_FROM: Final = 100.0
"""Matches from which a field's learned rates are called sure."""
SHIPPED_NAMES_WEIGHT: Final = 5_000.0
"""How many of the user's own names the shipped shares are worth."""
FEWEST_NAMED: Final = 5
"""Bearers from which a name or a city has a share of its own; a rarer one counts as unseen."""
MOST_NAMES: Final = 20_000
FEWEST_OUTCOMES: Final = 30
"""Reviews, of both kinds, below which nothing is calibrated."""
UNTRIED: Final = 2.0
"""How many times the wrong merges of the shipped weights a learned model is taken to make, until people's words show
how many it makes."""
_TO_NATURAL: Final = log(2)


@dataclass(frozen=True, slots=True)
class Training:
    """A learned model and how far to trust it."""

    model: Model
    strangers: int
    matches_seen: Mapping[str, float]
    """Expected matches behind each field's rates; a field with fewer than `SURE_FROM` leans on the shipped rates."""
    unsure: tuple[str, ...]


def train(
    base: Model, strangers: Iterable[FeaturePair], passes: Mapping[str, Iterable[FeaturePair]], *, version: str
) -> Training:
    """Learn weights from pairs without labels. Memory is bounded by the number of pairs; they are read once.

    `strangers` are pairs of contacts drawn by chance. `passes` (keys of `CHOSEN_BY`) hold pairs that share that
    identifier: only such as exactly two contacts hold, and no role mailboxes, else colleagues are learned as one
    person (see `training`). Rates of households and colleagues stay as they are in `base`. Raises ValueError for a
    pass that is not in `CHOSEN_BY`.
    """
    unknown = set(passes) - set(CHOSEN_BY)
    if unknown:
        raise ValueError(f"no pass is called {sorted(unknown)[0]}: one of {', '.join(CHOSEN_BY)}")
    levels = _levels(strangers)
    shipped_random, shipped_match = _rates_of(base, "random"), _rates_of(base, "match")
    random = []
    for field, shipped in enumerate(shipped_random):
        rates, seen = _observed(levels[:, field], len(shipped))
        random.append(leaning(rates, shipped, seen, STRANGERS_WEIGHT))
    learned = learn(
        [Pass(_levels(pairs), tuple(map(FIELDS.index, CHOSEN_BY[name]))) for name, pairs in sorted(passes.items())],
        random,
        shipped_match,
        [_rates_of(base, "household", else_as=random), _rates_of(base, "colleagues", else_as=random)],
    )
    fields = {name: base.fields.get(name, {}) for name in FIELDS}
    for place, name in enumerate(FIELDS):
        if DIFFERENT not in fields[name]:
            continue  # a field that can only speak for a match shows nothing of how often it would not
        fields[name] = {
            level: rates.model_copy(
                update={
                    "match": float(learned.match[place][_number(name, level)]),
                    "random": float(random[place][_number(name, level)]),
                }
            )
            for level, rates in fields[name].items()
        }
    matches = {name: round(float(learned.matches_seen[place]), 1) for place, name in enumerate(FIELDS)}
    precision = tuple((at, min(wrong * UNTRIED, 1.0)) for at, wrong in base.precision)
    changed = {"fields": fields, "version": version, "precision": precision}
    model = Model.model_validate({**base.model_dump(exclude=set(changed)), **changed})
    return Training(model, len(levels), matches, tuple(name for name in FIELDS if matches[name] < SURE_FROM))


def _number(name: str, level: str) -> int:
    """Levels as numbers, 0 for missing, 1 for the strongest."""
    return 0 if level == MISSING else LEVELS[name].index(level) + 1


def _observed(levels: NDArray[np.int8], size: int) -> tuple[NDArray[np.float64], float]:
    """How often each level shows where the field is not missing, and in how many pairs that is."""
    counts = np.bincount(levels, minlength=size).astype(np.float64)
    counts[0] = 0
    return counts / max(counts.sum(), 1), float(counts.sum())


def _levels(pairs: Iterable[FeaturePair]) -> Levels:
    rows = [[_number(name, level) for name, level in zip(FIELDS, compare(*pair).levels, strict=True)] for pair in pairs]
    return np.array(rows, dtype=np.int8).reshape(-1, len(FIELDS))


def _rates_of(model: Model, kind: str, else_as: Rates | None = None) -> Rates:
    """The model's rates of one kind of pair as arrays; of a level without one, those of `else_as`."""
    arrays = []
    for place, name in enumerate(FIELDS):
        values = np.zeros(len(LEVELS[name]))
        for level, rates in model.fields.get(name, {}).items():
            at = _number(name, level)
            rate = getattr(rates, kind)
            values[at] = rate if rate is not None else 0.0 if else_as is None else else_as[place][at]
        arrays.append(values / max(values.sum(), 1e-12))
    return arrays


_SHIPPED: Final[Mapping[str, tuple[Mapping[str, float], float]]] = {
    "given": (name_frequencies.GIVEN, name_frequencies.UNSEEN_GIVEN),
    "family": (name_frequencies.FAMILY, name_frequencies.UNSEEN_FAMILY),
    "city": (name_frequencies.CITY, name_frequencies.UNSEEN_CITY),
}


def learned_shares(kind: str, counts: Mapping[str, int], total: int) -> dict[str, float]:
    """How common each given name, family name or city (`kind`) is, from how many of `total` contacts bear it.

    Drawn towards the shipped shares, which count as `SHIPPED_NAMES_WEIGHT` contacts more. Raises KeyError for another
    kind.
    """
    shipped, unseen = _SHIPPED[kind]
    commonest = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_NAMES]
    named = {*shipped, *(name for name in commonest if counts[name] >= FEWEST_NAMED)}
    return {
        name: (counts.get(name, 0) + SHIPPED_NAMES_WEIGHT * shipped.get(name, unseen)) / (total + SHIPPED_NAMES_WEIGHT)
        for name in sorted(named)
    }


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the reviews taught of how much a bit is worth."""

    model: Model
    outcomes: int
    slope: float
    """1: bits mean what they say; below 1 they were too sure of themselves."""
    slope_error: float
    """Its standard error."""
    shift: float
    """Bits to add."""
    shift_error: float
    applied: bool
    reason: str = ""


def calibrate(model: Model, outcomes: Sequence[tuple[float, bool]]) -> Calibration:
    """Set probabilities right by what people decided: pairs of (bits of the evidence, whether it was the same person).

    Logistic regression of the outcome on the bits (Platt 1999), drawn towards "bits mean what they say" (slope 1,
    shift 0), since reviews lie in the middle where they say little of the ends. The result is a rising table of points
    in `Model.calibration`. With fewer than `FEWEST_OUTCOMES`, or all alike, the model is returned as it was.
    """
    same = sum(1 for _, outcome in outcomes if outcome)
    if len(outcomes) < FEWEST_OUTCOMES or not 0 < same < len(outcomes):
        reason = f"{len(outcomes)} reviews, {same} of them the same person: at least {FEWEST_OUTCOMES} of both kinds"
        return Calibration(model, len(outcomes), 1.0, 0.0, 0.0, 0.0, False, reason)
    bits = np.clip(np.array([each for each, _ in outcomes]), -40, 40) * _TO_NATURAL
    truth = np.array([outcome for _, outcome in outcomes], dtype=np.float64)
    design = np.stack([bits, np.ones_like(bits)], axis=1)
    wanted, strength = np.array([1.0, 0.0]), np.diag([1 / 0.5**2, 1 / 1.5**2])
    weights = wanted.copy()
    hessian = strength
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -500, 500)))
        gradient = design.T @ (truth - chance) - strength @ (weights - wanted)
        hessian = design.T @ (design * (chance * (1 - chance))[:, None]) + strength
        step = np.linalg.solve(hessian, gradient)
        weights = weights + np.clip(step, -1, 1)
        if float(np.abs(step).max()) < 1e-8:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))
    slope, shift = max(float(weights[0]), 0.05), float(weights[1])
    points = tuple((float(at), _logistic(slope * at * _TO_NATURAL + shift)) for at in range(-20, 31))
    calibrated = model.model_copy(update={"calibration": points})
    return Calibration(
        calibrated, len(outcomes), slope, float(errors[0]), shift / _TO_NATURAL, float(errors[1]) / _TO_NATURAL, True
    )


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-max(min(value, 500.0), -500.0)))


def surest_share(wrong: int, merged: int, *, confidence: float = 1.96) -> tuple[float, float]:
    """Between which shares the wrong merges lie, given how many of `merged` were found wrong (Wilson 1927)."""
    if not merged:
        return 0.0, 1.0
    share, square = wrong / merged, confidence**2
    middle = (share + square / (2 * merged)) / (1 + square / merged)
    reach = confidence * sqrt(share * (1 - share) / merged + square / (4 * merged**2)) / (1 + square / merged)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


PRECISION_AT: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999)
FEWEST_MERGES: Final = 100
"""Merges above a threshold from which their expected share of wrong ones is told of."""


def expected_precision(probabilities: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Points for `Model.precision`, from the calibrated probabilities of the best candidates of past decisions.

    The share of wrong merges to be expected above a threshold is the mean of what each lacks to certainty. Points that
    fewer than `FEWEST_MERGES` speak for are left out.
    """
    ordered = np.array(sorted(probabilities, reverse=True))
    points = []
    for threshold in PRECISION_AT:
        above = ordered[ordered >= threshold]
        if len(above) >= FEWEST_MERGES:
            points.append((threshold, float((1 - above).mean())))
    return tuple(points)
