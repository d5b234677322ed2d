"""Does a request prove that it comes from its source? A shared secret, or the provider's signature; constant time.

Every kind takes the source's secret as `Authorization: Bearer SECRET` or in the path of the hook; the kinds whose
provider signs take a valid signature as well. All failures are `Unauthorized`, whatever was sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from worker.errors import Unauthorized
from worker.ports import InboundRequest, SourceSettings

REPLAY_WINDOW = 300.0
"""Seconds that a signed timestamp may lie in the past or the future (HubSpot v3, Webflow, Standard Webhooks: 5 min)."""

SignatureCheck = Callable[[bytes], str]
"""Given the secret: what is wrong with the request's signature, or an empty string when it is right."""


def authenticate(request: InboundRequest, settings: SourceSettings, signed: SignatureCheck | None = None) -> None:
    """Raise `Unauthorized` unless the request carries the source's secret or, where the kind signs, its signature."""
    secret = _bytes(settings.secret)
    if not secret.strip():
        raise Unauthorized(
            f"Source {settings.name!r} has no secret: set `secret` under [sources.{settings.name}] in portaria.toml."
        )
    if secrets_match(request, secret):
        return
    if signed is None:
        complaint = "send its secret as `Authorization: Bearer SECRET` or at the end of the hook's path"
    else:
        complaint = signed(secret)
    if complaint:
        raise Unauthorized(f"Source {settings.name!r}: {complaint}.")


def secrets_match(request: InboundRequest, secret: bytes) -> bool:
    """Whether the path or a bearer token holds `secret`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    in_path = hmac.compare_digest(_bytes(request.path_secret), secret)
    # Servers hand header bytes over as Latin-1 (RFC 9110, 5.5): back to the bytes that were sent.
    in_header = hmac.compare_digest(_bytes(bearer, "latin-1"), secret)
    return in_path or in_header


def hmac_check(
    request: InboundRequest,
    header: str,
    encoding: Literal["hex", "base64"],
    *,
    prefix: str = "",
    message: bytes | None = None,
) -> SignatureCheck:
    """A check that `header` is `prefix` and the HMAC-SHA256 of `message` (the raw body where none is given)."""

    def check(secret: bytes) -> str:
        sent = request.headers.get(header, "").strip()
        if not sent:
            return f"the request has no {header} header and carries no secret"
        digest = hmac.new(secret, request.body if message is None else message, hashlib.sha256)
        if encoding == "hex":
            sent, right = sent.lower(), digest.hexdigest()
        else:
            right = base64.b64encode(digest.digest()).decode()
        # The encoded forms are compared, so that nothing malformed has to be decoded first.
        matches = hmac.compare_digest(_bytes(sent), _bytes(prefix + right))
        return "" if matches else f"the signature in {header} is not right for this body and this source's secret"

    return check


def age_complaint(timestamp: str, now: datetime, *, unit: float = 1.0) -> str:
    """What is wrong with a signed timestamp, `unit` seconds to its one; an empty string when it is within the window.

    The text is not echoed: it is whatever a stranger sent.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return "the signature's timestamp is missing or is no number"
    if abs(int(timestamp) * unit - now.timestamp()) > REPLAY_WINDOW:
        return (
            f"the signature's timestamp is more than {REPLAY_WINDOW:.0f} seconds away: an old request, or a wrong clock"
        )
    return ""


def meta_check(request: InboundRequest) -> SignatureCheck:
    """Meta's signature of Graph API webhooks (lead ads, WhatsApp); `secret` is the app's secret."""
    return hmac_check(request, "x-hub-signature-256", "hex", prefix="sha256=")


def meta_handshake(request: InboundRequest, settings: SourceSettings) -> str:
    """The challenge to answer Meta's GET with, as text/plain (Graph API, Webhooks, "Verification requests").

    Raises `Unauthorized` unless `hub.verify_token` is the source's `verify_token`.
    """
    expected = _bytes(str(settings.options.get("verify_token", "")))
    if not expected.strip():
        raise Unauthorized(
            f"Source {settings.name!r} has no verify token: set `verify_token` under [sources.{settings.name}]."
        )
    asked = request.query.get("hub.mode") == "subscribe"
    if not asked or not hmac.compare_digest(_bytes(request.query.get("hub.verify_token", "")), expected):
        raise Unauthorized(f"Source {settings.name!r}: the verify token of the handshake is not this source's.")
    return request.query.get("hub.challenge", "")


def standard_webhooks_check(request: InboundRequest, now: datetime) -> SignatureCheck:
    """The Standard Webhooks specification's symmetric signature; Svix's header names are taken too.

    The key is what follows `whsec_` in the secret, base64.
    """
    sent = {
        part: request.headers.get(f"webhook-{part}") or request.headers.get(f"svix-{part}", "")
        for part in ("id", "timestamp", "signature")
    }

    def check(secret: bytes) -> str:
        if not all(sent.values()):
            return "the request has no webhook-id, webhook-timestamp and webhook-signature headers and no secret"
        if complaint := age_complaint(sent["timestamp"], now):
            return complaint
        encoded = secret.strip().removeprefix(b"whsec_").rstrip(b"=")
        try:
            key = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
        except ValueError:
            key = b""
        if not key:
            return "its secret is not `whsec_` and base64, as Standard Webhooks signs with"
        signed = b".".join((_bytes(sent["id"], "latin-1"), _bytes(sent["timestamp"]), request.body))
        right = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        matches = [hmac.compare_digest(_bytes(one), right) for one in sent["signature"].split(" ")]
        return "" if any(matches) else "no signature in webhook-signature is right for this body and this secret"

    return check


def _bytes(text: str, encoding: str = "utf-8") -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
