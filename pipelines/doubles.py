"""Two records of one person in a CRM whose API cannot merge them: what is done there instead, and how it is taken back.

One record stays the person's. The other's leads are given to it, and the other says so by a tag and a note; merging the
two for good is left to a person, on the CRM's own screen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pipelines.models import CrmWrite, RemoteRef, WriteKind

TAG: Final = "duplicate"
_BACK: Final = "back"


class Remedy(StrEnum):
    """One of the things that can be done."""

    LEADS = "leads"
    """The other record's leads are given to the one that stays."""
    TAG = "tag"
    NOTE = "note"


def plan_remedies(
    cause: str,
    contact_id: str,
    kept: RemoteRef,
    others: Mapping[RemoteRef, Sequence[RemoteRef]],
    remedies: Collection[Remedy],
) -> tuple[CrmWrite, ...]:
    """What is done about each of `others` (with its leads), of which `kept` takes the place. Keys are made of `cause`,
    the id of what says that they are one person: doing it again is doing the same."""
    writes = []
    for other, leads in others.items():
        told = _Keyed(f"{cause}:{other.id}", contact_id)
        if Remedy.LEADS in remedies:
            way = {"source": other.id, "destination": kept.id}
            writes += [told.write(f"lead:{lead.id}", WriteKind.MOVE_LEAD, lead, **way) for lead in leads]
        if Remedy.TAG in remedies:
            writes.append(told.write("tag", WriteKind.ADD_TAGS, other, tags=[TAG]))
        if Remedy.NOTE in remedies:
            moved = ", ".join(lead.id for lead in leads) if Remedy.LEADS in remedies else ""
            text = f"The same person as contact {kept.id}, which is kept up to date. Merge the two here, by hand." + (
                f"\nIts leads went there: {moved}." if moved else ""
            )
            writes.append(told.write("note", WriteKind.ADD_NOTE, other, text=text))
    return tuple(writes)


def plan_taking_back(contact_id: str, done: Sequence[CrmWrite]) -> tuple[CrmWrite, ...]:
    """What takes back the remedies that were `done`: leads go where they came from, unless somebody has moved them
    since; the tag goes; the note is answered by another one."""
    writes = []
    for write in done:
        told = _Keyed(write.key, contact_id)
        if write.kind is WriteKind.MOVE_LEAD:
            way = {"source": write.fields["destination"], "destination": write.fields["source"]}
            writes.append(told.write(_BACK, WriteKind.MOVE_LEAD, write.target, **way))
        elif write.kind is WriteKind.ADD_TAGS:
            writes.append(told.write(_BACK, WriteKind.REMOVE_TAGS, write.target, **write.fields))
        elif write.kind is WriteKind.ADD_NOTE:
            text = "Not the same person after all: this record is kept up to date again."
            writes.append(told.write(_BACK, WriteKind.ADD_NOTE, write.target, text=text))
    return tuple(writes)


def is_taking_back(key: str) -> bool:
    """Whether the write of this key takes a remedy back."""
    return key.endswith(f":{_BACK}")


def described(write: CrmWrite) -> str:
    """What a remedy, or taking it back, does; in a few words."""
    of = f"{write.target.kind} {write.target.id}" if write.target else ""
    if write.kind is WriteKind.MOVE_LEAD:
        return f"{of} from contact {write.fields['source']} to contact {write.fields['destination']}"
    done = {WriteKind.ADD_TAGS: "tag", WriteKind.REMOVE_TAGS: "no tag", WriteKind.ADD_NOTE: "note"}
    return f"{done.get(write.kind, write.kind.value)} on {of}"


class _Keyed:
    """Makes writes whose keys begin alike."""

    def __init__(self, key: str, contact_id: str) -> None:
        self._key = key
        self._contact_id = contact_id

    def write(self, what: str, kind: WriteKind, target: RemoteRef | None, **fields: Any) -> CrmWrite:
        key = f"{self._key}:{what}"
        return CrmWrite(key=key, kind=kind, contact_id=self._contact_id, target=target, fields=fields)
