"""What a person has to decide, as the command line and the agents' tools show it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.models import Contact, Decision
from worker.errors import PermanentError
from worker.steps.calls import Known
from worker.steps.doubles import foretold, second_records
from worker.steps.runtime import Runtime
from worker.steps.views import View
from worker.store import contacts, reviews, submissions
from worker.store.engine import Transaction


@dataclass(frozen=True, slots=True)
class Review:
    """A submission that may be somebody we know."""

    id: str
    source: str
    name: str
    received_at: datetime
    candidate: str
    """The live contact that it may be: the likeliest candidate, or the one that it has been merged into since."""
    candidate_name: str
    decision: Decision
    meanwhile: str = ""
    """The contact that it has gone on as; empty while it waits, and when it is answered."""
    in_crm: str = ""
    """What a yes means for the CRM, where both have a record there."""

    def view(self) -> View:
        """As one flat object."""
        return {
            "id": self.id,
            "source": self.source,
            "name": self.name,
            "candidate": self.candidate,
            "candidate_name": self.candidate_name,
            "probability": round(self.decision.probability, 4),
            "reason": self.decision.reason,
            "meanwhile": self.meanwhile,
            "received_at": self.received_at.isoformat(),
            **({"in_crm": self.in_crm} if self.in_crm else {}),
        }


def waiting_reviews(runtime: Runtime, *, limit: int = 50) -> list[Review]:
    """Those that wait for a person, in the order of what the answer is expected to gain, then by age."""
    with runtime.database.read() as tx:
        found = reviews.waiting(tx, limit=limit)
        decisions = [Decision.model_validate_json(row["decision"]) for row in found]
        own = {row["contact_id"] for row in found if row["contact_id"]}
        living = contacts.surviving(tx, {*own, *(decision.contact_id for decision in decisions)})
        names = contacts.names(tx, living.values())
        known = _in_crm(tx, runtime, living.values())
    return [_review(runtime, row, one, living, names, known) for row, one in zip(found, decisions, strict=True)]


def review_of(runtime: Runtime, submission_id: str) -> Review:
    """What was decided last of a submission, by dedupe or by a person, and whether or not it still waits.

    Raises `PermanentError` when nothing was decided of it.
    """
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission_id)
        decided = contacts.decisions(tx, submission_id)
        if row is None or not decided:
            raise PermanentError(f"nothing was decided of {submission_id}; `portaria reviews list` shows what waits")
        decision = Decision.model_validate_json(decided[0]["decision"])
        own = row["contact_id"] if reviews.is_open(tx, submission_id) else None
        row = {**row, "contact_id": own}
        living = contacts.surviving(tx, [decision.contact_id, *([own] if own else [])])
        names = contacts.names(tx, living.values())
        known = _in_crm(tx, runtime, living.values())
    return _review(runtime, row, decision, living, names, known)


def _in_crm(tx: Transaction, runtime: Runtime, ids: Collection[str]) -> Known:
    return Known(runtime.crm.name, contacts.golden(tx, ids), contacts.linked(tx, ids, system=runtime.crm.name))


def _review(
    runtime: Runtime,
    row: Mapping[str, Any],
    decision: Decision,
    living: Mapping[str, str],
    names: Mapping[str, str],
    known: Known,
) -> Review:
    candidate = living[decision.contact_id]
    told = Contact.model_validate_json(row["contact"])
    record = known.record(candidate) if candidate in known.golden else None
    meanwhile = living[row["contact_id"]] if row["contact_id"] else ""
    own = known.record(meanwhile) if meanwhile in known.golden else None
    others = {*second_records(told, record, known.crm), *([own] if own and own != record else [])}
    return Review(
        id=row["id"],
        source=row["source"],
        name=told.name.full,
        received_at=row["received_at"],
        candidate=candidate,
        candidate_name=names.get(candidate, ""),
        decision=decision,
        meanwhile=meanwhile,
        in_crm=foretold(runtime, record, sorted(others, key=str)) if record else "",
    )
