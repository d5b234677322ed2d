"""Who wants no more mail: addresses as digests, and the signed tokens of the links that they say it with.

A token names the address by its digest, so that neither a log nor a browser's history holds the address; it never runs
out, since a link in an old mail has to work (RFC 8058, "One-Click Unsubscribe").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

_TOKEN: Final = re.compile(r"([0-9a-f]{64})\.([A-Za-z0-9_-]{43})")


def address_digest(address: str) -> str:
    """What an address is kept as: SHA-256 of it in lower case, as hexadecimal digits."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def unsubscribe_token(address: str, secret: str) -> str:
    """The token of an address, for its link."""
    digest = address_digest(address)
    return f"{digest}.{_signature(digest, secret)}"


def digest_of(token: str, secret: str) -> str | None:
    """The digest of the address that `token` was made for with `secret`; None for any other text. Constant time."""
    found = _TOKEN.fullmatch(token)
    if not found or not hmac.compare_digest(found[2], _signature(found[1], secret)):
        return None
    return found[1]


def _signature(digest: str, secret: str) -> str:
    mac = hmac.digest(secret.encode("utf-8", "surrogatepass"), f"unsubscribe:{digest}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
