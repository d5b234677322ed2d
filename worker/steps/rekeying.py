"""Entering contacts anew that are found by blocking keys of an earlier version, while workers go on.

A release may look people up by better keys. Whoever was entered before is found by those keys only that both versions
have, until they are entered anew: by the keys of each of their submissions and of the golden record, as if all had
arrived today. It can be stopped at any time, and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.features import dump_features, features
from worker.steps.holding import tried
from worker.steps.runtime import Runtime
from worker.store import contacts, merges
from worker.store.contacts import Golden
from worker.store.engine import Transaction

TOGETHER: Final = 25
"""Contacts entered anew in one transaction: few enough that their key locks hold nobody up for long."""


def rekey(runtime: Runtime, progress: Callable[[str, int, int], None] = lambda step, done, total: None) -> int:
    """Enter all contacts anew that are found by keys of another version; how many these were."""
    with runtime.database.read() as tx:
        total = contacts.count_stale(tx)
    done = after = 0
    while True:
        with runtime.database.read() as tx:
            some = contacts.stale(tx, after=after, limit=TOGETHER)
        if not some:
            return done
        tried(runtime, lambda tx, some=some: _enter(tx, some))  # type: ignore[misc]
        after = max(some.values())
        done += len(some)
        progress("rekey", done, max(total, done))


def _enter(tx: Transaction, some: Mapping[str, int]) -> None:
    """In the order in which resolve locks: keys, then contacts. What changed before we had the locks is looked at
    again; a key that only this brings is not locked, and a worker that has it meets the contact as it was."""
    contacts.lock_keys(tx, {key for known in contacts.golden(tx, some).values() for key in _keys(tx, known)})
    golden = contacts.golden(tx, some, locked=True)
    wanted = {known.id: _keys(tx, known) for known in golden.values() if known.merged_into is None}
    blocks = contacts.blocks(tx, {key for keys in wanted.values() for key in keys})
    for contact, keys in wanted.items():
        number = golden[contact].no
        held = {key for key in keys if number in blocks.get(key, ()) or len(blocks.get(key, ())) < MAX_BLOCK}
        for key in held:
            if number not in (block := blocks.setdefault(key, [])):
                block.append(number)
        merges.set_keys(tx, number, held)
        contacts.set_keyed(tx, number, dump_features(features(golden[contact].contact)))


def _keys(tx: Transaction, known: Golden) -> set[int]:
    told = [member.told for member in merges.members(tx, merges.member_ids(tx, known.id))]
    return {key.hash for contact in (*told, known.contact) for key in keys_of(features(contact))}
