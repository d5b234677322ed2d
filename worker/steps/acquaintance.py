"""Those who are in the CRM already although we have not met them: found before a second record is made of them.

The CRM's own search finds texts, whoever they are of; what it finds is compared as dedupe compares, and only a match is
linked. Then the create becomes an update, and the key index knows them by what the CRM knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipelines.create import create_key
from pipelines.dedupe.blocking import keys_of
from pipelines.dedupe.decision import Candidate, decide
from pipelines.dedupe.features import features
from pipelines.models import Contact, DecisionKind, Origin, SourceField, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage
from worker.ports import CrmRecord, HoldsOthers
from worker.steps.account_import import is_known
from worker.steps.calls import Known
from worker.steps.dedupe_model import model_in_force
from worker.steps.resolve import SMALLEST_POPULATION
from worker.steps.runtime import Runtime
from worker.store import contacts, writes
from worker.store.contacts import Link, NewLink
from worker.store.submissions import Claimed

MOST_ASKED = 6
"""Phones and addresses of one contact that are looked for."""


def link_known(runtime: Runtime, item: Claimed, known: Known, now: datetime) -> None:
    """Link the contact to its record where the CRM has one. Raises `PortariaError`: then nothing is to be made."""
    contact_id = item.contact_id or ""
    if (
        not isinstance(runtime.crm, HoldsOthers)
        or item.decision == DecisionKind.REVIEW
        or known.record(contact_id) is not None
        or is_known(runtime, now)
    ):
        return
    with runtime.database.read() as tx:
        if writes.is_attempted(tx, create_key(known.crm, contact_id)):
            return  # what the search finds may be the very record that was asked for: its marker tells
    golden = known.golden[contact_id]
    asked = [phone.e164 for phone in golden.contact.phones] + [email.address for email in golden.contact.emails]
    found = runtime.crm.find_people(asked[:MOST_ASKED])
    free = _not_ours(runtime, found)
    told = {record.ref.id: _as_contact(runtime, item, record, now) for record in free}
    with runtime.database.read() as tx:
        model = model_in_force(tx)
    decision = decide(
        features(golden.contact),
        [Candidate(number, features(contact)) for number, contact in told.items()],
        model,
        runtime.policy,
        model.frequencies(SMALLEST_POPULATION, {}),
    )
    if decision.kind is not DecisionKind.MATCH:
        return
    ref = next(record.ref for record in free if record.ref.id == decision.contact_id)
    contact = told[decision.contact_id]
    with runtime.database.write() as tx:
        contacts.link(tx, [NewLink(contact_id, ref, contact)], now)
        contacts.add_keys(tx, ((key.hash, golden.no) for key in keys_of(features(contact))))
    known.links.setdefault(contact_id, []).append(Link(ref, contact))


def _not_ours(runtime: Runtime, found: Sequence[CrmRecord]) -> list[CrmRecord]:
    """Those that are no other contact's of ours: dedupe has told those two apart."""
    with runtime.database.read() as tx:
        taken = contacts.linked_refs(tx, [record.ref for record in found])
    return [record for record in found if record.ref not in taken]


def _as_contact(runtime: Runtime, item: Claimed, record: CrmRecord, now: datetime) -> Contact:
    """The CRM's record as a contact: its name, phones, addresses and documents, tidied as ours are."""
    words = record.fields
    told = [("name", "name", words.get("name", ""))]
    told += [(f"phone.{place}", "phone", text) for place, text in enumerate(words.get("phones", ()))]
    told += [(f"email.{place}", "email", text) for place, text in enumerate(words.get("emails", ()))]
    told += [(f"document.{place}", "document", one["number"]) for place, one in enumerate(words.get("documents", ()))]
    told += [(word, word, words[word]) for word in ("company", "job_title", "website") if words.get(word)]
    fields = tuple(SourceField(key=key, hint=hint, values=(str(text),)) for key, hint, text in told if text)
    origin = Origin(
        source=record.ref.system, delivery="", submission=item.id, stage=Stage.CREATE, at=now, by=record.ref.system
    )
    read = normalize_record(SourceRecord(fields=fields), {}, origin, now=now, region=runtime.settings.locale.region)
    return read.contact
