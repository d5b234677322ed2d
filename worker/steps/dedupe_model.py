"""Which weights dedupe goes by: those that are shipped, or a version that was learned here."""

from __future__ import annotations

import json
import logging
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from pipelines.dedupe.weights import DEFAULT_MODEL, Model
from worker.errors import PermanentError
from worker.steps.runtime import Runtime
from worker.steps.views import View
from worker.store import dedupe_models
from worker.store.engine import Transaction

SHIPPED = DEFAULT_MODEL.version

log = logging.getLogger(__name__)


def model_in_force(tx: Transaction) -> Model:
    """The model that decisions of this transaction are made by.

    Asked for in each transaction, so that every worker goes by a new one at once. A version that this release cannot
    read (a level was renamed since) is told of in the log, and the shipped one is used.
    """
    version = dedupe_models.in_force(tx)
    if version is None or version.startswith("shipped"):
        return DEFAULT_MODEL
    known, model = _models.get(tx.engine, (None, DEFAULT_MODEL))
    return model if known == version else _read(tx, version)


def model_of(tx: Transaction, version: str) -> Model:
    """A version's model. Raises `PermanentError` when there is none such, or it cannot be read."""
    if version == SHIPPED:
        return DEFAULT_MODEL
    row = dedupe_models.read(tx, version)
    if row is None or row["model"] is None:
        raise PermanentError(f"there is no dedupe model {version}; `portaria dedupe model list` shows those there are")
    try:
        return Model.model_validate_json(row["model"])
    except ValidationError:
        raise PermanentError(f"dedupe model {version} is of another release: run `portaria dedupe train`") from None


def dedupe_model(runtime: Runtime, version: str = "") -> tuple[Model, View]:
    """A version (the one in force unless named), and the report of its training; {} of the shipped one.

    Raises `PermanentError` when there is no such version.
    """
    with runtime.database.read() as tx:
        model = model_of(tx, version) if version else model_in_force(tx)
        row = dedupe_models.read(tx, model.version)
    return model, json.loads(row["report"] or "{}") if row else {}


def dedupe_models_of(runtime: Runtime) -> list[View]:
    """Every version, the newest first, the shipped one last."""
    with runtime.database.read() as tx:
        rows = [row for row in dedupe_models.listed(tx) if not row["version"].startswith("shipped")]
        current = model_in_force(tx).version
    views: list[View] = [
        {
            "version": row["version"],
            "in_force": row["version"] == current,
            "at": row["at"].isoformat(),
            "by": row["by"],
            "tellings": json.loads(row["report"] or "{}").get("tellings"),
        }
        for row in rows
    ]
    return [*views, {"version": SHIPPED, "in_force": current == SHIPPED, "at": None, "by": None, "tellings": None}]


def use_dedupe_model(runtime: Runtime, version: str, *, by: str) -> None:
    """Take a version into use (`shipped`: the one that this release ships), from the next decision on.

    Raises `PermanentError` when it cannot be.
    """
    version = SHIPPED if version == "shipped" else version
    now = runtime.clock()
    with runtime.database.write() as tx:
        model_of(tx, version)
        if version == SHIPPED:
            dedupe_models.add(tx, SHIPPED, None, report="", by=by, now=now)
        dedupe_models.use(tx, version, now)


_models: WeakKeyDictionary[object, tuple[str, Model]] = WeakKeyDictionary()
"""The version read last from each database."""


def _read(tx: Transaction, version: str) -> Model:
    try:
        model = model_of(tx, version)
    except PermanentError as problem:
        log.warning("%s; until then the shipped model decides", problem)
        model = DEFAULT_MODEL
    _models[tx.engine] = version, model
    return model
