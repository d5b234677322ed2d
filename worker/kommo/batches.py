"""Writing many items in few calls, where one bad field of one item refuses the whole call.

What Kommo's validation names is taken out by its `path` and the rest is sent again; what it does not name is found by
halves. An item that cannot be mended goes wrong alone.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from pipelines.models import CrmWrite, RemoteRef
from worker.errors import NO_TARGET, OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.kommo.answers import MEND_SECONDS, NO_ANSWER, TOO_LONG, Fault, Refused
from worker.kommo.client import BATCH, KommoClient
from worker.kommo.directory import NO_PIPELINE, Directory
from worker.kommo.markers import Markers
from worker.kommo.words import Item

log = structlog.get_logger()

ROUNDS: Final = 12
"""So often a call is mended and sent again; each round takes at least one thing out."""
AFTER_TROUBLE: Final = 5.0
"""Seconds until the calls that were not begun, since the one before them failed, are tried."""
_VALUE: Final = re.compile(r"custom_fields_values\.(\d+)(?:\.values\.(\d+)\.(\w+))?")
_DROPPABLE: Final = frozenset({"responsible_user_id", "price", "first_name", "last_name", "created_by"})
_GONE: Final = re.compile(r"id|entity_id|_embedded\.(contacts|leads)\.\d+\.id")
_PLACE: Final = re.compile(r"pipeline_id|status_id")


@dataclass
class Job:
    """One item to write, and what became of it."""

    item: Item
    key: str = ""
    """Of a new contact or lead: the key that its marker is made of."""
    result: Mapping[str, Any] | PortariaError | None = None
    """The answer's part of it, or what went wrong."""
    dropped: list[Item] = field(default_factory=list)
    """Custom field values that Kommo did not take."""


Result = RemoteRef | PortariaError


def result_of(system: str, kind: str, job: Job) -> Result:
    """What became of a job, as a CRM's write tells it."""
    if job.result is None or isinstance(job.result, PortariaError):
        return job.result or OutcomeUnknown("nobody knows")
    return RemoteRef(system=system, kind=kind, id=str(job.result["id"]))


def gone(write: CrmWrite) -> PermanentError:
    """The record that a write is about is not there."""
    return PermanentError(f"{write.kind}: there is no such record in Kommo", code=NO_TARGET)


def send_alone(client: KommoClient, method: str, path: str, body: Any) -> None:
    """A write that is no batch's. Raises `PortariaError`: where Kommo refuses it and does not say for what, it is tried
    again later."""
    try:
        client.send(method, path, body)
    except Refused as refused:
        raise refused if refused.faults else _nobody_knows_why(refused) from None


def _nobody_knows_why(refused: Refused) -> TransientError:
    return TransientError(str(refused), code=refused.code, retry_after=MEND_SECONDS)


class Batches:
    """Sends items in batches, smaller ones for a while after one took Kommo too long."""

    def __init__(self, client: KommoClient, directory: Directory, markers: Markers) -> None:
        self._client = client
        self._directory = directory
        self._markers = markers
        self._size = BATCH

    def write(self, method: str, path: str, entity: str, jobs: Sequence[Job]) -> None:
        """Send all; each job has its result afterwards. Raises nothing."""
        waiting = list(jobs)
        while waiting:
            some, waiting = waiting[: self._size], waiting[self._size :]
            trouble = self._send(method, path, entity, some)
            if trouble is None:
                self._size = min(self._size * 2, BATCH)
                continue
            if trouble.code == TOO_LONG:
                self._size = max(len(some) // 2, 1)
            for job in waiting:  # not begun: nothing of them is unknown
                after = AFTER_TROUBLE if isinstance(trouble, OutcomeUnknown) else trouble.retry_after
                job.result = TransientError(str(trouble), code=trouble.code, retry_after=after)
            return

    def _send(self, method: str, path: str, entity: str, jobs: Sequence[Job]) -> TransientError | None:
        """Send some in one call, mending what is refused; the trouble there was that is about none of them."""
        left = list(jobs)
        for _ in range(ROUNDS):
            if not left:
                return None
            try:
                body = [{**self._marked(entity, job), "request_id": str(place)} for place, job in enumerate(left)]
                said = self._client.send(method, path, body)
            except Refused as refused:
                if not refused.faults or not self._mend(entity, left, refused.faults):
                    return self._halves(method, path, entity, left, refused)
                left = [job for job in left if job.result is None]
            except TransientError as trouble:
                for job in left:
                    job.result = trouble
                return trouble
            except PortariaError as problem:
                to_mend = TransientError(str(problem), code=problem.code, retry_after=MEND_SECONDS)
                for job in left:
                    job.result = to_mend
                return to_mend
            else:
                _read(said, path, left)
                return None
        for job in left:
            job.result = Refused("Kommo refuses it however often it is mended")
        return None

    def _marked(self, entity: str, job: Job) -> Item:
        return self._markers.mark(entity, job.item, job.key) if job.key else job.item

    def _halves(
        self, method: str, path: str, entity: str, jobs: Sequence[Job], refused: Refused
    ) -> TransientError | None:
        """Nobody said which item it is: send the halves alone, down to the one that goes wrong."""
        if len(jobs) == 1:
            # With a fault that cannot be mended it is this item's; without one nobody knows what it was.
            jobs[0].result = refused if refused.faults else _nobody_knows_why(refused)
            return None
        middle = len(jobs) // 2
        first = self._send(method, path, entity, jobs[:middle])
        if first is not None:
            for job in jobs[middle:]:
                job.result = TransientError(str(first), code=first.code, retry_after=AFTER_TROUBLE)
            return first
        return self._send(method, path, entity, jobs[middle:])

    def _mend(self, entity: str, jobs: Sequence[Job], faults: Sequence[Fault]) -> bool:
        """Take what is named out of the items; whether anything was done about every fault's item."""
        by_item: dict[int, list[Fault]] = {}
        for fault in faults:
            if not fault.item.isdigit() or int(fault.item) >= len(jobs):
                return False
            by_item.setdefault(int(fault.item), []).append(fault)
        self._directory.forget()
        for place, some in by_item.items():
            self._mend_item(entity, jobs[place], some)
        return True

    def _mend_item(self, entity: str, job: Job, faults: Sequence[Fault]) -> None:
        item = copy.deepcopy(job.item)
        values: list[Item] = item.get("custom_fields_values", [])
        gone: set[int] = set()
        for fault in faults:
            log.warning("Kommo refused a field", entity=entity, path=fault.path, fault=fault.code)
            if _GONE.fullmatch(fault.path):
                job.result = PermanentError("there is no such record in Kommo (any more)", code=NO_TARGET)
                return
            if _PLACE.fullmatch(fault.path):
                what = "the pipeline or stage is not in the Kommo account any more: mend [crm] or the workflow"
                job.result = TransientError(what, code=NO_PIPELINE, retry_after=MEND_SECONDS)
                return
            found = _VALUE.match(fault.path)
            if found and int(found[1]) < len(values):
                place = int(found[1])
                if found[3] in {"enum_code", "enum_id"} and "value" in values[place]["values"][int(found[2])]:
                    values[place]["values"][int(found[2])].pop(found[3], None)
                else:
                    gone.add(place)
                    if found[3] is None and "field_id" in values[place]:
                        self._directory.refuse(entity, values[place]["field_id"])
            elif found and job.key and int(found[1]) == len(values):
                self._markers.refuse_field(entity)
            elif fault.path in _DROPPABLE:
                item.pop(fault.path, None)
            elif fault.path.startswith("_embedded.companies"):
                item.get("_embedded", {}).pop("companies", None)
            elif fault.path.startswith(("_embedded.tags", "tags_to_add")):
                item.pop("tags_to_add", None)
                item.get("_embedded", {}).pop("tags", None)
            else:
                job.result = Refused(f"Kommo refused {fault.path or 'the item'}: {fault.code}", (fault,))
                return
        job.dropped += [values[place] for place in sorted(gone)]
        kept = [value for place, value in enumerate(values) if place not in gone]
        if kept:
            item["custom_fields_values"] = kept
        else:
            item.pop("custom_fields_values", None)
        job.item = item


def _read(said: Any, path: str, jobs: Sequence[Job]) -> None:
    """Find each item's part of the answer: by its `request_id`, else by its id, else by its position."""
    name = path.rpartition("/")[2]
    listed = said if isinstance(said, list) else ((said or {}).get("_embedded") or {}).get(name) or []
    by_request = {_request_id(part): part for part in listed if _request_id(part)}
    by_id = {part.get("id"): part for part in listed}
    for place, job in enumerate(jobs):
        part = by_request.get(str(place)) or by_id.get(job.item.get("id"))
        if part is None and not by_request and len(listed) == len(jobs):
            part = listed[place]
        unknown = OutcomeUnknown("Kommo's answer does not tell of this item", code=NO_ANSWER)
        job.result = part if part is not None and "id" in part else unknown


def _request_id(part: Mapping[str, Any]) -> str:
    given = part.get("request_id")
    return str(given[0] if isinstance(given, list) and given else given or "")
