"""What agents look up, as plain objects: contacts, what may be their duplicates, scores, queues and models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pipelines.dedupe.explanation import explain
from pipelines.models import FIELDS, Decision, DecisionKind
from worker.errors import PermanentError
from worker.steps.dedupe_model import model_in_force
from worker.steps.doors import standing
from worker.steps.preview import kept_contact
from worker.steps.resolve import look_for
from worker.steps.reviewing import waiting_reviews
from worker.steps.runtime import Runtime
from worker.steps.views import View, contact_view, merge_view, origins_view, submission_details, submission_view
from worker.store import contacts, history, merges, submissions


def contact_of(runtime: Runtime, contact_id: str) -> View:
    """A contact whole: its values and where each came from, what told of it, its merges. Raises `PermanentError`."""
    with runtime.database.read() as tx:
        row = contacts.read(tx, contact_id)
        if row is None:
            raise PermanentError(f"there is no contact {contact_id[:60]!r}; find_duplicates finds people")
        told = [one["id"] for one in submissions.listed(tx, contact_id=contact_id)]
        journal = [
            merge_view({name: getattr(entry, name) for name in entry.__slots__})
            for entry in merges.of_contact(tx, contact_id)
        ]
    return {**contact_view(row), "told_by": told, "origins": origins_view(row), "merges": journal}


def score_of(runtime: Runtime, contact_id: str) -> View:
    """A contact's newest score with the contributions that sum to it. Raises `PermanentError`."""
    view = contact_of(runtime, contact_id)
    return {name: view[name] for name in ("id", "score", "temperature", "contributions", "score_model")}


def duplicates_of(runtime: Runtime, contact_id: str) -> View:
    """Who else a contact may be, with the evidence. Raises `PermanentError`."""
    golden = kept_contact(runtime, contact_id)
    return decision_view(runtime, look_for(runtime, golden.contact, itself=contact_id), detailed=True)


def decision_view(runtime: Runtime, decision: Decision, *, detailed: bool) -> View:
    """What dedupe says, with who each candidate is."""
    with runtime.database.read() as tx:
        names = contacts.names(tx, [one.contact_id for one in decision.evidence])
    kinds = {DecisionKind.NEW: "new", DecisionKind.MATCH: "match", DecisionKind.REVIEW: "review"}
    candidates = [
        {
            "contact": one.contact_id,
            "name": names.get(one.contact_id, ""),
            "probability": round(one.probability, 4),
            "vetoes": list(one.vetoes),
            **({"fields": [field.model_dump() for field in one.fields]} if detailed else {}),
        }
        for one in decision.evidence
    ]
    return {
        "decision": kinds[decision.kind],
        "contact": decision.contact_id,
        "probability": round(decision.probability, 4),
        "reason": decision.reason,
        "candidates": candidates,
        **({"explanation": explain(decision)} if detailed else {}),
    }


def submission_of(runtime: Runtime, submission_id: str) -> View:
    """A submission whole, with every move it made. Raises `PermanentError`."""
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission_id)
        if row is None:
            raise PermanentError(f"there is no submission {submission_id[:60]!r}; run_pipeline tells the ids it made")
        moves = history.of(tx, submission_id)
    told = [
        {key: str(each[key]) for key in ("at", "event", "before", "after", "reason", "by") if each[key]}
        for each in moves
    ]
    return {**submission_details(row), "history": told}


def submissions_of(runtime: Runtime, delivery_ids: Sequence[str]) -> list[View]:
    """The submissions of these deliveries, in their order."""
    with runtime.database.read() as tx:
        return [
            submission_view(row)
            for delivery in delivery_ids
            for row in submissions.listed(tx, delivery_id=delivery, limit=None)
        ]


def reviews_page(runtime: Runtime, *, limit: int, start: int = 0) -> tuple[list[View], bool]:
    """Reviews that wait, the most telling first, from the `start`th on; and whether there are more."""
    found = waiting_reviews(runtime, limit=start + limit + 1)
    return [review.view() for review in found[start : start + limit]], len(found) > start + limit


def newest_ids(runtime: Runtime, kind: str, prefix: str, *, limit: int = 100) -> list[str]:
    """Ids of contacts or submissions that begin so, the newest first: for completing what somebody types."""
    with runtime.database.read() as tx:
        listed = contacts.listed(tx, limit=limit) if kind == "contact" else submissions.listed(tx, limit=limit)
    return [row["id"] for row in listed if row["id"].startswith(prefix)]


def scoring_model(runtime: Runtime) -> View:
    """The rules by which contacts are scored."""
    model = runtime.scoring
    rules = model.model_dump(mode="json") if hasattr(model, "model_dump") else {}
    return {"version": model.version, **rules}


def dedupe_model(runtime: Runtime) -> View:
    """What agreement and disagreement of each field weigh, and the thresholds."""
    policy = {name: getattr(runtime.policy, name) for name in runtime.policy.__slots__}
    with runtime.database.read() as tx:
        model = model_in_force(tx)
    return {"policy": policy, **model.model_dump(mode="json", exclude={"calibration", "precision", "shares"})}


def contact_template(runtime: Runtime, source: str) -> View:
    """How contacts of a source are written: its kind, its mapping, and the standard fields there are."""
    _, settings = runtime.source(source)
    example = {"name": "", "email": "", "phone": "", "company": "", "job_title": "", "message": ""}
    return {
        "source": source,
        "kind": settings.kind,
        "mapping": dict(settings.mapping),
        "fields": list(FIELDS),
        "template": example,
    }


def source_names(runtime: Runtime) -> list[str]:
    """Names of all sources that portaria.toml names, and the agents' own."""
    return sorted({*runtime.settings.sources, "agent"})


def enrichment_sources(runtime: Runtime) -> list[View]:
    """The sources of facts that are asked, in their order."""
    return [
        {"name": name, "finds": sorted(source.fields), "asked_outside": source.terms is not None}
        for name, source in runtime.fact_sources.items()
    ]


def metrics(runtime: Runtime) -> View:
    """How many deliveries, submissions and contacts there are, by state."""
    now: Any = standing(runtime)
    return {
        "deliveries": dict(now.deliveries),
        "submissions": dict(now.submissions),
        "contacts": now.contacts,
    }


MOVES_AT_ONCE = 5000
"""Moves of the history that are looked at together; of more, the oldest are not told of."""


def moves_after(runtime: Runtime, number: int) -> list[tuple[int, str]]:
    """Number and subject of what happened beyond `number`, oldest first."""
    with runtime.database.read() as tx:
        return history.after(tx, number, limit=MOVES_AT_ONCE)


def with_contacts(runtime: Runtime, subjects: Collection[str]) -> set[str]:
    """These subjects, and the contacts that the submissions among them are of."""
    some = [subject for subject in subjects if subject.startswith("sub_")]
    with runtime.database.read() as tx:
        return {*subjects, *submissions.contact_ids(tx, some)}
