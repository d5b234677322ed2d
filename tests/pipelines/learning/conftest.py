"""Contacts whose truth is known: outcomes drawn from effects that a test plants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipelines.learning.training import Example, Trained, train

START = datetime(2026, 3, 1, tzinfo=UTC)
Row = dict[str, Any]


def draw(
    count: int,
    truth: Callable[[Row], float],
    *,
    seed: int = 1,
    more: Callable[[Row, bool, np.random.Generator], Mapping[str, Any]] = lambda row, won, chance: {},
) -> list[Example]:
    """`count` contacts, an hour apart; `truth` is the log-odds of being won, `more` adds features that may know it."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        row: Row = {
            "source": str(chance.choice(["site", "fair", "list"], p=[0.5, 0.3, 0.2])),
            "extra.Plan": str(chance.choice(["basic", "pro", "team"])),
            "extra.Visits": str(int(chance.poisson(5))),
            "extra.Income": f"{chance.lognormal(8, 0.5):.2f}",
            "message_words": int(chance.integers(0, 40)),
        }
        if chance.random() < 0.2:
            del row["extra.Income"]
        won = bool(chance.random() < 1 / (1 + np.exp(-truth(row))))
        row |= more(row, won, chance)
        found.append(Example(f"sub_{number:06}", START + timedelta(hours=number), number, row, won))
    return found


def planted(row: Row) -> float:
    """The fair and the pro plan help, visits help up to a point, income does nothing."""
    worth = {"site": 0.0, "fair": 1.4, "list": -0.8}[row["source"]] + (1.0 if row["extra.Plan"] == "pro" else 0.0)
    return worth + 0.25 * min(int(row["extra.Visits"]), 8) - 2.4


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return draw(2_400, planted)


@pytest.fixture(scope="session")
def trained(examples: list[Example]) -> Trained:
    return train(examples, hot=80, warm=60)


@pytest.fixture(scope="session")
def noise() -> list[Example]:
    return draw(1_000, lambda row: -1.0, seed=3)


@pytest.fixture
def drawn() -> Callable[..., list[Example]]:
    return draw


@pytest.fixture
def truth() -> Callable[[Row], float]:
    return planted
