"""Weights without labels: what matches look like, learned from the pairs themselves.

`random` rates come from random pairs, which are as good as all strangers. `match` rates come by expectation
maximisation (Dempster, Laird and Rubin 1977; for record linkage Winkler 1988) in several passes. A pass takes pairs
that agree on one field and learns the *other* fields from them; the rates among strangers stay fixed in it. So nothing
is learned about a field from pairs chosen by it.

Two traps: mailboxes and telephones that many hold (offices, families) teach that colleagues are one person, so the
caller uses only those that few hold, and no role mailbox; and one free mixture over all candidates at once finds
households rather than people. Where it is known what pairs of one household or company look like, these are further
kinds of pairs in each pass, their rates fixed as those among strangers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int8]
"""One row a pair, one column a field; 0 is missing."""
Rates = list[NDArray[np.float64]]
"""For each field the rate of each level from 1 on; the first entry, for missing, is not used."""

ROUNDS: Final = 60
CONVERGED: Final = 1e-5
PRIOR_WEIGHT: Final = 30.0
"""How many observed matches the rates expected beforehand are worth."""
FEWEST_MATCHES: Final = 0.05
"""Share of matches below which a pass is not believed."""
_TINY: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Pass:
    """Pairs that agree on one field, for learning the others."""

    levels: Levels
    excluded: tuple[int, ...]
    """Fields that chose the pairs."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the passes taught."""

    match: Rates
    matches_seen: NDArray[np.float64]
    """Expected number of matches behind each field's rates: below a hundred the rates lean on what was expected."""


def observed_rates(levels: Levels, sizes: Sequence[int], *, weight: float = 1.0) -> Rates:
    """How often each level of each field shows among pairs where it is not missing; never zero."""
    rates = []
    for field, size in enumerate(sizes):
        counts = np.bincount(levels[:, field], minlength=size).astype(np.float64)[:size]
        counts[0] = 0
        smoothed = counts + weight / max(size - 1, 1)
        smoothed[0] = 0
        rates.append(smoothed / smoothed.sum())
    return rates


def leaning(
    rates: NDArray[np.float64], expected: NDArray[np.float64], seen: float, weight: float
) -> NDArray[np.float64]:
    """Rates observed `seen` times, drawn towards what was expected, which is worth `weight` observations."""
    return (rates * seen + expected * weight) / (seen + weight)


def learn(passes: Sequence[Pass], random: Rates, expected: Rates, others: Sequence[Rates] = ()) -> Learned:
    """Match rates from several passes, each weighed by the matches it saw.

    `random` are the rates among strangers, `others` among further kinds of pairs that are no matches, `expected` what
    matches are taken to look like until seen.
    """
    fields = len(random)
    totals = [np.zeros_like(rates) for rates in expected]
    seen = np.zeros(fields)
    for each in passes:
        if not len(each.levels):
            continue
        _, share, counts = maximise(each.levels, (random, *others), expected, excluded=each.excluded)
        matches = share * len(each.levels)
        # A pass in which hardly anything is a match teaches what strangers look like, not matches.
        if share < FEWEST_MATCHES or matches < 5:
            continue
        for field in set(range(fields)) - set(each.excluded):
            totals[field] += counts[field]
            seen[field] += counts[field].sum()
    rates = []
    for total, prior in zip(totals, expected, strict=True):
        blended = total + PRIOR_WEIGHT * prior
        rates.append(blended / blended.sum())
    return Learned(rates, seen)


def maximise(
    levels: Levels, apart: Sequence[Rates], start: Rates, *, excluded: Sequence[int] = (), share: float = 0.3
) -> tuple[Rates, float, Rates]:
    """Expectation maximisation with the rates of the kinds of pairs that are no matches (`apart`) fixed.

    Returns the match rates, the share of matches, and the expected counts of each level among matches.
    """
    fields = [field for field in range(levels.shape[1]) if field not in excluded]
    patterns, counts = np.unique(levels[:, fields], axis=0, return_counts=True)
    weights = counts.astype(np.float64)
    match = [rates.copy() for rates in start]
    expected = [np.zeros_like(rates) for rates in start]
    likely = np.array([_likelihood(rates, patterns, fields) for rates in apart])
    shares = np.array([share, *[(1 - share) / len(apart)] * len(apart)])
    for _ in range(ROUNDS):
        odds = np.log(shares)[:, None] + np.vstack([_likelihood(match, patterns, fields), likely])
        posterior = np.exp(odds - odds.max(axis=0))
        posterior /= posterior.sum(axis=0)
        before, shares = shares[0], np.maximum((posterior * weights).sum(axis=1) / weights.sum(), 1e-6)
        shares /= shares.sum()
        for place, field in enumerate(fields):
            counted = np.bincount(patterns[:, place], posterior[0] * weights, len(start[field])).astype(np.float64)
            counted[0] = 0
            expected[field] = counted
            blended = counted + PRIOR_WEIGHT / 10 * start[field]
            match[field] = blended / blended.sum()
        if abs(shares[0] - before) < CONVERGED:
            break
    return match, float(shares[0]), expected


def _likelihood(rates: Rates, patterns: Levels, fields: Sequence[int]) -> NDArray[np.float64]:
    """The log of how likely each pattern of levels is at these rates."""
    total = np.zeros(len(patterns))
    for place, field in enumerate(fields):
        total += _log(rates[field])[patterns[:, place]]
    return total


def _log(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log(np.maximum(rates, _TINY))
    logs[0] = 0.0
    return logs
