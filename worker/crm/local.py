"""The CRM that is built in: contacts, leads, tasks and notes in Portaria's own database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.errors import NO_TARGET, PermanentError, PortariaError
from worker.ports import CrmRecord, LocalRecords, NewLocalRecord, Problem

_MADE = {
    WriteKind.CREATE_CONTACT: "contact",
    WriteKind.CREATE_LEAD: "lead",
    WriteKind.CREATE_TASK: "task",
    WriteKind.ADD_NOTE: "note",
}


class LocalCrm:
    """Keeps what it is told, once for each key."""

    name = "local"
    settle_seconds = 0.0

    def __init__(self, records: LocalRecords) -> None:
        self._records = records

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        """Make the calls, all in one transaction; for each, the record or what went wrong."""
        new = {
            position: NewLocalRecord(_MADE[write.kind], write.key, _kept(write), write.target)
            for position, write in enumerate(writes)
            if write.kind in _MADE
        }
        with self._records.together():
            made = dict(zip(new, self._records.add(list(new.values())), strict=True))
            return [made.get(position) or self._change(write) for position, write in enumerate(writes)]

    def _change(self, write: CrmWrite) -> RemoteRef | PortariaError:
        if write.target is None or (record := self._records.read([write.target]).get(write.target)) is None:
            return PermanentError(f"{write.kind}: there is no such record in the CRM", code=NO_TARGET)
        fields, tags = write.fields, set(record.fields.get("tags", ()))
        if write.kind is WriteKind.MOVE_LEAD:
            if record.parent is not None and record.parent.id == fields["source"]:
                self._records.attach(write.target, record.parent.model_copy(update={"id": fields["destination"]}))
            return write.target
        if write.kind is WriteKind.ADD_TAGS:
            fields = {"tags": sorted(tags.union(fields["tags"]))}
        elif write.kind is WriteKind.REMOVE_TAGS:
            fields = {"tags": sorted(tags.difference(fields["tags"]))}
        self._records.change(write.target, fields)
        return write.target

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        """The record that carries the write's key."""
        return self._records.by_marker(write.key)

    def read(self, refs: Sequence[RemoteRef]) -> Mapping[RemoteRef, CrmRecord]:
        """These records as they are now."""
        return self._records.read(refs)

    def search(self, kind: str, text: str, *, limit: int = 50) -> Sequence[CrmRecord]:
        """Records of a kind that hold `text`, newest first."""
        return self._records.search(kind, text, limit=limit)

    def leads_of(self, contacts: Sequence[RemoteRef]) -> Mapping[RemoteRef, Sequence[RemoteRef]]:
        """The leads that hang on each of these contacts, the oldest first."""
        return {contact: self._records.attached("lead", contact) for contact in contacts}

    def check(self) -> Sequence[Problem]:
        """It is in our own database: nothing stands between."""
        return ()


def _kept(write: CrmWrite) -> Mapping[str, Any]:
    """Every field; a note's `record` is for CRMs that have no field for some of it."""
    return {name: value for name, value in write.fields.items() if name != "record"}
