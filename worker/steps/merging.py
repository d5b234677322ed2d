"""Putting contacts together and taking them apart by a person's word, and taking that word back.

A contact is the merge of the submissions that tell of it, so all of this is moving submissions and computing the
records again. That is why undoing keeps what happened since: a submission that came later is a member like any other.
What enrichment found goes where the submission goes for which it was found.

Everything is locked in the order in which resolve locks: submissions, blocking keys, contacts, each in ascending
order. So neither two of these nor one of these and a worker wait for each other, and a submission that is resolved
meanwhile sees either what was before or what is after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pipelines.dedupe.blocking import KEYS_VERSION
from pipelines.dedupe.features import dump_features, features
from pipelines.dedupe.merge import Survivorship, merge_contacts
from pipelines.models import Contact
from worker.errors import PermanentError
from worker.ids import contact_id, new_id
from worker.steps.holding import Held, hold, tried
from worker.steps.runtime import Runtime
from worker.steps.sides import in_order, side_of
from worker.store import contacts, history, merges
from worker.store.contacts import Golden, NewContact
from worker.store.engine import Transaction
from worker.store.merges import MERGE, SPLIT, Journal, Member, Merge, Side

UNDO = {MERGE: "undo_merge", SPLIT: "undo_split"}
"""Events of the history, beside `merge` and `split`."""


def merge_contacts_of(
    runtime: Runtime,
    kept_id: str,
    absorbed_id: str,
    *,
    by: str,
    why: str = "",
    also: Callable[[Transaction], None] = lambda tx: None,
) -> str:
    """Make `absorbed_id` part of `kept_id`; the id of the merge, to undo it by.

    The kept contact has the submissions, blocking keys and CRM records of both; its own CRM record stays the one that
    is written to. Merging again what is merged so already is the same merge. `also` is done in the same transaction,
    first. Raises `PermanentError` for contacts that are not there or not live, `TransientError` while a worker is at a
    submission of the absorbed one.
    """
    if kept_id == absorbed_id:
        raise PermanentError(f"{kept_id} cannot be merged into itself; name two contacts")

    def merge(tx: Transaction) -> str:
        also(tx)
        held = hold(tx, (kept_id, absorbed_id), lambda: merges.member_ids(tx, absorbed_id), runtime.clock())
        kept, other = held.golden[kept_id], held.golden[absorbed_id]
        if other.merged_into == kept_id:
            for done in merges.of_contact(tx, absorbed_id):
                if (done.kind, done.kept_id, done.undone_at) == (MERGE, kept_id, None):
                    return done.id
        _live(kept)
        _live(other)
        before = merges.member_ids(tx, kept_id)
        journal = Journal(
            kept=Side(contact=kept.contact, keys=in_order(held.keys[kept_id]), members=sorted(before)),
            other=Side(contact=other.contact, keys=in_order(held.keys[absorbed_id]), members=sorted(held.ids)),
            links=merges.links_of(tx, absorbed_id),
            keyed=KEYS_VERSION,
        )
        whole = merge_contacts([kept.contact, other.contact], runtime.survivorship)
        keys = held.keys[kept_id] | held.keys[absorbed_id]
        distinct = _absorb(tx, held, kept, other, whole, keys, by=by, linked_at=held.now)
        journal = journal.model_copy(update={"distinct": distinct})
        done = Merge(new_id("mrg", held.now), MERGE, kept_id, absorbed_id, by, why, held.now, journal)
        merges.add(tx, done)
        _record(tx, done, MERGE, held, by=by)
        return done.id

    return tried(runtime, merge)


def split(runtime: Runtime, contact: str, submission_ids: Sequence[str], *, by: str, why: str = "") -> str:
    """Take these submissions out of a contact into one of their own; the id of the split, to undo it by.

    That the two are not the same is remembered. The CRM records stay with the contact, but for those that only the
    submissions taken out told of. The new contact's id is derived from the first of them, in the order they came,
    whose derived id is free: the contact keeps its own id also when the submission that founded it is taken out. An id
    that an undone split has left behind is used again. When none is free, a number is put behind the first's.

    Raises `PermanentError` when there is no such live contact, a submission is not of it or none would remain,
    `TransientError` while a worker is at one of them.
    """
    wanted = set(submission_ids)
    if not wanted:
        raise PermanentError(f"name the submissions to take out of {contact}; `portaria contacts show` lists them")

    def part(tx: Transaction) -> str:
        held = hold(tx, (contact,), lambda: wanted & merges.member_ids(tx, contact), runtime.clock())
        kept = held.golden[contact]
        _live(kept)
        if foreign := sorted(wanted - held.ids):
            raise PermanentError(
                f"{', '.join(foreign[:3])} is not of {contact}; `portaria contacts show` lists its own"
            )
        everybody = merges.members(tx, merges.member_ids(tx, contact))
        if len(everybody) == len(wanted):
            raise PermanentError(f"those are all submissions of {contact}; leave at least one where it is")
        other_id = _free_id(tx, contact, held.members)
        rest = [member for member in everybody if member.id not in wanted]
        links = _told_only_by(tx, contact, held.members, rest)
        whole = Side(contact=kept.contact, keys=in_order(held.keys[contact]), members=[one.id for one in everybody])
        taken = _take_out(tx, held, kept, other_id, rest, runtime.survivorship, by=by)
        merges.move_links(tx, links, source=contact, target=other_id)
        journal = Journal(kept=whole, other=taken, links=links, keyed=KEYS_VERSION)
        done = Merge(new_id("mrg", held.now), SPLIT, contact, other_id, by, why, held.now, journal)
        merges.add(tx, done)
        _record(tx, done, SPLIT, held, by=by)
        return done.id

    return tried(runtime, part)


def undo_merge(runtime: Runtime, merge_id: str, *, by: str) -> str:
    """Undo a merge or a split; the id of the contact that is live again, or part of the kept one again.

    After a merge, the contact is restored with those of its submissions that still are with the kept one, its keys,
    fields and CRM records; what came to the kept one since stays there, and that the two are not the same is
    remembered. After a split, all of the contact taken out goes back. Raises `PermanentError` when there is no such
    entry, when it was undone before, or when a later merge or split has to be undone first.
    """
    with runtime.database.read() as tx:
        entry = merges.read(tx, merge_id)
    if entry is None:
        raise PermanentError(f"there is no merge {merge_id}; `portaria merges list` shows the newest")
    undo = _undo_merge if entry.kind == MERGE else _undo_split
    return tried(runtime, lambda tx: undo(tx, entry, runtime, by))


def _undo_merge(tx: Transaction, entry: Merge, runtime: Runtime, by: str) -> str:
    now = runtime.clock()
    then = set(entry.journal.other.members)
    held = hold(tx, (entry.kept_id, entry.other_id), lambda: then & merges.member_ids(tx, entry.kept_id), now)
    kept, other = held.golden[entry.kept_id], held.golden[entry.other_id]
    _undoable(tx, entry)
    _live(kept)
    if other.merged_into != kept.id:
        raise PermanentError(f"{other.id} is no part of {kept.id} any more: it was split out since")
    rest = merges.members(tx, merges.member_ids(tx, kept.id) - held.ids)
    for members, whose in ((held.members, other), (rest, kept)):
        if not members:
            raise PermanentError(f"no submission of {whose.id} is left in {kept.id}; undo the split that took them out")
    _take_out(tx, held, kept, other.id, rest, runtime.survivorship, by=by)
    # Those too that only they told of and that were linked since: they were on their way to the CRM at the merge.
    links = [*entry.journal.links, *_told_only_by(tx, kept.id, held.members, rest)]
    merges.move_links(tx, links, source=kept.id, target=other.id)
    for third in entry.journal.distinct:
        contacts.forget_distinct(tx, kept.id, third)
    merges.mark_undone(tx, entry.id, by=by, now=now)
    _record(tx, entry, UNDO[MERGE], held, by=by)
    return other.id


def _undo_split(tx: Transaction, entry: Merge, runtime: Runtime, by: str) -> str:
    now = runtime.clock()
    ids = (entry.kept_id, entry.other_id)
    held = hold(tx, ids, lambda: merges.member_ids(tx, entry.other_id), now)
    kept, other = held.golden[entry.kept_id], held.golden[entry.other_id]
    _undoable(tx, entry)
    _live(kept)
    _live(other)
    everybody = merges.members(tx, merges.member_ids(tx, kept.id) | held.ids)
    whole = side_of(everybody, _journals(tx, kept.id, other.id), [kept.contact, other.contact], runtime.survivorship)
    keys = held.keys[kept.id] | held.keys[other.id] | (set(whole.keys) & set(entry.journal.kept.keys))
    _absorb(tx, held, kept, other, whole.contact, keys, by=by, linked_at=None)
    merges.mark_undone(tx, entry.id, by=by, now=now)
    _record(tx, entry, UNDO[SPLIT], held, by=by)
    return other.id


def _live(contact: Golden) -> None:
    if contact.merged_into is not None:
        raise PermanentError(
            f"{contact.id} was merged into {contact.merged_into}; name that one, or undo it: `portaria merges list`"
        )


def _undoable(tx: Transaction, entry: Merge) -> None:
    """Looked at again under the locks: two may undo the same at once."""
    current = merges.read(tx, entry.id)
    if current is not None and current.undone_at is not None:
        raise PermanentError(
            f"{entry.id} was undone already, by {current.undone_by} at {current.undone_at:%Y-%m-%d %H:%M}"
        )


def _absorb(
    tx: Transaction,
    held: Held,
    kept: Golden,
    other: Golden,
    whole: Contact,
    keys: Iterable[int],
    *,
    by: str,
    linked_at: datetime | None,
) -> tuple[str, ...]:
    """All of `other` goes to `kept`; who is known to differ from `kept` only since it did from `other`."""
    together = kept.arrivals + other.arrivals
    merges.set_golden(tx, kept.no, whole, dump_features(features(whole)), together, into=None, now=held.now)
    was = dump_features(features(other.contact))
    merges.set_golden(tx, other.no, other.contact, was, other.arrivals, into=kept.id, now=held.now)
    merges.set_keys(tx, kept.no, keys)
    merges.set_keys(tx, other.no, ())
    merges.move_members(tx, sorted(held.ids), kept.id, held.now)
    # The kept contact's own record in the CRM comes first: it is the one that is written to. Later by a moment, should
    # it have been linked at this very one.
    if linked_at is not None:
        linked_at = max([linked_at, *(link.at + contacts.A_MOMENT for link in merges.links_of(tx, kept.id))])
    moved = merges.links_of(tx, other.id)
    merges.move_links(tx, moved, source=other.id, target=kept.id, at=linked_at)
    contacts.forget_distinct(tx, kept.id, other.id)
    contacts.stale_together(tx, (kept.id, other.id), anyway=False)
    return merges.spread_distinct(tx, other.id, kept.id, by=by, now=held.now)


def _take_out(
    tx: Transaction,
    held: Held,
    kept: Golden,
    other_id: str,
    rest: Sequence[Member],
    rules: Survivorship,
    *,
    by: str,
) -> Side:
    """The held submissions make up the contact `other_id`, the `rest` remains `kept`; the side taken out."""
    journals = _journals(tx, kept.id, other_id)
    current = held.keys[kept.id]
    stays = side_of(rest, journals, [kept.contact], rules)
    goes = side_of(held.members, journals, [kept.contact], rules)
    left = kept.arrivals - len(held.members)
    merges.set_golden(tx, kept.no, stays.contact, dump_features(features(stays.contact)), left, into=None, now=held.now)
    merges.set_keys(tx, kept.no, current & set(stays.keys))
    line, count = dump_features(features(goes.contact)), len(held.members)
    if before := contacts.golden(tx, [other_id]).get(other_id):
        number = before.no
        merges.set_golden(tx, number, goes.contact, line, count, into=None, now=held.now)
    else:
        number = contacts.add(tx, [NewContact(other_id, goes.contact, line, count)], held.now)[other_id]
    merges.set_keys(tx, number, current & set(goes.keys))
    merges.move_members(tx, sorted(held.ids), other_id, held.now)
    scores = [member.score.model_dump_json() for member in held.members if member.score]
    contacts.set_scores(tx, {other_id: scores[-1]} if scores else {}, held.now)
    contacts.keep_distinct(tx, kept.id, other_id, by=by, now=held.now)
    contacts.stale_together(tx, (kept.id, other_id), anyway=any(each.keyed != KEYS_VERSION for each in journals))
    return goes


def _journals(tx: Transaction, *ids: str) -> list[Journal]:
    entries = {entry.id: entry.journal for contact in ids for entry in merges.of_contact(tx, contact)}
    return [entries[entry] for entry in sorted(entries)]


def _free_id(tx: Transaction, kept_id: str, members: Sequence[Member]) -> str:
    """The id of the contact that these submissions found, first come first."""
    derived = [contact_id(member.id) for member in members]
    for candidate in derived:
        if _is_free(tx, candidate, kept_id):
            return candidate
    number = 2
    while not _is_free(tx, f"{derived[0]}_{number}", kept_id):
        number += 1
    return f"{derived[0]}_{number}"


def _is_free(tx: Transaction, candidate: str, kept_id: str) -> bool:
    taken = contacts.golden(tx, [candidate]).get(candidate)
    return taken is None or taken.merged_into == kept_id


def _told_only_by(
    tx: Transaction, contact: str, members: Iterable[Member], rest: Iterable[Member]
) -> list[merges.MovedLink]:
    """The contact's CRM records that these of its submissions told of, and none of the rest did."""
    theirs = _remotes(members) - _remotes(rest)
    return [link for link in merges.links_of(tx, contact) if (link.system, link.kind, link.id) in theirs]


def _remotes(members: Iterable[Member]) -> set[tuple[str, str, str]]:
    return {(remote.system, remote.kind, remote.id) for member in members for remote in member.told.remotes}


def _record(tx: Transaction, entry: Merge, event: str, held: Held, *, by: str) -> None:
    """The history of both contacts and of each submission that moved."""
    to_kept = event in (MERGE, UNDO[SPLIT])
    states = (contacts.LIVE, contacts.MERGED) if to_kept else ("", contacts.LIVE)
    before, after = (entry.other_id, entry.kept_id) if to_kept else (entry.kept_id, entry.other_id)
    moves = [
        history.Move(entry.kept_id, event, contacts.LIVE, contacts.LIVE, reason=entry.id, by=by),
        history.Move(entry.other_id, event, *states, reason=entry.id, by=by),
        *(history.Move(member, event, before, after, reason=entry.id, by=by) for member in sorted(held.ids)),
    ]
    history.record(tx, moves, held.now)
