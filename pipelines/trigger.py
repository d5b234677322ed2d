"""Trigger: which workflows a score and the rules start. What their steps do is in `pipelines.workflow_runs`.

Rules are looked at in their order; the first that matches ends it, unless it says `stop = false`. The id of a run is
made of the workflow and the submission, so that starting the same again is the same start.

A workflow that has started for a contact does not start again within the cool-down, nor while a run of it is under way,
unless the contact has become warmer: one person through two doors at one instant is one task for the seller. Neither
does, within the cool-down, a workflow for a colder temperature than one already started at: who adds "and my phone is
..." to a hot enquiry has not become a warm lead. After that a returning contact starts workflows as a new one does; who
returns warmer leaves the runs behind that were for the colder (`superseded`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from pipelines.business_time import Calendar
from pipelines.experiments import variant_of
from pipelines.models import Contact, DecisionKind, Moment, Score, Temperature, Value
from pipelines.workflow_rules import WorkflowRule
from pipelines.workflow_runs import Run

COOL_DOWN: Final = 24 * 3600.0
"""Seconds for which a workflow does not start again for the same contact."""

_WARMTH: Final = {Temperature.COLD: 0, Temperature.WARM: 1, Temperature.HOT: 2}


def is_warmer(one: Temperature, other: Temperature) -> bool:
    """Whether `one` is warmer than `other`."""
    return _WARMTH[one] > _WARMTH[other]


class RecentTrigger(Value):
    """A workflow that has started for this contact, for another submission."""

    workflow: str
    temperature: Temperature
    at: Moment
    run: str = ""
    """Its run's id."""
    under_way: bool = False
    """The run is not at its end."""
    is_bound_to_warmth: bool = False
    """Its rule asks how warm the contact is."""


class Standing(StrEnum):
    """What becomes of a rule."""

    STARTS = "starts"
    NO_MATCH = "no_match"
    """One of its conditions is not true."""
    COOLING_DOWN = "cooling_down"
    """It matches, but the contact was served within the cool-down, or is being served by a run of it."""
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
    calendar: Calendar,
    cool_down: float = COOL_DOWN,
) -> tuple[Verdict, ...]:
    """What becomes of each rule, in their order, and why; nothing is started by asking.

    `recent` are the workflows started for the contact by other submissions within `cool_down` seconds, and those under
    way (others do no harm).
    """
    lately = [one for one in recent if one.under_way or now - one.at < timedelta(seconds=cool_down)]
    verdicts = []
    ended_by = ""
    for rule in rules:
        if ended_by:
            verdicts.append(Verdict(rule, Standing.NOT_REACHED, f"{ended_by} matched before"))
            continue
        if unmet := rule.when.unmet(contact, score, decision_kind, source, now=now, calendar=calendar):
            verdicts.append(Verdict(rule, Standing.NO_MATCH, unmet))
            continue
        if cooling := _cooling(rule, score.temperature, lately, now - timedelta(seconds=cool_down)):
            verdicts.append(Verdict(rule, Standing.COOLING_DOWN, cooling))
        else:
            reason = f"score {score.value} ({score.temperature}), {decision_kind} contact from {source}"
            verdicts.append(Verdict(rule, Standing.STARTS, reason))
        ended_by = rule.name if rule.stop else ""
    return tuple(verdicts)


def _cooling(rule: WorkflowRule, temperature: Temperature, lately: Sequence[RecentTrigger], since: datetime) -> str:
    """Why the rule has to wait although it matches; empty when it need not."""
    for one in lately:
        if one.workflow == rule.name and _WARMTH[one.temperature] >= _WARMTH[temperature]:
            still = "is under way since" if one.under_way else "started at"
            return f"{still} {one.at:%Y-%m-%d %H:%M %Z} already, and no warmer since"
        if rule.when.temperature and one.at > since and _WARMTH[one.temperature] > _WARMTH[temperature]:
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
    recent: Sequence[RecentTrigger],
    now: datetime,
    calendar: Calendar,
    cool_down: float = COOL_DOWN,
) -> tuple[Run, ...]:
    """The runs that start for this submission, as `judge_rules` says. Nothing starts while a person has still to review
    who it is."""
    if decision_kind is DecisionKind.REVIEW:
        return ()
    verdicts = judge_rules(
        contact, score, decision_kind, source, rules, recent=recent, now=now, calendar=calendar, cool_down=cool_down
    )  # fmt: skip
    starting = [one for one in verdicts if one.standing is Standing.STARTS and one.rule.acts]
    runs = []
    for rule, _, reason in starting:
        variant = variant_of(contact_id, rule.name, rule.experiment) if rule.experiment else ""
        runs.append(
            Run(
                id=f"run_{submission_id.removeprefix('sub_')}_{rule.name}",
                workflow=rule.name,
                reason=reason,
                contact_id=contact_id,
                submission_id=submission_id,
                source=source,
                decision=decision_kind,
                score=score,
                steps=rule.plan(variant),
                stop_on=rule.stop_on,
                is_bound_to_warmth=rule.when.is_bound_to_warmth,
                variant=variant,
                started_at=now,
            )
        )
    return tuple(runs)


def superseded(recent: Sequence[RecentTrigger], started: Sequence[Run]) -> list[str]:
    """The runs under way that one of `started` leaves behind, by id: begun while the contact was colder, of the same
    workflow or of one that asks how warm the contact is."""
    left = []
    for one in recent:
        warmer = [run for run in started if is_warmer(run.score.temperature, one.temperature)]
        if one.under_way and warmer and (one.is_bound_to_warmth or one.workflow in {run.workflow for run in warmer}):
            left.append(one.run)
    return left
