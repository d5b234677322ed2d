"""Telling the CRM what a person's merge, split or undo has made of its contacts.

A merge that was made has a time at which the CRM is told of it, in the same transaction; so it is told once the CRM
answers, whatever dies in between. Two that tell at once find the same writes by the same keys.
"""

from __future__ import annotations

from datetime import timedelta

from pipelines.create import plan_record
from pipelines.models import CrmWrite
from worker.steps import calls
from worker.steps.calls import Known
from worker.steps.runtime import Runtime
from worker.store import contacts, merges

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
        ids = {contact for pair in due.values() for contact in pair}
        golden = {one.id: one for one in contacts.golden(tx, ids).values() if one.merged_into is None}
        known = Known(runtime.crm.name, golden, contacts.linked(tx, golden, system=runtime.crm.name))
        coming = merges.under_way(tx, golden)
    wanted: dict[str, list[CrmWrite]] = {}
    for merge, pair in due.items():
        plans = [_plan(known, contact) for contact in pair if contact in golden and contact not in coming]
        wanted[merge] = [plan for plan in plans if plan]
    performed = calls.perform(runtime, "merge", wanted, known, lambda _tx: set(wanted))
    with runtime.database.write() as tx:
        merges.tell_again(tx, set(due) - set(performed.wrong), None, now=now)
        merges.tell_again(tx, performed.wrong, runtime.clock() + timedelta(seconds=AGAIN_SECONDS), now=now)
    return len(due) - len(performed.wrong)


def _plan(known: Known, contact_id: str) -> CrmWrite | None:
    golden, links = known.golden[contact_id], known.links.get(contact_id, [])
    written = links[0].written if links else None
    return plan_record(contact_id, golden.contact, golden.version, [link.ref for link in links], written, known.crm)
