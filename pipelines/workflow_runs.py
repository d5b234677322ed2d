"""The runs of workflows: what each step does, when it is due, and what ends a run early.

A run is one start of one workflow for one contact, with the steps as they were when it started. Its keys are made of
its id, the step and the round (how often a person had it run again), so that doing a step again is doing the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from pipelines.business_time import Calendar
from pipelines.crm_fields import contact_fields
from pipelines.models import (
    Contact,
    CrmWrite,
    DecisionKind,
    Moment,
    Notification,
    RemoteRef,
    Score,
    Value,
    WriteKind,
)
from pipelines.reasons import best_and_worst, reasons_text
from pipelines.templates import MailTemplate, context_of, render_mail, render_text
from pipelines.workflow_rules import STOP_ON, StopReason
from pipelines.workflow_steps import Step

WORKFLOW_STARTED: Final = "workflow.started"
WORKFLOW_STEP: Final = "workflow.step"
"""`type` of a notification's payload at the first step and at later ones, as Standard Webhooks recommends payloads to
be: type, timestamp, data."""
MAIL: Final = "mail"
"""`type` of the payload of a mail to the contact: recipient, subject, text, html."""

LONGEST_MESSAGE: Final = 4000
"""Characters of the message that a notification carries: Standard Webhooks advises payloads below 20 kB."""


class Run(Value):
    """A workflow that a score and rules started for a contact, recorded before any of it is done."""

    id: str
    """Made of the submission and the workflow: one start of one workflow for one submission."""
    workflow: str
    reason: str
    """Why it started, in a few words, without personal data."""
    contact_id: str
    submission_id: str
    source: str
    decision: DecisionKind
    score: Score
    steps: tuple[Step, ...]
    stop_on: tuple[StopReason, ...] = STOP_ON
    is_bound_to_warmth: bool = False
    """Over for a contact that has become warmer."""
    variant: str = ""
    """Of the workflow's experiment."""
    seller: str = ""
    """Who of `[sellers]` is responsible."""
    started_at: Moment

    @property
    def needs_seller(self) -> bool:
        """Whether any step makes something that somebody is responsible for."""
        return any(step.needs_seller for step in self.steps)


class Effects(Value):
    """What one step does: recorded before any of it is done."""

    writes: tuple[CrmWrite, ...] = ()
    notifications: tuple[Notification, ...] = ()
    left_out: tuple[str, ...] = ()
    """What it does not do for this contact, and why, without personal data."""


class Events(Value):
    """What has happened to a contact, for its runs to look at: when last, or None."""

    reply: Moment | None = None
    won: Moment | None = None
    lost: Moment | None = None
    opt_out: Moment | None = None


def stopped_by(run: Run, events: Events) -> StopReason | None:
    """What of `events` ends the run: the first of `STOP_ON` that the run listens to and that came after its start."""
    for reason in run.stop_on:
        at: datetime | None = getattr(events, reason)
        if at is not None and at > run.started_at:
            return reason
    return None


def due_times(steps: tuple[Step, ...], start: datetime, calendar: Calendar) -> list[datetime]:
    """When each step is due where each is done at once when it is due."""
    times = []
    for step in steps:
        start = step.due_at(start, calendar)
        times.append(start)
    return times


class Setting(NamedTuple):
    """All that a step's effects are made of, besides the run."""

    contact: Contact
    record: RemoteRef
    """The contact's record in the CRM."""
    lead: RemoteRef | None
    """The lead that this run made, else the contact's newest one."""
    responsible: str
    """The seller, as the CRM knows them."""
    templates: Mapping[str, MailTemplate]
    unsubscribe_url: Callable[[str, str], str]
    """Of a sink and an address."""
    opted_out: bool
    """The contact wants no mail."""
    calendar: Calendar
    now: datetime


def effects_of(run: Run, position: int, round_: int, setting: Setting) -> Effects:
    """What step `position` of the run does, the `round_`-th time (0 the first). Raises ValueError where a template
    cannot be filled in, never with a value."""
    return _Step(run, position, f"{run.id}:{position}" + (f":{round_}" if round_ else ""), setting).effects()


class _Step(NamedTuple):
    run: Run
    position: int
    key: str
    setting: Setting

    def effects(self) -> Effects:
        step, left_out = self.run.steps[self.position], []
        record, lead = self.setting.record, self.setting.lead
        writes = []
        if step.lead:
            writes.append(self._write("lead", WriteKind.CREATE_LEAD, record, **self._lead(step)))
        if step.move:
            fields = {"stage": step.move.stage} | ({"pipeline": step.move.pipeline} if step.move.pipeline else {})
            if lead is None:
                left_out.append("move: the contact has no lead")
            else:
                writes.append(self._write("move", WriteKind.UPDATE_LEAD, lead, **fields))
        if step.task:
            # The lead that this very step makes is not there yet: whoever makes the calls fills it in.
            target = None if step.lead else lead or record
            due_at = self.setting.calendar.after(self.setting.now, step.task.due_in)
            fields = {"text": self._text(step.task.text), "due_at": due_at.isoformat(), **self._responsible()}
            writes.append(self._write("task", WriteKind.CREATE_TASK, target, **fields))
        if step.note:
            told = f"Workflow {self.run.workflow}: {self.run.reason}\n{reasons_text(self.run.score)}"
            text = told if step.note is True else self._text(step.note)
            writes.append(self._write("note", WriteKind.ADD_NOTE, record, text=text))
        if step.tags:
            tags = list(dict.fromkeys(step.tags))
            writes.append(self._write("tags", WriteKind.ADD_TAGS, record, tags=tags))
        notifications = [
            Notification(key=f"{self.key}:notify:{sink}", sink=sink, payload=self._payload())
            for sink in dict.fromkeys(step.notify)
        ]
        if step.mail:
            if why := self._no_mail(step):
                left_out.append(f"mail: {why}")
            else:
                notifications.append(self._mail(step))
        return Effects(writes=tuple(writes), notifications=tuple(notifications), left_out=tuple(left_out))

    def _write(self, what: str, kind: WriteKind, target: RemoteRef | None, **fields: Any) -> CrmWrite:
        key = f"{self.key}:{what}"
        return CrmWrite(key=key, kind=kind, contact_id=self.run.contact_id, target=target, fields=fields)

    def _responsible(self) -> dict[str, str]:
        return {"responsible": self.setting.responsible} if self.setting.responsible else {}

    def _lead(self, step: Step) -> dict[str, Any]:
        assert step.lead
        contact, score = self.setting.contact, self.run.score
        called = contact.name.full or contact.company or "Lead"
        fields = {"name": f"{called} ({self.run.source})", "score": score.value}
        fields |= {"temperature": score.temperature.value, "source": self.run.source}
        return fields | {name: text for name, text in step.lead.model_dump().items() if text} | self._responsible()

    def _text(self, text: str) -> str:
        return render_text(text, self._context())

    def _context(self, unsubscribe_url: str = "") -> Mapping[str, Any]:
        return context_of(
            self.setting.contact,
            self.run.score,
            source=self.run.source,
            workflow=self.run.workflow,
            seller=self.run.seller,
            unsubscribe_url=unsubscribe_url,
        )

    def _no_mail(self, step: Step) -> str:
        """Why the contact gets no mail; empty when it does."""
        assert step.mail
        if not self.setting.contact.emails:
            return "the contact has no e-mail address"
        if self.setting.opted_out:
            return "the contact has opted out"
        if step.mail.template not in self.setting.templates:
            raise ValueError(f"there is no template {step.mail.template!r}: write templates/{step.mail.template}.txt")
        return ""

    def _mail(self, step: Step) -> Notification:
        assert step.mail
        address = self.setting.contact.emails[0].address
        url = self.setting.unsubscribe_url(step.mail.sink, address)
        try:
            mail = render_mail(self.setting.templates[step.mail.template], self._context(url))
        except ValueError as problem:
            raise ValueError(f"template {step.mail.template}: {problem}") from None
        payload = {"type": MAIL, "to": address, "unsubscribe_url": url, **mail.model_dump()}
        return Notification(key=f"{self.key}:mail", sink=step.mail.sink, payload=payload)

    def _payload(self) -> dict[str, Any]:
        run, contact, score = self.run, self.setting.contact, self.run.score
        best, worst = best_and_worst(score)
        return {
            "type": WORKFLOW_STEP if self.position else WORKFLOW_STARTED,
            "timestamp": self.setting.now.isoformat(),
            "data": {
                "workflow": run.workflow,
                "run": run.id,
                "step": self.position + 1,
                "reason": run.reason,
                "contact_id": run.contact_id,
                "submission_id": run.submission_id,
                "source": run.source,
                "decision": run.decision.value,
                "score": score.value,
                "temperature": score.temperature.value,
                "reasons": [part.model_dump() for part in (*best, *worst)],
                "contact": contact_fields(contact),
                "message": contact.message[:LONGEST_MESSAGE],
                "crm": self.setting.record.model_dump(),
                "seller": run.seller,
            },
        }
