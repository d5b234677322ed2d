"""From the values of a feature to its bins: numbers by quantiles, levels by name, the rare ones pooled.

What cannot be learned from is left out, with the reason told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from pipelines.learning.learned import MISSING, OTHER, Bin, LearnedFeature
from pipelines.learning.levels import as_level, as_number
from pipelines.scoring import Features

CONSTANT: Final = "constant"
"""Left out: all contacts have the same value."""
TOO_MANY: Final = "too_many_values"
"""Left out: hardly any value is shared by two contacts (free text, a name, an id)."""
IDENTIFIER: Final = "identifier"
"""Left out: a running number."""
LEAKED: Final = "leaked"
"""Left out: alone it tells won from lost almost perfectly, as only something written down after the outcome does."""
ASKED: Final = "asked"
"""Left out: `[learning] leave_out` names it."""

MOST_CUTS: Final = 40
_TAILS: Final = (0.005, 0.01, 0.02, 0.98, 0.99, 0.995)
"""Further quantiles to cut at: the extremes of a number tell most."""
_EXAMPLES_A_CUT: Final = 25
_MOST_LEVELS: Final = 200
_SEEN_ENOUGH: Final = 5
"""Contacts from which a level counts by itself."""
_FEW_NUMBERS: Final = 5
"""Up to so many different numbers they are levels: 0 and 1, marks from 1 to 5."""
_MOSTLY: Final = 0.8
_SHARED: Final = 0.05
"""Share of the contacts that have to have a level that counts by itself."""


@dataclass(frozen=True, slots=True)
class Binning:
    """The bins of each feature, weights all 0 yet, and why the other features are left out."""

    features: tuple[LearnedFeature, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def find_bins(observed: Sequence[Features], leave_out: Sequence[str] = ()) -> Binning:
    """The bins of every feature that these contacts, in the order they came, have."""
    names = sorted({name for features in observed for name in features})
    found: list[LearnedFeature] = []
    left_out: dict[str, str] = {}
    for name in names:
        if name in leave_out:
            left_out[name] = ASKED
            continue
        one = _bins_of(name, [features.get(name) for features in observed])
        if isinstance(one, str):
            left_out[name] = one
        else:
            found.append(one)
    return Binning(tuple(found), left_out)


def _bins_of(name: str, values: Sequence[str | float | None]) -> LearnedFeature | str:
    told = [value for value in values if as_level(value)]
    numbers = [number for value in told if (number := as_number(value)) is not None]
    different = len(set(numbers))
    if len(numbers) >= _MOSTLY * len(told) and different > _FEW_NUMBERS:
        if _is_running(numbers):
            return IDENTIFIER
        cuts = _cuts(numbers)
        levels_of = [value for value in told if as_number(value) is None]
    else:
        cuts = ()
        levels_of = told
    counts = Counter(map(as_level, levels_of))
    levels = [level for level, count in counts.most_common(_MOST_LEVELS) if count >= _SEEN_ENOUGH]
    if not cuts:
        if max([*counts.values(), len(values) - len(told)], default=0) == len(values):
            return CONSTANT
        if len(told) and sum(counts[level] for level in levels) < max(_SHARED * len(told), 2 * _SEEN_ENOUGH):
            return TOO_MANY
    labels = [*_labels(cuts), *sorted(levels), OTHER, MISSING]
    empty = LearnedFeature(name=name, cuts=cuts, bins=tuple(Bin(label=label, log_odds=0, share=0) for label in labels))
    places = np.bincount([empty.place(value) for value in values], minlength=len(labels))
    if np.count_nonzero(places) < 2:
        return CONSTANT
    shares = places / max(len(values), 1)
    bins = (Bin(label=label, log_odds=0, share=share) for label, share in zip(labels, shares.tolist(), strict=True))
    return empty.model_copy(update={"bins": tuple(bins)})


def _is_running(numbers: Sequence[float]) -> bool:
    """Whether these are whole, all different, and rise or fall from one contact to the next."""
    row = np.asarray(numbers)
    steps = np.diff(row)
    rises = bool(len(steps)) and bool((steps > 0).all() or (steps < 0).all())
    return rises and bool((row == np.round(row)).all())


def _cuts(numbers: Sequence[float]) -> tuple[float, ...]:
    """Cuts halfway between neighbouring numbers, so that those at the quantiles are in bins of their own."""
    row = np.sort(np.asarray(numbers))
    different = np.unique(row)
    most = min(MOST_CUTS, max(4, len(row) // _EXAMPLES_A_CUT))
    if len(different) <= most + 1:
        edges = different[1:]
    else:
        shares = sorted({*np.linspace(0, 1, most + 2)[1:-1].tolist(), *_TAILS})
        edges = np.unique(np.quantile(row, shares, method="inverted_cdf"))
    places = np.searchsorted(different, edges)
    between = {(different[place - 1] + different[place]) / 2 for place in places.tolist() if place > 0}
    return tuple(sorted(float(cut) for cut in between))


def _labels(cuts: Sequence[float]) -> list[str]:
    if not cuts:
        return []
    shown = [f"{cut:.6g}" for cut in cuts]
    middle = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"under {shown[0]}", *middle, f"{shown[-1]} and more"]
