"""For a person who asks: what the sources say of a contact, and what its score is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.enrich import merge_facts
from pipelines.enrich_verdicts import Verdict, as_said, verdict_on
from pipelines.models import Contact, Fact, Origin, Score
from pipelines.states import Stage, State
from worker.errors import PermanentError
from worker.ports import Terms
from worker.steps.lookups import Answer, look_up
from worker.steps.runtime import Runtime
from worker.store import contacts, due_lookups, scores, submissions

ASKED_AGAIN = "asked_again"
"""Event: a person had a contact enriched once more."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one source said of a contact."""

    source: str
    answer: Answer
    terms: Terms | None
    verdicts: Sequence[tuple[Fact, Verdict]]

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "from": answered_from(self),
            "asked_at": self.answer.asked_at.isoformat() if self.answer.asked_at else None,
            "problem": self.answer.problem or None,
            "findings": [
                {"field": fact.field, "value": fact.value, "confidence": fact.confidence, "verdict": verdict.value}
                for fact, verdict in self.verdicts
            ],
        }


def answered_from(said: Said) -> str:
    """`here`, `cache` or `source`; `nobody` where it did not answer."""
    if said.answer.problem:
        return "nobody"
    if said.terms is None:
        return "here"
    return "cache" if said.answer.asked_at else "source"


def explain_enrichment(runtime: Runtime, contact_id: str) -> list[Said]:
    """Ask the sources about a contact, those outside from the cache while its answers are good, and tell what each
    said and what became of it. The contact is left as it is. Raises `PermanentError` when there is none such."""
    with runtime.database.read() as tx:
        contact = _living(contacts.golden(tx, [contact_id]).get(contact_id), contact_id)
    now = runtime.clock()
    said = as_said(contact)
    found = look_up(runtime, {contact_id: said}, now)[contact_id]
    origin = Origin(source="", delivery="", submission="", stage=Stage.ENRICH, at=now)
    merged, _ = merge_facts(said, found.facts, origin, trusted=runtime.trusted_sources)
    return [
        Said(
            source=name,
            answer=answer,
            terms=runtime.fact_sources[name].terms,
            verdicts=[(fact, verdict_on(merged, fact, runtime.trusted_sources)) for fact in answer.facts],
        )
        for name, answer in found.answers.items()
    ]


def enrich_again(runtime: Runtime, contact_id: str) -> str:
    """Send the contact's newest submission through enrich and what follows once more; the id of its delivery.

    Raises `PermanentError` when there is no such contact, or none of its submissions is done.
    """
    with runtime.database.write() as tx:
        _living(contacts.golden(tx, [contact_id]).get(contact_id), contact_id)
        done = [row for row in submissions.listed(tx, contact_id=contact_id) if row["state"] == State.DONE]
        if not done:
            raise PermanentError(f"none of the submissions of {contact_id} is done; see portaria submissions list")
        newest = done[0]
        submissions.send_back(tx, newest["id"], Stage.ENRICH, why=ASKED_AGAIN, now=runtime.clock())
    return str(newest["delivery_id"])


def due_later(runtime: Runtime, contact_id: str) -> list[dict[str, Any]]:
    """The sources that did not answer about a contact and are asked again."""
    with runtime.database.read() as tx:
        waiting = due_lookups.of_contacts(tx, [contact_id])
    return [{"source": one.source, "reason": one.reason, "due_at": one.due_at.isoformat()} for one in waiting]


@dataclass(frozen=True, slots=True)
class ExplainedScore:
    """A score and the features that it was made of."""

    score: Score
    features: Mapping[str, Any]
    at: str


def explain_score(runtime: Runtime, contact_id: str) -> ExplainedScore:
    """The contact's newest score. Raises `PermanentError` when there is no such contact, or it has no score yet."""
    with runtime.database.read() as tx:
        _living(contacts.golden(tx, [contact_id]).get(contact_id), contact_id)
        made = scores.of_contact(tx, contact_id, limit=1)
        if made:
            newest = made[0]
            score = Score.model_validate_json(newest["score"])
            return ExplainedScore(score, json.loads(newest["features"]), newest["at"].isoformat())
        row = contacts.read(tx, contact_id)
    if row is None or not row["score"]:
        raise PermanentError(f"{contact_id} has no score yet; it gets one once its submission has come that far")
    return ExplainedScore(Score.model_validate_json(row["score"]), {}, row["updated_at"].isoformat())


def _living(golden: contacts.Golden | None, contact_id: str) -> Contact:
    if golden is None:
        raise PermanentError(f"there is no contact {contact_id}; `portaria contacts list` shows the newest")
    if golden.merged_into:
        raise PermanentError(f"{contact_id} was merged into {golden.merged_into}; name that one")
    return golden.contact
