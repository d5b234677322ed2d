"""What an account has: custom fields, pipelines with their stages, users; by id, by code, or by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pipelines.text import fold
from worker.errors import PermanentError, TransientError
from worker.kommo.answers import FORBIDDEN, MEND_SECONDS
from worker.kommo.client import KommoClient

T = TypeVar("T")

NO_PIPELINE: Final = "kommo_no_pipeline"
"""Reason code: the account has no such pipeline or stage (any more). Mend `[crm]` or the workflow, or bring it back."""
NO_USER: Final = "kommo_no_user"
"""Reason code: the account has no such user. Mend `responsible`."""

FRESH_SECONDS: Final = 600.0
"""How long what was read is believed."""


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field."""

    id: int
    name: str
    code: str
    type: str
    """`text`, `select`, `multitext`, `date`, ..."""
    choices: Mapping[str, int]
    """Folded text of each option → its enum id."""


@dataclass(frozen=True, slots=True)
class Stage:
    id: int
    name: str
    is_incoming: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: int
    name: str
    is_main: bool
    stages: Sequence[Stage]


class Directory:
    """Reads the account's lists when they are first needed, and again when they are old or were wrong."""

    def __init__(self, client: KommoClient, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Any]] = {}
        self._refused: set[tuple[str, int]] = set()

    def fields(self, entity: str) -> Sequence[Field]:
        """The custom fields of contacts, leads or companies."""
        return self._fresh(f"fields {entity}", lambda: self._read_fields(entity))

    def field(self, entity: str, named: int | str) -> Field | None:
        """The field of this id, code or name; None when there is none that takes values."""
        found = _named(self.fields(entity), named)
        return None if found is None or (entity, found.id) in self._refused else found

    def refuse(self, entity: str, field: int) -> None:
        """Kommo does not take this field, whatever the list says: leave it out from now on."""
        self._refused.add((entity, field))

    def forget(self) -> None:
        """Something was not as it was read: read it anew when it is needed next."""
        self._kept.clear()

    def place(self, pipeline: int | str, stage: int | str) -> dict[str, int]:
        """`pipeline_id` and `status_id` of a lead, as far as they are named. Raises `TransientError` (`NO_PIPELINE`): a
        person has to mend something."""
        if not pipeline and not stage:
            return {}
        pipelines = self._fresh("pipelines", self._read_pipelines)
        if pipeline:
            found = _named(pipelines, pipeline)
            if found is None:
                raise _to_mend(f"the Kommo account has no pipeline {pipeline!r}", NO_PIPELINE)
            if not stage:
                return {"pipeline_id": found.id}
            among = [found]
        else:
            among = sorted(pipelines, key=lambda one: not one.is_main)
        for one in among:
            if (step := _named(one.stages, stage)) is not None:
                return {"pipeline_id": one.id, "status_id": step.id}
        where = f"pipeline {pipeline!r}" if pipeline else "pipeline"
        raise _to_mend(
            f"the Kommo account has no stage {stage!r} in {'its ' if pipeline else 'any '}{where}", NO_PIPELINE
        )

    def is_incoming(self, status_id: int) -> bool:
        """Whether a lead of this stage still waits to be accepted."""
        pipelines: Sequence[Pipeline] = self._fresh("pipelines", self._read_pipelines)
        return any(stage.id == status_id and stage.is_incoming for one in pipelines for stage in one.stages)

    def stage_names(self, status_id: int, pipeline_id: int) -> tuple[str, str]:
        """Names of a pipeline and its stage; empty where they are not known."""
        pipelines: Sequence[Pipeline] = self._fresh("pipelines", self._read_pipelines)
        for one in pipelines:
            if one.id == pipeline_id:
                return one.name, next((stage.name for stage in one.stages if stage.id == status_id), "")
        return "", ""

    def user(self, named: int | str) -> int:
        """The id of a user. Raises `TransientError` (`NO_USER`)."""
        if str(named).isdigit():
            return int(named)
        try:
            users = self._fresh("users", self._read_users)
        except PermanentError as problem:
            raise _to_mend(f"users cannot be read by name ({problem}): write the user's id", NO_USER) from None
        except TransientError as problem:
            if problem.code != FORBIDDEN:
                raise
            raise _to_mend("the token may not read users: write the responsible user's id", NO_USER) from None
        found = next((number for number, names in users.items() if fold(str(named)) in names), None)
        if found is None:
            raise _to_mend(f"the Kommo account has no user {named!r}", NO_USER)
        return found

    def _fresh(self, name: str, read: Callable[[], T]) -> T:
        at, value = self._kept.get(name, (0.0, None))
        if value is None or self._monotonic() - at > FRESH_SECONDS:
            value = read()
            self._kept[name] = (self._monotonic(), value)
        return value  # type: ignore[no-any-return]

    def _read_fields(self, entity: str) -> Sequence[Field]:
        return [
            Field(
                int(one["id"]),
                str(one.get("name") or ""),
                str(one.get("code") or ""),
                str(one.get("type") or "text"),
                {fold(str(enum["value"])): int(enum["id"]) for enum in one.get("enums") or ()},
            )
            for _, page in self._client.pages(f"{entity}/custom_fields")
            for one in page
        ]

    def _read_pipelines(self) -> Sequence[Pipeline]:
        said = self._client.get("leads/pipelines") or {}
        return [
            Pipeline(
                int(one["id"]),
                str(one["name"]),
                bool(one.get("is_main")),
                [
                    Stage(int(each["id"]), str(each["name"]), each.get("type") == 1)
                    for each in one.get("_embedded", {}).get("statuses", ())
                ],
            )
            for one in said.get("_embedded", {}).get("pipelines", ())
            if not one.get("is_archive")
        ]

    def _read_users(self) -> Mapping[int, set[str]]:
        return {
            int(one["id"]): {fold(str(one.get("name", ""))), fold(str(one.get("email", "")))}
            for _, page in self._client.pages("users")
            for one in page
        }


N = TypeVar("N", Field, Stage, Pipeline)


def _named(among: Iterable[N], named: int | str) -> N | None:
    """The one of this id, else of this code, else of this name whatever its capitals and accents."""
    some = list(among)
    if str(named).isdigit() and (found := next((one for one in some if one.id == int(named)), None)):
        return found
    wanted = fold(str(named))
    by_code = (one for one in some if isinstance(one, Field) and one.code and fold(one.code) == wanted)
    return next(by_code, None) or next((one for one in some if fold(one.name) == wanted), None)


def _to_mend(message: str, code: str) -> TransientError:
    return TransientError(message, code=code, retry_after=MEND_SECONDS)
