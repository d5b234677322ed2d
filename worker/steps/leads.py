"""Leads, contacts and their like in the CRM, found for agents, and the plans to change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pipelines.models import RemoteRef
from pipelines.planning import LEAD_FIELDS, plan_lead_changes, plan_notes, plan_tasks
from pipelines.plans import Plan, PlannedRecord
from pipelines.text import words
from worker.errors import PermanentError
from worker.ports import CrmRecord
from worker.steps.runtime import Runtime
from worker.store import contacts

MOST_FOUND: Final = 50
"""The most records that one search, and so one plan by query, may be about."""

MOST_LISTED: Final = 250
"""The most that a search lists, page by page."""

_APART: Final = (
    "name",
    "stage",
    "pipeline",
    "responsible",
    "price",
    "company",
    "emails",
    "phones",
    "source",
    "score",
    "temperature",
)
"""What tells records of one name apart, in the order in which a person reads it."""


def find_leads(
    runtime: Runtime, query: str = "", ids: Sequence[str] = (), *, kind: str = "lead", most: int = MOST_FOUND
) -> list[PlannedRecord]:
    """The leads (or records of another `kind`) with these ids, or in which every word of the query is found.

    Ids are the CRM's own, with or without `lead/` before them. By id, each must be there. A lead is also found by its
    contact's fields. Raises `PermanentError` for an id that is not there, for neither query nor ids, and when more
    than `most` are found: then the query is too wide to act on.
    """
    if ids:
        refs = list(dict.fromkeys(_ref(runtime, each, kind) for each in ids))
        found = runtime.crm.read(refs)
        if missing := [f"{ref.kind}/{ref.id}" for ref in refs if ref not in found]:
            raise PermanentError(f"not in the CRM: {', '.join(missing[:10])}; find_leads shows what is there")
        return [_planned(found[ref], parent) for ref, parent in _with_parents(runtime, found)]
    wanted = words(query)
    if not wanted:
        raise PermanentError("say which: a query (a name, an e-mail, a phone number) or ids")
    hits = runtime.crm.search(kind, query, limit=most + 1)
    by_ref = {record.ref: record for record in hits}
    matching = [
        _planned(by_ref[ref], parent)
        for ref, parent in _with_parents(runtime, by_ref)
        if all(any(word in known for known in _words_of(by_ref[ref], parent)) for word in wanted)
    ]
    if len(hits) > most:
        raise PermanentError(f"more than {most} {kind}s match; add words, or name ids")
    return sorted(matching, key=lambda one: (len(one.ref.id), one.ref.id))


def _ref(runtime: Runtime, given: str, kind: str) -> RemoteRef:
    name, _, number = given.strip().rpartition("/")
    if name and name not in {"lead", "contact"}:
        raise PermanentError(f"{given[:60]!r} is no record: write lead/ID or contact/ID")
    if not number or not number.isascii() or not number.isalnum():
        raise PermanentError(f"{given[:60]!r} is no record's id: write lead/ID or contact/ID")
    return RemoteRef(system=runtime.crm.name, kind=name or kind, id=number)


def _with_parents(runtime: Runtime, found: Mapping[RemoteRef, CrmRecord]) -> list[tuple[RemoteRef, CrmRecord | None]]:
    parents = runtime.crm.read(list({record.parent for record in found.values() if record.parent}))
    return [(ref, parents.get(record.parent) if record.parent else None) for ref, record in found.items()]


def _planned(record: CrmRecord, parent: CrmRecord | None) -> PlannedRecord:
    fields = {**{f"contact {key}": value for key, value in (parent.fields if parent else {}).items()}, **record.fields}
    about = {key: _text(fields[key]) for key in _APART if fields.get(key)}
    about |= {
        f"contact {key}": _text(fields[f"contact {key}"])
        for key in ("name", "emails", "phones", "company")
        if fields.get(f"contact {key}") and _text(fields[f"contact {key}"]) != about.get(key)
    }
    before = {key: value for key, value in record.fields.items() if key in {*LEAD_FIELDS, "tags"}}
    return PlannedRecord(ref=record.ref, version=record.version, about=about, before=before)


def _text(value: Any) -> str:
    return ", ".join(map(str, value[:3])) if isinstance(value, list) else str(value)


def _words_of(record: CrmRecord, parent: CrmRecord | None) -> list[str]:
    values = [*record.fields.values(), *(parent.fields.values() if parent else ())]
    return [" ".join(words(str(value))) for value in values]


def plan_update(
    runtime: Runtime,
    leads: Sequence[PlannedRecord],
    changes: Mapping[str, Any],
    tags: Sequence[str],
    *,
    by_name: bool = False,
) -> Plan:
    """Change these leads; `by_name`: each was named, not found by words. Raises `PermanentError` for what a lead cannot
    be changed in."""
    if not changes and not tags:
        raise PermanentError(f"say what to change: {', '.join(LEAD_FIELDS)} or tags")
    if unknown := sorted(set(changes) - set(LEAD_FIELDS)):
        raise PermanentError(f"a lead has no {', '.join(unknown)}; it has {', '.join(LEAD_FIELDS)} and tags")
    return plan_lead_changes(leads, changes, tags, _contacts(runtime, leads), by_name=by_name)


def plan_add_notes(runtime: Runtime, records: Sequence[PlannedRecord], text: str) -> Plan:
    """The same note on each."""
    if not text.strip():
        raise PermanentError("the note is empty")
    return plan_notes(records, text.strip(), _contacts(runtime, records))


def plan_add_tasks(
    runtime: Runtime, records: Sequence[PlannedRecord], text: str, due_at: datetime, responsible: str
) -> Plan:
    """The same task on each."""
    if not text.strip():
        raise PermanentError("the task's text is empty")
    if due_at.tzinfo is None:
        raise PermanentError("due_at needs its zone: 2026-12-01T10:00:00-03:00")
    return plan_tasks(records, text.strip(), due_at, responsible, _contacts(runtime, records))


def _contacts(runtime: Runtime, records: Sequence[PlannedRecord]) -> dict[RemoteRef, str]:
    with runtime.database.read() as tx:
        return contacts.whose(tx, [record.ref for record in records])
