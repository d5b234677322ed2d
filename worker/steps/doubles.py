"""Contacts of which the CRM has several records: a CRM that cannot merge by its API keeps both after a merge here.

What can be done there: each record that is not written to any more is tagged and says in a note which one is. Leads
stay with the record that they were made on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.errors import PortariaError
from worker.steps.runtime import Runtime
from worker.store import contacts

TAG = "duplicate"


def doubles(runtime: Runtime) -> Mapping[str, Sequence[RemoteRef]]:
    """By contact, its records in the CRM where there are several; the first is the one that is written to."""
    with runtime.database.read() as tx:
        return contacts.with_several_records(tx, runtime.crm.name)


def mark(runtime: Runtime, contact: str, records: Sequence[RemoteRef]) -> None:
    """Tag the others, and note on each which record stands for the person; once, however often it is asked. Raises
    `PortariaError`."""
    kept, *others = records
    for other in others:
        text = f"The same person as contact {kept.id}, which is kept up to date. Merge the two here, by hand."
        note = _write(WriteKind.ADD_NOTE, f"double:{kept.id}:{other.id}", contact, other, text=text)
        wanted = [_write(WriteKind.ADD_TAGS, f"double:{other.id}", contact, other, tags=[TAG])]
        if runtime.crm.look_up(note) is None:
            wanted.append(note)
        for result in runtime.crm.perform(wanted):
            if isinstance(result, PortariaError):
                raise result


def _write(kind: WriteKind, key: str, contact: str, target: RemoteRef, **fields: object) -> CrmWrite:
    return CrmWrite(key=key, kind=kind, contact_id=contact, target=target, fields=fields)
