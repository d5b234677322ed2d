"""The client of Kommo's API v4: one call at a time, at the account's pace, each answer judged.

Kommo has no idempotency key, so a write is never repeated here: whoever asked for it looks up whether it happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import httpx
import structlog

from worker.breaker import Breaker
from worker.errors import OutcomeUnknown, PortariaError, TransientError
from worker.kommo.address import Address
from worker.kommo.answers import (
    BLOCKED,
    FORBIDDEN,
    NO_ANSWER,
    NOT_BEGUN,
    TOO_LONG,
    UNAUTHORIZED,
    UNREACHABLE,
    problem_of,
    read_body,
)
from worker.kommo.endpoints import ENDPOINTS, endpoint_of
from worker.rates import Rate, Rates

log = structlog.get_logger()

API: Final = "/api/v4"
RATE: Final = Rate(7, 1)
"""Kommo's limit, of an account and of an address; beyond it come 429 and then a block."""
TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
"""As Kommo's own SDK has it."""
LONGEST_ANSWER: Final = 40.0
"""Seconds until the last byte: a server that drips never runs into the time-out between two bytes."""
PATIENCE: Final = 20.0
"""Seconds that a call waits for its turn."""
BEGIN_WITHIN: Final = 30.0
"""Seconds within which writes that are on record are begun, or not at all: who finds the record counts from then for
how long they may still land (`worker.kommo.markers.SETTLE_SECONDS`)."""
NOT_BEGUN_SECONDS: Final = 5.0
PAGE: Final = 250
"""The most entities of a page."""
BATCH: Final = 50
"""The most entities of one request that Kommo recommends (250 are allowed)."""
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

Json = Mapping[str, Any]
Params = Mapping[str, Any]


_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock (Linux), and is nobody's to set."""
_no_later: ContextVar[float] = ContextVar("no_later", default=math.inf)


@contextmanager
def begun_within(seconds: float) -> Iterator[None]:
    """Writes in this block are begun within so many seconds; later ones raise `TransientError` (`NOT_BEGUN`)."""
    before = _no_later.set(time.clock_gettime(_CLOCK) + seconds)
    try:
        yield
    finally:
        _no_later.reset(before)


def time_to_begin() -> float:
    """For how many more seconds a write would be begun."""
    return _no_later.get() - time.clock_gettime(_CLOCK)


class _TooLateError(Exception):
    """Nothing was sent; no fault of the other side's."""


class Tokens(Protocol):
    """Where the access token comes from."""

    def access_token(self) -> str:
        """The token to use now. Raises `PortariaError`."""

    def renew(self, refused: str) -> bool:
        """Whether there is another one than `refused`, which Kommo has just refused."""


@dataclass
class KommoClient:
    """Calls to one account. Thread-safe; not across forks."""

    address: Address
    tokens: Tokens
    rates: Rates
    breaker: Breaker
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT, follow_redirects=False))
    rate: Rate = RATE

    def get(self, path: str, params: Params | None = None) -> Json | None:
        """A reading; None where Kommo has nothing (204). Raises `PortariaError`."""
        return self._call("GET", path, params, None)  # type: ignore[no-any-return]

    def send(self, method: str, path: str, body: Any) -> Any:
        """A writing. Raises `OutcomeUnknown` when it may have happened, another `PortariaError` when it has not."""
        return self._call(method, path, None, body)

    def probe(self) -> None:
        """Ask whether the account answers, even while it is left in peace; if it does, everybody goes on. Raises
        `PortariaError`."""
        answer, content, problem = self._exchange("GET", "account", None, None)
        if problem is not None:
            raise problem
        read_body(answer, content, is_write=False)
        self.breaker.close()

    def pages(self, path: str, params: Params | None = None, *, start: int = 0) -> Iterator[tuple[int, Sequence[Json]]]:
        """A list from its `start`th entity on, until there is no next page: each page, and at which entity the one
        after it starts. Where a page takes Kommo too long (504), smaller ones follow. Raises `PortariaError`."""
        name = path.rpartition("/")[2]
        limit = PAGE
        while True:
            page = start // limit + 1
            try:
                found = self.get(path, {**(params or {}), "page": page, "limit": limit})
            except TransientError as problem:
                if problem.code != TOO_LONG or limit == 1:
                    raise
                limit //= 2
                continue
            if found is None:
                return
            start = page * limit
            yield start, found.get("_embedded", {}).get(name, [])
            if "next" not in found.get("_links", {}):
                return

    def by_id(self, entity: str, ids: Iterable[int | str], params: Params | None = None) -> dict[str, Json]:
        """Those of these contacts, leads or companies that there are, by id. Raises `PortariaError`."""
        found: dict[str, Json] = {}
        wanted = [str(each) for each in ids]
        for first in range(0, len(wanted), BATCH):
            some = wanted[first : first + BATCH]
            for _, page in self.pages(entity, {**(params or {}), "filter": {"id": some}}):
                found |= {str(each["id"]): each for each in page if str(each["id"]) in some}
        return found

    def changed_since(self, entity: str, since: datetime, params: Params | None = None) -> Iterator[Sequence[Json]]:
        """Pages of the contacts, leads or companies that changed at `since` or later, the oldest change first. What
        changes while it is read may come twice. Raises `PortariaError`."""
        asked = {
            "filter": {"updated_at": {"from": int(since.timestamp())}},
            "order": {"updated_at": "asc"},
            **(params or {}),
        }
        for _, page in self.pages(entity, asked):
            yield page

    def _call(self, method: str, path: str, params: Params | None, body: Any) -> Any:
        if endpoint_of(method, path) not in ENDPOINTS:
            raise ValueError(f"{method} {path} is not among worker.kommo.endpoints.ENDPOINTS")
        self.rates.wait(self.rate, "kommo", self.address.account, patience=PATIENCE)
        self.rates.wait(self.rate, "kommo egress", patience=PATIENCE)
        try:
            answer, content, problem = self._attempt(method, path, params, body)
        except _TooLateError:
            what = "Kommo took too long over what is read before this call"
            raise TransientError(what, code=NOT_BEGUN, retry_after=NOT_BEGUN_SECONDS) from None
        if problem is not None:
            raise problem
        return read_body(answer, content, is_write=method != "GET")

    def _attempt(
        self, method: str, path: str, params: Params | None, body: Any
    ) -> tuple[httpx.Response, bytes, PortariaError | None]:
        with self.breaker.attempt():
            answer, content, problem = self._exchange(method, path, params, body)
            if isinstance(problem, TransientError) and problem.code != FORBIDDEN:
                if problem.code == BLOCKED:
                    log.error(
                        "Kommo has blocked this address; nobody calls it for a while", account=self.address.account
                    )
                raise problem
        return answer, content, problem

    def _exchange(
        self, method: str, path: str, params: Params | None, body: Any
    ) -> tuple[httpx.Response, bytes, PortariaError | None]:
        token = self.tokens.access_token()
        answer, content = self._send(method, path, params, body, token)
        problem = problem_of(answer, content, is_write=method != "GET")
        if problem is not None and problem.code == UNAUTHORIZED and self.tokens.renew(token):
            answer, content = self._send(method, path, params, body, self.tokens.access_token())
            problem = problem_of(answer, content, is_write=method != "GET")
        return answer, content, problem

    def _send(
        self, method: str, path: str, params: Params | None, body: Any, token: str
    ) -> tuple[httpx.Response, bytes]:
        if method != "GET" and time_to_begin() < 0:
            raise _TooLateError
        url = f"{self.address.base_url}{API}/{path}"
        deadline = time.monotonic() + LONGEST_ANSWER
        headers = {"authorization": f"Bearer {token}", "accept": "application/hal+json", "user-agent": "Portaria"}
        try:
            with self.http.stream(
                method, url, params=httpx.QueryParams(flat(params)), json=body, headers=headers
            ) as answer:
                pieces = []
                for piece in answer.iter_bytes():
                    pieces.append(piece)
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the answer does not end")
                return answer, b"".join(pieces)
        except _NEVER_SENT as error:
            what = f"no connection to Kommo ({type(error).__name__})"
            raise TransientError(what, code=UNREACHABLE) from None
        except httpx.RequestError as error:
            kind = TransientError if method == "GET" else OutcomeUnknown
            raise kind(f"no answer from Kommo ({type(error).__name__})", code=NO_ANSWER) from None


def flat(params: Params | None) -> list[tuple[str, str | int | float | bool | None]]:
    """Query parameters as Kommo (PHP) reads them: `{"filter": {"id": [1, 2]}}` is `filter[id][]=1&filter[id][]=2`."""
    found: list[tuple[str, str | int | float | bool | None]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, each in value.items():
                walk(f"{name}[{key}]", each)
        elif isinstance(value, list | tuple):
            for each in value:
                walk(f"{name}[]", each)
        else:
            found.append((name, str(value)))

    for name, value in (params or {}).items():
        walk(name, value)
    return found
