"""Locking what is to move between contacts, in the order in which resolve locks: submissions, keys, contacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from worker.errors import Conflict, PermanentError, TransientError
from worker.steps.runtime import Runtime
from worker.store import contacts, merges
from worker.store.contacts import Golden
from worker.store.engine import Transaction
from worker.store.merges import Member

IN_WORK = "in_work"
"""Reason code: a worker is at a submission of the contact, or more come than can be waited for; try again at once."""

TRIES = 10
"""How often to begin anew because submissions came while we waited for the locks."""

_T = TypeVar("_T")


class _Changed(Exception):
    """What was read before the locks is not so any more."""


@dataclass(frozen=True)
class Held:
    """What this transaction has locked: some contacts, their keys, and the submissions that are to move."""

    golden: dict[str, Golden]
    keys: dict[str, set[int]]
    members: list[Member]
    now: datetime

    @property
    def ids(self) -> set[str]:
        return {member.id for member in self.members}


def tried(runtime: Runtime, work: Callable[[Transaction], _T]) -> _T:
    """Do `work` in a transaction, anew when its locks came too late. Raises `TransientError` when that never ends."""
    for _ in range(TRIES):
        try:
            with runtime.database.write() as tx:
                return work(tx)
        except (_Changed, Conflict):
            continue
    raise TransientError("submissions of the contact keep coming in; try again in a moment", code=IN_WORK)


def hold(tx: Transaction, ids: Sequence[str], moving: Callable[[], set[str]], now: datetime) -> Held:
    """Lock these contacts, their keys and the submissions that `moving` finds.

    What is found before the locks may have changed when we hold them: then all begins anew, since taking more locks
    now would be out of order. Raises `_Changed`.
    """
    expected = moving()
    members = merges.members(tx, expected, locked=True)
    keys = merges.keys_of(tx, ids)
    contacts.lock_keys(tx, {key for some in keys.values() for key in some})
    golden = contacts.golden(tx, ids, locked=True)
    for contact in ids:
        if contact not in golden:
            raise PermanentError(f"there is no contact {contact}; `portaria contacts list` shows the newest")
    if {member.id for member in members} != moving() or keys != merges.keys_of(tx, ids):
        raise _Changed
    for member in members:
        if member.lease_until is not None and member.lease_until >= now:
            raise TransientError(f"a worker is at {member.id}; try again in a moment", code=IN_WORK)
    return Held(golden, {contact: keys.get(contact, set()) for contact in ids}, members, now)
