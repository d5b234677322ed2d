"""Ids: sortable by time, and derived where the same thing must get the same id twice."""

from __future__ import annotations

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread


def new_id(prefix: str, now: datetime) -> str:
    """A new id: the prefix, and 48 bits of milliseconds and 80 of chance in base 32 (the layout of a ULID)."""
    number = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def submission_id(delivery_id: str, position: int) -> str:
    """The id of a delivery's submission: opening a delivery twice makes no second one."""
    return f"sub_{delivery_id.removeprefix('del_')}_{position}"


def contact_id(founder: str) -> str:
    """The id of the contact that the submission `founder` founds: resolving it twice makes no second one."""
    return f"con_{founder.removeprefix('sub_')}"
