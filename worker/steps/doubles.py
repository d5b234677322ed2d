"""Contacts of which the CRM has several records: a CRM that cannot merge by its API keeps both after a merge here.

What is done about each record that is not written to any more (`pipelines.doubles`): its leads are given to the one
that is, and it is tagged and says in a note which one that is. As every call, these are recorded before they are made;
what was done of them is what an undo takes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pipelines.doubles import TAG, Remedy, described, is_taking_back, plan_remedies, plan_taking_back
from pipelines.models import Contact, CrmWrite, RemoteRef, WriteKind
from worker.errors import TransientError
from worker.ports import HoldsLeads
from worker.steps.calls import OUTCOME_PENDING, Known, perform
from worker.steps.runtime import Runtime
from worker.store import contacts, writes
from worker.store.merges import MERGE, Merge

STAGE = "double"
"""Who wants these writes, in the column `stage` of `crm_writes`."""


def doubles(runtime: Runtime) -> Mapping[str, Sequence[RemoteRef]]:
    """By contact, its records in the CRM where there are several; the first is the one that is written to."""
    with runtime.database.read() as tx:
        return contacts.with_several_records(tx, runtime.crm.name)


def mark(runtime: Runtime, contact: str, records: Sequence[RemoteRef], remedies: Collection[Remedy]) -> None:
    """Do these things about all records of a contact but the first; once, however often it is asked. Raises
    `PortariaError`."""
    kept, *others = records
    cause = f"double:{contact}"
    wanted = remedies_for(runtime, cause, contact, kept, others, remedies)
    performed = perform(runtime, STAGE, {cause: wanted}, Known(runtime.crm.name, {}, {}), lambda _tx: {cause})
    if cause in performed.wrong:
        raise performed.wrong[cause]


def remedies_for(
    runtime: Runtime,
    cause: str,
    contact: str,
    kept: RemoteRef,
    others: Sequence[RemoteRef],
    remedies: Collection[Remedy],
) -> list[CrmWrite]:
    """What is to be done about `others`, with what an earlier try had planned and did not get done. Raises
    `PortariaError`: the CRM did not say what it has of them."""
    leads: Mapping[RemoteRef, Sequence[RemoteRef]] = {}
    if Remedy.LEADS in remedies and isinstance(runtime.crm, HoldsLeads):
        leads = runtime.crm.leads_of(others)
    planned = plan_remedies(cause, contact, kept, {other: leads.get(other, ()) for other in others}, remedies)
    with runtime.database.read() as tx:
        before = writes.outstanding(tx, [cause], STAGE).get(cause, [])
    return _possible(runtime, {write.key: write for write in (*planned, *before)})


def of_merge(runtime: Runtime, merge: Merge, kept: RemoteRef) -> list[CrmWrite]:
    """What the CRM is told of a merge beside the contacts' fields; of one that was undone, what takes it back. Raises
    `PortariaError`."""
    if merge.kind != MERGE:
        return []
    if merge.undone_at is None:
        others = [ref for ref in left_behind(merge, runtime.crm.name) if ref != kept]
        return remedies_for(runtime, merge.id, merge.kept_id, kept, others, runtime.settings.crm.on_merge)
    with runtime.database.write() as tx:
        begun = [row for row in writes.wanted_by(tx, merge.id) if row["stage"] == STAGE]
        begun = [row for row in begun if not is_taking_back(row["key"])]
        writes.supersede(tx, [row["key"] for row in begun if row["state"] == writes.INTENDED], runtime.clock())
    now = runtime.clock()
    if any(row["state"] == writes.ATTEMPTED and row["repeat_at"] and row["repeat_at"] > now for row in begun):
        raise TransientError("what is to be taken back may still be on its way", code=OUTCOME_PENDING)
    # What nobody knows of may have been done: taking back what was not does nothing.
    done = [CrmWrite.model_validate_json(row["write"]) for row in begun if row["state"] in writes.MAYBE_MADE]
    return _possible(runtime, {write.key: write for write in plan_taking_back(merge.other_id, done)})


def _possible(runtime: Runtime, planned: Mapping[str, CrmWrite]) -> list[CrmWrite]:
    """Those of these writes whose records are there: a person may have merged or deleted them in the CRM since."""
    needed = {write.key: _needed(write) for write in planned.values()}
    there = runtime.crm.read(sorted({ref for refs in needed.values() for ref in refs}, key=str))
    return [write for write in planned.values() if needed[write.key] <= there.keys()]


def _needed(write: CrmWrite) -> set[RemoteRef]:
    refs = {write.target} if write.target else set()
    if write.kind is WriteKind.MOVE_LEAD and write.target:
        refs.add(write.target.model_copy(update={"kind": "contact", "id": write.fields["destination"]}))
    return refs


def foretold(runtime: Runtime, kept: RemoteRef, others: Sequence[RemoteRef]) -> str:
    """What a person is told before two records of the CRM are taken for one person's; empty where there is one only."""
    if not others:
        return ""
    name = ", ".join(f"contact {ref.id}" for ref in others)
    does = {
        Remedy.LEADS: f"the leads of {name} go to contact {kept.id}",
        Remedy.TAG: f"it gets the tag {TAG!r}",
        Remedy.NOTE: "it says so in a note",
    }
    chosen = [does[remedy] for remedy in Remedy if remedy in runtime.settings.crm.on_merge]
    kind = runtime.settings.crm.kind
    whose = "The CRM" if kind == "local" else f"{kind.capitalize()}'s API"
    told = f"{whose} cannot merge contacts: both records stay there, and contact {kept.id} is kept up to date."
    return f"{told} By [crm] on_merge {', and '.join(chosen)}; an undo takes that back." if chosen else told


def foretold_of_merge(runtime: Runtime, kept_id: str, other_id: str) -> str:
    """The same of two contacts that may be merged."""
    with runtime.database.read() as tx:
        golden = contacts.golden(tx, [kept_id, other_id])
        linked = contacts.linked(tx, golden, system=runtime.crm.name)
    known = Known(runtime.crm.name, golden, linked)
    kept, other = (known.record(one) if one in golden else None for one in (kept_id, other_id))
    return foretold(runtime, kept, [other]) if kept and other and kept != other else ""


def about_doubles(runtime: Runtime, cause: str) -> list[dict[str, str]]:
    """What was done in the CRM because of this merge, and what took it back: `what` and `state`, the oldest first."""
    with runtime.database.read() as tx:
        found = [row for row in writes.wanted_by(tx, cause) if row["stage"] == STAGE]
    return [
        {
            "what": described(CrmWrite.model_validate_json(row["write"])),
            "state": row["state"],
            "at": row["updated_at"].isoformat(),
        }
        for row in found
    ]


def left_behind(merge: Merge, crm: str) -> list[RemoteRef]:
    """The records in the CRM that the contact merged away had."""
    linked = [RemoteRef(system=link.system, kind=link.kind, id=link.id) for link in merge.journal.links]
    return records_of([*linked, *merge.journal.other.contact.remotes], crm)


def second_records(told: Contact, kept: RemoteRef | None, crm: str) -> list[RemoteRef]:
    """The records in the CRM that a submission came with, where its contact has another one there already."""
    return [ref for ref in records_of(told.remotes, crm) if ref != kept] if kept else []


def records_of(refs: Sequence[RemoteRef], crm: str) -> list[RemoteRef]:
    """Those of these that are contact records of this CRM, each once."""
    return list(dict.fromkeys(ref for ref in refs if ref.system == crm and ref.kind == "contact"))
