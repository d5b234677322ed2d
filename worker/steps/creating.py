"""Create: each contact in the CRM, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pipelines.create import create_key, plan_create
from pipelines.models import CrmWrite, Decision, DecisionKind, RemoteRef, WriteKind
from pipelines.states import Stage
from worker.steps import claims
from worker.steps.acquaintance import link_known
from worker.steps.calls import Known, perform
from worker.steps.claims import Report
from worker.steps.doubles import records_of, remedies_for, second_records
from worker.steps.meanwhile import PERSON
from worker.steps.runtime import Runtime
from worker.store import contacts, submissions, writes
from worker.store.contacts import Link, NewLink
from worker.store.submissions import Claimed, Outcome


def create(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Have each contact in the CRM, once, with what changed and nothing else."""
    with claims.claimed(runtime, Stage.CREATE, ids) as claimed:
        return _create(runtime, claimed)


def _create(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    known = _read(runtime, claimed)
    _link_told(runtime, claimed, known, now)
    planned: dict[str, list[CrmWrite]] = {}
    outcomes: list[Outcome] = []
    for item in claimed:
        try:
            link_known(runtime, item, known, now)
            planned[item.id] = [*_plan(item, known), *_about_doubles(runtime, item, known)]
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    wanted = _with_outstanding(runtime, planned)
    performed = perform(runtime, Stage.CREATE, wanted, known, claims.renewing(runtime, claimed))
    outcomes += [_settled(runtime, item, performed.wrong.get(item.id), now) for item in claimed if item.id in planned]
    return claims.save(runtime, Stage.CREATE, outcomes)


def _read(runtime: Runtime, claimed: Sequence[Claimed]) -> Known:
    ids = [item.contact_id for item in claimed if item.contact_id]
    with runtime.database.read() as tx:
        return Known(runtime.crm.name, contacts.golden(tx, ids), contacts.linked(tx, ids, system=runtime.crm.name))


def _plan(item: Claimed, known: Known) -> Sequence[CrmWrite]:
    contact_id = item.contact_id or ""
    links = known.links.get(contact_id, [])
    return plan_create(
        contact_id,
        known.golden[contact_id].contact,
        known.golden[contact_id].version,
        DecisionKind(item.decision or DecisionKind.NEW),
        [link.ref for link in links],
        links[0].written if links else None,
        claims.score_of(item),
        item.id,
        claims.told_by(item),
        known.crm,
    )


def _link_told(runtime: Runtime, claimed: Sequence[Claimed], known: Known, now: datetime) -> None:
    """Whom the CRM itself told us of has those records there: the first of several is the one that is written to."""
    told: dict[str, list[RemoteRef]] = {}
    for item in claimed:
        contact_id = item.contact_id or ""
        if contact_id not in known.golden:
            continue
        linked = {link.ref for link in known.links.get(contact_id, ())}
        # The first time all that it ever told of; later only what is new: a record that is gone was told of once, too.
        contact = claims.told_by(item) if linked else known.golden[contact_id].contact
        new = [ref for ref in records_of(contact.remotes, known.crm) if ref not in linked]
        told[contact_id] = list(dict.fromkeys([*told.get(contact_id, ()), *new]))
    wanted = {contact_id: refs for contact_id, refs in told.items() if refs}
    if not wanted:
        return
    with runtime.database.write() as tx:
        versions = contacts.lock(tx, wanted)
        # Of a contact that has changed meanwhile others know better what is its own: they link it.
        same = [one for one in sorted(wanted) if versions.get(one) == known.golden[one].version]
        contacts.link(tx, [NewLink(one, ref, None) for one in same for ref in wanted[one]], now)
    for one in same:
        known.links.setdefault(one, []).extend(Link(ref, None) for ref in wanted[one])


def _about_doubles(runtime: Runtime, item: Claimed, known: Known) -> Sequence[CrmWrite]:
    """What a person's word that a submission of the CRM's is somebody we know means for its record there: it is the
    contact's second one. Raises `PortariaError`."""
    contact_id = item.contact_id or ""
    kept = known.record(contact_id)
    others = second_records(claims.told_by(item), kept, known.crm)
    if kept is None or not others:
        return ()
    with runtime.database.read() as tx:
        decided = Decision.model_validate_json(contacts.decisions(tx, item.id)[0]["decision"])
    if decided.reason != PERSON:
        return ()
    return remedies_for(runtime, f"review:{item.id}", contact_id, kept, others, runtime.settings.crm.on_merge)


def _with_outstanding(runtime: Runtime, planned: Mapping[str, Sequence[CrmWrite]]) -> dict[str, list[CrmWrite]]:
    """The plans, with what an earlier try had planned and did not get done: a note whose contact is there by now.

    Not an earlier update: what is planned now is all that the record differs by, and the values of then may be old. Nor
    a record in another CRM, which this was moved from.
    """
    here = create_key(runtime.crm.name, "")
    together = {submission: list(some) for submission, some in planned.items()}
    over: list[str] = []
    with runtime.database.write() as tx:
        for submission, before in writes.outstanding(tx, planned, Stage.CREATE).items():
            keys = {write.key for write in planned[submission]}
            for write in before:
                if write.key in keys:
                    continue
                elsewhere = write.kind is WriteKind.CREATE_CONTACT and not write.key.startswith(here)
                if write.kind is WriteKind.UPDATE_CONTACT or elsewhere:
                    over.append(write.key)
                else:
                    together[submission].append(write)
        writes.supersede(tx, over, runtime.clock())
    return together


def _settled(runtime: Runtime, item: Claimed, wrong: Exception | None, now: datetime) -> Outcome:
    if wrong is not None:
        return claims.failed(runtime, item, wrong, now)
    return submissions.reached(item, due_at=claims.next_look(runtime, now))
