"""All endpoints: which of them a call is of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from worker.fake_kommo.account import Account
from worker.fake_kommo.attached import AttachedEndpoints
from worker.fake_kommo.calls import Answer, Call, Problem
from worker.fake_kommo.incoming import IncomingEndpoints
from worker.fake_kommo.records import RecordEndpoints
from worker.fake_kommo.settings import SettingsEndpoints

_GROUPS: Final = (SettingsEndpoints, IncomingEndpoints, AttachedEndpoints, RecordEndpoints)


class Api:
    """The endpoints over one account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(pattern), endpoint)
            for group in _GROUPS
            for method, pattern, endpoint in group(account).routes()
        ]

    def answer(self, call: Call, path: str) -> Answer:
        """The answer to a call of `path` below /api/v4/. Raises `Problem`."""
        known = False
        for method, pattern, endpoint in self._routes:
            if found := pattern.fullmatch(path):
                known = True
                if method == call.method:
                    with self.account.lock:
                        return endpoint(call, *found.groups())
        raise Problem(405, "Method Not Allowed") if known else Problem(404, f"Cannot {call.method} {call.base}/{path}")
