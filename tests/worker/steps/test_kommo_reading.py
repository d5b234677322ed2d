"""What Kommo's hooks only name is fetched, and what they lose is found by asking what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from pipelines.models import WriteKind
from worker import steps, tables
from worker.config import SourceSection
from worker.fake_kommo.hooks import hook_body
from worker.fake_kommo.schema import ACCOUNT
from worker.fake_kommo.server import TOKEN, Fake, Running
from worker.ports import InboundRequest, Priority
from worker.rates import Rate, Rates
from worker.steps.runtime import Runtime
from worker.store import deliveries

FORM = "application/x-www-form-urlencoded"
INTERVAL = 15 * 60 + 1
SUBDOMAIN = str(ACCOUNT["subdomain"])


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough: the store's own tests run on both."""
    return f"sqlite:///{tmp_path / 'portaria.db'}"


@pytest.fixture
def kommo(clock: Any) -> Iterator[Running]:
    """A fake account on the tests' clock, that takes any number of calls."""
    fake = Fake(now=lambda: clock.now.timestamp())
    fake.limits.rate = 0
    with Running(fake) as running:
        yield running


class NoRates(Rates):
    """Rates are told by the real clock, which is not the one here."""

    def wait(self, rate: Rate, *whose: str, patience: float) -> None:
        return None


@pytest.fixture
def house(runtime: Runtime, kommo: Running) -> Runtime:
    section = SourceSection.model_validate(
        {"kind": "kommo", "secret": "s", "base_url": kommo.url, "token": TOKEN, "subdomain": SUBDOMAIN}
    )
    settings = runtime.settings.model_copy(update={"sources": {"kommo": section}})
    return replace(runtime, settings=settings, around=replace(runtime.around, rates=NoRates()))


def write(kommo: Running, path: str, item: dict[str, Any], method: str = "POST") -> int:
    answer = httpx.request(
        method, f"{kommo.url}/api/v4/{path}", json=[item], headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["_embedded"][path][0]["id"])


def person(kommo: Running, name: str, address: str) -> int:
    values = [{"field_code": "EMAIL", "values": [{"value": address, "enum_code": "WORK"}]}]
    return write(kommo, "contacts", {"name": name, "custom_fields_values": values})


def lead(kommo: Running, contact: int | None = None) -> int:
    embedded = {"_embedded": {"contacts": [{"id": contact}]}} if contact else {}
    return write(kommo, "leads", {"name": "Negócio", **embedded})


def pipeline_hook(number: int, subdomain: str = SUBDOMAIN) -> bytes:
    """What Digital Pipeline sends: ids alone."""
    return (
        f"leads[status][0][id]={number}&leads[status][0][status_id]=69505511&leads[status][0][pipeline_id]=1"
        f"&account[id]=1&account[subdomain]={subdomain}"
    ).encode()


def receive(runtime: Runtime, body: bytes) -> str:
    source, settings = runtime.source("kommo")
    request = InboundRequest("POST", "https://x/", {"content-type": FORM}, {}, body)
    key = source.delivery_key(request, settings)
    return steps.receive(runtime, "kommo", body, content_type=FORM, priority=Priority.LIVE, key=key).id


def hook_of(kommo: Running, entity: str, number: int, action: str) -> bytes:
    account = kommo.fake.account
    return hook_body(account, entity, action, account.records[entity][number]).encode()


def settled(runtime: Runtime, delivery: str) -> tuple[str, str, list[str]]:
    steps.work_here(runtime)
    story = steps.story(runtime, delivery)
    assert story is not None
    (row,) = story.submissions
    return row["state"], row["reason"], [each for one in story.contacts.values() for each in one["emails"]]


def count(runtime: Runtime) -> int:
    with runtime.database.read() as tx:
        return sum(deliveries.counts(tx).values())


def effects(runtime: Runtime, kommo: Running) -> tuple[list[Any], list[Any], list[Any]]:
    """What was made, but for fields of a contact that came later; what Kommo holds; which workflows were started."""
    made, runs = tables.crm_writes.c, tables.workflow_runs.c
    with runtime.database.read() as tx:
        writes = tx.execute(sa.select(made.contact_id, made.kind).where(made.kind != WriteKind.UPDATE_CONTACT))
        wrote = sorted((row.contact_id, row.kind) for row in writes)
        started = sorted(tx.execute(sa.select(runs.id)).scalars())
    return wrote, sorted((name, len(some)) for name, some in kommo.fake.account.records.items()), started


def test_the_contact_of_a_lead_that_is_only_named_is_fetched(house: Runtime, kommo: Running) -> None:
    olga = person(kommo, "Olga Prates", "olga@example.com")
    number = lead(kommo, olga)
    delivery = receive(house, pipeline_hook(number))
    assert settled(house, delivery) == ("done", "", ["olga@example.com"])
    story = steps.story(house, delivery)
    assert story is not None
    (contact,) = story.contacts.values()
    assert contact["name"] == "Olga Prates"
    refs = {(ref["system"], ref["kind"], ref["id"]) for ref in contact["remotes"]}
    assert {(f"kommo:{SUBDOMAIN}", "contact", str(olga)), (f"kommo:{SUBDOMAIN}", "lead", str(number))} <= refs


def test_a_lead_without_a_contact_is_nobody_yet(house: Runtime, kommo: Running) -> None:
    assert settled(house, receive(house, pipeline_hook(lead(kommo)))) == ("rejected", "no_contact", [])
    assert settled(house, receive(house, pipeline_hook(4711))) == ("rejected", "not_found", [])


def test_a_hook_of_another_account_is_not_asked_for_in_ours(house: Runtime, kommo: Running) -> None:
    number = lead(kommo, person(kommo, "Olga Prates", "olga@example.com"))
    assert settled(house, receive(house, pipeline_hook(number, "outra")))[:2] == ("dead", "other_account")


def test_kommo_that_is_down_is_waited_for(house: Runtime, kommo: Running, clock: Any) -> None:
    number = lead(kommo, person(kommo, "Olga Prates", "olga@example.com"))
    delivery = receive(house, pipeline_hook(number))
    kommo.fake.switch = 402
    assert settled(house, delivery)[:2] == ("waiting", "kommo_unpaid")
    kommo.fake.switch = 0
    clock.forward(3600)
    assert settled(house, delivery) == ("done", "", ["olga@example.com"])


def test_what_no_hook_brought_is_found_once(house: Runtime, kommo: Running, clock: Any) -> None:
    assert steps.reconcile(house) == 0, "the first look only says from when on"
    clock.forward(60)
    olga = person(kommo, "Olga Prates", "olga@example.com")
    receive(house, hook_of(kommo, "contacts", olga, "add"))
    person(kommo, "Davi Lemos", "davi@example.com")
    assert steps.reconcile(house) == 0, "it is not due"
    clock.forward(INTERVAL)
    assert steps.reconcile(house) == 1
    steps.work_here(house)
    assert (count(house), steps.standing(house).contacts) == (2, 2)
    clock.forward(INTERVAL)
    assert steps.reconcile(house) == 0, "what lies in the overlap is known"


def test_a_hook_that_comes_late_is_the_same_delivery(house: Runtime, kommo: Running, clock: Any) -> None:
    steps.reconcile(house)
    clock.forward(60)
    davi = person(kommo, "Davi Lemos", "davi@example.com")
    late = hook_of(kommo, "contacts", davi, "add")
    clock.forward(INTERVAL)
    assert steps.reconcile(house) == 1
    receive(house, late)
    assert count(house) == 1


def test_a_hook_of_several_that_is_found_again_makes_nobody_and_tells_nothing_twice(
    house: Runtime, kommo: Running, clock: Any
) -> None:
    """Such a hook has one key for all of them, by which a look at each alone does not know it."""
    steps.reconcile(house)
    clock.forward(60)
    olga = person(kommo, "Olga Prates", "olga@example.com")
    davi = person(kommo, "Davi Lemos", "davi@example.com")
    second = hook_of(kommo, "contacts", davi, "add").replace(b"%5Badd%5D%5B0%5D", b"%5Badd%5D%5B1%5D")
    hooks = (
        hook_of(kommo, "contacts", olga, "add"),
        second,
        hook_of(kommo, "leads", lead(kommo, olga), "add"),
    )
    receive(house, b"&".join(hooks))
    steps.work_here(house)
    assert steps.standing(house).contacts == 2
    before = effects(house, kommo)
    clock.forward(INTERVAL)
    assert steps.reconcile(house) == 3, "or this test looks at nothing"
    steps.work_here(house)
    assert steps.standing(house).contacts == 2
    assert effects(house, kommo) == before


def test_a_lost_lead_is_found_with_its_contact(house: Runtime, kommo: Running, clock: Any) -> None:
    olga = person(kommo, "Olga Prates", "olga@example.com")
    clock.forward(3600)
    steps.reconcile(house)
    clock.forward(60)
    lead(kommo, olga)
    clock.forward(INTERVAL)
    assert steps.reconcile(house) >= 1
    steps.work_here(house)
    assert steps.standing(house).contacts == 1
    assert set(steps.standing(house).submissions) == {"done"}


def test_a_look_that_failed_is_made_up_for(house: Runtime, kommo: Running, clock: Any) -> None:
    steps.reconcile(house)
    clock.forward(60)
    person(kommo, "Davi Lemos", "davi@example.com")
    kommo.fake.switch = 402
    clock.forward(INTERVAL)
    assert steps.reconcile(house) == 0
    kommo.fake.switch = 0
    clock.forward(24 * 3600)
    assert steps.reconcile(house) == 1


def test_it_is_switched_off_by_the_source_and_by_having_no_token(house: Runtime, kommo: Running, clock: Any) -> None:
    for keys in ({"reconcile": False, "token": TOKEN, "base_url": kommo.url}, {}):
        section = SourceSection.model_validate({"kind": "kommo", "secret": "s", **keys})
        without = replace(house, settings=house.settings.model_copy(update={"sources": {"kommo": section}}))
        steps.reconcile(without)
        clock.forward(60)
        person(kommo, "Davi Lemos", "davi@example.com")
        clock.forward(INTERVAL)
        assert steps.reconcile(without) == 0
