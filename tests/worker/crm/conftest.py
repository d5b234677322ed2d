"""A whole set-up with the fake Kommo as its CRM, on a clock that both share."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.models import CrmWrite
from worker import steps
from worker.config import load_settings
from worker.crm.kommo import KommoCrm
from worker.errors import PortariaError
from worker.fake_kommo.server import TOKEN, Fake, Running
from worker.kommo.tokens import OAuth
from worker.ports import Priority
from worker.rates import Rate, Rates
from worker.steps.calls import Known, perform
from worker.steps.runtime import Runtime, build_runtime
from worker.store import merges, submissions, workflows
from worker.store.credentials import CredentialTable
from worker.store.engine import Database

CONFIGURATION = """
[sources.site]
kind = "generic"
secret = "invented-secret"

[crm]
kind = "kommo"
base_url = "{url}"
token = "{token}"
{more}
{workflows}
"""
WORKFLOWS = """
[workflows.tudo]
lead = true
task = { text = "Ligar", due_in = 15 }
note = true
tags = ["novo"]
"""
OUR_TIMES = 400
"""Times that the work is looked for until all is settled; each time the clock goes on."""


class NoRates(Rates):
    """Rates are told by the real clock, which is not the one here."""

    def hit(self, rate: Rate, *whose: str) -> bool:
        return True

    def wait(self, rate: Rate, *whose: str, patience: float) -> None:
        return None


@dataclass
class House:
    """Portaria and its Kommo account."""

    runtime: Runtime
    fake: Fake
    clock: Any

    def send(self, *forms: dict[str, str], at_once: bool = True) -> None:
        """Forms that people filled in; `at_once`: in one delivery."""
        bodies = [list(forms)] if at_once else [[form] for form in forms]
        for body in bodies:
            text = "\n".join(json.dumps(form, ensure_ascii=False) for form in body)
            key = steps.fresh_key(self.runtime)
            steps.receive(
                self.runtime,
                "site",
                text.encode(),
                content_type="application/x-ndjson",
                priority=Priority.LIVE,
                key=key,
                name="forms.jsonl",
            )

    def settle(self, step: float = 20.0) -> None:
        """Work, and let time pass, until nothing waits any more; the longer nothing happens the faster it passes."""
        passing = step
        for _ in range(OUR_TIMES):
            calls = len(self.fake.calls)
            while steps.work_here(self.runtime):
                pass
            if self._is_settled():
                return
            passing = step if len(self.fake.calls) > calls else min(passing * 2, 900.0)
            self.clock.forward(passing)
            self._mend_login()
        waiting = self.waiting() + self.runs_waiting()
        raise AssertionError(f"still {self.states()}: {waiting}; {self.fake.calls[-12:]}")

    def _is_settled(self) -> bool:
        if self.runs_waiting() or not set(self.states()) <= {"done", "rejected", "dead", "review"}:
            return False
        with self.runtime.database.read() as tx:
            return not merges.untold(tx, now=self.clock() + timedelta(days=1))

    def write(self, write: CrmWrite) -> None:
        """Have one write made, as a plan does, until it is."""
        known = Known(self.runtime.crm.name, {}, {})
        for _ in range(OUR_TIMES):
            if not perform(self.runtime, "plan", {"hand": [write]}, known, lambda _tx: {"hand"}).wrong:
                return
            self.clock.forward(60)
        raise AssertionError("it was never made")

    def log_in(self) -> None:
        """A person gets a code from Kommo and logs in with it; with another one where that goes wrong."""
        for number in range(OUR_TIMES):
            code = f"code-{number}-{self.clock()}"
            self.fake.codes.add(code)
            try:
                return self._tokens().log_in(code)
            except PortariaError:
                self.clock.forward(60)
        raise AssertionError("nobody could log in")

    def _tokens(self) -> OAuth:
        assert isinstance(self.runtime.crm, KommoCrm)
        tokens = self.runtime.crm.client.tokens
        assert isinstance(tokens, OAuth)
        return tokens

    def _mend_login(self) -> None:
        """Where Kommo has used up a refresh token and its answer was lost, only a person can log in anew; they are told
        so."""
        is_lost = self.fake.refresh and not any(token in self._login() for token in self.fake.refresh)
        if is_lost and any("portaria kommo login" in detail for _, detail in self.waiting()):
            self.log_in()

    def _login(self) -> str:
        return CredentialTable(self.runtime.database, self.clock).read(self.runtime.crm.name)

    def states(self) -> dict[str, int]:
        with self.runtime.database.read() as tx:
            return submissions.counts(tx)

    def waiting(self) -> list[tuple[str, str]]:
        """(reason, detail) of each submission that waits."""
        with self.runtime.database.read() as tx:
            return [(row["reason"], row["detail"]) for row in submissions.listed(tx, state="waiting")]

    def runs_waiting(self) -> list[tuple[str, str]]:
        """(reason, detail) of each run of a workflow that is not over."""
        with self.runtime.database.read() as tx:
            return [(row["reason"], row["detail"]) for row in workflows.listed(tx, state="active")]

    def records(self) -> dict[str, list[Any]]:
        """What is in Kommo, without ids, times and markers: two runs that end alike have the same."""
        account = self.fake.account
        name = {n: one["name"] for n, one in account.records["contacts"].items()}
        lead = {n: one["name"] for n, one in account.records["leads"].items()}
        company = {n: one["name"] for n, one in account.records["companies"].items()}
        return {
            "contacts": sorted(
                (
                    one["name"],
                    _values(one),
                    sorted(tag["name"] for tag in one["tags"] if not tag["name"].startswith("ptr-")),
                    sorted(company[each] for each in account.linked(("contacts", one["id"]), "companies")),
                )
                for one in account.alive("contacts")
            ),
            "companies": sorted(company.values()),
            "leads": sorted(
                (
                    one["name"],
                    [name[each] for each in account.linked(("leads", one["id"]), "contacts")],
                    one["status_id"],
                )
                for one in account.alive("leads")
            ),
            "tasks": sorted(
                (one["text"].split("\n")[0], lead.get(one["entity_id"], "")) for one in account.tasks.values()
            ),
            "notes": sorted(
                ((name | lead)[note["entity_id"]], re.sub(r"\d{7}", "N", note["params"]["text"].split("\n")[0]))
                for entity in ("contacts", "leads")
                for note in account.notes[entity].values()
            ),
        }


def _values(record: dict[str, Any]) -> str:
    return str(
        sorted(
            (each["field_name"], [str(value["value"]) for value in each["values"]])
            for each in record["custom_fields_values"] or ()
            if each["field_name"] != "Portaria"
        )
    )


@pytest.fixture(scope="session")
def kommo_server() -> Iterator[Running]:
    fake = Fake()
    fake.limits.rate = 0
    with Running(fake) as running:
        yield running


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "portaria.db"
    made = Database(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture
def build_house(kommo_server: Running, empty_database: Path, tmp_path: Path, clock: Any) -> Iterator[Any]:
    opened: list[Runtime] = []
    server = kommo_server

    def build(more: str = "", *, workflows: str = WORKFLOWS, token: str = TOKEN) -> House:
        data = tmp_path / f"data{len(opened)}"
        data.mkdir()
        shutil.copy(empty_database, data / "portaria.db")
        text = CONFIGURATION.format(url=server.url, token=token, more=more, workflows=workflows)
        (data / "portaria.toml").write_text(text)
        server.fake.now = lambda: clock().timestamp()
        server.fake.begin()
        clock.forward(timedelta(days=1).total_seconds())
        runtime = build_runtime(load_settings(data), clock=clock)
        opened.append(runtime)
        assert isinstance(runtime.crm, KommoCrm)
        runtime.crm.client.rates = NoRates()
        return House(runtime, server.fake, clock)

    yield build
    for runtime in opened:
        runtime.database.close()
