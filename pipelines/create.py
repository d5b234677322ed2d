"""Create: what the CRM has to be told of a contact, and nothing it knows already.

The words of the writes are in `pipelines.crm_fields`. Idempotency keys:

| key | of |
|---|---|
| `create:CRM:CONTACT` | the contact's record there: made once, whichever submission asks first |
| `update:CRM:CONTACT:VERSION` | what changed up to that version of the contact: one call for all who see that version |
| `note:SUBMISSION` | what the person wrote in one submission |
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.crm_fields import Json, changed_fields, contact_fields
from pipelines.models import Contact, CrmWrite, DecisionKind, RemoteRef, Score, WriteKind
from pipelines.reasons import reasons_text


def linked_record(golden: Contact, links: Sequence[RemoteRef], crm: str) -> RemoteRef | None:
    """The contact's record in `crm`: the first of our `links` to it, else the one the contact came with (it was sent to
    us by that CRM); None when there is none."""
    return next((ref for ref in (*links, *golden.remotes) if ref.system == crm and ref.kind == "contact"), None)


def plan_create(
    contact_id: str,
    golden: Contact,
    version: int,
    decision_kind: DecisionKind,
    links: Sequence[RemoteRef],
    last_written: Contact | None,
    score: Score,
    submission_id: str,
    told: Contact,
    crm: str,
) -> tuple[CrmWrite, ...]:
    """The writes that bring the contact's record in `crm` up to date with `version` of it, in the order to make them.

    Without a record there: create it, with a note. With one: update the fields that changed against `last_written`, and
    a note of what the person wrote in this submission (`told` is what it said itself: of several at one instant the
    contact keeps one message, and the others must not be lost), unless that CRM is where it came from. Nothing while a
    person has still to review who it is. When nothing was ever written, what that CRM itself told us counts as written.
    """
    if decision_kind is DecisionKind.REVIEW:
        return ()
    record = linked_record(golden, links, crm)
    own = plan_record(contact_id, golden, version, links, last_written, crm, submission_id)
    writes = [own] if own else []
    if record is None or (told.message and not any(ref.system == crm for ref in told.remotes)):
        note = _note(contact_id, record, told.message, score, submission_id)
        first = {} if record else {"record": contact_fields(golden)}
        writes.append(note.model_copy(update={"fields": {**note.fields, **first}}))
    return tuple(writes)


def create_key(crm: str, contact_id: str) -> str:
    """The key of the write that makes the contact's record in this CRM: who moves to another has it made there, too."""
    return f"create:{crm}:{contact_id}"


def plan_record(
    contact_id: str,
    golden: Contact,
    version: int,
    links: Sequence[RemoteRef],
    last_written: Contact | None,
    crm: str,
    submission_id: str = "",
) -> CrmWrite | None:
    """The write that makes the contact's record in `crm`, or brings it up to `version`; None when it is there."""
    record = linked_record(golden, links, crm)
    if record is None:
        fields = contact_fields(golden) | _source(golden, submission_id)
        key = create_key(crm, contact_id)
        return CrmWrite(key=key, kind=WriteKind.CREATE_CONTACT, contact_id=contact_id, fields=fields)
    fields = changed_fields(golden, _written(golden, last_written, crm))
    if not fields:
        return None
    key = f"update:{crm}:{contact_id}:{version}"
    return CrmWrite(key=key, kind=WriteKind.UPDATE_CONTACT, contact_id=contact_id, target=record, fields=fields)


def _written(golden: Contact, last_written: Contact | None, crm: str) -> Contact:
    return _told_by(golden, crm) if last_written is None else last_written


def _source(golden: Contact, submission_id: str) -> dict[str, Json]:
    """The source of the submission that has the record made; else any that the contact came from, the earliest."""
    told = sorted(golden.origins.values(), key=lambda origin: (origin.submission != submission_id, origin.at))
    return {"source": told[0].source} if told and told[0].source else {}


def _note(contact_id: str, record: RemoteRef | None, message: str, score: Score, submission_id: str) -> CrmWrite:
    return CrmWrite(
        key=f"note:{submission_id}",
        kind=WriteKind.ADD_NOTE,
        contact_id=contact_id,
        target=record,
        fields={"text": f"{message}\n\n{reasons_text(score)}" if message else reasons_text(score)},
    )


def _told_by(golden: Contact, crm: str) -> Contact:
    """The part of the contact that the sources which brought its record in `crm` said themselves: a hook of that CRM is
    not echoed back to it. Values without an origin, or found by enrichment, are not part of it."""
    prefix = f"remotes:{crm}/contact/"
    sources = {origin.source for key, origin in golden.origins.items() if key.startswith(prefix)}

    def said(key: str) -> bool:
        origin = golden.origins.get(key)
        return origin is not None and origin.source in sources and not origin.by

    plain = ("name", "birth_date", "company", "job_title", "website", "address", "language", "message")
    return Contact(
        **{field: getattr(golden, field) for field in plain if said(field)},
        emails=tuple(email for email in golden.emails if said(f"emails:{email.address}")),
        phones=tuple(phone for phone in golden.phones if said(f"phones:{phone.e164}")),
        documents=tuple(document for document in golden.documents if said(f"documents:{document.number}")),
        extra={label: text for label, text in golden.extra.items() if said(f"extra:{label}")},
        origins={key: origin for key, origin in golden.origins.items() if said(key)},
    )
