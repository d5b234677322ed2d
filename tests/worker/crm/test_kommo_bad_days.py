"""Bad days of the account: all waits with its reason, the account is left in peace, and it goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from worker import steps
from worker.kommo import client
from worker.kommo.answers import NOT_BEGUN

Build = Callable[..., Any]
DAY = 24 * 3600
FORMS = [
    {"Nome": name, "E-mail": f"{name.split()[0].lower()}@example.com", "Mensagem": "Quero um orçamento"}
    for name in ("Olga Prates", "Tadeu Zanini", "Ivone Kuster", "Breno Fagundes")
]


def live_through(house: Any, seconds: float, step: float = 60.0) -> None:
    for _ in range(int(seconds / step)):
        while steps.work_here(house.runtime):
            pass
        house.clock.forward(step)


@pytest.mark.parametrize(
    ("switch", "told"),
    [(401, "token"), (402, "paid"), ("blocked", "support"), (503, "503")],
    ids=["wrong token", "trial over", "address blocked", "down"],
)
def test_a_day_without_kommo_loses_nothing_and_costs_few_calls(build_house: Build, switch: Any, told: str) -> None:
    house = build_house()
    if switch == "blocked":
        house.fake.limits.blocked = True
    elif switch == 503:
        house.fake.faults.add(kind="status", status=503, times=0)
    else:
        house.fake.switch = switch
    for form in FORMS:
        house.send(form)
    live_through(house, DAY, step=900)
    assert house.states() == {"waiting": len(FORMS)}
    assert any(told in detail for _, detail in house.waiting())
    assert told in " ".join(problem.what for problem in house.runtime.crm.check())
    assert len(house.fake.calls) < 320  # at most one try in five minutes
    house.fake.switch = 0
    house.fake.limits.pardon()
    house.fake.faults.clear()
    assert not [problem for problem in house.runtime.crm.check() if problem.fatal]
    house.settle(step=300)
    assert house.states() == {"done": len(FORMS)}
    assert sorted(one[0] for one in house.records()["contacts"]) == sorted(form["Nome"] for form in FORMS)


@pytest.fixture
def slow(build_house: Build, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A house whose every call to Kommo takes so many seconds of its clock."""

    def build(seconds: float, more: str = "") -> Any:
        house = build_house(more)

        class Slowly:
            seconds = 0.0

            def wait(self, *_where: object, **_how: object) -> None:
                house.clock.forward(self.seconds / 2)  # an account and an address are waited for

            def hit(self, *_what: object) -> bool:
                return True

        house.rates = house.runtime.crm.client.rates = Slowly()
        house.rates.seconds = seconds
        monkeypatch.setattr(
            client,
            "time",
            SimpleNamespace(
                clock_gettime=lambda _: house.clock().timestamp(), CLOCK_BOOTTIME=0, monotonic=time.monotonic
            ),
        )
        return house

    return build


def test_a_kommo_so_slow_that_others_may_have_taken_over_is_not_written_to(
    build_house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build_house()
    house.send(FORMS[0])
    with monkeypatch.context() as patched:
        patched.setattr("worker.crm.kommo.BEGIN_WITHIN", -1.0)  # as if all of it had gone by before the first write
        live_through(house, 600)
        assert {method for method, *_ in house.fake.calls} == {"GET"}
        assert [reason for reason, _ in house.waiting()] == [NOT_BEGUN]
        assert not [problem for problem in house.runtime.crm.check() if problem.fatal], "nobody leaves it in peace"
    house.settle()
    assert house.states() == {"done": 1}
    assert [one[0] for one in house.records()["contacts"]] == [FORMS[0]["Nome"]]


def test_so_many_new_companies_that_the_search_for_them_takes_a_while_are_made_by_and_by(
    slow: Callable[..., Any],
) -> None:
    house = slow(0.5)
    people = [
        {"Nome": f"Olga Prates {number}", "E-mail": f"p{number}@example.com", "Empresa": f"Firma {number}"}
        for number in range(80)
    ]
    house.send(*people)
    house.settle(step=5)
    assert house.states() == {"done": 80}
    assert len(house.records()["companies"]) == 80
    assert sum(call[:2] == ("GET", "/api/v4/companies") for call in house.fake.calls) < 300


def test_what_has_no_field_is_told_in_a_note_however_long_the_update_took(slow: Callable[..., Any]) -> None:
    house = slow(0.1)
    house.send(FORMS[1])
    house.settle()
    house.rates.seconds = 20.0
    house.send({**FORMS[1], "Cor preferida": "verde"})
    house.settle()
    assert any("verde" in str(note) for note in house.records()["notes"])


def test_a_pipeline_that_is_gone_holds_up_leads_until_it_is_back(build_house: Build) -> None:
    house = build_house('pipeline = "Vendas"\nstage = "Proposta"\nresponsible = "Bruno Reis"')
    schema = house.fake.account.schema
    gone = schema.pipelines.pop(6950551)
    schema.pipelines[6950561]["is_main"] = True
    house.send(FORMS[0])
    live_through(house, 1200)
    assert house.fake.account.alive("leads") == []
    assert "'Vendas'" in " ".join(problem.what for problem in house.runtime.crm.check())
    assert len(house.fake.account.alive("contacts")) == 1
    schema.pipelines[6950561]["is_main"] = False
    schema.pipelines[6950551] = gone
    house.runtime.crm.check()
    house.settle(step=300)
    (lead,) = house.fake.account.alive("leads")
    assert (lead["pipeline_id"], lead["status_id"]) == (6950551, 69505513)
    assert lead["responsible_user_id"] == 8375359


def test_a_field_that_is_gone_is_told_in_the_note(build_house: Build) -> None:
    house = build_house('[crm.fields]\ncpf = "CPF"\n"extra.Porte" = "Tipo de cliente"')
    house.send({**FORMS[1], "CPF": "529.982.247-25", "Porte": "VIP"})
    house.settle()
    first = house.fake.account.alive("contacts")[0]
    assert {"52998224725", "VIP"} <= _values(first)
    del house.fake.account.schema.fields["contacts"][1016238]  # the adapter still believes it is there
    house.send({**FORMS[0], "CPF": "111.444.777-35", "Porte": "Outro"})
    house.settle()
    olga = house.fake.account.alive("contacts")[1]
    assert olga["name"] == "Olga Prates"
    texts = " ".join(house.fake.account.with_texts("contacts", olga["id"]))
    assert "11144477735" in texts
    assert "Porte: Outro" in texts  # no option of that name: never sent
    assert house.states() == {"done": 2}
    (problem,) = house.runtime.crm.check()
    assert "'CPF'" in problem.what


def test_one_bad_contact_of_a_batch_goes_wrong_alone(build_house: Build) -> None:
    house = build_house()
    for form in FORMS[:3]:
        house.send(form)
    while steps.work_here(house.runtime):
        pass
    gone = house.fake.account.alive("contacts")[1]
    gone["is_deleted"] = True
    for form in FORMS[:3]:
        house.send({**form, "Telefone": "(11) 98765-43" + str(FORMS.index(form)) * 2})
    house.settle()
    phones = [
        each["field_code"] for one in house.fake.account.alive("contacts") for each in one["custom_fields_values"]
    ]
    assert phones.count("PHONE") == 2


def _values(record: dict[str, Any]) -> set[str]:
    return {str(value["value"]) for each in record["custom_fields_values"] for value in each["values"]}
