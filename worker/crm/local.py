"""The CRM that is built in: contacts, leads, tasks and notes in Portaria's own database."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.errors import PermanentError, PortariaError
from worker.ports import LocalRecords, Problem

NO_TARGET = "no_target"
"""Reason code: the record to change or to attach to is not in the CRM (any more)."""

_MADE = {
    WriteKind.CREATE_CONTACT: "contact",
    WriteKind.CREATE_LEAD: "lead",
    WriteKind.CREATE_TASK: "task",
    WriteKind.ADD_NOTE: "note",
}


class LocalCrm:
    """Keeps what it is told, once for each key."""

    name = "local"

    def __init__(self, records: LocalRecords) -> None:
        self._records = records

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        """Make the calls, all in one transaction; for each, the record or what went wrong."""
        with self._records.together():
            return [self._perform(write) for write in writes]

    def _perform(self, write: CrmWrite) -> RemoteRef | PortariaError:
        if made := _MADE.get(write.kind):
            return self._records.add(made, write.key, write.fields, write.target)
        if write.target is None or (record := self._records.read(write.target)) is None:
            return PermanentError(f"{write.kind}: there is no such record in the CRM", code=NO_TARGET)
        fields = write.fields
        if write.kind is WriteKind.ADD_TAGS:
            fields = {"tags": sorted({*record.fields.get("tags", ()), *fields["tags"]})}
        self._records.change(write.target, fields)
        return write.target

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        """The record that carries the write's key."""
        return self._records.by_marker(write.key)

    def check(self) -> Sequence[Problem]:
        """It is in our own database: nothing stands between."""
        return ()
