"""Workflows as data: `[workflows.NAME]` of portaria.toml, and those shipped. A rule that starts it, and its steps.

```toml
[workflows.big-company]
when = { min_score = 70, source = ["site", "fair"], fields = { company = { contains = "hospital" } } }
lead = { pipeline = "Vendas", stage = "Novo" }
task = { text = "Ligar hoje", due_in = 30 }
tags = ["hospital"]
notify = ["sales"]

[[workflows.big-company.steps]]
after = "2 business days"
mail = { sink = "news", template = "caso-hospital" }
```

What stands in the rule itself is done at once; each of `steps` follows when its wait is over. A rule without `steps` is
one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipelines.business_time import Calendar, Duration, days_named, local_time
from pipelines.fields import field_values, is_field
from pipelines.models import FIELDS, Contact, DecisionKind, Score, Temperature, Value
from pipelines.sections import read_section
from pipelines.text import fold
from pipelines.workflow_steps import Actions, Experiment, LeadAction, OneOrMore, Step, TaskAction, Text

Points = Annotated[int, Field(ge=0, le=100)]


class FieldTest(Value):
    """What a field has to hold: one of these texts, whatever their accents and capitals."""

    equals: OneOrMore[Text] = ()
    contains: OneOrMore[Text] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.equals) == bool(self.contains):
            raise ValueError("give either equals or contains")
        return self

    def passes(self, values: tuple[str, ...]) -> bool:
        """Whether one of `values` does."""
        folded = [fold(value) for value in values]
        if self.equals:
            return not {fold(text) for text in self.equals}.isdisjoint(folded)
        return any(fold(text) in value for text in self.contains for value in folded)


class Conditions(Value):
    """All that are given have to be true; none at all is always true."""

    min_score: Points | None = None
    max_score: Points | None = None
    temperature: OneOrMore[Temperature] = ()
    source: OneOrMore[Text] = ()
    decision: OneOrMore[DecisionKind] = ()
    features: OneOrMore[Text] = ()
    """Names of contributions (`student`, `cnpj`, ...), one of which the score has."""
    no_features: OneOrMore[Text] = ()
    """Names of contributions, none of which it has."""
    fields: Mapping[str, FieldTest] = Field(default_factory=dict)
    """By the name of a standard field, or `extra.LABEL` for a free one."""
    open: bool | None = None
    """Whether the house is open (`[calendar]`) when the contact arrives."""
    time: str = ""
    """The time of day on the house's clock: `18:00-08:00`, the end left out."""
    days: OneOrMore[Text] = ()
    """Days of the week: `mon-fri`, `sat`."""

    @field_validator("time", mode="after")
    @classmethod
    def _readable_time(cls, span: str) -> str:
        for part in span.split("-") if span else ():
            local_time(part)
        if span and span.count("-") != 1:
            raise ValueError("write it from one time of day to another: 18:00-08:00")
        return span

    @field_validator("days", mode="after")
    @classmethod
    def _known_days(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        for one in days:
            days_named(one)
        return days

    @field_validator("fields", mode="after")
    @classmethod
    def _known_fields(cls, fields: Mapping[str, FieldTest]) -> Mapping[str, FieldTest]:
        for field in fields:
            if not is_field(field):
                raise ValueError(f"there is no field {field!r}; there are {', '.join(FIELDS)} and extra.LABEL")
        return fields

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise ValueError(f"min_score ({self.min_score}) is more than max_score ({self.max_score})")
        return self

    @property
    def is_bound_to_warmth(self) -> bool:
        """Whether it asks how warm the contact is: then it is over for one who has become warmer."""
        return bool(self.temperature) or self.min_score is not None or self.max_score is not None

    def unmet(
        self,
        contact: Contact,
        score: Score,
        decision_kind: DecisionKind,
        source: str,
        *,
        now: datetime,
        calendar: Calendar,
    ) -> str:
        """The first condition that is not true, in a few words; empty when all are."""
        if self.min_score is not None and score.value < self.min_score:
            return f"score {score.value} is below {self.min_score}"
        if self.max_score is not None and score.value > self.max_score:
            return f"score {score.value} is above {self.max_score}"
        if self.temperature and score.temperature not in self.temperature:
            return f"{score.temperature} is not {' or '.join(self.temperature)}"
        if self.source and source not in self.source:
            return f"source {source} is not {' or '.join(self.source)}"
        if self.decision and decision_kind not in self.decision:
            return f"decision {decision_kind} is not {' or '.join(self.decision)}"
        has = {part.feature for part in score.contributions}
        if self.features and has.isdisjoint(self.features):
            return f"the score has no {' or '.join(self.features)}"
        if unwanted := has.intersection(self.no_features):
            return f"the score has {' and '.join(sorted(unwanted))}"
        for field, test in self.fields.items():
            if not test.passes(field_values(contact, field)):
                return f"{field} does not hold what is asked"
        return self._untimely(calendar.local(now), is_open=calendar.is_open(now))

    def _untimely(self, local: datetime, *, is_open: bool) -> str:
        if self.open is not None and self.open != is_open:
            return f"the house is {'open' if is_open else 'closed'} at {local:%a %H:%M}"
        if self.time:
            begins, ends = map(local_time, self.time.split("-"))
            at = local.time()
            within = begins <= at < ends if begins < ends else at >= begins or at < ends
            if not within:
                return f"{local:%H:%M} is not within {self.time}"
        if self.days and not any(local.weekday() in days_named(one) for one in self.days):
            return f"{local:%a} is not {' or '.join(self.days)}".lower()
        return ""


StopReason = Literal["reply", "won", "lost", "opt_out"]
STOP_ON: Final[tuple[StopReason, ...]] = ("reply", "won", "lost", "opt_out")


class WorkflowRule(Actions):
    """When a workflow starts, and what it does. One without any action does nothing but stop."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    when: Conditions = Conditions()
    stop: bool = True
    """Once it matches, the rules after it are not looked at."""
    steps: Annotated[tuple[Step, ...], Field(max_length=100)] = ()
    """What follows what is done at once."""
    stop_on: OneOrMore[StopReason] = STOP_ON
    """What ends a run of it: the contact writes back, the lead is won or lost, the contact wants no more mail."""
    experiment: Experiment | None = None

    @model_validator(mode="after")
    def _steps_that_act(self) -> Self:
        variants = self.experiment.variants.values() if self.experiment else ()
        for steps in (self.steps, *(variant.steps for variant in variants)):
            if idle := [number for number, step in enumerate(steps, start=1) if not step.acts]:
                raise ValueError(f"steps: number {idle[0]} does nothing; give it a task, a mail, a note, tags, ...")
        return self

    def plan(self, variant: str = "") -> tuple[Step, ...]:
        """All steps in order, what is done at once first; those of a variant of its experiment."""
        own = {name: getattr(self, name) for name in Actions.model_fields}
        chosen = self.experiment.variants.get(variant) if self.experiment else None
        return (*((Step(**own),) if super().acts else ()), *(chosen.steps if chosen else self.steps))

    @property
    def acts(self) -> bool:
        """Whether it does anything."""
        return bool(super().acts or self.steps or self.experiment)


def _when(temperature: Temperature) -> Conditions:
    return Conditions(temperature=(temperature,), no_features=("opted_out",))


SHIPPED_RULES: Final = (
    WorkflowRule(
        name="hot",
        when=_when(Temperature.HOT),
        lead=LeadAction(),
        task=TaskAction(text="Hot lead: call now", due_in=Duration(amount=15)),
        note=True,
    ),
    WorkflowRule(
        name="warm",
        when=_when(Temperature.WARM),
        task=TaskAction(text="Warm lead: schedule a demonstration", due_in=Duration(amount=24, unit="hour")),
    ),
    WorkflowRule(name="cold", when=_when(Temperature.COLD), tags=("nurture",)),
)
"""Hot (80 and more): immediate contact. Warm (60 to 79): a demonstration within a day. Cold: nurture. Nothing for who
wants no messages."""


MATCH: Final = "match"
"""The key of `[workflows]` that is no workflow: `first` (the first rule that matches ends the search) or `all`."""


def read_rules(section: Mapping[str, object]) -> tuple[WorkflowRule, ...]:
    """The rules of `[workflows]`, in the order written there; the shipped ones where there are none. Raises ValueError
    that names the keys of every mistake."""
    rules, mistakes = [], []
    match = section.get(MATCH, "first")
    if match not in {"first", "all"}:
        mistakes.append(f'[workflows] {MATCH}: write "first" or "all"')
    named = {name: given for name, given in section.items() if name != MATCH}
    for name, given in named.items():
        if not isinstance(given, Mapping):
            mistakes.append(f"[workflows] {name}: a rule is a table of its own, [workflows.{name}]")
            continue
        try:
            filled = {"stop": match != "all", **given, "name": name}
            rules.append(read_section(WorkflowRule, filled, f"workflows.{name}"))
        except ValueError as problem:
            mistakes.append(str(problem))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return tuple(rules) or SHIPPED_RULES
