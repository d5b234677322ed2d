"""Experiments: the same variant always, the sizes of the literature, and looks that do no harm."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.experiments import Count, Ending, Subject, compare, looks_of, sample_size, variant_of, variants_of
from pipelines.workflow_steps import CONTROL, Experiment


def experiment(variants: tuple[str, ...] = ("b",), **given: float) -> Experiment:
    return Experiment.model_validate(
        {"variants": {name: {} for name in variants}, "baseline": 0.1, "effect": 0.05, **given}
    )  # fmt: skip


@given(st.text(), st.text())
def test_a_contact_has_one_variant_always(contact: str, workflow: str) -> None:
    three = experiment(("b", "c"))
    chosen = variant_of(contact, workflow, three)
    assert chosen in variants_of(three) == (CONTROL, "b", "c")
    assert chosen == variant_of(contact, workflow, three)


def test_variants_are_given_out_evenly_and_apart_from_other_workflows() -> None:
    three = experiment(("b", "c"))
    counts = Counter(variant_of(f"con_{number}", "nurture", three) for number in range(6000))
    assert all(1850 < count < 2150 for count in counts.values()), counts  # 2000, four deviations of 36
    both = sum(variant_of(f"con_{n}", "nurture", three) == variant_of(f"con_{n}", "hot", three) for n in range(6000))
    assert 1850 < both < 2150


def test_the_sample_is_as_large_as_the_textbook_says() -> None:
    # The example in the documentation of R's power.prop.test: p1 = 0.50, p2 = 0.75, power = 0.90 gives n = 76.7.
    assert sample_size(experiment(baseline=0.5, effect=0.25, power=0.9)) == 77


@pytest.mark.parametrize(("baseline", "effect", "power"), [(0.1, 0.05, 0.8), (0.02, 0.02, 0.9), (0.6, 0.1, 0.5)])
def test_a_sample_of_that_size_finds_the_effect_as_often_as_asked(baseline: float, effect: float, power: float) -> None:
    chance = random.Random(20261126)
    asked = experiment(baseline=baseline, effect=effect, power=power)
    size, found, tries = sample_size(asked), 0, 2000
    normal = NormalDist()
    for _ in range(tries):
        shares = [
            normal.inv_cdf(chance.random()) * math.sqrt(p * (1 - p) / size) + p for p in (baseline, baseline + effect)
        ]
        pooled = sum(shares) / 2
        found += abs(shares[1] - shares[0]) > normal.inv_cdf(0.975) * math.sqrt(2 * pooled * (1 - pooled) / size)
    assert abs(found / tries - power) < 4 * math.sqrt(power * (1 - power) / tries) + 0.01


def test_more_variants_need_larger_samples() -> None:
    assert sample_size(experiment(("b", "c", "d"))) > sample_size(experiment(("b",)))


def test_a_clear_difference_ends_it_early_and_says_which_is_better() -> None:
    found = compare(experiment(), [Count(400, 40)], [Count(400, 90)])
    assert (found.ending, round(found.difference, 3)) == (Ending.BETTER, 0.125)
    assert compare(experiment(), [Count(400, 90)], [Count(400, 40)]).ending is Ending.WORSE


def test_a_full_sample_without_a_difference_is_an_answer_too() -> None:
    size = sample_size(experiment())
    assert compare(experiment(), [Count(size - 1, 70)], [Count(size, 70)]).ending is Ending.GOES_ON
    assert compare(experiment(), [Count(size, 70)], [Count(size, 70)]).ending is Ending.NO_DIFFERENCE


@pytest.mark.parametrize("looks", [([], []), ([Count(0, 0)], [Count(0, 0)]), ([Count(5, 0)], [Count(0, 0)])])
def test_nobody_yet_proves_nothing(looks: tuple[list[Count], list[Count]]) -> None:
    assert compare(experiment(), *looks) == (0.0, 1.0, Ending.GOES_ON)


def test_what_was_found_once_stays_found() -> None:
    early = compare(experiment(), [Count(400, 40)], [Count(400, 90)])
    late = compare(experiment(), [Count(400, 40), Count(600, 90)], [Count(400, 90), Count(600, 92)])
    assert late.p_value == early.p_value


def test_looking_every_day_finds_what_is_not_there_no_oftener_than_alpha() -> None:
    same, chance, found = experiment(), random.Random(20261126), 0
    for _ in range(300):
        looks: list[list[Count]] = [[], []]
        totals = [[0, 0], [0, 0]]
        for _ in range(40):
            for total, seen in zip(totals, looks, strict=True):
                total[0] += 25
                total[1] += sum(chance.random() < 0.1 for _ in range(25))
                seen.append(Count(*total))
        found += compare(same, *looks).ending in {Ending.BETTER, Ending.WORSE}
    assert found <= 300 * 0.05


def test_looks_are_how_it_stood_each_day() -> None:
    first = datetime(2026, 11, 21, 12, tzinfo=UTC)
    second, third = first + timedelta(days=1), first + timedelta(days=5)
    subjects = [Subject(CONTROL, first, third), Subject(CONTROL, second, None), Subject("b", second, second)]
    assert looks_of(subjects, (CONTROL, "b", "c")) == {
        CONTROL: [(1, 0), (2, 0), (2, 1)],
        "b": [(0, 0), (1, 1), (1, 1)],
        "c": [(0, 0), (0, 0), (0, 0)],
    }
    assert looks_of([], (CONTROL,)) == {CONTROL: []}
