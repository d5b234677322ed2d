"""Asking a provider's HTTP API for JSON: bounded, and without a word of the question or the key in any error or log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from worker.errors import PermanentError, TransientError

UNREACHABLE: Final = "unreachable"
"""Reason code: no connection, or no answer in time."""
PROVIDER_DOWN: Final = "provider_down"
"""Reason code: the provider answered with a fault of its own, or with what is no JSON."""
PROVIDER_BUSY: Final = "provider_busy"
"""Reason code: the provider wants fewer calls; it is asked when it said."""
REFUSED: Final = "provider_refused"
"""Reason code: the provider takes neither our key nor our question; mend the source's section in portaria.toml."""

MOST_BYTES: Final = 2 * 1024 * 1024
_LONGEST_WAIT: Final = 86_400.0
_NOTHING: Final = frozenset({204, 404, 410})


class WebApi:
    """One provider. Thread-safe; redirects are not followed, and no proxy of the environment is used."""

    def __init__(self, where: str, *, timeout: float, headers: Mapping[str, str] | None = None) -> None:
        """`where` is the section, for errors: `[enrichment.cnpj]`."""
        self._where = where
        self._timeout = timeout
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=20)
        named = {"user-agent": "Portaria", "accept": "application/json", **(headers or {})}
        self._client = httpx.Client(timeout=timeout, headers=named, limits=limits, trust_env=False)

    def ask(self, method: str, url: str, *, body: Any = None, nothing: frozenset[int] = _NOTHING) -> Any:
        """The answer's JSON; None for a status in `nothing`. Raises `TransientError`, or `PermanentError` where the
        provider refuses us."""
        until = time.monotonic() + self._timeout
        try:
            with self._client.stream(method, url, json=body) as answer:
                if answer.status_code in nothing:
                    return None
                self._judge(answer)
                return json.loads(self._read(answer, until))
        except httpx.TransportError as problem:
            raise TransientError(f"{self._where}: no answer ({type(problem).__name__})", code=UNREACHABLE) from None
        except (ValueError, RecursionError, httpx.DecodingError):
            raise TransientError(f"{self._where} answered with what is no JSON", code=PROVIDER_DOWN) from None

    def _judge(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            wait = answer.headers.get("retry-after", "")
            after = min(float(wait), _LONGEST_WAIT) if wait.isascii() and wait.isdigit() else 60.0
            raise TransientError(f"{self._where} wants fewer calls", code=PROVIDER_BUSY, retry_after=after)
        if status >= 500:
            raise TransientError(f"{self._where} answered {status}", code=PROVIDER_DOWN)
        if not answer.is_success:
            mend = "redirects are not followed" if answer.is_redirect else "look at its url, key and headers"
            raise PermanentError(f"{self._where} answered {status}: {mend}", code=REFUSED)

    def _read(self, answer: httpx.Response, until: float) -> bytes:
        body = bytearray()
        for piece in answer.iter_bytes(65_536):
            body += piece
            if len(body) > MOST_BYTES or time.monotonic() > until:
                raise TransientError(f"{self._where} answers too much or too slowly", code=PROVIDER_DOWN)
        return bytes(body)
