"""Trigger: which workflows a score and the rules start, and what each of them does.

Rules are looked at in their order; the first that matches ends it, unless it says `stop = false`. Keys are made of the
workflow and the submission, so that starting the same again is the same start.

A workflow that has started for a contact does not start again within the cool-down, unless the contact has become
warmer: one person through two doors at one instant is one task for the seller. Neither does, in that time, a workflow
for a colder temperature than one already started at: who adds "and my phone is ..." to a hot enquiry has not become a
warm lead. After the cool-down a returning contact starts workflows as a new one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pipelines.crm_fields import contact_fields
from pipelines.models import (
    Contact,
    CrmWrite,
    DecisionKind,
    Moment,
    Notification,
    RemoteRef,
    Score,
    Temperature,
    Trigger,
    Value,
    WriteKind,
)
from pipelines.reasons import best_and_worst, reasons_text
from pipelines.workflow_rules import WorkflowRule

COOL_DOWN: Final = 24 * 3600.0
"""Seconds for which a workflow does not start again for the same contact."""

WORKFLOW_STARTED: Final = "workflow.started"
"""`type` of a notification's payload, as Standard Webhooks recommends payloads to be: type, timestamp, data."""

LONGEST_MESSAGE: Final = 4000
"""Characters of the message that a notification carries: Standard Webhooks advises payloads below 20 kB."""

_WARMTH: Final = {Temperature.COLD: 0, Temperature.WARM: 1, Temperature.HOT: 2}


def is_warmer(one: Temperature, other: Temperature) -> bool:
    """Whether `one` is warmer than `other`."""
    return _WARMTH[one] > _WARMTH[other]


class RecentTrigger(Value):
    """A workflow that has started for this contact, for another submission."""

    workflow: str
    temperature: Temperature
    at: Moment


class Standing(StrEnum):
    """What becomes of a rule."""

    STARTS = "starts"
    NO_MATCH = "no_match"
    """One of its conditions is not true."""
    COOLING_DOWN = "cooling_down"
    """It matches, but the contact was served within the cool-down."""
    NOT_REACHED = "not_reached"
    """A rule before it matched and ended the search."""


class Verdict(NamedTuple):
    rule: WorkflowRule
    standing: Standing
    reason: str
    """Why, in a few words, without personal data."""


def judge_rules(
    contact: Contact,
    score: Score,
    decision_kind: DecisionKind,
    source: str,
    rules: Sequence[WorkflowRule],
    *,
    recent: Sequence[RecentTrigger],
    now: datetime,
    cool_down: float = COOL_DOWN,
) -> tuple[Verdict, ...]:
    """What becomes of each rule, in their order, and why; nothing is started by asking."""
    lately = [one for one in recent if now - one.at < timedelta(seconds=cool_down)]
    verdicts = []
    ended_by = ""
    for rule in rules:
        if ended_by:
            verdicts.append(Verdict(rule, Standing.NOT_REACHED, f"{ended_by} matched before"))
            continue
        if unmet := rule.when.unmet(contact, score, decision_kind, source):
            verdicts.append(Verdict(rule, Standing.NO_MATCH, unmet))
            continue
        if cooling := _cooling(rule, score.temperature, lately):
            verdicts.append(Verdict(rule, Standing.COOLING_DOWN, cooling))
        else:
            reason = f"score {score.value} ({score.temperature}), {decision_kind} contact from {source}"
            verdicts.append(Verdict(rule, Standing.STARTS, reason))
        ended_by = rule.name if rule.stop else ""
    return tuple(verdicts)


def _cooling(rule: WorkflowRule, temperature: Temperature, lately: Sequence[RecentTrigger]) -> str:
    """Why the rule has to wait although it matches; empty when it need not."""
    for one in lately:
        if one.workflow == rule.name and _WARMTH[one.temperature] >= _WARMTH[temperature]:
            return f"started at {one.at:%Y-%m-%d %H:%M %Z} already, and no warmer since"
        if rule.when.temperature and _WARMTH[one.temperature] > _WARMTH[temperature]:
            return f"{one.workflow} started at {one.at:%Y-%m-%d %H:%M %Z} while the contact was {one.temperature}"
    return ""


def start_workflows(
    contact_id: str,
    contact: Contact,
    score: Score,
    decision_kind: DecisionKind,
    source: str,
    submission_id: str,
    rules: Sequence[WorkflowRule],
    *,
    crm_contact: RemoteRef,
    recent: Sequence[RecentTrigger],
    now: datetime,
    cool_down: float = COOL_DOWN,
) -> tuple[Trigger, ...]:
    """The workflows that start for this submission, with all they write and send.

    `recent` are the workflows started for the contact by other submissions within `cool_down` seconds (older ones do
    no harm). Nothing starts while a person has still to review who it is.
    """
    if decision_kind is DecisionKind.REVIEW:
        return ()
    verdicts = judge_rules(
        contact, score, decision_kind, source, rules, recent=recent, now=now, cool_down=cool_down
    )  # fmt: skip
    start = _Start(contact_id, contact, score, decision_kind, source, submission_id, crm_contact, now)
    return tuple(
        start.trigger(verdict) for verdict in verdicts if verdict.standing is Standing.STARTS and verdict.rule.acts
    )


class _Start(NamedTuple):
    """All that the actions of one submission's workflows are made of."""

    contact_id: str
    contact: Contact
    score: Score
    decision_kind: DecisionKind
    source: str
    submission_id: str
    crm_contact: RemoteRef
    now: datetime

    def trigger(self, verdict: Verdict) -> Trigger:
        rule = verdict.rule
        key = f"trigger:{rule.name}:{self.submission_id}"
        writes = []
        if rule.lead:
            writes.append(self._write(key, "lead", WriteKind.CREATE_LEAD, self.crm_contact, **self._lead()))
        if rule.task:
            due_at = self.now + timedelta(minutes=rule.task.due_in)
            target = None if rule.lead else self.crm_contact  # the lead is not there yet
            fields = {"text": rule.task.text, "due_at": due_at.isoformat()}
            writes.append(self._write(key, "task", WriteKind.CREATE_TASK, target, **fields))
        if rule.note:
            text = f"Workflow {rule.name}: {verdict.reason}\n{reasons_text(self.score)}"
            writes.append(self._write(key, "note", WriteKind.ADD_NOTE, self.crm_contact, text=text))
        if rule.tags:
            tags = list(dict.fromkeys(rule.tags))
            writes.append(self._write(key, "tags", WriteKind.ADD_TAGS, self.crm_contact, tags=tags))
        return Trigger(
            key=key,
            workflow=rule.name,
            reason=verdict.reason,
            writes=tuple(writes),
            notifications=tuple(
                Notification(key=f"{key}:notify:{sink}", sink=sink, payload=self._payload(rule.name, verdict.reason))
                for sink in dict.fromkeys(rule.notify)
            ),
        )

    def _write(self, key: str, what: str, kind: WriteKind, target: RemoteRef | None, **fields: Any) -> CrmWrite:
        return CrmWrite(key=f"{key}:{what}", kind=kind, contact_id=self.contact_id, target=target, fields=fields)

    def _lead(self) -> dict[str, Any]:
        called = self.contact.name.full or self.contact.company or "Lead"
        score, temperature = self.score.value, self.score.temperature.value
        return {"name": f"{called} ({self.source})", "score": score, "temperature": temperature, "source": self.source}

    def _payload(self, workflow: str, reason: str) -> dict[str, Any]:
        best, worst = best_and_worst(self.score)
        return {
            "type": WORKFLOW_STARTED,
            "timestamp": self.now.isoformat(),
            "data": {
                "workflow": workflow,
                "reason": reason,
                "contact_id": self.contact_id,
                "submission_id": self.submission_id,
                "source": self.source,
                "decision": self.decision_kind.value,
                "score": self.score.value,
                "temperature": self.score.temperature.value,
                "reasons": [part.model_dump() for part in (*best, *worst)],
                "contact": contact_fields(self.contact),
                "message": self.contact.message[:LONGEST_MESSAGE],
                "crm": self.crm_contact.model_dump(),
            },
        }
