"""Which workflows start, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.business_time import Calendar
from pipelines.models import Contact, Contribution, DecisionKind, Score, Temperature
from pipelines.trigger import COOL_DOWN, RecentTrigger, Standing, judge_rules, start_workflows, superseded
from pipelines.workflow_rules import SHIPPED_RULES, WorkflowRule, read_rules
from pipelines.workflow_runs import Run

Make = Callable[..., Contact]
CALENDAR = Calendar(time_zone="America/Sao_Paulo")
HOT, WARM, COLD = Temperature.HOT, Temperature.WARM, Temperature.COLD
SCORES = {HOT: 90, WARM: 70, COLD: 20}


@pytest.fixture
def start(now: datetime) -> Callable[..., tuple[Run, ...]]:
    def make(
        temperature: Temperature, *recent: RecentTrigger, contact: Contact | None = None, submission: str = "s1",
        rules: tuple[WorkflowRule, ...] = SHIPPED_RULES, **given: Any,
    ) -> tuple[Run, ...]:  # fmt: skip
        score = Score(value=SCORES[temperature], temperature=temperature)
        decision = given.pop("decision", DecisionKind.NEW)
        return start_workflows(
            "c1", contact or Contact(), score, decision, "site", submission, rules, calendar=CALENDAR, recent=recent,
            **{"now": now, **given},
        )  # fmt: skip

    return make


Start = Callable[..., tuple[Run, ...]]


@pytest.fixture
def recent(now: datetime) -> Callable[..., RecentTrigger]:
    def make(workflow: str, temperature: Temperature, seconds_ago: float = 60) -> RecentTrigger:
        return RecentTrigger(workflow=workflow, temperature=temperature, at=now - timedelta(seconds=seconds_ago))

    return make


Recent = Callable[..., RecentTrigger]


def named(triggers: tuple[Run, ...]) -> list[str]:
    return [trigger.workflow for trigger in triggers]


@pytest.mark.parametrize("temperature", list(Temperature))
def test_nothing_starts_for_who_wants_no_messages(temperature: Temperature, now: datetime) -> None:
    opted_out = (Contribution(feature="opted_out", points=-100),)
    score = Score(value=SCORES[temperature], temperature=temperature, contributions=opted_out)
    asked = ("c1", Contact(), score, DecisionKind.NEW, "site", "s1", SHIPPED_RULES)
    assert start_workflows(*asked, calendar=CALENDAR, recent=(), now=now) == ()


# --- which rules are looked at

STEPS = read_rules(
    {
        "always": {"tags": ["seen"], "stop": False},
        "nobody": {"when": {"source": "fair"}, "tags": ["fair"]},
        "competitor": {"when": {"fields": {"email": {"contains": "@globex.example.com"}}}},
        "first": {"when": {"min_score": 80}, "tags": ["first"]},
        "second": {"tags": ["second"]},
    }
)


def test_the_first_match_ends_it_unless_it_says_not_to_stop(start: Start) -> None:
    assert named(start(HOT, rules=STEPS)) == ["always", "first"]
    assert named(start(COLD, rules=STEPS)) == ["always", "second"]


def test_a_rule_without_an_action_only_ends_it(contact_of: Make, start: Start) -> None:
    assert named(start(HOT, rules=STEPS, contact=contact_of(mail="ana@globex.example.com"))) == ["always"]


def test_each_rule_says_why_it_starts_or_not(hot_score: Score, now: datetime, recent: Recent) -> None:
    lately = [recent("always", HOT)]
    verdicts = judge_rules(
        Contact(), hot_score, DecisionKind.NEW, "site", STEPS, recent=lately, now=now, calendar=CALENDAR
    )
    assert [(verdict.rule.name, verdict.standing, verdict.reason) for verdict in verdicts] == [
        ("always", Standing.COOLING_DOWN, "started at 2026-11-21 11:59 UTC already, and no warmer since"),
        ("nobody", Standing.NO_MATCH, "source site is not fair"),
        ("competitor", Standing.NO_MATCH, "email does not hold what is asked"),
        ("first", Standing.STARTS, "score 90 (hot), new contact from site"),
        ("second", Standing.NOT_REACHED, "first matched before"),
    ]


def test_nothing_starts_while_a_person_has_to_review(start: Start) -> None:
    assert start(HOT, decision=DecisionKind.REVIEW) == ()


# --- the cool-down


@pytest.mark.parametrize("temperature", list(Temperature))
def test_two_doors_at_one_instant_are_one_start(start: Start, recent: Recent, temperature: Temperature) -> None:
    (first,) = start(temperature)
    assert start(temperature, recent(first.workflow, temperature, 0), submission="s2") == ()


@pytest.mark.parametrize("temperature", list(Temperature))
def test_who_returns_after_the_cool_down_starts_again(start: Start, recent: Recent, temperature: Temperature) -> None:
    (first,) = start(temperature)
    assert start(temperature, recent(first.workflow, temperature, COOL_DOWN - 1), submission="s2") == ()
    assert named(start(temperature, recent(first.workflow, temperature, COOL_DOWN), submission="s2")) == [
        first.workflow
    ]


def test_who_became_warmer_starts_at_once(start: Start, recent: Recent) -> None:
    assert named(start(HOT, recent("warm", WARM), recent("cold", COLD))) == ["hot"]
    always = read_rules({"always": {"tags": ["seen"]}})
    assert named(start(HOT, recent("always", WARM), rules=always)) == ["always"]
    assert start(WARM, recent("always", HOT), rules=always) == ()


def test_who_became_colder_within_the_cool_down_is_served_already(start: Start, recent: Recent) -> None:
    assert start(WARM, recent("hot", HOT)) == ()
    assert named(start(WARM, recent("hot", HOT, COOL_DOWN))) == ["warm"]


def test_a_rule_that_asks_for_no_temperature_does_not_wait_for_others(start: Start, recent: Recent) -> None:
    fair = read_rules({"fair": {"when": {"source": "site"}, "tags": ["fair"]}})
    assert named(start(WARM, recent("hot", HOT), rules=fair)) == ["fair"]


# --- runs under way


def under_way(one: RecentTrigger, **given: Any) -> RecentTrigger:
    return one.model_copy(update={"under_way": True, "run": f"run_{one.workflow}", **given})


def test_what_is_under_way_does_not_start_again_however_long_ago_it_did(start: Start, recent: Recent) -> None:
    long_ago = recent("cold", COLD, 30 * COOL_DOWN)
    assert start(COLD, under_way(long_ago)) == ()
    assert named(start(COLD, long_ago)) == ["cold"]
    assert named(start(WARM, under_way(long_ago))) == ["warm"]


def test_who_becomes_warmer_leaves_the_colder_runs_behind(start: Start, recent: Recent) -> None:
    cold = under_way(recent("cold", COLD), is_bound_to_warmth=True)
    fair = under_way(recent("fair", COLD))
    done = recent("warm", WARM).model_copy(update={"is_bound_to_warmth": True})
    assert superseded([cold, fair, done], start(HOT)) == ["run_cold"]
    assert superseded([cold, fair, done], start(COLD)) == []
    always = read_rules({"fair": {"tags": ["a"]}})
    assert superseded([cold, fair], start(HOT, rules=always)) == ["run_cold", "run_fair"]
    assert superseded([under_way(recent("warm", HOT), is_bound_to_warmth=True)], start(HOT)) == []


@given(st.data())
def test_starting_the_same_again_is_the_same(
    any_contact: st.SearchStrategy[Contact], now: datetime, data: st.DataObject
) -> None:
    temperature = data.draw(st.sampled_from(Temperature))
    recent = [
        RecentTrigger(workflow=workflow, temperature=was, at=now - timedelta(hours=hours), under_way=going)
        for workflow, was, hours, going in data.draw(
            st.lists(
                st.tuples(
                    st.sampled_from(("hot", "warm", "tags")), st.sampled_from(Temperature), st.integers(-1, 50),
                    st.booleans(),
                ),
                max_size=4,
            )
        )
    ]  # fmt: skip
    rules = (*read_rules({"tags": {"tags": ["a"], "stop": False}}), *SHIPPED_RULES)
    arguments = (
        "c1", data.draw(any_contact), Score(value=SCORES[temperature], temperature=temperature),
        data.draw(st.sampled_from(DecisionKind)), "site", "s1", rules,
    )  # fmt: skip
    runs = start_workflows(*arguments, calendar=CALENDAR, recent=recent, now=now)
    assert runs == start_workflows(*arguments, calendar=CALENDAR, recent=recent, now=now)
    assert len({run.id for run in runs}) == len(runs)
