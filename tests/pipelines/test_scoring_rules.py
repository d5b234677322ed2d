"""The scoring model: numbers that can be set one by one, and a version that follows from them."""

from __future__ import annotations

import pytest

from pipelines.firmographics import Size
from pipelines.jobs import Area, Seniority
from pipelines.models import Temperature
from pipelines.scoring_points import AreaPoints, RevenuePoints, SeniorityPoints, SizePoints
from pipelines.scoring_rules import ScoringRules, read_scoring


def test_a_single_number_is_set_and_the_others_stay() -> None:
    model = read_scoring({"hot": 85, "points": {"cnpj": 12}, "seniority": {"manager": 14}, "sources": {"fair": 5}})
    assert (model.hot, model.warm) == (85, 60)
    assert model.points.cnpj == 12
    assert model.points.intent_buy == ScoringRules().points.intent_buy
    assert (model.seniority.manager, model.seniority.director) == (14, 15)
    assert model.sources == {"fair": 5}


@pytest.mark.parametrize(
    ("value", "temperature"), [(100, "hot"), (80, "hot"), (79, "warm"), (60, "warm"), (59, "cold"), (0, "cold")]
)
def test_hot_from_80_and_warm_from_60(value: int, temperature: str) -> None:
    assert ScoringRules().temperature(value) is Temperature(temperature)


def test_every_seniority_area_and_size_has_points() -> None:
    assert set(SeniorityPoints.model_fields) == set(Seniority) - {Seniority.STUDENT}
    assert set(AreaPoints.model_fields) == set(Area)
    assert set(SizePoints.model_fields) == set(RevenuePoints.model_fields) == set(Size)


def test_the_version_follows_from_the_numbers_alone() -> None:
    assert ScoringRules().version == read_scoring({}).version == read_scoring({"hot": 80}).version
    assert read_scoring({"hot": 81}).version != ScoringRules().version
    assert read_scoring({"points": {"cnpj": 9}}).version != ScoringRules().version
    one = read_scoring({"sources": {"a": 1, "b": 2}})
    assert one.version == read_scoring({"sources": {"b": 2, "a": 1}}).version


def test_asking_for_the_version_does_not_change_the_model() -> None:
    asked = ScoringRules()
    assert asked.version.startswith("rules-2-")
    assert asked == ScoringRules()


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"warmth": 3}, "[scoring] warmth: there is no such key"),
        ({"points": {"cpnj": 3}}, "[scoring] points.cpnj: there is no such key"),
        ({"points": {"cnpj": "many"}}, "[scoring] points.cnpj: "),
        ({"sources": {"fair": 1000}}, "[scoring] sources.fair: "),
        ({"hot": 50}, "[scoring] warm (60) has to be less than hot (50)"),
        ({"seniority": 3}, "[scoring] seniority: "),
    ],
)
def test_a_mistake_is_told_by_its_key_and_never_by_its_value(section: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as problem:
        read_scoring(section)
    assert str(problem.value).startswith(told)
    assert "many" not in str(problem.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ValueError) as problem:
        read_scoring({"warmth": 3, "points": {"cpnj": 3}})
    assert len(str(problem.value).splitlines()) == 2
