"""Asking a provider's JSON API for what a hook only named: one connection, and its errors in our two kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from worker.errors import TransientError, Unparsable
from worker.ports import SourceSettings
from worker.sources.jsondata import load_json
from worker.sources.reasons import (
    PROVIDER_BUSY,
    PROVIDER_FAILED,
    PROVIDER_REFUSES,
    PROVIDER_UNREACHABLE,
)
from worker.sources.trees import Tree

TIMEOUT = httpx.Timeout(15.0, connect=5.0)
"""Seconds for each part of a call."""
LONGEST_WAIT = 3600.0
"""The most seconds that a provider's `Retry-After` is followed for."""


def has_token(settings: SourceSettings) -> bool:
    """Whether the source's section says how to ask its provider."""
    return bool(str(settings.options.get("token", "")).strip())


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: 2xx, or a 4xx whose reason each provider tells in its own way."""

    status: int
    tree: Tree

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Provider:
    """The API of a source's provider, as `token` and `base_url` of its section say. A context manager.

    Once it has said that it is busy, refuses our token or cannot be reached, further calls of the same batch get the
    same error without being made.
    """

    def __init__(self, settings: SourceSettings, default_url: str) -> None:
        self._source = settings.name
        self._url = str(settings.options.get("base_url") or default_url).rstrip("/")
        token = str(settings.options.get("token", "")).strip()
        headers = {"authorization": f"Bearer {token}", "accept": "application/json", "user-agent": "Portaria"}
        self._client = httpx.Client(timeout=TIMEOUT, headers=headers)
        self._stop: TransientError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None) -> Answer:
        """Make one call that only reads. Raises `TransientError`; never shows the answer's text, which holds people."""
        if self._stop:
            raise self._stop
        try:
            answer = self._client.request(method, f"{self._url}/{path}", json=body, params=query)
        except (httpx.TransportError, httpx.InvalidURL) as problem:
            raise self._stopped(f"does not answer ({type(problem).__name__})", PROVIDER_UNREACHABLE) from None
        status = answer.status_code
        if status == httpx.codes.UNAUTHORIZED:
            raise self.refused("answered 401")
        if status == 429:
            raise self.busy(_seconds(answer.headers.get("retry-after", "")))
        if answer.is_redirect:
            raise self._stopped(f"answered {status}: set base_url to where it leads", PROVIDER_FAILED)
        if status >= 500 or status < 200:
            raise self._told(f"answered {status}", PROVIDER_FAILED)
        try:
            return Answer(status, load_json(answer.content))
        except Unparsable:
            raise self._told(f"answered {status} with something that is not JSON", PROVIDER_FAILED) from None

    def refused(self, why: str) -> TransientError:
        """Our token is no good, or not for this; it goes on by itself once `token` is mended."""
        mend = f"renew `token` under [sources.{self._source}], and give it the right to read contacts or leads"
        return self._stopped(f"{why}: {mend}", PROVIDER_REFUSES)

    def busy(self, seconds: float | None = None) -> TransientError:
        """We asked too much."""
        self._stop = self._told("asks us to wait", PROVIDER_BUSY, seconds)
        return self._stop

    def failed(self, why: str) -> TransientError:
        """It went wrong there, for this record."""
        return self._told(why, PROVIDER_FAILED)

    def _stopped(self, why: str, code: str) -> TransientError:
        self._stop = self._told(why, code)
        return self._stop

    def _told(self, why: str, code: str, seconds: float | None = None) -> TransientError:
        host = self._url.partition("://")[2].partition("/")[0] or self._url
        return TransientError(f"[sources.{self._source}] {host} {why}", code=code, retry_after=seconds)


def _seconds(retry_after: str) -> float | None:
    known = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return min(float(retry_after), LONGEST_WAIT) if known else None
