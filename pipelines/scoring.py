"""The scoring model: how many points each feature is worth, and from where a contact is warm or hot.

`[scoring]` of portaria.toml overrides single numbers; the version follows from all of them, so a score can always be
told which numbers made it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pipelines.models import Temperature, Value
from pipelines.sections import read_section

RULES: Final = 1
"""Of how the features are read; raised with every change of `pipelines.score` that moves a score."""

Count = Annotated[int, Field(ge=-100, le=100)]


class Points(Value):
    """Points of each feature: the contribution's name, and when it counts."""

    base: Count = 15
    """Everybody who comes by themselves."""
    # fit
    corporate_mail: Count = 10
    """A person's own mailbox at a company's domain."""
    role_mail: Count = 7
    """Only a desk's mailbox (contato@) at a company's domain."""
    company: Count = 5
    """The company is named, be it in the place of the job title."""
    cnpj: Count = 8
    """A CNPJ with right check digits."""
    # engagement
    intent_buy: Count = 24
    intent_meet: Count = 20
    intent_ask: Count = 8
    """Of these three only the first that the message holds."""
    urgent: Count = 4
    message_long: Count = 5
    """A message of `long_message` words and more."""
    message_short: Count = 2
    """A message of at least five words."""
    returning: Count = 4
    """For each earlier arrival of the same person, at most `most_returns` times."""
    # quality
    mobile_phone: Count = 10
    fixed_phone: Count = 8
    """Only the better of a valid mobile and another valid number."""
    full_name: Count = 5
    """Given and family name."""
    mail_and_phone: Count = 4
    """Two ways to reach them."""
    # negatives
    no_name: Count = -5
    unreachable: Count = -30
    """Neither an e-mail address nor a valid phone."""
    disposable_mail: Count = -30
    """Every address is a throw-away one."""
    student: Count = -25
    job_seeker: Count = -40
    vendor: Count = -40
    """Wants to sell something to us."""
    test_like: Count = -60
    """Filled in to try the form: teste, asdf."""
    opted_out: Count = -100
    """Asked for no more messages."""
    month_old: Count = -8
    """What was last said is older than 30 days."""
    half_year_old: Count = -20
    """Older than 180 days; then `month_old` does not count."""


class SeniorityPoints(Value):
    """Points by `pipelines.jobs.Seniority`; a student is a negative feature instead."""

    owner: Count = 15
    executive: Count = 15
    vice_president: Count = 15
    director: Count = 15
    manager: Count = 11
    professional: Count = 2
    assistant: Count = 1
    intern: Count = 0


class AreaPoints(Value):
    """Points by `pipelines.jobs.Area`: who buys what you sell is yours to know, so all start alike."""

    administration: Count = 2
    customer_service: Count = 2
    design: Count = 2
    education: Count = 2
    engineering: Count = 2
    finance: Count = 2
    health: Count = 2
    human_resources: Count = 2
    it: Count = 2
    legal: Count = 2
    logistics: Count = 2
    marketing: Count = 2
    operations: Count = 2
    purchasing: Count = 4
    sales: Count = 2


class ScoringModel(Value):
    """All the numbers of a score. The defaults are weighed by hand, so that the named cases of the tests come out as a
    salesperson would sort them; nothing was learned from outcomes."""

    hot: Annotated[int, Field(ge=1, le=100)] = 80
    """From here a contact is hot."""
    warm: Annotated[int, Field(ge=0, le=100)] = 60
    """From here warm, below cold."""
    points: Points = Points()
    seniority: SeniorityPoints = SeniorityPoints()
    area: AreaPoints = AreaPoints()
    sources: Mapping[str, Count] = Field(default_factory=dict)
    """Points by the name of the source; 0 for one that is not named."""
    long_message: Annotated[int, Field(ge=1)] = 20
    most_returns: Annotated[int, Field(ge=0)] = 3

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warm >= self.hot:
            raise ValueError(f"warm ({self.warm}) has to be less than hot ({self.hot})")
        return self

    @cached_property
    def version(self) -> str:
        """`rules-1-` and a hash of the content: the same on every machine, another for any other number."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return f"rules-{RULES}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"

    def temperature(self, value: int) -> Temperature:
        """How warm a contact of this score is."""
        if value >= self.hot:
            return Temperature.HOT
        return Temperature.WARM if value >= self.warm else Temperature.COLD


def read_scoring(section: Mapping[str, object]) -> ScoringModel:
    """The model that `[scoring]` describes; what it does not name keeps its default. Raises ValueError that names the
    key."""
    return read_section(ScoringModel, section, "scoring")
