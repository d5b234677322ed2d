"""Rates over a real Valkey server, and in one process."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from worker.errors import TransientError
from worker.rates import PREFIX, RATE_LIMITED, Rate, Rates, redis_url

SLOW = Rate(2, 60)


@pytest.fixture(params=["shared", "here"])
def two(request: pytest.FixtureRequest) -> tuple[Rates, Rates]:
    """Two users of one rate: of one server, or threads of one process."""
    if request.param == "here":
        rates = Rates()
        return rates, rates
    url = request.getfixturevalue("broker")
    return Rates(lambda: url), Rates(lambda: url)


def test_a_rate_is_kept_by_all_together(two: tuple[Rates, Rates]) -> None:
    first, second = two
    assert [first.hit(SLOW, "a"), second.hit(SLOW, "a"), first.hit(SLOW, "a"), second.hit(SLOW, "a")] == [
        True,
        True,
        False,
        False,
    ]
    assert second.hit(SLOW, "b")


def test_who_waits_comes_through_and_no_span_holds_too_many(two: tuple[Rates, Rates]) -> None:
    rate, taken, lock = Rate(5, 1), [], threading.Lock()

    def call(rates: Rates) -> None:
        rates.wait(rate, "waiting", patience=30)
        with lock:
            taken.append(time.time())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, [*two] * 6))
    assert len(taken) == 12
    taken.sort()
    # An instant passes between being counted and being noted here.
    assert all(later - earlier > 0.9 for earlier, later in zip(taken, taken[5:], strict=False))


def test_who_has_no_patience_is_told_when_to_come_back(two: tuple[Rates, Rates]) -> None:
    rates, _ = two
    for _ in range(2):
        rates.wait(SLOW, "c", patience=0)
    with pytest.raises(TransientError) as told:
        rates.wait(SLOW, "c", patience=1)
    assert told.value.code == RATE_LIMITED
    assert 50 < (told.value.retry_after or 0) <= 60


def test_nobodys_address_leaves_the_process(broker: str) -> None:
    rates = Rates(lambda: broker)
    rates.hit(SLOW, "olga@example.com")
    with redis.Redis.from_url(redis_url(broker) or "") as client:
        ours = [key.decode() for key in client.scan_iter(f"*{PREFIX}*")]
    assert ours
    assert not any("olga" in key for key in ours)


def test_a_server_that_is_away_leaves_each_process_its_own_count() -> None:
    rates = Rates(lambda: "redis://127.0.0.1:1/0")
    assert [rates.hit(SLOW, "a") for _ in range(3)] == [True, True, False]


def test_a_broker_that_comes_up_later_is_used_from_then_on(broker: str) -> None:
    known: list[str] = []
    early, late = Rates(lambda: known[0] if known else None), Rates(lambda: broker)
    assert early.hit(SLOW, "later")
    known.append(broker)
    assert [late.hit(SLOW, "later"), early.hit(SLOW, "later"), late.hit(SLOW, "later")] == [True, True, False]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        (None, None),
        ("memory://", None),
        ("amqp://guest@localhost//", None),
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis+socket:///run/v.sock", "unix:///run/v.sock"),
    ],
)
def test_which_brokers_can_count(url: str | None, ours: str | None) -> None:
    assert redis_url(url) == ours
