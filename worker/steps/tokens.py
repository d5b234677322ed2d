"""Bearer tokens: what agents show at `/mcp`, and people at the approvals page."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from worker.errors import PermanentError
from worker.ids import new_id
from worker.steps.runtime import Runtime
from worker.steps.views import View
from worker.store import tokens

SCOPES: Final = ("read", "write", "approve")
"""`read` looks, `write` asks for work to be done, `approve` says yes to it on the approvals page (a person's)."""

_PREFIX = "portaria_"
"""So that scanners of repositories and logs find one that was left there."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token stands for."""

    id: str
    name: str
    scopes: tuple[str, ...]

    @property
    def caller(self) -> str:
        """Who plans are said to be of: the name for people, the id because two tokens may have one name."""
        return f"{self.name} ({self.id})"


def create_token(
    runtime: Runtime, name: str, scopes: Sequence[str], *, by: str, days: float | None = None
) -> tuple[Bearer, str]:
    """A new token, which is told once and kept nowhere. Raises `PermanentError` for unknown scopes."""
    if not name.strip() or not scopes or not set(scopes) <= set(SCOPES):
        raise PermanentError(f"a token needs a name and some of these scopes: {', '.join(SCOPES)}")
    now = runtime.clock()
    token = _PREFIX + secrets.token_urlsafe(32)
    bearer = Bearer(new_id("tok", now), name.strip(), tuple(scope for scope in SCOPES if scope in scopes))
    values = {
        "id": bearer.id,
        "name": bearer.name,
        "digest": _digest(token),
        "scopes": " ".join(bearer.scopes),
        "by": by,
        "expires_at": now + timedelta(days=days) if days is not None else None,
    }
    with runtime.database.write() as tx:
        tokens.add(tx, values, now)
    return bearer, token


def verify_token(runtime: Runtime, token: str) -> Bearer | None:
    """Whom a token stands for; None for one that is unknown, revoked or expired.

    Looked up by its SHA-256: 256 bits of chance need no slow hash, and there is nothing to compare byte by byte.
    """
    with runtime.database.read() as tx:
        row = tokens.by_digest(tx, _digest(token), runtime.clock())
    return Bearer(row["id"], row["name"], tuple(row["scopes"].split())) if row else None


def list_tokens(runtime: Runtime, *, limit: int = 50, after: str = "") -> list[View]:
    """All tokens, the newest first; none of them as such."""
    with runtime.database.read() as tx:
        found = tokens.listed(tx, limit=limit, after=after)
    times = ("created_at", "expires_at", "revoked_at")
    return [{**row, **{name: row[name].isoformat() if row[name] else None for name in times}} for row in found]


def revoke_token(runtime: Runtime, token_id: str, *, by: str) -> None:
    """End a token now. Raises `PermanentError` when there is no such live one."""
    with runtime.database.write() as tx:
        if not tokens.revoke(tx, token_id, by=by, now=runtime.clock()):
            raise PermanentError(f"there is no live token {token_id}; `portaria tokens list` shows them")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
