"""A signed webhook, as the Standard Webhooks specification 1.0 defines it (standardwebhooks.com).

The notification's key becomes `webhook-id`, the same at every attempt, so that a receiver does each thing once however
often it is told. The body is the notification's payload as JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from pipelines.models import Notification
from worker.sinks.posting import Poster

_KEY_BYTES: Final = (24, 64)
"""How long a signing key is (specification, "Signature scheme")."""


class WebhookSink:
    """Posts each notification to one address. Redirects are not followed."""

    def __init__(self, name: str, url: str, secret: str) -> None:
        """Raises ValueError that names the key of portaria.toml that is wrong."""
        self.name = name
        self._poster = Poster(name, url)
        self._signer = Webhook(_signing_key(secret))

    def send(self, notification: Notification, now: datetime) -> None:
        """Deliver it once more. Raises as `Poster.post` does."""
        body = json.dumps(dict(notification.payload), separators=(",", ":"))
        sent_at = now.astimezone(UTC).replace(microsecond=0)
        message_id = _message_id(notification.key)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message_id, sent_at, body),
        }
        self._poster.post(body, headers, now)


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
