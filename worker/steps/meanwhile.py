"""Reviews left open: the submission went on as a contact of its own, and a person says later whose it is.

With `while_in_review = "create"` nobody waits for an answer: who may be somebody known is a contact of their own at
once, with its record in the CRM and its follow-up. "The same" then is a merge of the two contacts like any other, in
the journal, told to the CRM and undone as any; "not the same" is remembered.
"""

from __future__ import annotations

from datetime import datetime

from pipelines.models import Decision, DecisionKind
from worker.errors import PermanentError
from worker.steps.merging import merge_contacts_of
from worker.steps.runtime import Runtime
from worker.store import contacts, history, reviews, submissions
from worker.store.engine import Transaction

PERSON = "person"
"""Reason of a decision: a person has made it."""
REVIEW = "review"
"""Event of the history."""


def answer_open_review(runtime: Runtime, submission: str, *, same_as: str | None, by: str, why: str = "") -> str:
    """A person's word on a submission whose review was left open: the same as `same_as`, or (None) somebody else. The
    contact that it is part of now.

    Raises `PermanentError` when there is no such open review or contact, `TransientError` while a worker is at a
    submission that would move.
    """
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission)
        if row is None or not reviews.is_open(tx, submission):
            raise PermanentError(f"{submission} is not in review; `portaria reviews list` shows those that are")
        if same_as and not contacts.existing(tx, [same_as]):
            raise PermanentError(
                f"there is no contact {same_as}; `portaria reviews show {submission}` names candidates"
            )
        living = contacts.surviving(tx, [row["contact_id"], same_as or ""])
    own, whom = living[row["contact_id"]], living[same_as or ""]

    def answered(tx: Transaction) -> None:
        _close(tx, runtime, submission, same_as=whom, own=own, by=by, why=why)

    if whom and whom != own:
        merge_contacts_of(runtime, whom, own, by=by, why=why, also=answered)
        return whom
    with runtime.database.write() as tx:
        answered(tx)
    return own


def _close(tx: Transaction, runtime: Runtime, submission: str, *, same_as: str, own: str, by: str, why: str) -> None:
    now = runtime.clock()
    kind = DecisionKind.MATCH if same_as else DecisionKind.NEW
    if not reviews.close(tx, submission, kind=kind, now=now):
        raise PermanentError(f"{submission} is not in review any more: somebody has answered meanwhile")
    before = Decision.model_validate_json(contacts.decisions(tx, submission)[0]["decision"])
    decision = before.model_copy(update={"kind": kind, "contact_id": same_as, "reason": PERSON})
    contacts.add_decisions(
        tx,
        [
            {
                "submission_id": submission,
                "kind": kind,
                "contact_id": same_as or None,
                "probability": decision.probability,
                "decision": decision.model_dump_json(),
                "by": by,
                "at": now,
            }
        ],
    )
    if not same_as:
        remember_as_others(tx, before, own, by=by, now=now)
    history.record(tx, [history.Move(submission, REVIEW, REVIEW, kind, reason=why or kind, by=by)], now)


def remember_as_others(tx: Transaction, asked: Decision, own: str, *, by: str, now: datetime) -> None:
    """A person has said that the contact is none of those that the review showed: they are kept apart from now on."""
    shown = [evidence.contact_id for evidence in asked.evidence]
    for other in sorted(set(contacts.surviving(tx, shown).values()) - {own}):
        contacts.keep_distinct(tx, own, other, by=by, now=now)
