"""Telling the CRM what a person's merge, split or undo has made of its contacts.

A merge that was made has a time at which the CRM is told of it, in the same transaction; so it is told once the CRM
answers, whatever dies in between. Two that tell at once find the same writes by the same keys.

The contacts' records are brought up to date, and what can be done about a record that a merge leaves behind is done, or
taken back (`worker.steps.doubles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from pipelines.create import plan_record
from pipelines.models import CrmWrite
from worker.errors import PortariaError, TransientError
from worker.steps import calls, doubles
from worker.steps.calls import Known
from worker.steps.runtime import Runtime
from worker.store import contacts, merges
from worker.store.merges import Merge

log = structlog.get_logger()

STAGE = "merge"
"""Who wants the writes of contacts' records, in the column `stage` of `crm_writes`."""

AGAIN_SECONDS = 60.0
"""How long to wait before the CRM is told again where it could not be told."""


def tell_crm(runtime: Runtime) -> int:
    """Bring the CRM's records of contacts that were merged or parted up to date; of how many merges it was told.

    A contact without a record gets one, unless a submission of it is on its way and will have it made.
    """
    now = runtime.clock()
    with runtime.database.read() as tx:
        due = merges.untold(tx, now=now)
        if not due:
            return 0
        ids = {contact for one in due.values() for contact in (one.kept_id, one.other_id)}
        golden = {one.id: one for one in contacts.golden(tx, ids).values() if one.merged_into is None}
        known = Known(runtime.crm.name, golden, contacts.linked(tx, golden, system=runtime.crm.name))
        coming = merges.under_way(tx, golden)
    records: dict[str, list[CrmWrite]] = {}
    for merge, one in due.items():
        pair = [contact for contact in (one.kept_id, one.other_id) if contact in golden and contact not in coming]
        records[merge] = [plan for plan in (_plan(known, contact) for contact in pair) if plan]
    wrong = dict(calls.perform(runtime, STAGE, records, known, lambda _tx: set(records)).wrong)
    wrong |= _about_doubles(runtime, {merge: one for merge, one in due.items() if merge not in wrong}, known)
    later = {merge for merge, problem in wrong.items() if isinstance(problem, TransientError)}
    for merge in wrong.keys() - later:
        log.error("the CRM could not be told of a merge", merge=merge, reason=wrong[merge].code, what=str(wrong[merge]))
    with runtime.database.write() as tx:
        merges.tell_again(tx, set(due) - later, None, now=now)
        merges.tell_again(tx, later, runtime.clock() + timedelta(seconds=AGAIN_SECONDS), now=now)
    return len(due) - len(wrong)


def _about_doubles(runtime: Runtime, due: Mapping[str, Merge], known: Known) -> dict[str, PortariaError]:
    """What can be done about the records that these merges leave behind; what went wrong."""
    wrong: dict[str, PortariaError] = {}
    wanted: dict[str, list[CrmWrite]] = {}
    for merge, one in due.items():
        kept = known.record(one.kept_id) if one.kept_id in known.golden else None
        try:
            wanted[merge] = doubles.of_merge(runtime, one, kept) if kept else []
        except PortariaError as problem:
            wrong[merge] = problem
    return wrong | calls.perform(runtime, doubles.STAGE, wanted, known, lambda _tx: set(wanted)).wrong


def _plan(known: Known, contact_id: str) -> CrmWrite | None:
    golden, links = known.golden[contact_id], known.links.get(contact_id, [])
    written = links[0].written if links else None
    return plan_record(contact_id, golden.contact, golden.version, [link.ref for link in links], written, known.crm)
