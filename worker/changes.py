"""A bell between processes: something has changed, look. It says nothing of what: the history does.

Over the broker where that is Redis or Valkey, else within this process. A ring that is lost costs whoever waits only
the rest of their patience, so nothing here ever raises.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis
import structlog

from worker.rates import redis_url

log = structlog.get_logger()

CHANNEL: Final = "portaria.changes"
_ANSWER_SECONDS: Final = 2.0


class Changes:
    """The bell of this process. Safe across threads; each thread that waits hears every ring since it began."""

    def __init__(self, broker_url: Callable[[], str | None]) -> None:
        self._broker_url = broker_url
        self._client: redis.Redis | None = None
        self._here = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        """Tell whoever waits, here and in other processes."""
        with self._here:
            self._rung += 1
            self._here.notify_all()
        if (client := self._connected()) is not None:
            try:
                client.publish(CHANNEL, b"")
            except (redis.RedisError, OSError) as problem:
                log.warning("the broker does not answer: others see changes later", error=type(problem).__name__)

    def listen(self) -> Listener:
        """Hear every ring from now on."""
        return Listener(self)

    def _connected(self) -> redis.Redis | None:
        if self._client is None and (url := redis_url(self._broker_url())) is not None:
            self._client = redis.Redis.from_url(
                url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
            )
        return self._client


class Listener:
    """One who waits."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._heard = changes._rung
        self._subscribed: Any = None

    def wait(self, seconds: float) -> None:
        """Until the bell rings, or so long."""
        try:
            if (subscribed := self._subscription()) is not None:
                subscribed.get_message(ignore_subscribe_messages=True, timeout=seconds)
                return
        except (redis.RedisError, OSError) as problem:
            log.warning("the broker does not answer: changes are seen later", error=type(problem).__name__)
            self.close()
            time.sleep(seconds)
            return
        here = self._changes._here
        with here:
            here.wait_for(lambda: self._changes._rung != self._heard, seconds)
            self._heard = self._changes._rung

    def _subscription(self) -> Any:
        if self._subscribed is None and (client := self._changes._connected()) is not None:
            subscribed: Any = client.pubsub()  # type: ignore[no-untyped-call]
            subscribed.subscribe(CHANNEL)
            # Whoever rang before the subscription stood was not heard: look once now.
            subscribed.get_message(timeout=_ANSWER_SECONDS)
            self._subscribed = subscribed
        return self._subscribed

    def close(self) -> None:
        """Hear nothing more."""
        if self._subscribed is not None:
            self._subscribed.close()
            self._subscribed = None
