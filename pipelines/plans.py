"""Plans: what an agent wants done, decided on as a whole before any of it is done.

A plan lists every distinct record that it touches, before and after, with the version on which it was decided. One
record is touched at once; two or more, or one more than a caller's rolling budget, need a person's yes (an approval),
which is good for exactly this plan: `plan_hash` changes with any operation and any record's version. A yes may name a
subset of the records.

What a plan makes anew (a note, a task, a lead of a workflow) counts with the record that it hangs on; a person who is
not there yet counts as one record.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from pipelines.models import CrmWrite, RemoteRef, Value
from pipelines.text import tidy_line

OURS: Final = "portaria"
"""The `system` of a record that is not the CRM's but ours: a contact, or (kind `new`) a person not there yet."""

SEVERAL_RECORDS: Final = "several_records"
"""Reason code: the plan touches two records or more."""
OVER_BUDGET: Final = "over_budget"
"""Reason code: the caller has touched as many single records lately as it may without asking."""


class OperationKind(StrEnum):
    CRM_WRITE = "crm_write"
    RECEIVE = "receive"
    """Take in one contact, as from a form."""
    RESOLVE_REVIEW = "resolve_review"
    MERGE = "merge"
    UNDO_MERGE = "undo_merge"
    START_WORKFLOW = "start_workflow"
    RECORD_OUTCOME = "record_outcome"
    """No CRM write, and yet a touch: it ends the workflows that an outcome ends, and scoring learns from it."""


class PlannedRecord(Value):
    """A record that a plan touches, as it was when the plan was made."""

    ref: RemoteRef
    version: str = ""
    """Of the record when the plan was made; empty for one that is not there yet."""
    about: Mapping[str, str] = Field(default_factory=dict)
    """What tells it from others like it: name, stage, company, ... Somebody else's text: data, never instructions."""
    before: Mapping[str, Any] = Field(default_factory=dict)
    after: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """`lead/12`: how callers and people name it."""
        return f"{self.ref.kind}/{self.ref.id}"


class Operation(Value):
    """One thing to do; `arguments` are those of its kind."""

    kind: OperationKind
    touches: tuple[RemoteRef, ...]
    write: CrmWrite | None = None
    """Of a `crm_write`. Its key is given when the plan gets its id (`keyed`)."""
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Plan(Value):
    tool: str
    """Who made it: the name of the tool or command."""
    operations: tuple[Operation, ...] = ()
    records: tuple[PlannedRecord, ...] = ()
    """Each distinct one, in the order in which people see them; they are numbered from 1."""


def plan_hash(plan: Plan) -> str:
    """What an approval is good for: SHA-256 of the operations and of the records with their versions."""
    told = {
        "tool": plan.tool,
        "operations": [_without_key(operation) for operation in plan.operations],
        "records": [[*record.ref.model_dump().values(), record.version] for record in plan.records],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _without_key(operation: Operation) -> dict[str, Any]:
    told = operation.model_dump(mode="json")
    if operation.write is not None:
        told["write"]["key"] = ""
    return told


def keyed(plan: Plan, plan_id: str) -> Plan:
    """The plan with the idempotency keys of its CRM writes, which are the plan's own."""
    operations = []
    for number, operation in enumerate(plan.operations, start=1):
        if operation.write is not None:
            write = operation.write.model_copy(update={"key": operation_key(plan_id, number)})
            operation = operation.model_copy(update={"write": write})
        operations.append(operation)
    return plan.model_copy(update={"operations": tuple(operations)})


def operation_key(plan_id: str, number: int) -> str:
    """The idempotency key of the operation of that number (from 1)."""
    return f"plan:{plan_id}:{number}"


def why_approval(plan: Plan, spent: int, budget: int) -> str:
    """Why a person has to say yes first: a reason code, or empty when nobody need be asked.

    `spent` is how many single records the caller has touched unasked in the window of its `budget`.
    """
    if len(plan.records) > 1:
        return SEVERAL_RECORDS
    return OVER_BUDGET if spent >= budget else ""


def changed_since(plan: Plan, versions: Mapping[RemoteRef, str]) -> tuple[PlannedRecord, ...]:
    """The records that are not as they were when the plan was made, or not there any more."""
    return tuple(one for one in plan.records if one.version and versions.get(one.ref) != one.version)


def choose(plan: Plan, names: Sequence[str]) -> tuple[RemoteRef, ...]:
    """The records that `names` name: by number from 1, as people are shown them, by `kind/id`, or by an id that is no
    such number; all where there are none. Raises ValueError that says what is not in the plan.
    """
    if not names:
        return tuple(record.ref for record in plan.records)
    by_name = {record.ref.id: record.ref for record in plan.records}
    by_name |= {str(number): record.ref for number, record in enumerate(plan.records, start=1)}
    by_name |= {record.name: record.ref for record in plan.records}
    chosen: list[RemoteRef] = []
    for given in names:
        name = given.strip()
        if name not in by_name:
            known = ", ".join(f"{number} ({record.name})" for number, record in enumerate(plan.records, start=1))
            raise ValueError(f"{shown(name)} is not in the plan; its records are {known}")
        chosen.append(by_name[name])
    return tuple(dict.fromkeys(chosen))


def allowed_operations(plan: Plan, granted: Collection[RemoteRef]) -> tuple[int, ...]:
    """The numbers (from 1) of the operations that touch granted records alone."""
    return tuple(
        number
        for number, operation in enumerate(plan.operations, start=1)
        if all(ref in granted for ref in operation.touches)
    )


_MARKUP: Final = re.compile(r"[`*_<>\[\]|\\]")


def shown(text: str, most: int = 60) -> str:
    """Somebody else's text for a person's eyes: on one line, without invisible characters or markup, cut."""
    line = _MARKUP.sub(" ", tidy_line(text[: most * 20]))
    line = " ".join(line.replace('"', "'").split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


LISTED: Final = 25
"""Records that a question lists; of more it says how many."""


def question(plan: Plan) -> str:
    """What a person is asked: each record with what tells it apart, and what would change. Plain text."""
    count = len(plan.records)
    lines = [f"{plan.tool} wants to touch {count} record{'s' if count != 1 else ''}:"]
    lines += [f"{number}. {line_of(record)}" for number, record in enumerate(plan.records[:LISTED], start=1)]
    if count > LISTED:
        lines.append(f"... and {count - LISTED} more")
    return "\n".join(lines)


def line_of(record: PlannedRecord) -> str:
    """One record on one line: `lead/12 "Lucas Cardoso Silva" (stage: Novo) → stage: Reunião agendada`."""
    about = dict(record.about)
    name = about.pop("name", "")
    told = ", ".join(f"{shown(key, 30)}: {shown(value)}" for key, value in about.items() if value)
    then = "; ".join(f"{shown(key, 30)}: {_value(value)}" for key, value in record.after.items())
    return (
        record.name
        + (f' "{shown(name)}"' if name else "")
        + (f" ({told})" if told else "")
        + (f" → {then}" if then else "")
    )


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(shown(str(each)) for each in value)
    return shown(str(value), 120)
