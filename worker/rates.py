"""How fast we may go: rates that all workers keep together, and pauses that hold for all of them.

Counted in the broker where that is Redis or Valkey (the embedded one too), by a moving window: never more than so many
within any such span, whoever counts. Where there is none, or while it does not answer, each process counts for itself.
Whose rate it is may be an address or a number of somebody: only a digest of it leaves the process.
"""

from __future__ import annotations

import hashlib
import math
import threading
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


class _Counted:
    """One place where calls are counted and pauses kept."""

    def __init__(self, storage: MemoryStorage | RedisStorage) -> None:
        self.window = MovingWindowRateLimiter(storage)


class _Here(_Counted):
    """In this process."""

    def __init__(self) -> None:
        super().__init__(MemoryStorage())
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def pause(self, key: str, seconds: float) -> None:
        with self._lock:
            self._until[key] = max(self._until.get(key, 0.0), time.monotonic() + seconds)

    def paused(self, key: str) -> float:
        return max(self._until.get(key, 0.0) - time.monotonic(), 0.0)

    def resume(self, key: str) -> None:
        with self._lock:
            self._until.pop(key, None)


class _Shared(_Counted):
    """In Redis or Valkey, for everybody who uses it."""

    def __init__(self, url: str) -> None:
        pool = redis.ConnectionPool.from_url(
            url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
        )
        super().__init__(RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX, wrap_exceptions=True))
        self._client = redis.Redis(connection_pool=pool)

    def pause(self, key: str, seconds: float) -> None:
        milliseconds = math.ceil(seconds * 1000)
        if self._client.pttl(f"{PREFIX}:{key}") < milliseconds:
            self._client.set(f"{PREFIX}:{key}", 1, px=milliseconds)

    def paused(self, key: str) -> float:
        return max(int(self._client.pttl(f"{PREFIX}:{key}")), 0) / 1000

    def resume(self, key: str) -> None:
        self._client.delete(f"{PREFIX}:{key}")


class Rates:
    """The rates and pauses of this installation. One object a process; safe across threads, not across forks."""

    def __init__(
        self, broker_url: Callable[[], str | None] = lambda: None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`broker_url` tells where the broker is by now; None while it is not up."""
        self._broker_url = broker_url
        self._sleep = sleep
        self._here = _Here()
        self._shared: _Shared | None = None
        self._alone = False

    def hit(self, rate: Rate, *whose: str) -> bool:
        """Count one call of `whose`; False, and not counted, when their rate is used up."""
        key = _digest(*whose)
        return self._ask(lambda there: there.window.hit(rate.item(), key))

    def wait(self, rate: Rate, *whose: str, patience: float) -> None:
        """Count one call of `whose` as soon as their rate allows and no pause holds.

        Raises `TransientError` (`RATE_LIMITED`, with `retry_after`) when that would take more than `patience` seconds.
        """
        item, key = rate.item(), _digest(*whose)
        deadline = time.monotonic() + patience
        while True:
            left = self.paused(*whose)
            if not left:
                if self._ask(lambda there: there.window.hit(item, key)):
                    return
                reset = self._ask(lambda there: there.window.get_window_stats(item, key)).reset_time
                left = max(reset - time.time(), _SHORTEST_NAP)
            if time.monotonic() + left > deadline:
                raise TransientError(
                    "too many calls for now; it goes on by itself", code=RATE_LIMITED, retry_after=left
                )
            self._sleep(left)

    def pause(self, seconds: float, *whose: str) -> None:
        """Let nobody call for `whose` for this long; a longer pause that holds already stays."""
        key = _pause_key(*whose)
        self._here.pause(key, seconds)
        self._ask(lambda there: there.pause(key, seconds))

    def paused(self, *whose: str) -> float:
        """For how many more seconds nobody may call for `whose`; 0: no pause holds."""
        key = _pause_key(*whose)
        return self._ask(lambda there: there.paused(key))

    def resume(self, *whose: str) -> None:
        """End the pause of `whose`."""
        key = _pause_key(*whose)
        self._here.resume(key)
        self._ask(lambda there: there.resume(key))

    def _ask(self, question: Callable[[_Here | _Shared], T]) -> T:
        """The shared count's answer; this process's own where there is none."""
        shared = self._connected()
        if shared is not None:
            try:
                answer = question(shared)
            except (StorageError, redis.RedisError) as problem:
                if not self._alone:
                    log.warning(
                        "the broker does not answer: this process counts rates alone", error=type(problem).__name__
                    )
                self._alone = True
            else:
                self._alone = False
                return answer
        return question(self._here)

    def _connected(self) -> _Shared | None:
        if self._shared is None and (url := redis_url(self._broker_url())) is not None:
            self._shared = _Shared(url)
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


def _pause_key(*whose: str) -> str:
    return f"pause:{_digest(*whose)}"
