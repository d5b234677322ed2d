"""A model of one's own: weights from the user's contacts without labels, probabilities set right by their reviews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

import numpy as np

from pipelines.dedupe.comparison import FIELDS, LEVELS, compare
from pipelines.dedupe.features import Features
from pipelines.dedupe.names_compared import MISSING
from pipelines.dedupe.training import Levels, Pass, leaning, learn, observed_rates
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
FEWEST_OUTCOMES: Final = 30
"""Reviews, of both kinds, below which nothing is calibrated."""
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
    """Learn weights from pairs without labels.

    `strangers` are pairs of contacts drawn by chance. `passes` (keys of `CHOSEN_BY`) hold pairs that share that
    identifier: only such as exactly two contacts hold, and no role mailboxes, else colleagues are learned as one
    person (see `training`). Rates of households and colleagues stay as they are in `base`. Raises ValueError for a
    pass that is not in `CHOSEN_BY`.
    """
    unknown = set(passes) - set(CHOSEN_BY)
    if unknown:
        raise ValueError(f"no pass is called {sorted(unknown)[0]}: one of {', '.join(CHOSEN_BY)}")
    sizes = [len(LEVELS[name]) for name in FIELDS]
    levels = _levels(strangers)
    observed = observed_rates(levels, sizes)
    shipped_random, shipped_match = (_as_arrays(base, kind) for kind in ("random", "match"))
    random = [
        leaning(rates, shipped, float((levels[:, field] > 0).sum()), STRANGERS_WEIGHT)
        for field, (rates, shipped) in enumerate(zip(observed, shipped_random, strict=True))
    ]
    learned = learn(
        [Pass(_levels(pairs), tuple(map(FIELDS.index, CHOSEN_BY[name]))) for name, pairs in sorted(passes.items())],
        random,
        shipped_match,
    )
    fields = {}
    for place, name in enumerate(FIELDS):
        fields[name] = {
            level: rates.model_copy(
                update={
                    "match": float(learned.match[place][_number(name, level)]),
                    "random": float(random[place][_number(name, level)]),
                }
            )
            for level, rates in base.fields.get(name, {}).items()
        }
    seen = {name: round(float(learned.matches_seen[place]), 1) for place, name in enumerate(FIELDS)}
    model = Model.model_validate({**base.model_dump(exclude={"fields"}), "fields": fields, "version": version})
    return Training(model, len(levels), seen, tuple(name for name in FIELDS if seen[name] < SURE_FROM))


def _number(name: str, level: str) -> int:
    """Levels as numbers, 0 for missing, 1 for the strongest."""
    return 0 if level == MISSING else LEVELS[name].index(level) + 1


def _levels(pairs: Iterable[FeaturePair]) -> Levels:
    rows = [[_number(name, level) for name, level in zip(FIELDS, compare(*pair).levels, strict=True)] for pair in pairs]
    return np.array(rows, dtype=np.int8).reshape(-1, len(FIELDS))


def _as_arrays(model: Model, kind: str) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    arrays = []
    for name in FIELDS:
        values = np.zeros(len(LEVELS[name]))
        for level, rates in model.fields.get(name, {}).items():
            values[_number(name, level)] = rates.match if kind == "match" else rates.random
        arrays.append(values / max(values.sum(), 1e-12))
    return arrays


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
