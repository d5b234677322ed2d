"""Leads: made, changed, accepted or declined while they are incoming, and given to another contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pipelines.models import CrmWrite, WriteKind
from worker.errors import PortariaError
from worker.kommo.batches import Batches, Job, Result, gone, result_of, send_alone
from worker.kommo.client import Json, KommoClient
from worker.kommo.directory import Directory, Field
from worker.kommo.incoming import IncomingLeads, as_incoming
from worker.kommo.settings import KommoSettings
from worker.kommo.words import Item, difference, lead_item

LOST: Final = 143
"""The stage of what is lost, of every pipeline. An incoming lead that is put there is declined."""


class Leads:
    """The writes of an account's leads."""

    def __init__(self, client: KommoClient, directory: Directory, batches: Batches, settings: KommoSettings) -> None:
        self._client = client
        self._directory = directory
        self._batches = batches
        self._settings = settings
        self._system = client.address.system

    def create(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """Make leads of contacts; `[crm] incoming`: as incoming ones."""
        jobs: dict[str, Job] = {}
        results: dict[str, Result] = {}
        incoming = self._settings.incoming
        for write in writes:
            try:
                item = self._item(write)
            except PortariaError as problem:
                results[write.key] = problem
                continue
            if write.target and write.target.kind == "contact":
                item["_embedded"] = {"contacts": [{"id": int(write.target.id), "is_main": True}]}
            if incoming:
                item = as_incoming(item, str(write.fields.get("source") or "portaria"))
            jobs[write.key] = Job(item, write.key)
        self._batches.write("POST", "leads/complex" if incoming else "leads", "leads", list(jobs.values()))
        results |= {key: result_of(self._system, "lead", job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def update(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """Change what differs from what is there now, read just before. An incoming lead is accepted into the stage
        that it is put in, or declined where that is `LOST`."""
        there = self._client.by_id("leads", [write.target.id for write in writes if write.target])
        incoming = IncomingLeads(self._client)
        results: dict[str, Result] = {}
        jobs: dict[str, Job] = {}
        for write in writes:
            try:
                item = self._item(write)
                record = there.get(write.target.id) if write.target else None
                if write.target is None or (record is None and item.get("status_id") != LOST):
                    results[write.key] = gone(write)
                    continue
                results[write.key] = write.target
                if record is None or self._is_declined(incoming, record, item):
                    continue  # a declined lead is not in the account any more: what is lost so needs no stage
                record = self._accepted(incoming, record, item)
            except PortariaError as problem:
                results[write.key] = problem
                continue
            place = {name: value for name, value in item.items() if name.endswith("_id") and record.get(name) != value}
            if "status_id" in place and "pipeline_id" in item:
                place["pipeline_id"] = item["pipeline_id"]  # won and lost have the same ids in every pipeline
            elif "pipeline_id" in place and "status_id" in item:
                place["status_id"] = item["status_id"]  # else it would be the first of that pipeline
            item = difference(item, record) | place
            if item:
                jobs[write.key] = Job({"id": int(write.target.id), **item})
        self._batches.write("PATCH", "leads", "leads", list(jobs.values()))
        results |= {key: result_of(self._system, "lead", job) for key, job in jobs.items()}
        return [results[write.key] for write in writes]

    def move(self, writes: Sequence[CrmWrite]) -> Sequence[Result]:
        """Give leads that hang on the contact `source` to the contact `destination`. One that does not hang on it
        (any more) is left where it is: it was moved before, or by somebody else."""
        wanted = [write.target.id for write in writes if write.target]
        there = self._client.by_id("leads", wanted, {"with": "contacts"})
        results: dict[str, Result] = {}
        for write in writes:
            record = there.get(write.target.id) if write.target else None
            if record is None or write.target is None:
                results[write.key] = gone(write)
                continue
            try:
                self._move(record, int(write.fields["source"]), int(write.fields["destination"]))
                results[write.key] = write.target
            except PortariaError as problem:
                results[write.key] = problem
        return [results[write.key] for write in writes]

    def _move(self, record: Json, source: int, destination: int) -> None:
        """Link first, so that the lead is never nobody's. What is linked is not linked again: Kommo answers 500."""
        contacts = {int(one["id"]): bool(one.get("is_main")) for one in record["_embedded"].get("contacts") or ()}
        if source not in contacts:
            return
        path = f"leads/{record['id']}"
        if destination not in contacts:
            link = {"to_entity_type": "contacts", "metadata": {"is_main": contacts[source]}}
            send_alone(self._client, "POST", f"{path}/link", [{"to_entity_id": destination, **link}])
        send_alone(self._client, "POST", f"{path}/unlink", [{"to_entity_id": source, "to_entity_type": "contacts"}])

    def _item(self, write: CrmWrite) -> Item:
        item = lead_item(write.fields, self._settings.lead_fields, self._field)
        is_new = write.kind is WriteKind.CREATE_LEAD
        pipeline = write.fields.get("pipeline") or (self._settings.pipeline if is_new else "")
        stage = write.fields.get("stage") or (self._settings.stage if is_new else "")
        if not self._settings.incoming or not is_new:
            item |= self._directory.place(pipeline, stage)
        elif pipeline:
            item |= self._directory.place(pipeline, "")
        if responsible := write.fields.get("responsible") or (self._settings.responsible if is_new else ""):
            item["responsible_user_id"] = self._directory.user(responsible)
        return item

    def _field(self, named: int | str) -> Field | None:
        return self._directory.field("leads", named)

    def _is_incoming(self, record: Json, item: Item) -> bool:
        return "status_id" in item and self._directory.is_incoming(int(record.get("status_id") or 0))

    def _is_declined(self, incoming: IncomingLeads, record: Json, item: Item) -> bool:
        if item.get("status_id") != LOST or not self._is_incoming(record, item):
            return False
        by = item.get("responsible_user_id") or record.get("responsible_user_id") or 0
        incoming.decline(str(record["id"]), int(by))
        return True

    def _accepted(self, incoming: IncomingLeads, record: Json, item: Item) -> dict[str, Any]:
        """The record as it is after it was accepted, where it had to be."""
        if not self._is_incoming(record, item):
            return dict(record)
        incoming.accept(str(record["id"]), item["status_id"])
        is_there = item.get("pipeline_id", record.get("pipeline_id")) == record.get("pipeline_id")
        return {**record, "status_id": item["status_id"] if is_there else 0}
