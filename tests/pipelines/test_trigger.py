"""Which workflows start, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import Contact, Contribution, DecisionKind, RemoteRef, Score, Temperature, Trigger, WriteKind
from pipelines.trigger import COOL_DOWN, RecentTrigger, Standing, judge_rules, start_workflows
from pipelines.workflow_rules import SHIPPED_RULES, WorkflowRule, read_rules

Make = Callable[..., Contact]
RECORD = RemoteRef(system="local", kind="contact", id="7")
HOT, WARM, COLD = Temperature.HOT, Temperature.WARM, Temperature.COLD
SCORES = {HOT: 90, WARM: 70, COLD: 20}


@pytest.fixture
def start(now: datetime) -> Callable[..., tuple[Trigger, ...]]:
    def make(
        temperature: Temperature, *recent: RecentTrigger, contact: Contact | None = None, submission: str = "s1",
        rules: tuple[WorkflowRule, ...] = SHIPPED_RULES, **given: Any,
    ) -> tuple[Trigger, ...]:  # fmt: skip
        score = Score(value=SCORES[temperature], temperature=temperature)
        decision = given.pop("decision", DecisionKind.NEW)
        return start_workflows(
            "c1", contact or Contact(), score, decision, "site", submission, rules, crm_contact=RECORD, recent=recent,
            **{"now": now, **given},
        )  # fmt: skip

    return make


Start = Callable[..., tuple[Trigger, ...]]


@pytest.fixture
def recent(now: datetime) -> Callable[..., RecentTrigger]:
    def make(workflow: str, temperature: Temperature, seconds_ago: float = 60) -> RecentTrigger:
        return RecentTrigger(workflow=workflow, temperature=temperature, at=now - timedelta(seconds=seconds_ago))

    return make


Recent = Callable[..., RecentTrigger]


def named(triggers: tuple[Trigger, ...]) -> list[str]:
    return [trigger.workflow for trigger in triggers]


# --- the shipped rules


def test_hot_is_a_lead_with_a_task_within_15_minutes_and_a_note(contact_of: Make, start: Start, now: datetime) -> None:
    (trigger,) = start(HOT, contact=contact_of("Ana Souza"))
    lead, task, note = trigger.writes
    assert (lead.kind, lead.target, lead.fields["name"]) == (WriteKind.CREATE_LEAD, RECORD, "Ana Souza (site)")
    assert (lead.fields["score"], lead.fields["temperature"], lead.fields["source"]) == (90, "hot", "site")
    assert (task.kind, task.target) == (WriteKind.CREATE_TASK, None)
    assert task.fields["due_at"] == (now + timedelta(minutes=15)).isoformat()
    assert (note.kind, note.target) == (WriteKind.ADD_NOTE, RECORD)
    assert note.fields["text"].startswith("Workflow hot: score 90 (hot), new contact from site\nScore 90 (hot)")


def test_warm_is_a_task_within_a_day(start: Start, now: datetime) -> None:
    (trigger,) = start(WARM)
    (task,) = trigger.writes
    assert (task.kind, task.target) == (WriteKind.CREATE_TASK, RECORD)
    assert task.fields["due_at"] == (now + timedelta(days=1)).isoformat()


def test_cold_is_a_tag(start: Start) -> None:
    (trigger,) = start(COLD)
    assert [(write.kind, write.fields) for write in trigger.writes] == [(WriteKind.ADD_TAGS, {"tags": ["nurture"]})]


@pytest.mark.parametrize("temperature", list(Temperature))
def test_nothing_starts_for_who_wants_no_messages(temperature: Temperature, now: datetime) -> None:
    opted_out = (Contribution(feature="opted_out", points=-100),)
    score = Score(value=SCORES[temperature], temperature=temperature, contributions=opted_out)
    asked = ("c1", Contact(), score, DecisionKind.NEW, "site", "s1", SHIPPED_RULES)
    assert start_workflows(*asked, crm_contact=RECORD, recent=(), now=now) == ()


def test_a_lead_without_a_name_is_called_by_the_company(contact_of: Make, start: Start) -> None:
    assert start(HOT, contact=contact_of(company="Invenção"))[0].writes[0].fields["name"] == "Invenção (site)"
    assert start(HOT)[0].writes[0].fields["name"] == "Lead (site)"


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
    verdicts = judge_rules(Contact(), hot_score, DecisionKind.NEW, "site", STEPS, recent=lately, now=now)
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


# --- what leaves the house


def test_a_notification_for_each_sink_once(contact_of: Make, start: Start) -> None:
    rules = read_rules({"tell": {"notify": ["sales", "chat", "sales"]}})
    contact = contact_of("Ana Souza", message="x" * 20_000)
    (trigger,) = start(HOT, rules=rules, contact=contact)
    assert [(each.sink, each.key) for each in trigger.notifications] == [
        ("sales", "trigger:tell:s1:notify:sales"), ("chat", "trigger:tell:s1:notify:chat"),
    ]  # fmt: skip
    payload = trigger.notifications[0].payload
    assert payload["type"] == "workflow.started"
    assert payload["data"]["contact"]["name"] == "Ana Souza"
    assert payload["data"]["crm"] == {"system": "local", "kind": "contact", "id": "7"}
    assert len(payload["data"]["message"]) == 4000


@given(st.data())
def test_starting_the_same_again_is_the_same_and_everything_has_its_own_key(
    any_contact: st.SearchStrategy[Contact], now: datetime, data: st.DataObject
) -> None:
    temperature = data.draw(st.sampled_from(Temperature))
    recent = [
        RecentTrigger(workflow=workflow, temperature=was, at=now - timedelta(hours=hours))
        for workflow, was, hours in data.draw(
            st.lists(
                st.tuples(
                    st.sampled_from(("hot", "warm", "everything")), st.sampled_from(Temperature), st.integers(-1, 50)
                ),
                max_size=4,
            )
        )
    ]
    everything = {
        "lead": True, "task": {"text": "Ligar", "due_in": 5}, "note": True, "tags": ["a", "a"], "notify": ["x", "y"],
        "stop": False,
    }  # fmt: skip
    rules = (*read_rules({"everything": everything}), *SHIPPED_RULES)
    arguments = (
        "c1", data.draw(any_contact), Score(value=SCORES[temperature], temperature=temperature),
        data.draw(st.sampled_from(DecisionKind)), "site", "s1", rules,
    )  # fmt: skip
    triggers = start_workflows(*arguments, crm_contact=RECORD, recent=recent, now=now)
    assert triggers == start_workflows(*arguments, crm_contact=RECORD, recent=recent, now=now)
    keys = [write.key for trigger in triggers for write in trigger.writes]
    keys += [each.key for trigger in triggers for each in trigger.notifications] + [each.key for each in triggers]
    assert len(keys) == len(set(keys))
    for trigger in triggers:
        assert Trigger.model_validate_json(trigger.model_dump_json()) == trigger
