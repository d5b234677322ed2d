"""A learned model as a scoring model: sums that are exact, and nothing that it cannot read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.learning.learned import MISSING, OTHER, Bin, LearnedFeature, LearnedModel, apportion
from pipelines.learning.levels import as_level, as_number
from pipelines.score import score_features


@pytest.fixture(scope="module")
def model(trained):
    return trained.model


texts = st.text(st.characters(max_codepoint=0x24F), max_size=100)
values = st.one_of(texts, st.integers(), st.floats(), st.sampled_from(["fair", "pro", "7", "1.234,5"]))
names = st.sampled_from(["source", "extra.Plan", "extra.Visits", "extra.Income", "message_words", "unheard of"])


@given(features=st.dictionaries(names, values, max_size=6))
def test_contributions_sum_to_the_score_exactly_whatever_the_features_hold(model, features) -> None:
    score = score_features(features, model)
    assert sum(part.points for part in score.contributions) == score.value
    assert 0 <= score.value <= 100
    assert score.model == model.version
    named = [part.feature for part in score.contributions]
    assert len(named) == len(set(named))


def test_whole_points_follow_the_log_odds(model, examples) -> None:
    for one in examples[:200]:
        exact = model.offset + model.factor * model.log_odds(one.features)
        assert score_features(one.features, model).value == pytest.approx(min(max(exact, 0), 100), abs=0.5001)


def test_the_best_tenth_was_hot_in_training(model, examples) -> None:
    hot = [score_features(one.features, model).value >= 80 for one in examples[:1800]]
    assert sum(hot) / len(hot) == pytest.approx(0.10, abs=0.03)
    assert sum(model.bands) == pytest.approx(1)


def test_it_is_json_both_ways(model) -> None:
    assert LearnedModel.model_validate_json(model.model_dump_json()) == model


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=60))
def test_whole_numbers_sum_to_the_rounded_sum_and_keep_near(parts) -> None:
    whole = apportion(parts)
    assert sum(whole) == pytest.approx(sum(parts), abs=0.51)
    assert all(abs(number - part) < 1.0001 for number, part in zip(whole, parts, strict=True))


def test_a_value_is_in_the_bin_that_its_label_says() -> None:
    labels = ["under 2", "2 to 5", "5 and more", "unknown", OTHER, MISSING]
    feature = LearnedFeature(
        name="x", cuts=(2, 5), bins=tuple(Bin(label=label, log_odds=0, share=0) for label in labels)
    )
    placed = {value: labels[feature.place(value)] for value in ("1", "2", 4.9, "5", 99, "Unknown", "maybe", "", None)}
    assert placed == {
        "1": "under 2", "2": "2 to 5", 4.9: "2 to 5", "5": "5 and more", 99: "5 and more", "Unknown": "unknown",
        "maybe": OTHER, "": MISSING, None: MISSING,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", 1.5), ("1,5", 1.5), ("1.234,50", 1234.5), ("1,234.50", 1234.5), ("1.234.567,8", 1234567.8),
        ("R$ 1.500,00", 1500), ("12%", 12), ("-3", -3), (" 7 ", 7), ("1e3", 1000), (5, 5), (2.5, 2.5),
        ("nan", None), ("inf", None), ("12 dias", None), ("", None), ("-", None), (float("nan"), None),
        (float("inf"), None), ("9" * 400, None), (None, None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written_here_and_there(text, number) -> None:
    assert as_number(text) == number


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("  São Paulo ", "sao paulo"), ("a" * 200, "a" * 80), (3, "3"), (2.50, "2.5"), (None, ""),
        ("olga@example.com", ""), ("(11) 97654-0123", ""), ("529.982.247-25", ""), ("1403.1691642", "1403.1691642"),
    ],
)  # fmt: skip
def test_a_level_is_folded_and_never_one_persons_own(value, level) -> None:
    assert as_level(value) == level
