"""Experiments on workflows: who got which variant, and what they came to since."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from pipelines.experiments import Subject
from pipelines.lead_outcomes import Outcome
from worker import tables
from worker.store import workflows
from worker.store.engine import Transaction

runs = tables.workflow_runs


def subjects(tx: Transaction, workflow: str, *, reply_sources: Collection[str] | None = None) -> list[Subject]:
    """Each contact once, by its first run in the experiment. What is counted: a reply through one of `reply_sources`,
    or, without them, a lead that was won."""
    of_it = (runs.c.workflow == workflow, runs.c.variant != "")
    statement = sa.select(runs.c.contact_id, runs.c.variant, runs.c.started_at).where(*of_it)
    first: dict[str, tuple[str, datetime]] = {}
    for row in tx.execute(statement.order_by(runs.c.started_at, runs.c.id)):
        first.setdefault(row.contact_id, (row.variant, row.started_at))
    came: dict[str, datetime] = {}
    for contact_id, at in (
        _won(tx, sorted(first)) if reply_sources is None else _replies(tx, of_it, sorted(reply_sources))
    ):
        if at > first[contact_id][1]:
            came[contact_id] = min(at, came.get(contact_id, at))
    return [Subject(variant, since, came.get(contact_id)) for contact_id, (variant, since) in first.items()]


def _won(tx: Transaction, contact_ids: list[str]) -> list[tuple[str, datetime]]:
    told = workflows.outcomes(tx, contact_ids)
    return [(contact_id, at) for contact_id, outcome, at in told if outcome == Outcome.WON]


def _replies(
    tx: Transaction, of_it: tuple[sa.ColumnElement[bool], ...], sources: list[str]
) -> list[tuple[str, datetime]]:
    told = tables.submissions
    wrote = sa.select(told.c.contact_id, told.c.received_at).where(
        told.c.contact_id.in_(sa.select(runs.c.contact_id).where(*of_it)), told.c.source.in_(sources)
    )
    return [(row.contact_id, row.received_at) for row in tx.execute(wrote)]
