"""What goes wrong on demand: answers of any status, and answers that never come, before or after the deed."""

from __future__ import annotations

import fnmatch
import itertools
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    STATUS = "status"
    """Answer `status` and do nothing."""
    DROP_BEFORE = "drop_before"
    """Close the connection and do nothing: what a caller whose time is up sees as well."""
    DROP_AFTER = "drop_after"
    """Do it, and close the connection without an answer."""
    LATE = "late"
    """Close the connection, and do it `seconds` later."""
    HANG = "hang"
    """Answer after `seconds`, when the caller may have gone; the deed is done."""
    CUT_OFF = "cut_off"
    """Do it, and send half an answer."""


@dataclass
class Fault:
    """One rule: which calls, what happens, how often."""

    kind: Kind
    method: str = "*"
    path: str = "*"
    """Below `/api/v4/`, with shell wildcards: `contacts`, `leads/*/notes`."""
    status: int = 500
    seconds: float = 0.0
    times: int = 1
    """0: until it is taken away."""
    skip: int = 0
    """So many matching calls go well first."""
    every: int = 1
    """From then on each so many-th."""
    seen: int = 0
    hit: int = 0

    def matches(self, method: str, path: str) -> bool:
        if not (fnmatch.fnmatch(method, self.method) and fnmatch.fnmatch(path, self.path)):
            return False
        if self.times and self.hit >= self.times:
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip - 1) % self.every:
            return False
        self.hit += 1
        return True


@dataclass
class Faults:
    """The rules in force; the first that matches a call happens to it."""

    rules: dict[int, Fault] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, **given: Any) -> Fault:
        """Add a rule."""
        fault = Fault(**{**given, "kind": Kind(given["kind"])})
        self.rules[next(self._numbers)] = fault
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def of(self, method: str, path: str) -> Fault | None:
        """What happens to this call; None: nothing."""
        return next((fault for fault in self.rules.values() if fault.matches(method, path)), None)
