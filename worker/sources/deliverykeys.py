"""The key of a delivery from the ids in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_LONGEST = 200


def key_of(*parts: str) -> str | None:
    """One id made of `parts`; None when one is missing, since it would no longer tell two deliveries apart."""
    if not parts or not all(parts):
        return None
    key = ":".join(parts)
    return key if len(key) <= _LONGEST and key.isprintable() else _digest(key)


def key_of_all(keys: Sequence[str | None]) -> str | None:
    """One key for a delivery of several things, whatever their order; None when one of them has none."""
    known = [key for key in keys if key]
    if not known or len(known) < len(keys):
        return None
    return known[0] if len(known) == 1 else _digest("\n".join(sorted(known)))


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
