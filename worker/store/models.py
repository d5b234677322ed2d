"""Learned models, which one is in force, what a candidate gives in shadow, and what was found of drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipelines.learning.drift import Drift
from pipelines.learning.learned import LearnedModel
from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction, insert_new, rows

table = tables.learned_models
deployments = tables.model_deployments
shadows = tables.shadow_scores
checks = tables.model_checks

RULES = ""
"""The version of the rules of portaria.toml among the deployments."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Versions of the model in force (`RULES`: none that was learned) and of the candidate (empty: none)."""

    champion: str
    candidate: str


def standing(tx: Transaction) -> Standing:
    """What is in force and what runs in shadow: the newest model, unless it was deployed before."""
    champion = _newest_deployment(tx)
    newest = tx.execute(sa.select(table.c.version).order_by(table.c.trained_at.desc(), table.c.version).limit(1))
    candidate = newest.scalar() or ""
    deployed = sa.select(deployments.c.no).where(deployments.c.version == candidate).limit(1)
    if candidate and tx.execute(deployed).first() is not None:
        candidate = ""
    return Standing(champion.version if champion else RULES, candidate)


def _newest_deployment(tx: Transaction) -> Any:
    return tx.execute(sa.select(deployments).order_by(deployments.c.no.desc()).limit(1)).first()


def add(tx: Transaction, model: LearnedModel, training: str, *, by: str, now: datetime) -> bool:
    """Keep a model; whether it is new. One that was trained before becomes the newest again."""
    values = {"version": model.version, "model": model.model_dump_json(), "training": training, "by": by}
    if insert_new(tx, table, {**values, "trained_at": now}):
        return True
    tx.execute(sa.update(table).where(table.c.version == model.version).values(trained_at=now, training=training))
    return False


def read(tx: Transaction, version: str) -> dict[str, Any] | None:
    """A model's row: `version`, `model` and `training` (JSON), `trained_at`, `by`."""
    found = rows(tx.execute(sa.select(table).where(table.c.version == version)))
    return found[0] if found else None


def listed(tx: Transaction, *, limit: int = 50) -> list[dict[str, Any]]:
    """The newest trained first."""
    return rows(tx.execute(sa.select(table).order_by(table.c.trained_at.desc(), table.c.version).limit(limit)))


def deploy(tx: Transaction, version: str, *, by: str, why: str, now: datetime, is_rollback: bool = False) -> str:
    """Have contacts scored by this model from now on; the version that it replaces."""
    before = _newest_deployment(tx)
    replaced = before.version if before else RULES
    values = {
        "version": version, "replaced": replaced, "is_rollback": is_rollback, "by": by, "why": why, "at": now,
    }  # fmt: skip
    tx.execute(sa.insert(deployments).values(values))
    return replaced


def before(tx: Transaction, version: str) -> str | None:
    """What was in force before this version was last deployed; None when it never was."""
    wanted = (deployments.c.version == version, deployments.c.is_rollback.is_(False))
    statement = sa.select(deployments.c.replaced).where(*wanted).order_by(deployments.c.no.desc()).limit(1)
    return tx.execute(statement).scalar()


def history(tx: Transaction) -> list[dict[str, Any]]:
    """Every deployment and rollback, newest first."""
    return rows(tx.execute(sa.select(deployments).order_by(deployments.c.no.desc())))


@dataclass(frozen=True, slots=True)
class ShadowScore:
    """What a candidate gives beside the score that was given."""

    submission_id: str
    model: str
    value: int
    champion: int


def add_shadows(tx: Transaction, new: Sequence[ShadowScore], now: datetime) -> None:
    """Keep what a candidate gave; the first of each submission."""
    values = [
        {
            "submission_id": one.submission_id,
            "model": one.model,
            "value": one.value,
            "champion": one.champion,
            "at": now,
        }
        for one in new
    ]
    insert_ignoring(tx, shadows, values)


@dataclass(frozen=True, slots=True)
class Shadow:
    """A candidate beside the champion, on the submissions that both scored."""

    submissions: int
    mean_difference: float
    """Candidate less champion, points."""
    hot: int
    champion_hot: int


def shadow_of(tx: Transaction, version: str, *, hot: int, champion_hot: int) -> Shadow:
    """What a model did in shadow; `hot` and `champion_hot` are from where each is hot."""
    statement = sa.select(
        sa.func.count(),
        sa.func.avg(shadows.c.value - shadows.c.champion),
        sa.func.count(sa.case((shadows.c.value >= hot, 1))),
        sa.func.count(sa.case((shadows.c.champion >= champion_hot, 1))),
    ).where(shadows.c.model == version)
    count, difference, were_hot, theirs = tx.execute(statement).one()
    return Shadow(count, float(difference or 0), were_hot, theirs)


def add_check(tx: Transaction, drift: Drift, now: datetime) -> None:
    """Keep what was found of drift."""
    values = {"model": drift.model, "drift": drift.model_dump_json(), "alarms": len(drift.alarms), "at": now}
    tx.execute(sa.insert(checks).values(values))


def last_check(tx: Transaction) -> tuple[Drift, datetime] | None:
    """The newest drift that was looked at, and when."""
    found = tx.execute(sa.select(checks.c.drift, checks.c.at).order_by(checks.c.no.desc()).limit(1)).first()
    return (Drift.model_validate_json(found.drift), found.at) if found else None
