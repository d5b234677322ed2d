"""What a workflow does: its actions, step by step, with waits between them; and the variants of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from pipelines.business_time import AT_ONCE, Calendar, Duration
from pipelines.models import Value

T = TypeVar("T")


def _several(given: Any) -> Any:
    """One where several may stand."""
    return given if isinstance(given, list | tuple) else (given,)


OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_several)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class LeadAction(Value):
    """A lead made of the contact; in the CRM's first pipeline and stage unless they are named."""

    pipeline: Annotated[str, Field(max_length=200)] = ""
    stage: Annotated[str, Field(max_length=200)] = ""


class MoveAction(Value):
    """The lead put into another stage."""

    stage: Text
    pipeline: Annotated[str, Field(max_length=200)] = ""


class TaskAction(Value):
    """A task for the seller."""

    text: Text
    due_in: Duration
    """From the moment of the step: a number of minutes, or text: `2 business hours`."""


class MailAction(Value):
    """A mail to the contact; never to one who opted out."""

    sink: Text
    """A `[sinks.NAME]` of kind mail."""
    template: Text
    """`templates/NAME.txt` (its first line `Subject: ...`), and `NAME.html` where there is one."""


def _made(given: Any) -> Any:
    """`lead = true` is a lead with nothing said of it."""
    return {True: LeadAction(), False: None}.get(given, given) if isinstance(given, bool) else given


class Actions(Value):
    """What a step does."""

    lead: Annotated[LeadAction | None, BeforeValidator(_made)] = None
    """Make a lead of the contact."""
    move: MoveAction | None = None
    """The lead of this run, else the contact's newest."""
    task: TaskAction | None = None
    """On the lead where there is one, else on the contact."""
    note: bool | Text = False
    """A note with the score's reasons, or with this text (a template)."""
    tags: OneOrMore[Text] = ()
    notify: OneOrMore[Text] = ()
    """Names of `[sinks.NAME]` that tell the house: a signed webhook, a chat, a mail to a fixed address."""
    mail: MailAction | None = None

    @property
    def acts(self) -> bool:
        """Whether it does anything."""
        return bool(self.lead or self.move or self.task or self.note or self.tags or self.notify or self.mail)

    @property
    def needs_seller(self) -> bool:
        """Whether it makes something that somebody is responsible for."""
        return bool(self.lead or self.task)

    def described(self) -> str:
        """What it does, in a few words."""
        return ", ".join(
            filter(
                None,
                (
                    "lead" if self.lead else "",
                    f"move to {self.move.stage}" if self.move else "",
                    f"task “{self.task.text}”" if self.task else "",
                    "note" if self.note else "",
                    f"tag {' '.join(self.tags)}" if self.tags else "",
                    f"mail {self.mail.template}" if self.mail else "",
                    f"notify {' '.join(self.notify)}" if self.notify else "",
                ),
            )
        )


class Step(Actions):
    """One step of a workflow, and the wait before it."""

    after: Duration = AT_ONCE
    """From the moment at which the step before it was done."""
    business_hours: bool = False
    """Not before the house is open (`[calendar]`)."""

    def due_at(self, moment: datetime, calendar: Calendar) -> datetime:
        """When it is due where the step before it was done at `moment`."""
        at = calendar.after(moment, self.after)
        return calendar.next_open(at) if self.business_hours else at


CONTROL: Final = "control"
"""The variant that is the workflow as it stands."""


class Variant(Value):
    """One of the ways that an experiment compares: the steps in place of the workflow's own."""

    steps: Annotated[tuple[Step, ...], Field(max_length=100)] = ()


class Experiment(Value):
    """A controlled experiment on a workflow: each contact gets one variant, always the same one, by a hash."""

    variants: Annotated[Mapping[str, Variant], Field(min_length=1, max_length=10)]
    """By name, beside `control`, which is the workflow as it stands."""
    outcome: Literal["won", "reply"] = "won"
    """What is counted."""
    baseline: Annotated[float, Field(gt=0, lt=1)]
    """The share of contacts that is expected to come to it without the experiment."""
    effect: Annotated[float, Field(gt=0, lt=1)]
    """The smallest difference of shares worth finding (0.02: two of a hundred)."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if CONTROL in self.variants:
            raise ValueError(f"{CONTROL} is the workflow as it stands; give the variant another name")
        if self.baseline + self.effect >= 1:
            raise ValueError("baseline and effect come to more than everybody")
        return self
