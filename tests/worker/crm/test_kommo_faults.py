"""Every call that we make of Kommo, and every way in which it can go wrong: it ends as if nothing had.

The short form has all endpoints go wrong in one run, each in another way, and turns the ways from run to run.
`PORTARIA_LONG=1` turns them all the way round, and has every pair of endpoint and fault in a run of its own as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker import steps
from worker.errors import PortariaError
from worker.kommo.endpoints import ENDPOINTS, LOG_IN
from worker.kommo.markers import SETTLE_SECONDS, make_field
from worker.kommo.settings import MARKER
from worker.store import contacts

Build = Callable[..., Any]
Endpoint = tuple[str, str]
Fault = Mapping[str, Any]
LONG: Final = bool(os.environ.get("PORTARIA_LONG"))

OLGA = {
    "Nome": "Olga Prates Lima", "E-mail": "olga.prates@metalurgica.example.com", "Telefone": "(11) 98765-4321",
    "Empresa": "Metalúrgica Prates", "Cargo": "Diretora", "CPF": "529.982.247-25",
    "Mensagem": "Quero um orçamento urgente para 200 peças, podem me ligar hoje?",
}  # fmt: skip
RUI = {"Nome": "Rui Sá", "E-mail": "rui.sa@example.com", "Mensagem": "Sou estudante, é para meu TCC"}
OLGA_AGAIN = {**OLGA, "Telefone": "(11) 3333-4444", "Mensagem": "Este é o telefone da empresa"}

FAULTS: Final[Sequence[Fault]] = (
    *({"kind": "status", "status": status} for status in (400, 401, 402, 403, 429, 500, 504)),
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "cut_off"},
    {"kind": "late", "seconds": SETTLE_SECONDS - 20},
)
TIMES: Final = 2
"""So often in a row a call goes wrong."""

BY_HAND: Final[Sequence[Endpoint]] = (
    ("GET", "account"),
    ("POST", "contacts/custom_fields"),
    ("POST", "leads/custom_fields"),
)
"""What only a person's command asks for: `portaria check`, `portaria kommo setup`."""
OF_LEADS: Final[Sequence[Endpoint]] = (
    ("GET", "users"),
    ("GET", "leads/pipelines"),
    ("GET", "contacts/custom_fields"),
    ("GET", "leads/custom_fields"),
    ("GET", "contacts"),
    ("POST", "contacts"),
    ("PATCH", "contacts"),
    ("GET", "contacts/*/notes"),
    ("POST", "contacts/notes"),
    ("GET", "companies"),
    ("POST", "companies"),
    ("GET", "leads"),
    ("POST", "leads"),
    ("PATCH", "leads"),
    ("GET", "leads/*/notes"),
    ("POST", "leads/notes"),
    ("POST", "leads/*/link"),
    ("POST", "leads/*/unlink"),
    ("GET", "tasks"),
    ("POST", "tasks"),
)
OF_INCOMING: Final[Sequence[Endpoint]] = (
    ("POST", LOG_IN),
    ("POST", "leads/complex"),
    ("GET", "leads/unsorted"),
    ("POST", "leads/unsorted/*/accept"),
    ("DELETE", "leads/unsorted/*/decline"),
)
AFTER: Final[Mapping[Endpoint, str]] = {
    ("GET", "contacts/*/notes"): "contacts/notes",
    ("GET", "leads/*/notes"): "leads/notes",
    ("GET", "tasks"): "tasks",
}
"""What is only read when a call to another endpoint had no answer."""

LEADS = """
responsible = "Bruno Reis"
pipeline = "Vendas"
"""
THEIR_WORKFLOWS = """
[workflows.tudo]
lead = true
task = { text = "Ligar", due_in = 15 }
note = true
tags = ["novo"]
[[workflows.tudo.steps]]
after = "1 hour"
move = { stage = "Proposta" }
"""
INCOMING = """
incoming = true
client_id = "fake-client"
client_secret = "fake-secret"
redirect_uri = "https://example.com"
"""
INCOMING_WORKFLOWS = """
[workflows.cliente]
when = { fields = { company = { contains = "Prates" } } }
lead = true
[[workflows.cliente.steps]]
after = "1 hour"
move = { pipeline = "Vendas", stage = "Proposta" }
[workflows.outros]
lead = true
[[workflows.outros.steps]]
after = "1 hour"
move = { pipeline = "Vendas", stage = "143" }
"""


def of_leads(build: Build, faults: Sequence[Fault]) -> dict[str, list[Any]]:
    """Three forms of two people, a lead moved on, a note by hand, a merge and its undoing."""
    house = build(LEADS, workflows=THEIR_WORKFLOWS)
    rules = [house.fake.faults.add(**fault) for fault in faults]
    house.send(OLGA, RUI)
    house.settle()
    house.send(OLGA_AGAIN)
    house.settle()
    with house.runtime.database.read() as tx:
        ids = {row["name"]: row["id"] for row in contacts.listed(tx)}
    olga, rui = ids["Olga Prates Lima"], ids["Rui Sá"]
    lead = next(one for one in house.fake.account.alive("leads") if one["name"].startswith("Rui"))
    ref = RemoteRef(system=house.runtime.crm.name, kind="lead", id=str(lead["id"]))
    text = {"text": "Ligou de volta"}
    house.write(CrmWrite(key="hand:note", kind=WriteKind.ADD_NOTE, contact_id=rui, target=ref, fields=text))
    merge = steps.merge_contacts_of(house.runtime, olga, rui, by="Ana")
    house.settle()
    merged = house.records()
    assert {name for _, names, _ in merged["leads"] for name in names} == {"Olga Prates Lima"}
    steps.undo_merge(house.runtime, merge, by="Ana")
    house.settle()
    assert house.states() == {"done": 3}
    assert not [rule for rule in rules if rule.times == TIMES and not rule.hit]
    return {**{f"{kind}, merged": found for kind, found in merged.items()}, **house.records()}


def of_incoming(build: Build, faults: Sequence[Fault]) -> dict[str, list[Any]]:
    """Two people's incoming leads, one accepted and one declined, by a login that has to be renewed."""
    house = build(INCOMING, workflows=INCOMING_WORKFLOWS, token="")
    house.log_in()
    rules = [house.fake.faults.add(**fault) for fault in faults]
    house.clock.forward(25 * 3600)
    house.send(OLGA, RUI)
    house.settle()
    assert house.states() == {"done": 2}
    assert not [rule for rule in rules if rule.times == TIMES and not rule.hit]
    return house.records()


def test_all_that_is_ever_called_is_tried() -> None:
    tried = (*BY_HAND, *OF_LEADS, *OF_INCOMING)
    assert len(tried) == len(set(tried))
    assert set(tried) == set(ENDPOINTS)


@pytest.fixture(scope="module")
def wanted() -> dict[str, dict[str, list[Any]]]:
    """What a run without faults ends with; it is the same for all runs with some."""
    return {}


def rules_for(*pairs: tuple[Endpoint, Fault]) -> list[Fault]:
    """The faults; and where nothing had made us look, an answer that is lost, last of all."""
    own = [{**fault, "method": method, "path": path, "times": TIMES} for (method, path), fault in pairs]
    lost = [{"kind": "drop_after", "method": "POST", "path": AFTER[one]} for one, _ in pairs if one in AFTER]
    return [*own, *lost]


def named(pair: tuple[Endpoint, Fault]) -> str:
    (method, path), fault = pair
    return f"{method} {path} {fault.get('status', fault['kind'])}"


def without_faults(run: Any, build: Build, wanted: dict[str, Any]) -> dict[str, list[Any]]:
    if run.__name__ not in wanted:
        wanted[run.__name__] = run(build, ())
    found: dict[str, list[Any]] = wanted[run.__name__]
    return found


@pytest.mark.skipif(not LONG, reason="the long form: every pair in a run of its own")
@pytest.mark.parametrize("pair", [(one, fault) for one in (*OF_LEADS, *OF_INCOMING) for fault in FAULTS], ids=named)
def test_a_run_with_a_fault_ends_as_one_without(
    pair: tuple[Endpoint, Fault], build_house: Build, wanted: dict[str, Any]
) -> None:
    run = of_leads if pair[0] in OF_LEADS else of_incoming
    assert run(build_house, rules_for(pair)) == without_faults(run, build_house, wanted)


TURNS: Final = [
    pytest.param(run, endpoints, turn, id=f"{run.__name__} {turn}")
    for run, endpoints in ((of_leads, OF_LEADS), (of_incoming, OF_INCOMING))
    for turn in range(0, len(FAULTS), 1 if LONG else 4)
]


@pytest.mark.parametrize(("run", "endpoints", "turn"), TURNS)
def test_a_run_in_which_everything_goes_wrong_once_ends_as_one_without(
    run: Any, endpoints: Sequence[Endpoint], turn: int, build_house: Build, wanted: dict[str, Any]
) -> None:
    pairs = [(one, FAULTS[(place + turn) % len(FAULTS)]) for place, one in enumerate(endpoints)]
    assert run(build_house, rules_for(*pairs)) == without_faults(run, build_house, wanted)


@pytest.mark.parametrize("pair", [(one, fault) for one in BY_HAND for fault in FAULTS][:: 1 if LONG else 4], ids=named)
def test_a_command_that_went_wrong_is_given_again(pair: tuple[Endpoint, Fault], build_house: Build) -> None:
    house = build_house()
    for entity in ("contacts", "leads"):
        fields = house.fake.account.schema.fields[entity]
        for number in [number for number, one in fields.items() if one["name"] == MARKER]:
            del fields[number]
    (method, path), fault = pair
    rule = house.fake.faults.add(**fault, method=method, path=path, times=2)
    client = house.runtime.crm.client

    def is_done() -> bool:
        try:
            for entity in ("contacts", "leads"):
                make_field(client, entity, MARKER)
        except PortariaError:
            return False
        return not house.runtime.crm.check()

    for _ in range(10):
        if is_done():
            break
        house.clock.forward(3600)
    assert rule.hit
    for entity in ("contacts", "leads"):
        names = [one["name"] for one in house.fake.account.schema.fields[entity].values()]
        assert names.count(MARKER) == 1
