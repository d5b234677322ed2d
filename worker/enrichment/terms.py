"""The keys of `[enrichment.NAME]` that every source outside has."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

from pipelines.models import Value
from pipelines.sections import read_section
from worker.config import EnrichmentSection
from worker.errors import ConfigurationError
from worker.ports import Terms

DAY = 86_400.0

K = TypeVar("K", bound="LookUpKeys")


class LookUpKeys(Value):
    """On which terms the source is asked; a kind adds keys of its own. What is not said is the kind's default."""

    kind: str = ""
    trust: bool = False
    """True lets it fill empty fields however unsure it is."""
    max_age_days: Annotated[float, Field(gt=0, le=3650)] | None = None
    nothing_max_age_days: Annotated[float, Field(gt=0, le=3650)] | None = None
    """For how long the answer that it knows nothing is good."""
    timeout: Annotated[float, Field(gt=0, le=15)] | None = None
    """Seconds for one call, all of it."""
    per_second: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Calls of all workers together."""
    trip_after: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Failures in a row after which it is left in peace for a while."""
    cost: Annotated[float, Field(ge=0)] = 0.0
    """Of one answered call, in whichever currency."""
    daily_budget: Annotated[float, Field(ge=0)] | None = None

    def terms(self, usual: Terms) -> Terms:
        """These terms, on top of the kind's usual ones."""
        return Terms(
            max_age=usual.max_age if self.max_age_days is None else self.max_age_days * DAY,
            nothing_max_age=(
                usual.nothing_max_age if self.nothing_max_age_days is None else self.nothing_max_age_days * DAY
            ),
            timeout=self.timeout or usual.timeout,
            per_second=self.per_second or usual.per_second,
            trip_after=self.trip_after or usual.trip_after,
            cost=self.cost,
            daily_budget=self.daily_budget,
        )


def read_keys(model: type[K], name: str, section: EnrichmentSection) -> K:
    """The section's keys. Raises `ConfigurationError` that names the key, never its value."""
    try:
        return read_section(model, section.options, f"enrichment.{name}")
    except ValueError as problem:
        raise ConfigurationError(str(problem)) from None
