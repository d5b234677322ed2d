"""Bearer tokens: kept as digests only, so that the database gives none away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from worker import tables
from worker.store import history
from worker.store.engine import Transaction, page, rows

table = tables.tokens


def add(tx: Transaction, values: dict[str, Any], now: datetime) -> None:
    """Keep a new token."""
    tx.execute(sa.insert(table).values(created_at=now, **values))
    move = history.Move(values["id"], "create", "", values["scopes"], by=values["by"])
    history.record(tx, [move], now)


def by_digest(tx: Transaction, digest: str, now: datetime) -> dict[str, Any] | None:
    """The token of this digest, unless it was revoked or has expired."""
    good = sa.and_(table.c.revoked_at.is_(None), sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now))
    found = rows(tx.execute(sa.select(table).where(table.c.digest == digest, good)))
    return found[0] if found else None


def listed(tx: Transaction, *, limit: int = 50, after: str = "") -> list[dict[str, Any]]:
    """The newest first; none of them with what it is known by."""
    found = rows(tx.execute(page(table, sa.select(table), limit, after)))
    return [{key: value for key, value in row.items() if key != "digest"} for row in found]


def revoke(tx: Transaction, token_id: str, *, by: str, now: datetime) -> bool:
    """End a token; False when there is no such live one."""
    live = sa.update(table).where(table.c.id == token_id, table.c.revoked_at.is_(None))
    if not tx.execute(live.values(revoked_at=now)).rowcount:
        return False
    history.record(tx, [history.Move(token_id, "revoke", by=by)], now)
    return True
