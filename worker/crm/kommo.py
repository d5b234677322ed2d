"""Kommo as the CRM. How it is spoken to is in `worker.kommo`; here is which call serves which write."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.errors import PortariaError, TransientError
from worker.kommo.answers import MEND_SECONDS
from worker.kommo.batches import Batches, Job, Result, gone, result_of
from worker.kommo.client import BEGIN_WITHIN, KommoClient, begun_within
from worker.kommo.companies import Companies
from worker.kommo.directory import Directory
from worker.kommo.leads import Leads
from worker.kommo.mapping import problems_of
from worker.kommo.markers import ENTITIES, SETTLE_SECONDS, Markers, entity_of, with_marker
from worker.kommo.search import queries, same_line
from worker.kommo.settings import KommoSettings
from worker.kommo.words import Item, contact_item, contact_words, difference
from worker.ports import CrmRecord, Problem

log = structlog.get_logger()

FOLLOW_UP: Final = 1
"""Kommo's task type for calling somebody back."""
_MADE: Final = {WriteKind.CREATE_CONTACT: "contact", WriteKind.CREATE_LEAD: "lead", WriteKind.CREATE_TASK: "task"}
_HOLDERS: Final = frozenset({"contact", "lead"})
"""What tasks, notes and tags of ours hang on."""
_KINDS: Final = {entity: kind for kind, entity in ENTITIES.items()}


class KommoCrm:
    """`worker.ports.Crm` over one account."""

    settle_seconds = SETTLE_SECONDS

    def __init__(self, client: KommoClient, settings: KommoSettings) -> None:
        self.name = client.address.system
        self.client = client
        self._settings = settings
        self._directory = Directory(client)
        self._markers = Markers(client, self._directory, settings.marker)
        self._batches = Batches(client, self._directory, self._markers)
        self._companies = Companies(client, self._batches)
        self._leads = Leads(client, self._directory, self._batches, settings)

    # --- writing ----------------------------------------------------------------------------------------------------

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """Make the calls, each kind in batches; for each write, in order, the record or what went wrong."""
        doing: Mapping[WriteKind, Callable[[Sequence[CrmWrite]], Sequence[Result]]] = {
            WriteKind.CREATE_CONTACT: self._create_contacts,
            WriteKind.UPDATE_CONTACT: self._update_contacts,
            WriteKind.CREATE_LEAD: self._leads.create,
            WriteKind.UPDATE_LEAD: self._leads.update,
            WriteKind.MOVE_LEAD: self._leads.move,
            WriteKind.CREATE_TASK: self._create_tasks,
            WriteKind.ADD_NOTE: self._add_notes,
            WriteKind.ADD_TAGS: self._change_tags,
            WriteKind.REMOVE_TAGS: self._change_tags,
        }
        self._markers.forget_newest()
        results: dict[str, Result] = {}
        with begun_within(BEGIN_WITHIN):
            for kind, do in doing.items():
                some = [write for write in writes if write.kind is kind]
                if some:
                    try:
                        found = do(some)
                    except PortariaError as problem:  # nothing was begun: only readings raise
                        found = [_later(problem)] * len(some)
                    results.update(zip((write.key for write in some), found, strict=True))
        return [results[write.key] for write in writes]

    def _create_contacts(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        names = {str(write.fields["company"]) for write in writes if self._links(write)}
        companies = self._companies.ids(sorted(names)) if names else {}
        jobs: dict[str, Job] = {}
        results: dict[str, Result] = {}
        for write in writes:
            item = self._contact_item(write)
            if self._links(write):
                company = companies[str(write.fields["company"])]
                if isinstance(company, PortariaError):
                    results[write.key] = company
                    continue
                item["_embedded"] = {"companies": [{"id": company}]}
            jobs[write.key] = Job(item, write.key)
        self._batches.write("POST", "contacts", "contacts", list(jobs.values()))
        results |= {key: result_of(self.name, "contact", job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def _contact_item(self, write: CrmWrite) -> Item:
        linked, find = self._links(write), self._find("contacts")
        return contact_item(write.fields, self._settings.fields, find, linked=linked, is_new=True).item

    def _links(self, write: CrmWrite) -> bool:
        """Whether the contact's company is linked as a record."""
        return bool(self._settings.companies and "company" not in self._settings.fields and write.fields.get("company"))

    def _update_contacts(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """Only what differs from what is there now, read just before."""
        there = self.client.by_id("contacts", [write.target.id for write in writes if write.target])
        names = {str(write.fields["company"]) for write in writes if self._links(write)}
        companies = self._companies.ids(sorted(names)) if names else {}
        results: dict[str, Result] = {}
        jobs: dict[str, Job] = {}
        left: dict[str, str] = {}
        for write in writes:
            record = there.get(write.target.id) if write.target else None
            if record is None or write.target is None:
                results[write.key] = gone(write)
                continue
            linked = self._links(write)
            told = contact_item(write.fields, self._settings.fields, self._find("contacts"), linked=linked)
            item = difference(told.item, record)
            company = companies.get(str(write.fields.get("company"))) if linked else None
            if isinstance(company, PortariaError):
                results[write.key] = company
                continue
            if company and company not in [each["id"] for each in record.get("_embedded", {}).get("companies") or ()]:
                item["_embedded"] = {"companies": [{"id": company}]}
            if told.left:
                left[write.key] = _listed(told.left)
            results[write.key] = write.target
            if item:
                jobs[write.key] = Job({"id": int(write.target.id), **item})
        self._batches.write("PATCH", "contacts", "contacts", list(jobs.values()))
        results |= {key: result_of(self.name, "contact", job) for key, job in jobs.items()}
        self._tell_left({write.key: write for write in writes}, left, results)
        return [results[write.key] for write in writes]

    def _tell_left(
        self, writes: Mapping[str, CrmWrite], left: Mapping[str, str], results: Mapping[str, Result]
    ) -> None:
        """What an update has no field for, as a note. Once at the most: the contact itself holds it anyway."""
        jobs = [
            Job({"entity_id": int(ref.id), "note_type": "common", "params": {"text": text}})
            for key, text in left.items()
            if isinstance(ref := results[key], RemoteRef)
        ]
        with begun_within(math.inf):  # nobody makes it again
            self._batches.write("POST", "contacts/notes", "contacts", jobs)
        failed = sum(isinstance(job.result, PortariaError) for job in jobs)
        if failed:
            log.warning("notes of what has no field in Kommo were not added", count=failed)

    def _create_tasks(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        jobs: dict[str, Job] = {}
        results: dict[str, Result] = {}
        for write in writes:
            if write.target is None or write.target.kind not in _HOLDERS:
                results[write.key] = gone(write)
                continue
            due_at = datetime.fromisoformat(str(write.fields["due_at"]))
            item: Item = {"text": with_marker(str(write.fields["text"]), write.key), "task_type_id": FOLLOW_UP}
            item |= {"complete_till": int(due_at.timestamp())}
            item |= {"entity_id": int(write.target.id), "entity_type": entity_of(write.target)}
            try:
                if responsible := write.fields.get("responsible") or self._settings.responsible:
                    item["responsible_user_id"] = self._directory.user(responsible)
            except PortariaError as problem:
                results[write.key] = problem
                continue
            jobs[write.key] = Job(item)
        self._batches.write("POST", "tasks", "tasks", list(jobs.values()))
        results |= {key: result_of(self.name, "task", job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def _add_notes(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        results: dict[str, Result] = {}
        for entity, some in _by_entity(writes, results):
            jobs = {write.key: Job(self._note(write)) for write in some}
            self._batches.write("POST", f"{entity}/notes", entity, list(jobs.values()))
            results |= {key: result_of(self.name, "note", job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def _note(self, write: CrmWrite) -> Item:
        assert write.target is not None
        text = str(write.fields["text"])
        if record := write.fields.get("record"):
            told = contact_item(
                record, self._settings.fields, self._find("contacts"), linked=bool(self._settings.companies)
            )
            text = "\n\n".join(filter(None, (text, _listed(told.left))))
        params = {"text": with_marker(text, write.key)}
        return {"entity_id": int(write.target.id), "note_type": "common", "params": params}

    def _change_tags(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """`tags_to_add` and `tags_to_delete` leave the tags alone that others set meanwhile."""
        results: dict[str, Result] = {}
        for entity, some in _by_entity(writes, results):
            there = self.client.by_id(entity, [write.target.id for write in some if write.target])
            jobs: dict[str, Job] = {}
            for write in some:
                assert write.target is not None
                record = there.get(write.target.id)
                if record is None:
                    results[write.key] = gone(write)
                    continue
                has = {tag["name"] for tag in record.get("_embedded", {}).get("tags") or ()}
                adds = write.kind is WriteKind.ADD_TAGS
                tags = [{"name": tag} for tag in write.fields["tags"] if (tag in has) != adds]
                results[write.key] = write.target
                if tags:
                    item = {"id": int(write.target.id), "tags_to_add" if adds else "tags_to_delete": tags}
                    jobs[write.key] = Job(item)
            self._batches.write("PATCH", entity, entity, list(jobs.values()))
            results |= {key: result_of(self.name, _KINDS[entity], job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def _find(self, entity: str) -> Callable[[int | str], Any]:
        return lambda named: self._directory.field(entity, named)

    # --- reading ----------------------------------------------------------------------------------------------------

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        """The record that carries the write's marker."""
        number = self._markers.find(write)
        return RemoteRef(system=self.name, kind=_MADE.get(write.kind, "note"), id=number) if number else None

    def read(self, refs: Sequence[RemoteRef]) -> Mapping[RemoteRef, CrmRecord]:
        """Contacts, leads and companies as they are now."""
        found: dict[RemoteRef, CrmRecord] = {}
        for kind, entity in ENTITIES.items():
            wanted = {ref.id: ref for ref in refs if ref.kind == kind and ref.system == self.name}
            asked = {"with": "contacts"} if kind == "lead" else {}
            for number, record in self.client.by_id(entity, list(wanted), asked).items() if wanted else ():
                found[wanted[number]] = self._record(kind, record)
        return found

    def search(self, kind: str, text: str, *, limit: int = 50) -> Sequence[CrmRecord]:
        """Contacts or leads in which the text stands; a phone number as people write it, too. Newest first."""
        entity = ENTITIES[kind]
        found: dict[str, CrmRecord] = {}
        for query in queries(text):
            asked = {"query": query, "order": {"id": "desc"}, **({"with": "contacts"} if kind == "lead" else {})}
            for _, page in self.client.pages(entity, asked):
                found |= {str(one["id"]): self._record(kind, one) for one in page if str(one["id"]) not in found}
                if len(found) >= limit:
                    break
        return sorted(found.values(), key=lambda record: -int(record.ref.id))[:limit]

    def leads_of(self, contacts: Sequence[RemoteRef]) -> Mapping[RemoteRef, Sequence[RemoteRef]]:
        """The leads that hang on each of these contacts, the oldest first."""
        there = self.client.by_id("contacts", [ref.id for ref in contacts], {"with": "leads"})
        found: dict[RemoteRef, Sequence[RemoteRef]] = {}
        for ref in contacts:
            numbers = [int(one["id"]) for one in there.get(ref.id, {}).get("_embedded", {}).get("leads") or ()]
            found[ref] = [RemoteRef(system=self.name, kind="lead", id=str(number)) for number in sorted(numbers)]
        return found

    def find_people(self, addresses: Sequence[str]) -> Sequence[CrmRecord]:
        """Contacts that have one of these phones or mail addresses; the search's other finds are left out."""
        found: dict[RemoteRef, CrmRecord] = {}
        for address in addresses:
            wanted = same_line(address)
            for record in self.search("contact", address):
                has = {same_line(each) for word in ("phones", "emails") for each in record.fields.get(word, ())}
                if wanted in has:
                    found[record.ref] = record
        return list(found.values())

    def _record(self, kind: str, record: Mapping[str, Any]) -> CrmRecord:
        parent = None
        if kind == "lead":
            pipeline, stage = self._directory.stage_names(record.get("status_id") or 0, record.get("pipeline_id") or 0)
            fields: dict[str, Any] = {"name": record.get("name") or "", "price": record.get("price") or 0}
            fields |= {"pipeline": pipeline, "stage": stage, "responsible": record.get("responsible_user_id") or ""}
            contacts = record.get("_embedded", {}).get("contacts") or ()
            main = sorted(contacts, key=lambda one: not one.get("is_main"))
            parent = RemoteRef(system=self.name, kind="contact", id=str(main[0]["id"])) if main else None
        else:
            fields = contact_words(record, self._settings.fields, self._find(ENTITIES[kind]))
        seen = {name: value for name, value in record.items() if name != "_links"}
        version = hashlib.blake2b(json.dumps(seen, sort_keys=True).encode(), digest_size=8).hexdigest()
        return CrmRecord(RemoteRef(system=self.name, kind=kind, id=str(record["id"])), fields, parent, version)

    def check(self) -> Sequence[Problem]:
        """Whether the account answers, and has all that `[crm]` names. An account that is well is called again at once,
        however long it was to be left in peace."""
        self._directory.forget()
        try:
            self.client.probe()
        except PortariaError as problem:
            return [Problem(str(problem), "everything for Kommo waits, and goes on by itself once this is mended")]
        try:
            return problems_of(self._settings, self._directory, self.client)
        except PortariaError as problem:
            return [Problem(str(problem), "mend it at Kommo or in [crm]")]


def _by_entity(writes: Sequence[CrmWrite], results: dict[str, Result]) -> Iterator[tuple[str, Sequence[CrmWrite]]]:
    """The writes by the kind of record that they hang on; those without one go wrong."""
    some: defaultdict[str, list[CrmWrite]] = defaultdict(list)
    for write in writes:
        if write.target is None or write.target.kind not in _HOLDERS:
            results[write.key] = gone(write)
        else:
            some[entity_of(write.target)].append(write)
    yield from some.items()


def _later(problem: PortariaError) -> PortariaError:
    """What went wrong before anything was sent: it is tried again."""
    if isinstance(problem, TransientError):
        return TransientError(str(problem), code=problem.code, retry_after=problem.retry_after)
    return TransientError(str(problem), code=problem.code, retry_after=MEND_SECONDS)


def _listed(left: Mapping[str, str]) -> str:
    return "\n".join(f"{label}: {text}" for label, text in left.items())
