"""The rules that start workflows, as data: `[workflows.NAME]` of portaria.toml, and those shipped.

```toml
[workflows.big-company]
when = { min_score = 70, source = ["site", "fair"], fields = { company = { contains = "hospital" } } }
lead = true
task = { text = "Ligar hoje", due_in = 30 }
tags = ["hospital"]
notify = ["sales"]
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipelines.fields import field_values, is_field
from pipelines.models import FIELDS, Contact, DecisionKind, Score, Temperature, Value
from pipelines.sections import read_section
from pipelines.text import fold

T = TypeVar("T")


def _several(given: Any) -> Any:
    """One where several may stand."""
    return given if isinstance(given, list | tuple) else (given,)


OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_several)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
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

    def unmet(self, contact: Contact, score: Score, decision_kind: DecisionKind, source: str) -> str:
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
        return ""


class TaskAction(Value):
    """A task for the seller."""

    text: Text
    due_in: Annotated[int, Field(ge=0, le=60 * 24 * 366)]
    """Minutes from the moment the workflow starts."""


class WorkflowRule(Value):
    """When a workflow starts, and what it does. One without any action does nothing but stop."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    when: Conditions = Conditions()
    stop: bool = True
    """Once it matches, the rules after it are not looked at."""
    lead: bool = False
    """Make a lead of the contact."""
    task: TaskAction | None = None
    """On the lead where there is one, else on the contact."""
    note: bool = False
    """A note with the score's reasons."""
    tags: OneOrMore[Text] = ()
    notify: OneOrMore[Text] = ()
    """Names of `[sinks.NAME]`."""

    @property
    def acts(self) -> bool:
        """Whether it does anything."""
        return bool(self.lead or self.task or self.note or self.tags or self.notify)


def _when(temperature: Temperature) -> Conditions:
    return Conditions(temperature=(temperature,), no_features=("opted_out",))


SHIPPED_RULES: Final = (
    WorkflowRule(
        name="hot",
        when=_when(Temperature.HOT),
        lead=True,
        task=TaskAction(text="Hot lead: call now", due_in=15),
        note=True,
    ),
    WorkflowRule(
        name="warm",
        when=_when(Temperature.WARM),
        task=TaskAction(text="Warm lead: schedule a demonstration", due_in=24 * 60),
    ),
    WorkflowRule(name="cold", when=_when(Temperature.COLD), tags=("nurture",)),
)
"""Hot (80 and more): immediate contact. Warm (60 to 79): a demonstration within a day. Cold: nurture. Nothing for who
wants no messages."""


def read_rules(section: Mapping[str, object]) -> tuple[WorkflowRule, ...]:
    """The rules of `[workflows]`, in the order written there; the shipped ones where it is empty. Raises ValueError
    that names the keys of every mistake."""
    if not section:
        return SHIPPED_RULES
    rules, mistakes = [], []
    for name, given in section.items():
        if not isinstance(given, Mapping):
            mistakes.append(f"[workflows] {name}: a rule is a table of its own, [workflows.{name}]")
            continue
        try:
            rules.append(read_section(WorkflowRule, {**given, "name": name}, f"workflows.{name}"))
        except ValueError as problem:
            mistakes.append(str(problem))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return tuple(rules)
