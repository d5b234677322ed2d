"""The checker finds nothing wrong where nothing is, and each fault where it is put in."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.models import Contact, RemoteRef
from worker import steps
from worker.config import load_settings
from worker.ports import Priority
from worker.prove.checker import FINDINGS, CrmItem, Found, Sent, check
from worker.prove.workload import Workload
from worker.steps.runtime import build_runtime
from worker.store import audit, local_crm

CONFIGURATION = """
[sinks.receiver]
url = "http://127.0.0.1:9/"
secret = "whsec_c2VjcmV0LW9mLWEtcHJvb2Ytb25seS0x"
"""


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Sent], Found]:
    """Sixty cases that went through a set-up that nothing happened to."""
    data: Path = tmp_path_factory.mktemp("data")
    (data / "portaria.toml").write_text(CONFIGURATION)
    runtime = build_runtime(load_settings(data))
    runtime.database.migrate()
    sent = []
    for case in islice(Workload(seed=5).cases(), 60):
        for delivery in case:
            one = Sent(delivery)
            for _ in range(delivery.copies):
                added = steps.receive(
                    runtime, delivery.source, delivery.body, content_type=delivery.content_type, priority=Priority.LIVE
                )
                one.ids.append(added.id)
            sent.append(one)
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        kinds = ("contact", "lead", "task", "note")
        records = [record for kind in kinds for record in local_crm.listed(tx, kind, limit=10_000)]
        found = Found(
            deliveries=audit.deliveries(tx),
            submissions=audit.submissions(tx),
            contacts=audit.contacts(tx),
            crm_writes=audit.crm_writes(tx),
            runs=audit.runs(tx),
            notifications=audit.notifications(tx),
            moves=[(subject, [SimpleNamespace(**row._mapping) for row in moves]) for subject, moves in audit.moves(tx)],
            crm=[CrmItem(record.ref, dict(record.fields)) for record in records],
            received=Counter(),
        )
    runtime.database.close()
    return sent, found


def test_all_cases_are_in_the_workload() -> None:
    cases = {delivery.case for case in islice(Workload(seed=1).cases(), 300) for delivery in case}
    assert cases == {"unique", "doors", "again", "typos", "fuzzy", "update", "table", "junk", "broken", "nobody"}


def test_the_same_seed_is_the_same_workload() -> None:
    first, second = (list(islice(Workload(seed=7).cases(), 40)) for _ in range(2))
    assert first == second != list(islice(Workload(seed=8).cases(), 40))


def test_what_went_well_has_no_findings(proof: tuple[list[Sent], Found]) -> None:
    sent, found = proof
    assert check(sent, found) == []
    assert Counter(row["state"] for row in found.submissions)["done"] > 60


Fault = Callable[[list[Sent], Found], Any]


def _done(found: Found) -> dict[str, Any]:
    return next(row for row in found.submissions if row["state"] == "done")


def _of_kind(found: Found, kind: str) -> CrmItem:
    return next(item for item in found.crm if item.ref.kind == kind)


def _contact(found: Found) -> dict[str, Any]:
    return found.contacts[0]


def _say_less(found: Found) -> None:
    contact = Contact.model_validate_json(_contact(found)["contact"])
    _contact(found)["contact"] = contact.model_copy(update={"emails": ()}).model_dump_json()


def _split(sent: list[Sent], found: Found) -> None:
    """Of a person with two submissions, the second is another's."""
    whose = Counter(row["contact_id"] for row in found.submissions if row["contact_id"])
    twice = next(contact for contact, times in whose.items() if times == 2)
    row = next(row for row in found.submissions if row["contact_id"] == twice)
    row["contact_id"] = "con_of_nobody"


def _join(sent: list[Sent], found: Found) -> None:
    first, second = (row for row in found.contacts[:2])
    for row in found.submissions:
        if row["contact_id"] == second["id"]:
            row["contact_id"] = first["id"]


def _again(found: Found, kind: str) -> None:
    item = _of_kind(found, kind)
    found.crm = [*found.crm, CrmItem(RemoteRef(system="local", kind=kind, id="99999"), item.fields)]


def _without(found: Found, kind: str) -> None:
    gone = _of_kind(found, kind)
    found.crm = [item for item in found.crm if item is not gone]


def _run(found: Found, **other: str) -> None:
    row = {"id": "r1", "submission_id": "sub_1", "contact_id": "c1", "workflow": "hot", "temperature": "hot"}
    found.runs = [*found.runs, {**row, "state": "completed", "reason": "", **other}]


FAULTS: dict[str, Fault] = {
    "acknowledged_missing": lambda sent, found: sent[0].ids.append("del_that_is_not_there"),
    "acknowledged_changed": lambda sent, found: found.deliveries[0].update(digest="other"),
    "answered_differently": lambda sent, found: sent[0].ids.append(sent[1].ids[0]),
    "unsettled": lambda sent, found: _done(found).update(state="scored"),
    "down": lambda sent, found: setattr(found, "missing", [("one", "worker")]),
    "lease_left": lambda sent, found: _done(found).update(lease_owner="somebody"),
    "wrong_outcome": lambda sent, found: _done(found).update(state="dead"),
    "submissions_wrong": lambda sent, found: setattr(found, "submissions", found.submissions[1:]),
    "created_twice": _split,
    "merged_wrongly": _join,
    "value_lost": lambda sent, found: _say_less(found),
    "crm_missing": lambda sent, found: _without(found, "contact"),
    "crm_twice": lambda sent, found: _again(found, "contact"),
    "crm_value_lost": lambda sent, found: _of_kind(found, "contact").fields.update(emails=["other@example.com"]),
    "message_lost": lambda sent, found: _of_kind(found, "note").fields.update(text="something else"),
    "message_twice": lambda sent, found: [_again(found, "note") for _ in range(1)],
    "order_of_states": lambda sent, found: next(
        moves for subject, moves in found.moves if subject.startswith("sub_") and len(moves) > 3
    ).pop(2),
    "effect_without_intent": lambda sent, found: _again(found, "task"),
    "intent_without_outcome": lambda sent, found: found.crm_writes[0].update(state="attempted"),
    "triggered_twice": lambda sent, found: [_run(found, id=run_id) for run_id in ("r1", "r2")],
}


@pytest.mark.parametrize("code", list(FINDINGS))
def test_each_fault_is_found(proof: tuple[list[Sent], Found], code: str) -> None:
    sent, found = copy.deepcopy(proof)
    FAULTS[code](sent, found)
    assert code in {finding.code for finding in check(sent, found)}


@pytest.mark.parametrize("code", ["intent_without_outcome", "effect_without_intent"])
def test_notifications_are_told_and_asked_for(proof: tuple[list[Sent], Found], code: str) -> None:
    sent, found = copy.deepcopy(proof)
    _run(found)
    found.notifications = [{"key": "r1:notify", "run_id": "r1", "sink": "receiver", "state": "sent"}]
    if code == "effect_without_intent":
        found.received = Counter({("hot", "sub_1"): 2, ("hot", "sub_of_nobody"): 1})
    assert [finding.code for finding in check(sent, found)] == [code]
