"""One HTTP POST to a receiver outside, and what its answer means. Redirects are not followed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from worker.errors import OutcomeUnknown, PermanentError, TransientError

UNREACHABLE: Final = "sink_unreachable"
"""Reason code: no connection to the receiver; nothing was sent."""
NO_ANSWER: Final = "sink_no_answer"
"""Reason code: sent, but no answer came; it may have arrived, and is sent again with the same `webhook-id`."""
REFUSED: Final = "sink_refused"
"""Reason code: the receiver answered with something else than success; sent again until it takes it."""
GONE: Final = "sink_gone"
"""Reason code: the receiver answered 410, which by the specification asks for no further deliveries."""

TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
"""Seconds for each part of an attempt (specification, "Request timeouts": 15 to 30)."""
LONGEST_WAIT: Final = 24 * 3600.0
"""The most seconds that a receiver's `Retry-After` is followed for."""


class Poster:
    """Posts to one address."""

    def __init__(self, name: str, url: str) -> None:
        """Raises ValueError that names the key of portaria.toml that is wrong."""
        self._url = _checked_url(url)
        # Its path and query may hold a token, so errors tell the host.
        self._told = f"[sinks.{name}] {httpx.URL(url).host}"
        self._client = httpx.Client(timeout=TIMEOUT, headers={"user-agent": "Portaria", "accept": "*/*"})

    @property
    def host(self) -> str:
        """Whom it posts to."""
        return httpx.URL(self._url).host

    def post(self, body: str, headers: Mapping[str, str], now: datetime) -> None:
        """Post once. Raises `OutcomeUnknown` when it may have arrived, `TransientError` when it was not taken,
        `PermanentError` when the receiver wants no more."""
        try:
            # The answer's body says nothing that we need, so it is never read.
            with self._client.stream("POST", self._url, content=body.encode(), headers=headers) as answer:
                self._judge(answer, now)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as problem:
            raise TransientError(f"{self._told}: no connection ({type(problem).__name__})", code=UNREACHABLE) from None
        except httpx.TransportError as problem:
            raise OutcomeUnknown(f"{self._told}: no answer ({type(problem).__name__})", code=NO_ANSWER) from None

    def _judge(self, answer: httpx.Response, now: datetime) -> None:
        if answer.is_success:
            return
        if answer.status_code == httpx.codes.GONE:
            raise PermanentError(
                f"{self._told} answered 410: it wants no more deliveries; take it out of `notify`, or mend its url",
                code=GONE,
            )
        mend = "; redirects are not followed, set url to where it leads" if answer.is_redirect else ""
        raise TransientError(
            f"{self._told} answered {answer.status_code}{mend}",
            code=REFUSED,
            retry_after=_wait(answer.headers.get("retry-after", ""), now),
        )


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("url: write it in full, https://example.com/hook")
    return url


def _wait(retry_after: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None where it holds neither."""
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return min(float(retry_after), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_WAIT)
