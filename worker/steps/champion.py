"""Which model scores now, and which one runs beside it in shadow; read anew for each batch, parsed when it changes."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.learning.learned import LearnedModel
from pipelines.scoring import ScoringModel
from worker.errors import PermanentError
from worker.steps.runtime import Runtime
from worker.store import models
from worker.store.engine import Transaction

_MOST_PARSED = 8
_parsed: dict[str, LearnedModel] = {}
"""Models by version: what has a version never changes."""


@dataclass(frozen=True, slots=True)
class InForce:
    champion: ScoringModel
    candidate: LearnedModel | None


def models_in_force(runtime: Runtime, tx: Transaction) -> InForce:
    """The model that scores contacts from now on, and the candidate where there is one."""
    standing = models.standing(tx)
    champion = runtime.scoring if standing.champion == models.RULES else learned_model(tx, standing.champion)
    return InForce(champion, learned_model(tx, standing.candidate) if standing.candidate else None)


def learned_model(tx: Transaction, version: str) -> LearnedModel:
    """A learned model by its version. Raises `PermanentError`."""
    if version not in _parsed:
        row = models.read(tx, version)
        if row is None:
            raise PermanentError(f"there is no model {version}; `portaria model list` shows them")
        if len(_parsed) >= _MOST_PARSED:
            _parsed.pop(next(iter(_parsed)))
        _parsed[version] = LearnedModel.model_validate_json(row["model"])
    return _parsed[version]
