"""How fast we may go: rates that all workers keep together.

Counted in the broker where that is Redis or Valkey (the embedded one too), by a moving window: never more than so many
within any such span, whoever counts. Where there is none, or while it does not answer, each process counts for itself.
Whose rate it is may be an address or a number of somebody: only a digest of it leaves the process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import redis
import structlog
from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from worker.errors import TransientError

log = structlog.get_logger()
T = TypeVar("T")

RATE_LIMITED = "rate_limited"
"""Reason code: it was not asked, since its rate is used up for now; it goes on by itself."""

PREFIX = "portaria:rates"
"""What our keys in Redis begin with."""
_ANSWER_SECONDS = 2.0
"""The most that we wait for Redis before this process counts for itself."""
_SHORTEST_NAP = 0.005


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `times` within any `seconds`."""

    times: int
    seconds: int = 1

    def item(self) -> RateLimitItemPerSecond:
        return RateLimitItemPerSecond(self.times, self.seconds)


class Rates:
    """The rates of this installation. One object a process; safe across threads, not across forks."""

    def __init__(
        self, broker_url: Callable[[], str | None] = lambda: None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`broker_url` tells where the broker is by now; None while it is not up."""
        self._broker_url = broker_url
        self._sleep = sleep
        self._here = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._alone = False

    def hit(self, rate: Rate, *whose: str) -> bool:
        """Count one call of `whose`; False, and not counted, when their rate is used up."""
        key = _digest(*whose)
        return self._ask(lambda counted: counted.hit(rate.item(), key))

    def wait(self, rate: Rate, *whose: str, patience: float) -> None:
        """Count one call of `whose` as soon as their rate allows.

        Raises `TransientError` (`RATE_LIMITED`, with `retry_after`) when that would take more than `patience` seconds.
        """
        item, key = rate.item(), _digest(*whose)
        deadline = time.monotonic() + patience
        while not self._ask(lambda counted: counted.hit(item, key)):
            reset = self._ask(lambda counted: counted.get_window_stats(item, key)).reset_time
            left = max(reset - time.time(), _SHORTEST_NAP)
            if time.monotonic() + left > deadline:
                raise TransientError(
                    "too many calls for now; it goes on by itself", code=RATE_LIMITED, retry_after=left
                )
            self._sleep(left)

    def _ask(self, question: Callable[[MovingWindowRateLimiter], T]) -> T:
        """The shared count's answer; this process's own where there is none."""
        shared = self._connected()
        if shared is not None:
            try:
                answer = question(shared)
            except StorageError as problem:
                if not self._alone:
                    log.warning(
                        "the broker does not answer: this process counts rates alone", error=type(problem).__name__
                    )
                self._alone = True
            else:
                self._alone = False
                return answer
        return question(self._here)

    def _connected(self) -> MovingWindowRateLimiter | None:
        if self._shared is None and (url := redis_url(self._broker_url())) is not None:
            patience = {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS}
            pool = redis.ConnectionPool.from_url(url, **patience)
            storage = RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX, wrap_exceptions=True)
            self._shared = MovingWindowRateLimiter(storage)
        return self._shared


def redis_url(broker_url: str | None) -> str | None:
    """The broker's URL as redis-py reads it; None for a broker that is no Redis or Valkey."""
    if broker_url is None:
        return None
    scheme, _, rest = broker_url.partition("://")
    if scheme in {"redis+socket", "unix"}:
        return f"unix://{rest}"
    return broker_url if scheme in {"redis", "rediss"} else None


def _digest(*whose: str) -> str:
    return hashlib.blake2b("\0".join(whose).encode(), digest_size=16).hexdigest()
