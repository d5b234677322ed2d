"""Rules are data: what they ask for, and mistakes told by their key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pipelines.business_time import Calendar, Duration
from pipelines.models import Contact, DecisionKind, Score, Temperature
from pipelines.workflow_rules import SHIPPED_RULES, Conditions, WorkflowRule, read_rules
from pipelines.workflow_steps import LeadAction

Make = Callable[..., Contact]
CALENDAR = Calendar(time_zone="America/Sao_Paulo")
NOON = datetime(2026, 11, 21, 15, tzinfo=UTC)  # of a Saturday, in São Paulo


def rules(text: str) -> tuple[WorkflowRule, ...]:
    return read_rules(tomllib.loads(text).get("workflows", {}))


def test_a_rule_as_it_is_written() -> None:
    (rule,) = rules(
        """
        [workflows.hospital]
        when = { min_score = 70, source = "site", fields = { company = { contains = "hospital" } } }
        lead = true
        task = { text = "Ligar hoje", due_in = 30 }
        note = true
        tags = ["hospital", "2026"]
        notify = "sales"
        stop = false
        """
    )
    assert (rule.name, rule.lead, rule.note, rule.stop) == ("hospital", LeadAction(), True, False)
    assert (rule.tags, rule.notify) == (("hospital", "2026"), ("sales",))
    assert rule.task is not None
    assert (rule.task.text, rule.task.due_in) == ("Ligar hoje", Duration(amount=30))
    assert rule.when.source == ("site",)


def test_rules_keep_their_order_and_replace_the_shipped_ones() -> None:
    named = rules("[workflows.z]\ntags=['z']\n[workflows.a]\ntags=['a']\n[workflows.m]\ntags=['m']")
    assert [rule.name for rule in named] == ["z", "a", "m"]
    assert rules("") == SHIPPED_RULES


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("when = { min_scor = 3 }", "[workflows.x] when.min_scor: there is no such key"),
        ("tag = ['a']", "[workflows.x] tag: there is no such key"),
        ("when = { min_score = 101 }", "[workflows.x] when.min_score: "),
        ("when = { min_score = 70, max_score = 60 }", "[workflows.x] when: "),
        ("when = { temperature = 'boiling' }", "[workflows.x] when.temperature.0: "),
        ("when = { decision = 'maybe' }", "[workflows.x] when.decision.0: "),
        ("when = { fields = { nome = { equals = 'a' } } }", "[workflows.x] when.fields: "),
        ("when = { fields = { name = { equals = 'a', contains = 'b' } } }", "[workflows.x] when.fields.name: "),
        ("when = { fields = { name = {} } }", "[workflows.x] when.fields.name: "),
        ("when = { fields = { name = { equals = '' } } }", "[workflows.x] when.fields.name.equals.0: "),
        ("task = { text = 'Ligar' }", "[workflows.x] task.due_in: "),
        ("task = { text = 'Ligar', due_in = -1 }", "[workflows.x] task.due_in.amount: "),
        ("task = { text = 'Ligar', due_in = 'soon' }", "[workflows.x] task.due_in: "),
        ("when = { time = '18:00' }", "[workflows.x] when.time: "),
        ("when = { time = '25:00-08:00' }", "[workflows.x] when.time: "),
        ("when = { days = 'weekday' }", "[workflows.x] when.days: "),
        ("steps = [{ after = '2 days' }]", "[workflows.x] steps: number 1 does nothing"),
        ("steps = [{ after = '2 moons', tags = 'a' }]", "[workflows.x] steps.0.after: "),
        ("steps = [{ after = '2 business weeks', tags = 'a' }]", "[workflows.x] steps.0.after: "),
        ("steps = [{ after = '400 days', tags = 'a' }]", "[workflows.x] steps.0.after: "),
        ("mail = { template = 'a' }", "[workflows.x] mail.sink: "),
        ("stop_on = 'whatever'", "[workflows.x] stop_on.0: "),
        ("experiment = { baseline = 0.1, effect = 0.1 }", "[workflows.x] experiment.variants: "),
        ("experiment = { baseline = 0.9, effect = 0.1, variants = { b = {} } }", "[workflows.x] experiment: "),
        ("experiment = { baseline = 0.1, effect = 0.1, variants = { control = {} } }", "[workflows.x] experiment: "),
        ("lead = 'perhaps'", "[workflows.x] lead: "),
    ],
)
def test_a_mistake_is_told_by_its_key(rule: str, told: str) -> None:
    with pytest.raises(ValueError) as problem:
        rules(f"[workflows.x]\n{rule}")
    assert str(problem.value).startswith(told)


def test_all_that_match_start_where_it_says_so() -> None:
    named = rules("[workflows]\nmatch = 'all'\n[workflows.a]\ntags = 'a'\n[workflows.b]\ntags = 'b'\nstop = true")
    assert [(rule.name, rule.stop) for rule in named] == [("a", False), ("b", True)]
    assert rules("[workflows]\nmatch = 'all'") == SHIPPED_RULES
    with pytest.raises(ValueError, match='write "first" or "all"'):
        rules("[workflows]\nmatch = 'some'")


def test_what_is_done_at_once_is_the_first_step() -> None:
    (rule,) = rules(
        """
        [workflows.nurture]
        tags = "nurture"
        [[workflows.nurture.steps]]
        after = "2 days"
        mail = { sink = "news", template = "welcome" }
        [[workflows.nurture.steps]]
        after = "3 business days"
        business_hours = true
        task = { text = "Ligar", due_in = "4 business hours" }
        """
    )
    first, second, third = rule.plan()
    assert (first.after, first.tags, first.mail) == (Duration(amount=0), ("nurture",), None)
    assert (str(second.after), str(third.after), third.business_hours) == ("2 days", "3 business days", True)
    assert all(WorkflowRule.model_validate_json(rule.model_dump_json()) == rule for rule in (rule, *SHIPPED_RULES))


def test_a_workflow_without_steps_is_one_step_and_one_without_anything_is_none() -> None:
    assert [len(rule.plan()) for rule in SHIPPED_RULES] == [1, 1, 1]
    assert [(rule.plan(), rule.acts) for rule in rules("[workflows.x]")] == [((), False)]


def test_a_variant_has_steps_of_its_own_behind_what_is_done_at_once() -> None:
    (rule,) = rules(
        """
        [workflows.nurture]
        tags = "nurture"
        steps = [{ after = "2 days", tags = "a" }]
        experiment.baseline = 0.1
        experiment.effect = 0.05
        experiment.variants.late.steps = [{ after = "9 days", tags = "a" }]
        """
    )
    assert [str(step.after) for step in rule.plan("late")] == ["0 minutes", "9 days"]
    assert [str(step.after) for step in rule.plan("control")] == ["0 minutes", "2 days"]


def test_mistakes_of_several_rules_are_told_at_once() -> None:
    with pytest.raises(ValueError) as problem:
        rules("[workflows]\nhot = 3\n[workflows.x]\ntag = 1\n[workflows.y]\ntags = ['a']\n[workflows.z]\nwen = {}")
    assert [line.split(":")[0] for line in str(problem.value).splitlines()] == [
        "[workflows] hot", "[workflows.x] tag", "[workflows.z] wen",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("when", "unmet"),
    [
        ({}, ""),
        ({"min_score": 90, "max_score": 90}, ""),
        ({"min_score": 91}, "score 90 is below 91"),
        ({"max_score": 89}, "score 90 is above 89"),
        ({"temperature": ["hot", "warm"]}, ""),
        ({"temperature": "cold"}, "hot is not cold"),
        ({"source": ["fair", "site"]}, ""),
        ({"source": "fair"}, "source site is not fair"),
        ({"decision": "new"}, ""),
        ({"decision": "match"}, "decision new is not match"),
        ({"fields": {"company": {"equals": "INVENCAO"}}}, ""),
        ({"fields": {"company": {"equals": "Inven"}}}, "company does not hold what is asked"),
        ({"fields": {"company": {"contains": ["globex", "venção"]}}}, ""),
        ({"fields": {"email": {"contains": "@example.com.br"}}}, ""),
        ({"fields": {"extra.Produto": {"equals": "erp"}}}, ""),
        ({"fields": {"extra.Outro": {"contains": "erp"}}}, "extra.Outro does not hold what is asked"),
        ({"fields": {"city": {"contains": "recife"}}}, "city does not hold what is asked"),
        ({"features": ["cnpj", "company"]}, ""),
        ({"features": "cnpj"}, "the score has no cnpj"),
        ({"no_features": "cnpj"}, ""),
        ({"no_features": ["cnpj", "company"]}, "the score has company"),
        ({"min_score": 10, "source": "site", "decision": "match"}, "decision new is not match"),
        ({"open": False}, ""),
        ({"open": True}, "the house is closed at Sat 12:00"),
        ({"days": ["mon-fri", "sat"]}, ""),
        ({"days": "sun-fri"}, "sat is not sun-fri"),
        ({"time": "12:00-12:01"}, ""),
        ({"time": "08:00-12:00"}, "12:00 is not within 08:00-12:00"),
        ({"time": "18:00-12:01"}, ""),
        ({"time": "18:00-12:00"}, "12:00 is not within 18:00-12:00"),
    ],
)
def test_all_conditions_have_to_be_true(
    contact_of: Make, hot_score: Score, when: dict[str, object], unmet: str
) -> None:
    contact = contact_of(
        company="Invenção", mail="ana@example.com bia@example.com.br", extra={"Produto": "ERP"}
    )  # fmt: skip
    conditions = Conditions.model_validate(when)
    told = conditions.unmet(contact, hot_score, DecisionKind.NEW, "site", now=NOON, calendar=CALENDAR)
    assert told == unmet


@pytest.mark.parametrize("temperature", list(Temperature))
def test_exactly_one_shipped_rule_is_for_each_temperature(temperature: Temperature) -> None:
    assert [rule.when.temperature for rule in SHIPPED_RULES].count((temperature,)) == 1
