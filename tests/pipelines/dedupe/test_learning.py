"""A model of the user's own, and how far to trust it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from pipelines.dedupe.bits import probability_of, score
from pipelines.dedupe.features import Features
from pipelines.dedupe.learning import calibrate, surest_share, train
from pipelines.dedupe.weights import DEFAULT_MODEL, Frequencies, Model

GIVEN = ["ana", "bruno", "carla", "diego", "elisa", "fabio", "gilda", "heitor", "iris", "joel"]
FAMILY = ["xysto", "radel", "quinta", "mondel", "brasko", "velmir", "torzan", "kapela"]


def _person(chance: random.Random) -> Features:
    return Features(
        given=chance.choice(GIVEN),
        family=chance.choice(FAMILY) + chance.choice(FAMILY),
        emails=f"m{chance.randrange(10**9)}@x.example",
        phones=f"+55119{chance.randrange(10**8):08}",
        city=chance.choice(["recife", "olinda", "natal"]),
    )


def _again(one: Features, chance: random.Random) -> Features:
    """The same mailbox; another telephone for half of them, and never the same city."""
    phones = one.phones if chance.random() < 0.5 else f"+55119{chance.randrange(10**8):08}"
    return one._replace(phones=phones, city=chance.choice(["manaus", "belem"]))


def strangers(count: int) -> Iterator[tuple[Features, Features]]:
    chance = random.Random(1)
    return ((_person(chance), _person(chance)) for _ in range(count))


def matches(count: int) -> Iterator[tuple[Features, Features]]:
    chance = random.Random(2)
    for _ in range(count):
        one = _person(chance)
        yield one, _again(one, chance)


def test_weights_follow_the_users_own_contacts() -> None:
    """Here telephones change for half, and the city always: both must count less against a match than shipped."""
    training = train(DEFAULT_MODEL, strangers(5000), {"email": matches(3000)}, version="own-1")
    assert training.model.version == "own-1"
    shipped, own = DEFAULT_MODEL.fields, training.model.fields
    assert own["phone"]["different"].match == pytest.approx(0.5, abs=0.05)
    assert own["address"]["different"].match > 0.9 > shipped["address"]["different"].match
    assert own["email"]["exact"].match == pytest.approx(shipped["email"]["exact"].match, rel=0.2)
    assert training.matches_seen["phone"] == pytest.approx(3000, rel=0.05)
    assert "birth_date" in training.unsure
    assert "phone" not in training.unsure


def test_a_learned_model_survives_json_and_scores() -> None:
    model = train(DEFAULT_MODEL, strangers(500), {"email": matches(300)}, version="own-1").model
    again = Model.model_validate_json(model.model_dump_json())
    one = _person(random.Random(3))
    assert score(one, one, again, Frequencies()).bits == score(one, one, model, Frequencies()).bits


def test_nothing_to_learn_from_leaves_the_shipped_weights() -> None:
    training = train(DEFAULT_MODEL, [], {}, version="own-1")
    shipped = DEFAULT_MODEL.fields["phone"]["exact"].match
    assert training.model.fields["phone"]["exact"].match == pytest.approx(shipped, abs=0.01)
    assert len(training.unsure) == 10


def test_an_unknown_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="no pass is called shoes"):
        train(DEFAULT_MODEL, [], {"shoes": []}, version="x")


def _outcomes(count: int, slope: float) -> list[tuple[float, bool]]:
    chance = random.Random(4)
    bits = [chance.uniform(-6, 10) for _ in range(count)]
    return [(each, chance.random() < 1 / (1 + 2 ** (-slope * each))) for each in bits]


def test_bits_that_were_too_sure_are_set_right() -> None:
    found = calibrate(DEFAULT_MODEL, _outcomes(2000, 0.5))
    assert found.applied
    assert found.slope == pytest.approx(0.5, abs=0.1)
    assert found.slope_error < 0.1
    assert probability_of(6, found.model) == pytest.approx(1 / (1 + 2**-3), abs=0.05)


def test_probability_rises_with_bits_without_a_break() -> None:
    model = calibrate(DEFAULT_MODEL, _outcomes(200, 0.7)).model
    chances = [probability_of(bits / 4, model) for bits in range(-160, 200)]
    assert all(0 <= low <= high <= 1 for low, high in pairwise(chances))


@pytest.mark.parametrize("outcomes", [[], [(3.0, True)] * 10, [(3.0, True)] * 100])
def test_too_few_or_one_sided_reviews_change_nothing(outcomes: list[tuple[float, bool]]) -> None:
    found = calibrate(DEFAULT_MODEL, outcomes)
    assert not found.applied
    assert found.model is DEFAULT_MODEL
    assert "at least 30" in found.reason


def test_how_sure_a_share_is() -> None:
    low, high = surest_share(5, 1000)
    assert low < 0.005 < high < 0.012
    assert surest_share(0, 0) == (0.0, 1.0)
