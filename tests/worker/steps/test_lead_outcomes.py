"""Outcomes come back: to whom they belong, once, and joined to what was known before them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from pipelines.lead_outcomes import LeadOutcome, Outcome, guess_outcome_columns, read_outcome
from pipelines.models import RemoteRef
from worker import steps
from worker.errors import PermanentError
from worker.ports import Priority
from worker.steps.learning import known_examples
from worker.steps.runtime import Runtime
from worker.store import lead_outcomes, submissions

LIST = (
    "codigo;nome;e-mail;celular;Origem\n"
    "A1;Olga Prates;olga@prates.example.com;(11) 97654-0123;feira\n"
    "A2;Bruno Lima;bruno@example.com;;site\n"
    "A3;;;;site\n"
)


def ingest(
    runtime: Runtime, body: str = LIST, name: str = "lista.csv", priority: Priority = Priority.IMPORT
) -> list[Any]:
    delivery = steps.receive(runtime, "lista", body.encode(), content_type="text/csv", priority=priority, name=name).id
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        return submissions.listed(tx, delivery_id=delivery)


def told(runtime: Runtime, body: str, **options: Any) -> dict[str, Any]:
    return steps.import_outcomes(runtime, body.encode(), **options).as_json()


def ended(runtime: Runtime) -> list[lead_outcomes.Ended]:
    with runtime.database.read() as tx:
        return lead_outcomes.ended(tx, most=100)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("Ganho", "won"), ("closed won", "won"), ("SIM", "won"), ("1", "won"), ("1.0", "won"), ("142", "won"),
        ("perdido", "lost"), ("Não", "lost"), ("no", "lost"), ("0", "lost"), ("0.0", "lost"), ("143", "lost"),
        ("em andamento", "open"), ("talvez", None), ("", None), ("2", None),
    ],
)  # fmt: skip
def test_words_of_outcomes(word: str, outcome: str | None) -> None:
    assert read_outcome(word) == outcome


def test_columns_are_told_by_name_and_by_what_is_in_them() -> None:
    rows = [["con_1", "77", "a@example.com", "sim", "yes", "2026-01-02", "900"]]
    headers = ["quem", "Lead ID", "E-mail", "newsletter", "Converted", "Data", "Valor"]
    assert guess_outcome_columns(headers, rows) == {
        "quem": "contact", "Lead ID": "lead", "E-mail": "email", "Converted": "outcome", "Data": "at", "Valor": "value",
    }  # fmt: skip


def test_rows_find_their_people_by_whatever_names_them(runtime: Runtime) -> None:
    olga, bruno, third = ingest(runtime)
    assert [row["state"] for row in (olga, bruno, third)] == ["done", "done", "done"]
    done = told(
        runtime,
        "email,phone,contact_id,status\n"
        "OLGA@prates.example.com,,,won\n"
        f",,{bruno['contact_id']},lost\n"
        ",+5511976540123,,won\n"
        "nobody@example.com,,,won\n"
        ",,,won\n"
        "bruno@example.com,,,maybe\n",
        mapping={"status": "outcome", "contact_id": "contact"},
    )
    assert (done["recorded"], done["known"]) == (2, 1)
    assert done["problems"] == {"unmatched": 1, "nobody_named": 1, "no_outcome": 1}
    assert done["where"][0] == {"row": 4, "reason": "unmatched"}
    assert {one.contact_id: one.outcome for one in ended(runtime)} == {
        olga["contact_id"]: "won",
        bruno["contact_id"]: "lost",
    }


def test_a_list_finds_its_rows_by_its_own_ids_and_once(runtime: Runtime) -> None:
    rows = ingest(runtime)
    body = "Código,Resultado\nA1,ganho\nA3,perdido\nA9,ganho\n"
    done = told(runtime, body)
    assert done["columns"] == {"Resultado": "outcome", "Código": "key"}
    assert (done["recorded"], done["problems"]) == (2, {"unmatched": 1})
    assert {one.submission_id for one in ended(runtime)} == {rows[0]["id"], rows[2]["id"]}
    again = told(runtime, body)
    assert (again["recorded"], again["known"]) == (0, 2)
    assert {one.won for one in known_examples(runtime).examples} == {True, False}


def test_a_nameless_row_is_known_by_its_id_and_the_same_row_again_is_the_same(runtime: Runtime) -> None:
    ingest(runtime)
    (again,) = ingest(runtime, "codigo;Origem\nA3;feira\n", "again.csv")
    assert (again["state"], again["decision"]) == ("done", "match")
    (nobody,) = ingest(runtime, "Origem;Cor\nfeira;azul\n", "nobody.csv")
    assert (nobody["state"], nobody["reason"]) == ("rejected", "no_identity")


def test_what_tells_no_outcome_is_said_with_the_way_to_mend_it(runtime: Runtime) -> None:
    with pytest.raises(PermanentError, match="--map COLUMN=outcome"):
        told(runtime, "email,cor\na@example.com,azul\n")
    with pytest.raises(PermanentError, match="--map x=outcome"):
        told(runtime, "email,won\na@example.com,1\n", mapping={"x": "outcome"})


def test_json_lines_and_objects(runtime: Runtime) -> None:
    olga, bruno, _ = ingest(runtime)
    lines = json.dumps({"email": "olga@prates.example.com", "outcome": "won", "value": "1.500,00"}) + "\n{broken\n"
    done = told(runtime, lines)
    assert (done["recorded"], done["problems"]) == (1, {"unreadable_row": 1})
    told_by_agent = [{"contact": bruno["contact_id"], "outcome": "lost", "at": "2026-11-01T10:00:00-03:00"}]
    assert steps.record_outcomes(runtime, told_by_agent, by="agent").recorded == 1
    bad = [{"contact": bruno["contact_id"], "outcome": "won", "at": "soon"}, {"contact": olga["contact_id"]}]
    assert steps.record_outcomes(runtime, bad, by="agent").problems == {"bad_date": 1, "no_outcome": 1}


def hook(runtime: Runtime, *pairs: str) -> dict[str, Any]:
    body = "&".join(["account[subdomain]=acme", "account[id]=1", *pairs]).encode()
    kind = "application/x-www-form-urlencoded"
    delivery = steps.receive(runtime, "kommo", body, content_type=kind, priority=Priority.LIVE).id
    steps.work_here(runtime)
    story = steps.story(runtime, delivery)
    assert story is not None
    return dict(story.delivery)


def status(lead: str, status_id: str, at: int, before: str = "5") -> list[str]:
    one = "leads[status][0]"
    return [
        f"{one}[id]={lead}", f"{one}[status_id]={status_id}", f"{one}[old_status_id]={before}", f"{one}[price]=900",
        f"{one}[last_modified]={at}",
    ]  # fmt: skip


def test_kommos_won_and_lost_hooks_are_outcomes_of_whom_the_lead_is(runtime: Runtime, clock: Any) -> None:
    person = "contacts[add][0]"
    hook(
        runtime, f"{person}[id]=7", f"{person}[name]=Rita Bastos", f"{person}[type]=contact",
        f"{person}[linked_leads_id][9001][ID]=9001", f"{person}[updated_at]={int(clock.now.timestamp())}",
    )  # fmt: skip
    clock.forward(3600)
    delivery = hook(runtime, *status("9001", "142", int(clock.now.timestamp())))
    assert (delivery["state"], delivery["reason"]) == ("not_contact", "outcome")
    (one,) = ended(runtime)
    assert (one.outcome, one.at) == (Outcome.WON, clock.now)
    assert one.contact_id.startswith("con_")
    assert [example.won for example in known_examples(runtime).examples] == [True]
    clock.forward(60)
    hook(runtime, *status("9001", "5", int(clock.now.timestamp()), before="142"))
    assert ended(runtime) == []  # it was opened again
    clock.forward(60)
    hook(runtime, *status("9001", "143", int(clock.now.timestamp())))
    assert [one.outcome for one in ended(runtime)] == [Outcome.LOST]
    hook(runtime, *status("404", "142", int(clock.now.timestamp())))  # nobody knows whose it is, yet
    assert len(ended(runtime)) == 1


def outcome(contact: str, kind: str, at: Any) -> LeadOutcome:
    return LeadOutcome(outcome=Outcome(kind), contact_id=contact, at=at, by="test")


def record(runtime: Runtime, *some: LeadOutcome) -> int:
    with runtime.database.write() as tx:
        return lead_outcomes.record(tx, some, runtime.clock())


def test_the_features_are_those_of_before_the_outcome_and_never_later_ones(runtime: Runtime, clock: Any) -> None:
    (first,) = ingest(runtime, LIST.splitlines()[0] + "\n" + LIST.splitlines()[1] + "\n", priority=Priority.LIVE)
    clock.forward(3600)
    won_at = clock.now
    clock.forward(3600)
    later = "nome;e-mail;celular;Origem;Contrato\nOlga Prates;olga@prates.example.com;(11) 97654-0123;feira;assinado\n"
    (second,) = ingest(runtime, later, "later.csv", Priority.LIVE)
    assert second["contact_id"] == first["contact_id"]
    record(runtime, outcome(first["contact_id"], "won", won_at))
    (example,) = known_examples(runtime).examples
    assert example.submission == first["id"]
    assert "extra.Contrato" not in example.features


def test_who_came_by_themselves_only_after_the_outcome_is_no_example(runtime: Runtime, clock: Any) -> None:
    before = clock.now - timedelta(days=30)
    live, *_ = ingest(runtime, priority=Priority.LIVE)
    record(runtime, outcome(live["contact_id"], "won", before))
    known = known_examples(runtime)
    assert (known.examples, known.without_score) == ([], 1)


def test_a_list_of_the_past_is_taken_as_it_told_it(runtime: Runtime, clock: Any) -> None:
    before = clock.now - timedelta(days=30)
    listed, *_ = ingest(runtime)
    record(runtime, outcome(listed["contact_id"], "won", before))
    known = known_examples(runtime)
    assert (len(known.examples), known.older) == (1, 1)
    assert known.examples[0].at == before


def test_told_twice_is_kept_once_and_the_newest_is_in_force(runtime: Runtime, clock: Any) -> None:
    olga, *_ = ingest(runtime)
    who = olga["contact_id"]
    lost, won = outcome(who, "lost", clock.now), outcome(who, "won", clock.now + timedelta(minutes=1))
    clock.forward(3600)
    assert record(runtime, lost, lost) == 1
    assert record(runtime, won) == 1
    assert record(runtime, won, lost) == 0
    assert [one.outcome for one in ended(runtime)] == [Outcome.WON]
    remote = RemoteRef(system="local", kind="lead", id="1")
    assert record(runtime, LeadOutcome(outcome=Outcome.OPEN, remote=remote, at=clock.now, by="test")) == 0


def test_outcomes_follow_a_merge(runtime: Runtime, clock: Any) -> None:
    olga, bruno, _ = ingest(runtime)
    clock.forward(60)
    record(runtime, outcome(bruno["contact_id"], "won", clock.now))
    steps.merge_contacts_of(runtime, olga["contact_id"], bruno["contact_id"], by="ana", why="")
    (one,) = ended(runtime)
    assert one.contact_id == olga["contact_id"]
    assert len(known_examples(runtime).examples) == 1
