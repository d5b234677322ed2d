"""Kommo's limits: a token bucket for each address, 429 with the wait in the body, and a block for who goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Limits:
    """`rate` calls a second (0: no limit). [The bucket's size is not documented: one second's worth.]"""

    now: Callable[[], float]
    rate: float = 7.0
    retry_after: int = 300
    strikes: int = 10
    """So many 429 within the wait lead to a block. [That repetition blocks is documented, the number is not.]"""
    blocked: bool = False
    refused: int = 0
    """How many calls were answered 429, in all."""
    _tokens: dict[str, tuple[float, float]] = field(default_factory=dict)
    _strikes: dict[str, int] = field(default_factory=dict)

    def judge(self, address: str) -> int:
        """200, 429 or 403 for one more call of this address."""
        if self.blocked:
            return 403
        if not self.rate:
            return 200
        now = self.now()
        tokens, at = self._tokens.get(address, (self.rate, now))
        tokens = min(self.rate, tokens + (now - at) * self.rate)
        if tokens >= 1:
            self._tokens[address] = (tokens - 1, now)
            return 200
        self._tokens[address] = (tokens, now)
        self.refused += 1
        self._strikes[address] = self._strikes.get(address, 0) + 1
        self.blocked = self._strikes[address] >= self.strikes
        return 429

    def pardon(self) -> None:
        """Support has lifted the block."""
        self.blocked = False
        self._strikes.clear()
