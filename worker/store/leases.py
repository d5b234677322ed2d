"""Leases on rows: who works at one, until when, with a fence (see `worker.store.submissions`).

For tables with the columns `state`, `fence`, `lease_owner`, `lease_until`, `attempts`, `due_at`, `look_at` and
`updated_at`: `due_at` is when the row is due, `look_at` when the scheduler looks at it again, which is later while
somebody was sent to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from worker.store import submissions
from worker.store.bulk import among
from worker.store.engine import CHUNK, Transaction, chunks
from worker.store.submissions import is_free


@dataclass(frozen=True, slots=True)
class Leased:
    """A table of rows that are worked at: its key, and the state in which a row goes on by itself."""

    table: sa.Table
    key: sa.Column[Any]
    going: str

    def take_due(self, tx: Transaction, *, now: datetime, most: int, stall: float) -> list[str]:
        """Keys of rows that are due, the longest due first, and not looked at again for `stall` seconds. No more than
        leave `most` under way."""
        of = self.table.c
        due = (of.state == self.going, of.look_at <= now)
        if tx.execute(sa.select(self.key).where(*due).limit(1)).first() is None:
            return []
        sent = self._sent(now).limit(most).subquery()
        room = most - tx.execute(sa.select(sa.func.count()).select_from(sent)).scalar_one()
        if room <= 0:
            return []
        oldest = sa.select(self.key).where(*due).order_by(of.look_at).limit(room).with_for_update(skip_locked=True)
        keys = list(tx.execute(oldest).scalars())
        for some in chunks(keys):
            later = now + timedelta(seconds=stall)
            tx.execute(sa.update(self.table).where(among(self.key, some)).values(look_at=later))
        return keys

    def disbelieve(self, tx: Transaction, *, now: datetime, stall: float) -> None:
        """Set right what a clock that was ahead has put off: what was written at a time that is still to come is due
        earlier by as much, and what was sent is looked at when it is due."""
        of, ahead = self.table.c, now + submissions.CLOCKS_DIFFER
        looked = ahead + timedelta(seconds=stall)
        written = sa.select(*self._times).where(of.state == self.going, of.updated_at > ahead, of.look_at > looked)
        # Two queries, for each has its index: of the many that wait it is none as a rule.
        wrong = [written, self._sent(looked)]
        for row in [row for each in wrong for row in tx.execute(each.limit(CHUNK))]:
            due_at = row.due_at - (row.updated_at - now) if row.updated_at > ahead else row.due_at
            right = sa.update(self.table).where(self.key == row.key)
            tx.execute(right.values(due_at=due_at, look_at=due_at, updated_at=min(row.updated_at, now)))

    @property
    def _times(self) -> tuple[sa.ColumnElement[Any], ...]:
        return self.key.label("key"), self.table.c.due_at, self.table.c.updated_at

    def _sent(self, now: datetime) -> sa.Select[Any]:
        """Those that somebody was sent to, and that are not looked at again until after `now`."""
        of = self.table.c
        return sa.select(*self._times).where(of.state == self.going, of.look_at > of.due_at, of.look_at > now)

    def claim(
        self, tx: Transaction, keys: Iterable[str], *, owner: str, now: datetime, lease: float, **also: Any
    ) -> list[Mapping[str, Any]]:
        """Those of the rows that are due and that nobody owns, leased to `owner`; whole, by key. `also` is set too."""
        of = self.table.c
        taken: list[Mapping[str, Any]] = []
        for some in chunks(sorted(set(keys))):
            due = (of.state == self.going, of.due_at <= now, is_free(self.table, now, lease))
            ours = sa.select(self.key).where(among(self.key, some), *due)
            values = {
                "lease_owner": owner,
                "lease_until": now + timedelta(seconds=lease),
                "fence": of.fence + 1,
                "attempts": of.attempts + 1,
                **also,
            }
            claimed = sa.update(self.table).where(
                self.key.in_(ours.order_by(self.key).with_for_update(skip_locked=True))
            )
            taken += [dict(row) for row in tx.execute(claimed.values(values).returning(self.table)).mappings()]
        return sorted(taken, key=lambda row: str(row[self.key.name]))

    def still_ours(self, tx: Transaction, fences: Mapping[str, int]) -> set[str]:
        """Those whose lease nobody has taken over, locked against others until the transaction ends."""
        ours: set[str] = set()
        for some in chunks(sorted(fences)):
            statement = sa.select(self.key, self.table.c.fence).where(among(self.key, some)).order_by(self.key)
            ours |= {key for key, fence in tx.execute(statement.with_for_update()) if fence == fences[key]}
        return ours

    def renew(self, tx: Transaction, fences: Mapping[str, int], *, now: datetime, lease: float) -> set[str]:
        """Lease those that are still ours for `lease` seconds from now; their keys."""
        ours = self.still_ours(tx, fences)
        for some in chunks(sorted(ours)):
            longer = sa.update(self.table).where(among(self.key, some))
            tx.execute(longer.values(lease_until=now + timedelta(seconds=lease)))
        return ours

    def release(self, tx: Transaction, owners: Sequence[str], now: datetime) -> None:
        """Free what these held, and have all that is due looked at now: after a machine was switched off."""
        of = self.table.c
        for some in chunks(sorted(owners)):
            free = {"lease_owner": None, "lease_until": None}
            tx.execute(sa.update(self.table).where(among(of.lease_owner, some)).values(free))
        overdue = sa.update(self.table).where(of.state == self.going, of.look_at > of.due_at, of.lease_owner.is_(None))
        tx.execute(overdue.values(look_at=of.due_at))

    def owners(self, tx: Transaction) -> set[str]:
        """Everybody who holds a lease, or held one that ran out."""
        of = self.table.c
        return set(tx.execute(sa.select(of.lease_owner).where(of.lease_owner.is_not(None)).distinct()).scalars())
