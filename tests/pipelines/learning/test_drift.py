"""When contacts are no longer what the model learned from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.learning.drift import measure_drift, psi
from pipelines.learning.intervals import wilson
from pipelines.score import score_features

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def model(trained):
    return trained.model


def measured(model, lately, hot=(), *, expected=None, least=0.0):
    return measure_drift(
        model,
        model.version if model else "rules",
        [(features, score_features(features, model).value if model else 50) for features in lately],
        hot,
        since=NOW,
        expected_precision=expected,
        max_psi=0.25,
        min_hot_precision=least,
    )


def test_the_same_kind_of_contacts_is_no_drift(model, examples) -> None:
    drift = measured(model, [one.features for one in examples[1800:]])
    assert drift.score_psi < 0.1
    assert max(drift.feature_psi.values()) < 0.1
    assert not drift.is_over


def test_another_kind_is_told_by_feature(model, examples) -> None:
    others = [{**one.features, "source": "marketplace"} for one in examples[1800:]]
    drift = measured(model, others)
    assert drift.feature_psi["source"] > 1
    assert drift.feature_psi["extra.Plan"] < 0.1
    assert any(alarm.startswith("source is distributed otherwise") for alarm in drift.alarms)


def test_a_few_contacts_are_no_drift_yet(model, examples) -> None:
    drift = measured(model, [{"source": "marketplace"}] * 199)
    assert (drift.score_psi, drift.feature_psi, drift.alarms) == (None, {}, ())


def hot_ones(won: int, of: int, since: datetime = NOW):
    return [(since + timedelta(hours=number), number < won) for number in range(of)]


def test_hot_ones_that_are_won_no_more_are_told(model, examples) -> None:
    lately = [one.features for one in examples[1800:]]
    assert not measured(model, lately, hot_ones(12, 30), expected=0.5).is_over
    assert measured(model, lately, hot_ones(4, 30), expected=0.5).is_over
    assert measured(None, lately, hot_ones(4, 30), least=0.2).is_over
    assert not measured(None, lately, hot_ones(0, 9), least=0.2).is_over


def test_precision_is_told_by_month(model) -> None:
    hot = [*hot_ones(5, 10), *hot_ones(2, 4, NOW + timedelta(days=40))]
    assert [(month.month, month.won, month.hot) for month in measured(None, [], hot).hot] == [
        ("2026-11", 5, 10),
        ("2026-12", 2, 4),
    ]


@given(st.lists(st.integers(1, 500), min_size=2, max_size=20))
def test_psi_is_nothing_for_the_same_shares_and_never_negative(counts) -> None:
    total = sum(counts)
    assert psi([count / total for count in counts], counts) == pytest.approx(0, abs=1e-9)
    assert psi([1 / len(counts)] * len(counts), counts) >= 0


def test_wilson_is_the_published_interval() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)
