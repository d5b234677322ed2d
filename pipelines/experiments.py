"""Controlled experiments on workflows: who gets which variant, how many it takes, and when to stop.

**Assignment** is by a hash of the workflow and the contact, so it is the same at every look, in every process, and can
be checked afterwards.

**Sample size** before the start: two proportions, two-sided test by the normal approximation (Fleiss, Levin and Paik
2003, "Statistical Methods for Rates and Proportions", 4.3), with alpha divided among the comparisons with control
(Bonferroni).

**Stop rule**: the mixture sequential probability ratio test (Robbins 1970; for two proportions by the normal
approximation Johari, Koomen, Pekelis and Walsh 2022, "Always Valid Inference: Continuous Monitoring of A/B Tests",
Operations Research 70(3)). Its p-value holds at every look, so looking each day does no harm. With variance `v` of the
difference `d` of the two shares and the mixing variance `tau2`, the ratio is
`sqrt(v / (v + tau2)) * exp(tau2 * d**2 / (2 * v * (v + tau2)))`, and p the least of `1 / ratio` over all looks.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from statistics import NormalDist
from typing import NamedTuple

from pipelines.workflow_steps import CONTROL, Experiment


def variants_of(experiment: Experiment) -> tuple[str, ...]:
    """All variants, control first."""
    return (CONTROL, *experiment.variants)


def variant_of(contact_id: str, workflow: str, experiment: Experiment) -> str:
    """The variant that this contact gets, now and always."""
    names = variants_of(experiment)
    digest = hashlib.sha256(f"{workflow}\0{contact_id}".encode("utf-8", "surrogatepass")).digest()
    return names[int.from_bytes(digest[:8], "big") * len(names) >> 64]


def sample_size(experiment: Experiment) -> int:
    """How many contacts each variant needs, so that `effect` is found with `power`."""
    before, after = experiment.baseline, experiment.baseline + experiment.effect
    middle = (before + after) / 2
    normal = NormalDist()
    sure = normal.inv_cdf(1 - experiment.alpha / len(experiment.variants) / 2)
    found = normal.inv_cdf(experiment.power)
    spread = sure * math.sqrt(2 * middle * (1 - middle))
    spread += found * math.sqrt(before * (1 - before) + after * (1 - after))
    return math.ceil((spread / experiment.effect) ** 2)


class Count(NamedTuple):
    """How a variant stands at one look."""

    contacts: int
    outcomes: int

    @property
    def share(self) -> float:
        return self.outcomes / self.contacts if self.contacts else 0.0


class Subject(NamedTuple):
    """A contact in an experiment."""

    variant: str
    since: datetime
    outcome_at: datetime | None
    """When it first came to what is counted; None: not yet."""


def looks_of(subjects: Collection[Subject], variants: Sequence[str]) -> dict[str, list[Count]]:
    """How each variant stood at the end of each day (UTC) on which something happened, by variant; the last is now."""
    came: Counter[tuple[date, str]] = Counter((one.since.date(), one.variant) for one in subjects)
    ended: Counter[tuple[date, str]] = Counter(
        (one.outcome_at.date(), one.variant) for one in subjects if one.outcome_at is not None
    )
    looks: dict[str, list[Count]] = {variant: [] for variant in variants}
    for day in sorted({day for day, _ in (*came, *ended)}):
        for variant, seen in looks.items():
            contacts, outcomes = seen[-1] if seen else (0, 0)
            seen.append(Count(contacts + came[day, variant], outcomes + ended[day, variant]))
    return looks


class Ending(StrEnum):
    """What a comparison comes to."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no_difference"
    """The sample is full and no difference was found."""
    GOES_ON = "goes_on"


class Comparison(NamedTuple):
    """A variant against control."""

    difference: float
    p_value: float
    """Always valid: the least over all looks up to now."""
    ending: Ending


def compare(experiment: Experiment, control: Sequence[Count], variant: Sequence[Count]) -> Comparison:
    """A variant against control over their looks, in the order of time (the last is now)."""
    p_value = min((_p_value(experiment, *look) for look in zip(control, variant, strict=True)), default=1.0)
    if not control:
        return Comparison(0.0, 1.0, Ending.GOES_ON)
    difference = variant[-1].share - control[-1].share
    if p_value <= experiment.alpha / len(experiment.variants):
        return Comparison(difference, p_value, Ending.BETTER if difference > 0 else Ending.WORSE)
    full = min(control[-1].contacts, variant[-1].contacts) >= sample_size(experiment)
    return Comparison(difference, p_value, Ending.NO_DIFFERENCE if full else Ending.GOES_ON)


def _p_value(experiment: Experiment, control: Count, variant: Count) -> float:
    """1 over the mixture likelihood ratio at one look, at most 1."""
    if not control.contacts or not variant.contacts:
        return 1.0
    # The pooled share, kept off 0 and 1 by one half of an outcome: a variance of nothing would prove anything.
    total = control.contacts + variant.contacts
    pooled = (control.outcomes + variant.outcomes + 0.5) / (total + 1)
    variance = pooled * (1 - pooled) * (1 / control.contacts + 1 / variant.contacts)
    tau2 = experiment.effect**2
    difference = variant.share - control.share
    log_ratio = 0.5 * math.log(variance / (variance + tau2))
    log_ratio += tau2 * difference**2 / (2 * variance * (variance + tau2))
    return math.exp(min(0.0, -log_ratio))
