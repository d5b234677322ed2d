"""A signed webhook, as the Standard Webhooks specification 1.0 defines it (standardwebhooks.com).

The notification's key becomes `webhook-id`, the same at every attempt, so that a receiver does each thing once however
often it is told. The body is the notification's payload as JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from standardwebhooks import Webhook

from pipelines.models import Notification
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

_KEY_BYTES: Final = (24, 64)
"""How long a signing key is (specification, "Signature scheme")."""


class WebhookSink:
    """Posts each notification to one address. Redirects are not followed."""

    def __init__(self, name: str, url: str, secret: str) -> None:
        """Raises ValueError that names the key of portaria.toml that is wrong."""
        self.name = name
        self._url = _checked_url(url)
        self._signer = Webhook(_signing_key(secret))
        self._client = httpx.Client(timeout=TIMEOUT, headers={"user-agent": "Portaria", "accept": "*/*"})

    def send(self, notification: Notification, now: datetime) -> None:
        """Deliver it once more. Raises `OutcomeUnknown` when it may have arrived, `TransientError` when it was not
        taken, `PermanentError` when the receiver wants no more."""
        body = json.dumps(dict(notification.payload), separators=(",", ":"))
        sent_at = now.astimezone(UTC).replace(microsecond=0)
        message_id = _message_id(notification.key)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message_id, sent_at, body),
        }
        try:
            # The answer's body says nothing that we need, so it is never read.
            with self._client.stream("POST", self._url, content=body.encode(), headers=headers) as answer:
                self._judge(answer, now)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as problem:
            raise TransientError(
                f"{self._told()}: no connection ({type(problem).__name__})", code=UNREACHABLE
            ) from None
        except httpx.TransportError as problem:
            raise OutcomeUnknown(f"{self._told()}: no answer ({type(problem).__name__})", code=NO_ANSWER) from None

    def _judge(self, answer: httpx.Response, now: datetime) -> None:
        if answer.is_success:
            return
        if answer.status_code == httpx.codes.GONE:
            raise PermanentError(
                f"{self._told()} answered 410: it wants no more deliveries; take it out of `notify`, or mend its url",
                code=GONE,
            )
        mend = "; redirects are not followed, set url to where it leads" if answer.is_redirect else ""
        raise TransientError(
            f"{self._told()} answered {answer.status_code}{mend}",
            code=REFUSED,
            retry_after=_wait(answer.headers.get("retry-after", ""), now),
        )

    def _told(self) -> str:
        """The sink for an error's text: its path and query may hold a token."""
        return f"[sinks.{self.name}] {httpx.URL(self._url).host}"


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("url: write it in full, https://example.com/hook")
    return url


def _signing_key(secret: str) -> bytes:
    encoded = secret.strip().removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        key = b""
    shortest, longest = _KEY_BYTES
    if not shortest <= len(key) <= longest:
        raise ValueError(
            f"secret: write `whsec_` and the base64 of {shortest} to {longest} random bytes, "
            "as `openssl rand -base64 32` makes them"
        )
    return key


def _message_id(key: str) -> str:
    """The specification wants an id without full stops, a header wants ASCII; our keys hold names that users chose."""
    return f"msg_{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


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
