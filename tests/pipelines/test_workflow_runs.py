"""What each step of a run does, when it is due, and what ends a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.business_time import Calendar
from pipelines.models import Contact, DecisionKind, RemoteRef, Score, Temperature, WriteKind
from pipelines.templates import read_mail_template
from pipelines.trigger import start_workflows
from pipelines.workflow_rules import SHIPPED_RULES, WorkflowRule, read_rules
from pipelines.workflow_runs import Effects, Events, Run, Setting, due_times, effects_of, stopped_by

Make = Callable[..., Contact]
CALENDAR = Calendar(time_zone="America/Sao_Paulo")
RECORD = RemoteRef(system="local", kind="contact", id="7")
LEAD = RemoteRef(system="local", kind="lead", id="9")
HOT, WARM, COLD = Temperature.HOT, Temperature.WARM, Temperature.COLD
SCORES = {HOT: 90, WARM: 70, COLD: 20}
WELCOME = read_mail_template("Subject: Olá, {{ contact.given_name }}\n\n{{ contact.company }}\n{{ unsubscribe_url }}\n",
                             "<p>{{ contact.company }}</p>")  # fmt: skip


def run_of(
    now: datetime, rules: tuple[WorkflowRule, ...] | Mapping[str, Any] = SHIPPED_RULES, temperature: Temperature = HOT,
    contact: Contact | None = None,
) -> Run:  # fmt: skip
    score = Score(value=SCORES[temperature], temperature=temperature)
    chosen = rules if isinstance(rules, tuple) else read_rules(rules)
    (run,) = start_workflows(
        "c1", contact or Contact(), score, DecisionKind.NEW, "site", "sub_1", chosen, recent=(), now=now,
        calendar=CALENDAR,
    )  # fmt: skip
    return run


def setting(now: datetime, contact: Contact | None = None, **given: Any) -> Setting:
    values = {
        "contact": contact or Contact(), "record": RECORD, "lead": None, "responsible": "", "templates": {},
        "unsubscribe_url": lambda sink, address: f"https://example.com/unsubscribe/{sink}/token", "opted_out": False,
        "calendar": CALENDAR, "now": now,
    }  # fmt: skip
    return Setting(**{**values, **given})


def test_hot_is_a_lead_with_a_task_within_15_minutes_and_a_note(contact_of: Make, now: datetime) -> None:
    ana = contact_of("Ana Souza")
    effects = effects_of(run_of(now), 0, 0, setting(now, ana, responsible="77"))
    lead, task, note = effects.writes
    assert (lead.kind, lead.target, lead.fields["name"]) == (WriteKind.CREATE_LEAD, RECORD, "Ana Souza (site)")
    assert (lead.fields["score"], lead.fields["temperature"], lead.fields["source"]) == (90, "hot", "site")
    assert (task.kind, task.target) == (WriteKind.CREATE_TASK, None)
    assert task.fields["due_at"] == (now + timedelta(minutes=15)).isoformat()
    assert lead.fields["responsible"] == task.fields["responsible"] == "77"
    assert (note.kind, note.target) == (WriteKind.ADD_NOTE, RECORD)
    assert note.fields["text"].startswith("Workflow hot: score 90 (hot), new contact from site\nScore 90 (hot)")


def test_warm_is_a_task_within_a_day(now: datetime) -> None:
    (task,) = effects_of(run_of(now, temperature=WARM), 0, 0, setting(now)).writes
    assert (task.kind, task.target) == (WriteKind.CREATE_TASK, RECORD)
    assert task.fields == {
        "text": "Warm lead: schedule a demonstration", "due_at": (now + timedelta(days=1)).isoformat()
    }  # fmt: skip


def test_cold_is_a_tag(now: datetime) -> None:
    effects = effects_of(run_of(now, temperature=COLD), 0, 0, setting(now))
    assert [(write.kind, write.fields) for write in effects.writes] == [(WriteKind.ADD_TAGS, {"tags": ["nurture"]})]


def test_a_lead_goes_into_its_pipeline_and_is_called_by_the_company_without_a_name(
    contact_of: Make, now: datetime
) -> None:
    run = run_of(now, {"x": {"lead": {"pipeline": "Vendas", "stage": "Novo"}}})
    (lead,) = effects_of(run, 0, 0, setting(now, contact_of(company="Invenção"))).writes
    assert (lead.fields["pipeline"], lead.fields["stage"]) == ("Vendas", "Novo")
    assert lead.fields["name"] == "Invenção (site)"
    assert effects_of(run, 0, 0, setting(now)).writes[0].fields["name"] == "Lead (site)"


def test_a_move_and_a_task_are_of_the_lead_there_is(now: datetime) -> None:
    run = run_of(now, {"x": {"move": {"stage": "Demo"}, "task": {"text": "Ligar", "due_in": 5}}})
    move, task = effects_of(run, 0, 0, setting(now, lead=LEAD)).writes
    assert (move.kind, move.target, move.fields) == (WriteKind.UPDATE_LEAD, LEAD, {"stage": "Demo"})
    assert task.target == LEAD
    without = effects_of(run, 0, 0, setting(now))
    assert [write.target for write in without.writes] == [RECORD]
    assert without.left_out == ("move: the contact has no lead",)


def test_texts_are_templates(contact_of: Make, now: datetime) -> None:
    run = run_of(now, {"x": {"task": {"text": "Ligar para {{ contact.given_name }}", "due_in": 5},
                             "note": "{{ score.value }} {{ seller }}|{{ contact.extra['Produto'] }}"}})  # fmt: skip
    task, note = effects_of(run, 0, 0, setting(now, contact_of("Ana {{ 7*7 }} Souza"))).writes
    assert task.fields["text"] == "Ligar para Ana"
    assert note.fields["text"] == "90 |"


def test_a_mail_to_the_contact_with_its_values_escaped_where_it_matters(contact_of: Make, now: datetime) -> None:
    run = run_of(now, {"x": {"mail": {"sink": "news", "template": "welcome"}}})
    contact = contact_of(
        "Ana", mail="ana@example.com ana2@example.com", company="<b>{{ 7*7 }}</b>\r\nBcc: x@example.com"
    )
    contact = contact.model_copy(
        update={"name": contact.name.model_copy(update={"given": "Ana\r\nBcc: x@example.com"})}
    )
    (mail,) = effects_of(run, 0, 0, setting(now, contact, templates={"welcome": WELCOME})).notifications
    assert (mail.sink, mail.key) == ("news", "run_1_x:0:mail")
    assert mail.payload["to"] == "ana@example.com"
    assert mail.payload["subject"] == "Olá, Ana Bcc: x@example.com"
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in mail.payload["html"]
    assert "<b>{{ 7*7 }}</b>" in mail.payload["text"]
    assert "https://example.com/unsubscribe/news/token" in mail.payload["text"]


@pytest.mark.parametrize(
    ("mail", "out", "why"),
    [
        ("", False, "mail: the contact has no e-mail address"),
        ("a@example.com", True, "mail: the contact has opted out"),
    ],
)
def test_who_gets_no_mail(contact_of: Make, now: datetime, mail: str, out: bool, why: str) -> None:
    run = run_of(now, {"x": {"mail": {"sink": "news", "template": "welcome"}, "tags": "a"}})
    effects = effects_of(run, 0, 0, setting(now, contact_of(mail=mail), opted_out=out, templates={"welcome": WELCOME}))
    assert (effects.notifications, effects.left_out, len(effects.writes)) == ((), (why,), 1)


def test_a_missing_template_is_told_by_its_file(contact_of: Make, now: datetime) -> None:
    run = run_of(now, {"x": {"mail": {"sink": "news", "template": "welcome"}}})
    with pytest.raises(ValueError, match=r"templates/welcome\.txt"):
        effects_of(run, 0, 0, setting(now, contact_of(mail="a@example.com")))


def test_a_notification_for_each_sink_once(contact_of: Make, now: datetime) -> None:
    run = run_of(now, {"tell": {"notify": ["sales", "chat", "sales"], "steps": [{"notify": "sales"}]}})
    contact = contact_of("Ana Souza", message="x" * 20_000)
    first = effects_of(run, 0, 0, setting(now, contact)).notifications
    assert [(each.sink, each.key) for each in first] == [
        ("sales", "run_1_tell:0:notify:sales"), ("chat", "run_1_tell:0:notify:chat"),
    ]  # fmt: skip
    payload = first[0].payload
    assert payload["type"] == "workflow.started"
    assert payload["data"]["contact"]["name"] == "Ana Souza"
    assert payload["data"]["crm"] == {"system": "local", "kind": "contact", "id": "7"}
    assert len(payload["data"]["message"]) == 4000
    (later,) = effects_of(run, 1, 2, setting(now, contact)).notifications
    assert (later.key, later.payload["type"], later.payload["data"]["step"]) == (
        "run_1_tell:1:2:notify:sales", "workflow.step", 2,
    )  # fmt: skip


def test_steps_are_due_one_after_the_other() -> None:
    (rule,) = read_rules(
        {"x": {"tags": "a", "steps": [
            {"after": "2 days", "tags": "b"},
            {"after": "1 hour", "business_hours": True, "tags": "c"},
            {"after": "1 business day", "tags": "d"},
        ]}}
    )  # fmt: skip
    friday = datetime(2026, 11, 27, 15, tzinfo=UTC)
    monday = datetime(2026, 11, 30, 12, tzinfo=UTC)  # 09:00 in São Paulo
    assert due_times(rule.plan(), friday, CALENDAR) == [
        friday, friday + timedelta(days=2), monday, monday + timedelta(days=1),
    ]  # fmt: skip


def test_what_ends_a_run(now: datetime) -> None:
    before, after = now - timedelta(seconds=1), now + timedelta(seconds=1)
    run = run_of(now)
    assert stopped_by(run, Events()) is None
    assert stopped_by(run, Events(reply=before, won=before, lost=before, opt_out=before)) is None
    for reason in ("reply", "won", "lost", "opt_out"):
        assert stopped_by(run, Events(**{reason: after})) == reason
    deaf = run_of(now, {"x": {"tags": "a", "stop_on": "won"}})
    assert stopped_by(deaf, Events(reply=after)) is None
    assert stopped_by(deaf, Events(reply=after, won=after)) == "won"
    assert stopped_by(run_of(now, {"x": {"tags": "a", "stop_on": []}}), Events(reply=after, lost=after)) is None


@given(st.data())
def test_the_same_step_is_the_same_and_every_effect_has_its_own_key(
    any_contact: st.SearchStrategy[Contact], now: datetime, data: st.DataObject
) -> None:
    everything = {
        "lead": True, "task": {"text": "Ligar {{ contact.name }}", "due_in": "2 business hours"}, "note": True,
        "tags": ["a", "a"], "notify": ["x", "y"], "mail": {"sink": "news", "template": "welcome"},
        "move": {"stage": "s"},
    }  # fmt: skip
    contact = data.draw(any_contact)
    rules = {"everything": {**everything, "steps": [{**everything, "after": "2 days"}]}}
    run = run_of(now, rules, data.draw(st.sampled_from(Temperature)), contact)
    around = setting(now, contact, lead=data.draw(st.sampled_from((None, LEAD))), templates={"welcome": WELCOME})
    keys = []
    for position, round_ in ((0, 0), (1, 0), (0, 1), (1, 1)):
        effects = effects_of(run, position, round_, around)
        assert effects == effects_of(run, position, round_, around)
        assert Effects.model_validate_json(effects.model_dump_json()) == effects
        keys += [each.key for each in (*effects.writes, *effects.notifications)]
        for mail in effects.notifications:
            assert "\n" not in mail.payload.get("subject", "")
            json.dumps(dict(mail.payload))
    assert len(keys) == len(set(keys))
    assert Run.model_validate_json(run.model_dump_json()) == run
