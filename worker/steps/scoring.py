"""The score stage: features as they are now, what the model makes of them, and both kept for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from pipelines.learning.learned import LearnedModel
from pipelines.models import DecisionKind, Fact
from pipelines.score import score_features
from pipelines.scoring import Features
from pipelines.scoring_features import read_features
from pipelines.states import Stage
from worker.steps import claims
from worker.steps.champion import models_in_force
from worker.steps.claims import Report
from worker.steps.runtime import Runtime
from worker.store import contacts, models, scores, submissions
from worker.store.contacts import Golden
from worker.store.models import ShadowScore
from worker.store.scores import NewScore
from worker.store.submissions import Claimed, Outcome

FACTS = TypeAdapter(tuple[Fact, ...])


def score(runtime: Runtime, ids: Sequence[str]) -> Report:
    """0 to 100, with the reasons that sum to it; the contact keeps its newest."""
    with claims.claimed(runtime, Stage.SCORE, ids) as claimed:
        return _score(runtime, claimed)


def _score(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    with runtime.database.read() as tx:
        golden = contacts.golden(tx, [item.contact_id for item in claimed if item.contact_id])
        in_force = models_in_force(runtime, tx)
    made: dict[str, NewScore] = {}

    def work(item: Claimed) -> Outcome:
        known = golden[item.contact_id or ""]
        features = features_of(runtime, item, known, now)
        scored = score_features(features, in_force.champion)
        made[item.id] = NewScore(item.id, known.id, scored, features)
        return submissions.reached(item, due_at=claims.next_look(runtime, now), score=scored.model_dump_json())

    outcomes = [claims.attempt(runtime, item, now, work) for item in claimed]
    with runtime.database.write() as tx:
        saved = submissions.save(tx, outcomes, now=now, by=runtime.owner)
        kept = [made[one.claimed.id] for one in saved if one.claimed.id in made]
        scores.add(tx, kept, now)
        contacts.set_scores(tx, {one.contact_id: one.score.model_dump_json() for one in kept}, now)
        if in_force.candidate is not None:
            models.add_shadows(tx, [_in_shadow(one, in_force.candidate) for one in kept], now)
    return claims.report(Stage.SCORE, saved, len(claimed))


def _in_shadow(given: NewScore, candidate: LearnedModel) -> ShadowScore:
    """What the candidate gives, beside what was given."""
    value = score_features(given.features, candidate).value
    return ShadowScore(given.submission_id, candidate.version, value, given.score.value)


def features_of(runtime: Runtime, item: Claimed, known: Golden, now: datetime) -> Features:
    """What any model is given to score a submission by."""
    return read_features(
        known.contact,
        FACTS.validate_json(item.facts or "[]"),
        DecisionKind(item.decision or DecisionKind.NEW),
        item.source,
        now=now,
        arrivals=known.arrivals,
        competitors=runtime.competitors,
    )
