"""Weights from pairs without labels."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.dedupe.training import Levels, Pass, Rates, learn, maximise, observed_rates

SIZES = (4, 4, 4)
MATCH = np.array([0.0, 0.85, 0.10, 0.05])
RANDOM = np.array([0.0, 0.02, 0.03, 0.95])


def made(count: int, share: float, seed: int) -> Levels:
    chance = np.random.default_rng(seed)
    is_match = chance.random(count) < share
    levels = [np.where(is_match, chance.choice(4, count, p=MATCH), chance.choice(4, count, p=RANDOM)) for _ in SIZES]
    result = np.stack(levels, axis=1).astype(np.int8)
    result[chance.random(result.shape) < 0.1] = 0
    return result


RANDOM_RATES: Rates = [RANDOM.copy() for _ in SIZES]
EXPECTED: Rates = [np.array([0.0, 0.6, 0.2, 0.2]) for _ in SIZES]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_rates_behind_the_pairs_are_found(share: float) -> None:
    match, found, _ = maximise(made(20_000, share, 1), [RANDOM_RATES], EXPECTED)
    assert found == pytest.approx(share, abs=0.02)
    assert all(np.allclose(rates, MATCH, atol=0.03) for rates in match)


def test_a_field_is_not_learned_from_pairs_that_it_chose() -> None:
    levels = made(20_000, 0.5, 2)
    levels[:, 0] = 1
    learned = learn([Pass(levels, (0,))], RANDOM_RATES, EXPECTED)
    assert np.allclose(learned.match[0], EXPECTED[0])
    assert np.allclose(learned.match[1], MATCH, atol=0.03)
    assert learned.matches_seen[0] == 0
    assert learned.matches_seen[1] == pytest.approx(9_000, rel=0.05), "a tenth is missing"


def test_a_pass_without_matches_teaches_nothing() -> None:
    learned = learn([Pass(made(20_000, 0.0, 3), ())], RANDOM_RATES, EXPECTED)
    assert all(np.allclose(rates, prior) for rates, prior in zip(learned.match, EXPECTED, strict=True))


def test_no_pairs_teach_nothing() -> None:
    learned = learn([Pass(np.empty((0, 3), dtype=np.int8), ())], RANDOM_RATES, EXPECTED)
    assert all(np.allclose(rates, prior) for rates, prior in zip(learned.match, EXPECTED, strict=True))


def test_observed_rates_leave_missing_out_and_are_never_zero() -> None:
    rates = observed_rates(np.array([[1], [1], [0], [2]], dtype=np.int8), (4,))[0]
    assert rates[0] == 0
    assert rates[1:].sum() == pytest.approx(1)
    assert (rates[1:] > 0).all()
