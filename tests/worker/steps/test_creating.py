"""Done outside once, whatever the CRM does: refuse, fall silent after it committed, or die in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipelines.create import contact_fields
from pipelines.models import CrmWrite, RemoteRef, WriteKind
from pipelines.run_states import RunState
from pipelines.states import STAGES, Stage, State, tail_from
from worker import steps
from worker.crm.local import LocalCrm
from worker.errors import OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.ports import Priority
from worker.prove.crm import OutsideCrm, OutsideCrmAdapter
from worker.steps import calls, claims, creating
from worker.steps.runtime import Runtime
from worker.store import contacts, local_crm, submissions, workflows, writes
from worker.store.local_crm import LocalRecordTable
from worker.store.sweep import Due

KINDS = ("contact", "lead", "task", "note")


class FaultyCrm(LocalCrm):
    """The built-in CRM behind a bad line: `fault` says what happens to each call, and when."""

    def __init__(self, records: LocalRecordTable) -> None:
        super().__init__(records)
        self.before: Callable[[CrmWrite], PortariaError | None] = lambda _: None
        self.after: Callable[[CrmWrite], PortariaError | None] = lambda _: None
        self.looked_up: Callable[[CrmWrite], None] = lambda _: None
        self.calls: list[WriteKind] = []

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        found = super().look_up(write)
        self.looked_up(write)
        return found

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        results: list[RemoteRef | PortariaError] = []
        for write in writes:
            self.calls.append(write.kind)
            if (problem := self.before(write)) is None:
                (done,) = super().perform([write])
                problem = self.after(write)
                results.append(problem or done)
            else:
                results.append(problem)
        return results


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def crm(runtime: Runtime, clock: Any) -> FaultyCrm:
    return FaultyCrm(LocalRecordTable(runtime.database, clock))


@pytest.fixture
def faulty(runtime: Runtime, crm: FaultyCrm) -> Runtime:
    return replace(runtime, crm=crm)


HOT = (
    b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "fone": "11 97654-0123", "empresa": "Couto",'
    b' "cargo": "Diretora", "mensagem": "Preciso de um orcamento urgente para 30 pessoas, podemos marcar uma reuniao?"}'
)


def receive(runtime: Runtime, body: bytes = HOT) -> str:
    return steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id


def lease_of(owner: str, clock: Any, seconds: float) -> writes.Lease:
    return writes.Lease(owner, clock.now + timedelta(seconds=seconds))


def elsewhere(runtime: Runtime, clock: Any) -> Runtime:
    """Another worker, to whom the CRM answers."""
    return replace(runtime, owner="elsewhere:1:1", crm=LocalCrm(LocalRecordTable(runtime.database, clock)))


def records(runtime: Runtime) -> dict[str, int]:
    with runtime.database.read() as tx:
        return {kind: len(local_crm.listed(tx, kind)) for kind in KINDS}


def runs_of(runtime: Runtime) -> list[dict[str, Any]]:
    with runtime.database.read() as tx:
        return workflows.listed(tx)


def work_on(runtime: Runtime, delivery: str) -> None:
    """`work_here`, of one delivery alone."""

    def do(due: Due) -> None:
        with runtime.database.read() as tx:
            mine = {row["id"] for row in submissions.listed(tx, delivery_id=delivery)}
        for stage in tail_from(due.stage):
            steps.STEPS[stage](runtime, [each for each in due.ids if each in mine])

    steps.dispatch(runtime, do)


def state(runtime: Runtime, delivery: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=delivery)
    return row


def the_crms_company(runtime: Runtime, delivery: str) -> str:
    """The company in the CRM's one record, which is that of the contact whom the delivery told of."""
    contact_id = state(runtime, delivery)["contact_id"]
    with runtime.database.read() as tx:
        (record,) = local_crm.listed(tx, "contact")
        golden = contacts.golden(tx, [contact_id])[contact_id]
    assert record.fields["company"] == golden.contact.company
    return golden.contact.company


@pytest.fixture
def expected(faulty: Runtime, crm: FaultyCrm) -> dict[str, int]:
    """What a run without faults leaves in the CRM."""
    return {"contact": 1, "lead": 1, "task": 1, "note": 2}


def test_without_faults(faulty: Runtime, expected: dict[str, int]) -> None:
    delivery = receive(faulty)
    steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE
    assert records(faulty) == expected


@pytest.mark.parametrize("kind", [*WriteKind])
def test_a_refusal_waits_and_goes_on_when_it_is_over(
    faulty: Runtime, crm: FaultyCrm, clock: Any, expected: dict[str, int], kind: WriteKind
) -> None:
    refused: list[str] = []

    def once(write: CrmWrite) -> PortariaError | None:
        if write.kind is kind and not refused:
            refused.append(write.key)
            return TransientError("down", code="crm_down", retry_after=60)
        return None

    crm.before = once
    delivery = receive(faulty)
    steps.work_here(faulty)
    if refused:
        row = state(faulty, delivery)
        if kind in writes.OF_RECORD or row["state"] == State.WAITING:
            assert (row["state"], row["reason"]) == (State.WAITING, "crm_down")
        else:  # the follow-up waits by itself
            assert [(run["state"], run["reason"]) for run in runs_of(faulty)] == [(RunState.ACTIVE, "crm_down")]
        clock.forward(59)
        assert steps.work_here(faulty) == 0
        clock.forward(1)
        steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE
    assert records(faulty) == expected


@pytest.mark.parametrize("fault", [OutcomeUnknown("time-out"), RuntimeError("bug"), Killed()], ids=repr)
@pytest.mark.parametrize(
    "kind", [WriteKind.CREATE_CONTACT, WriteKind.CREATE_LEAD, WriteKind.CREATE_TASK, WriteKind.ADD_NOTE]
)
def test_what_committed_and_fell_silent_is_not_made_again(
    faulty: Runtime, crm: FaultyCrm, clock: Any, expected: dict[str, int], kind: WriteKind, fault: BaseException
) -> None:
    struck: list[str] = []

    def once(write: CrmWrite) -> PortariaError | None:
        if write.kind is kind and not struck:
            struck.append(write.key)
            if isinstance(fault, PortariaError):
                return fault
            raise fault
        return None

    crm.after = once
    delivery = receive(faulty)
    with suppress(Killed):
        steps.work_here(faulty)
    assert struck
    for _ in range(3):
        clock.forward(faulty.settings.worker.lease_seconds + 1)
        steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE
    assert records(faulty) == expected
    assert crm.calls.count(kind) == (2 if kind is WriteKind.ADD_NOTE else 1)


def test_what_will_never_go_through_is_dead_with_its_reason(faulty: Runtime, crm: FaultyCrm) -> None:
    crm.before = lambda write: (
        PermanentError("the right is gone", code="no_write") if write.kind is WriteKind.CREATE_CONTACT else None
    )
    delivery = receive(faulty)
    steps.work_here(faulty)
    row = state(faulty, delivery)
    assert (row["state"], row["reason"], row["stage"]) == (State.DEAD, "no_write", Stage.CREATE)


def test_while_another_worker_writes_a_record_nobody_else_does(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    delivery = receive(faulty)
    other = replace(faulty, owner="elsewhere:1:1")

    def interrupted(write: CrmWrite) -> PortariaError | None:
        crm.before = lambda _: None
        with other.database.write() as tx:
            known = writes.attempting(tx, [write], lease=lease_of(other.owner, clock, 60), now=clock.now)
        assert known[write.key].standing is writes.Standing.BUSY
        return None

    crm.before = interrupted
    steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE


def test_a_write_that_another_thread_of_the_process_took_over_is_not_held(faulty: Runtime, clock: Any) -> None:
    write = CrmWrite(key="note:1", kind=WriteKind.ADD_NOTE, contact_id="c", fields={})
    with faulty.database.write() as tx:
        writes.intend(tx, {"s": [write]}, "create", clock.now)
        late = lease_of(faulty.owner, clock, 60)
        writes.attempting(tx, [write], lease=late, now=clock.now)
        clock.forward(61)
        taken_over = lease_of(faulty.owner, clock, 60)
        assert writes.attempting(tx, [write], lease=taken_over, now=clock.now)[write.key].is_ours
        assert writes.hold(tx, [write.key], late, until=taken_over.until + timedelta(seconds=1)) == set()
        writes.not_made(tx, [write.key], late)
        writes.give_up(tx, [write.key], late)
        assert writes.hold(tx, [write.key], taken_over, until=taken_over.until) == {write.key}


def test_a_dead_crm_is_given_up_only_after_days(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    crm.before = lambda _: TransientError("down", code="crm_down")
    delivery = receive(faulty)
    steps.work_here(faulty)
    days = 0.0
    while state(faulty, delivery)["state"] == State.WAITING:
        clock.forward(3600)
        days += 1 / 24
        steps.work_here(faulty)
        assert days < 10
    row = state(faulty, delivery)
    assert (row["state"], row["reason"]) == (State.DEAD, "gave_up")
    assert days == pytest.approx(faulty.settings.worker.give_up_days, abs=1)


def test_one_that_fails_leaves_the_rest_of_its_batch_alone(faulty: Runtime, crm: FaultyCrm) -> None:
    crm.before = lambda write: (
        PermanentError("refused", code="refused") if write.fields.get("name") == "Bruno Lima" else None
    )
    table = b"nome,email\nAna Reis,ana@example.com\nBruno Lima,bruno@example.com\nCaio Melo,caio@example.com\n"
    delivery = steps.receive(faulty, "site", table, content_type="text/csv", priority=Priority.IMPORT).id
    steps.work_here(faulty)
    with faulty.database.read() as tx:
        states = [row["state"] for row in submissions.listed(tx, delivery_id=delivery)]
    assert states == [State.DONE, State.DEAD, State.DONE]


def test_an_update_that_came_too_late_does_not_take_back_what_is_newer(
    faulty: Runtime, crm: FaultyCrm, clock: Any
) -> None:
    def tell(company: str) -> str:
        clock.forward(60)
        body = (
            b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "empresa": "%s"}' % company.encode()
        )
        return receive(faulty, body)

    tell("Couto")
    steps.work_here(faulty)
    refused: list[str] = []

    def once(write: CrmWrite) -> PortariaError | None:
        if write.kind is WriteKind.UPDATE_CONTACT and not refused:
            refused.append(write.key)
            return TransientError("down", code="crm_down", retry_after=3600)
        return None

    crm.before = once
    late = tell("Velha Ltda")
    steps.work_here(faulty)
    assert state(faulty, late)["state"] == State.WAITING
    tell("Nova Ltda Comercio de Ferragens")
    steps.work_here(faulty)
    clock.forward(3601)
    steps.work_here(faulty)
    row = state(faulty, late)
    assert row["state"] == State.DONE
    with faulty.database.read() as tx:
        made = writes.wanted_by(tx, row["id"])
    assert the_crms_company(faulty, late) != "Velha Ltda"
    assert {write["state"] for write in made} <= {writes.DONE, writes.SUPERSEDED}


def told_of(runtime: Runtime, company: str) -> str:
    body = b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "empresa": "%s"}' % company.encode()
    return receive(runtime, body)


def test_an_older_update_never_lands_behind_a_newer_one(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    """The contact changes while its update is under way to the CRM: who changed it waits until that call is over."""
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    clock.forward(60)
    other = elsewhere(faulty, clock)
    newer: list[str] = []
    held_up: list[str] = []

    def meanwhile(write: CrmWrite) -> PortariaError | None:
        if write.kind is WriteKind.UPDATE_CONTACT and not newer:
            newer.append(told_of(other, "Nova Ltda Comercio de Ferragens"))
            steps.work_here(other)
            held_up.append(state(other, newer[0])["reason"])
        return None

    crm.before = meanwhile
    told_of(faulty, "Velha Ltda")
    steps.work_here(faulty)
    assert held_up == ["crm_busy"]
    clock.forward(5)
    steps.work_here(faulty)
    assert state(faulty, newer[0])["state"] == State.DONE
    assert the_crms_company(faulty, newer[0]) != "Velha Ltda"


def test_an_update_planned_from_an_older_contact_is_planned_anew(
    faulty: Runtime, crm: FaultyCrm, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact changes, and is written, between the planning of an update and its call."""
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    clock.forward(60)
    other = elsewhere(faulty, clock)
    newer: list[str] = []
    planned = creating.plan_create

    def slowly(*arguments: Any) -> Sequence[CrmWrite]:
        plan = planned(*arguments)
        if not newer:
            newer.append("")
            newer[0] = told_of(other, "Nova Ltda Comercio de Ferragens")
            steps.work_here(other)
            assert state(other, newer[0])["state"] == State.DONE
        return plan

    monkeypatch.setattr(creating, "plan_create", slowly)
    older = told_of(faulty, "Velha Ltda")
    steps.work_here(faulty)
    row = state(faulty, older)
    assert row["state"] == State.DONE
    with faulty.database.read() as tx:
        assert writes.SUPERSEDED in {write["state"] for write in writes.wanted_by(tx, row["id"])}
    assert the_crms_company(faulty, newer[0]) != "Velha Ltda"


@pytest.mark.parametrize("owner", ["elsewhere:1:1", "a thread of the same process"])
def test_who_looks_for_a_record_longer_than_its_lease_does_not_make_it_beside_another(
    faulty: Runtime, crm: FaultyCrm, clock: Any, owner: str
) -> None:
    theirs = FaultyCrm(LocalRecordTable(faulty.database, clock))
    other = replace(faulty, owner=owner if ":" in owner else faulty.owner, crm=theirs)
    about_to_call, may_call = threading.Event(), threading.Event()
    thread = threading.Thread(target=steps.work_here, args=(other,))

    def call_slowly(_write: CrmWrite) -> PortariaError | None:
        about_to_call.set()
        may_call.wait(20)
        return None

    def taken_over(_write: CrmWrite) -> None:
        crm.looked_up = lambda _: None
        clock.forward(faulty.settings.worker.lease_seconds + 1)
        thread.start()
        assert about_to_call.wait(20)

    crm.before = lambda _: OutcomeUnknown("time-out")
    delivery = told_of(faulty, "Couto")
    steps.work_here(faulty)
    crm.before, crm.looked_up, theirs.before = lambda _: None, taken_over, call_slowly
    clock.forward(faulty.settings.worker.lease_seconds + 1)
    steps.work_here(faulty)
    may_call.set()
    thread.join()
    clock.forward(5)
    steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE
    assert crm.calls.count(WriteKind.CREATE_CONTACT) == 1, "the one that was not answered"
    assert records(faulty)["contact"] == 1


@pytest.mark.parametrize("takes_over", [True, False], ids=["taken over", "not taken over yet"])
def test_an_update_by_who_was_stopped_before_its_call_does_not_land_behind_a_newer_one(
    faulty: Runtime, crm: FaultyCrm, clock: Any, monkeypatch: pytest.MonkeyPatch, takes_over: bool
) -> None:
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    clock.forward(60)
    other = elsewhere(faulty, clock)
    newer: list[str] = []
    looked = calls._before_the_call

    def stopped(runtime: Runtime, write: CrmWrite, attempt: writes.Attempt) -> RemoteRef | PortariaError | None:
        if write.kind is WriteKind.UPDATE_CONTACT and not newer:
            newer.append("")
            clock.forward(faulty.settings.worker.lease_seconds + 1)
            newer[0] = told_of(other, "Nova Ltda Comercio de Ferragens")
            if takes_over:
                steps.work_here(other)
            else:
                work_on(other, newer[0])
            assert state(other, newer[0])["state"] == State.DONE
        return looked(runtime, write, attempt)

    afterwards: list[tuple[str, str | None]] = []
    save = calls._save

    def saved(runtime: Runtime, *what: Any) -> None:
        save(runtime, *what)
        with runtime.database.read() as tx:
            rows = writes.wanted_by(tx, state(runtime, older)["id"]) if runtime.owner == faulty.owner else []
        afterwards.extend((row["state"], row["lease_owner"]) for row in rows)

    monkeypatch.setattr(calls, "_before_the_call", stopped)
    monkeypatch.setattr(calls, "_save", saved)
    older = told_of(faulty, "Velha Ltda")
    steps.work_here(faulty)
    assert state(faulty, older)["state"] == State.DONE
    assert crm.calls.count(WriteKind.UPDATE_CONTACT) == 0
    if not takes_over:
        assert afterwards[0] == (writes.INTENDED, None), "it was never called"
    assert the_crms_company(faulty, newer[0]) != "Velha Ltda"


def test_nothing_newer_is_written_while_an_update_without_an_answer_may_still_land(
    faulty: Runtime, crm: FaultyCrm, clock: Any
) -> None:
    crm.settle_seconds = 120.0
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    clock.forward(60)
    unheard: list[str] = []

    def once(write: CrmWrite) -> PortariaError | None:
        if write.kind is WriteKind.UPDATE_CONTACT and not unheard:
            unheard.append(write.key)
            return OutcomeUnknown("time-out")
        return None

    crm.before = once
    told_of(faulty, "Velha Ltda")
    steps.work_here(faulty)
    assert unheard
    newer = told_of(faulty, "Nova Ltda Comercio de Ferragens")
    steps.work_here(faulty)
    assert (state(faulty, newer)["state"], state(faulty, newer)["reason"]) == (State.WAITING, calls.OUTCOME_PENDING)
    clock.forward(118)
    steps.work_here(faulty)
    assert crm.calls.count(WriteKind.UPDATE_CONTACT) == 1
    clock.forward(3)
    steps.work_here(faulty)
    assert state(faulty, newer)["state"] == State.DONE
    assert the_crms_company(faulty, newer) != "Velha Ltda"


def test_what_was_refused_when_it_was_made_again_is_nobodys_at_once(
    faulty: Runtime, crm: FaultyCrm, clock: Any
) -> None:
    crm.before = lambda _: OutcomeUnknown("time-out")
    delivery = told_of(faulty, "Couto")
    steps.work_here(faulty)
    crm.before = lambda _: TransientError("down", code="crm_down", retry_after=60)
    clock.forward(faulty.settings.worker.lease_seconds / 2)
    steps.work_here(faulty)
    with faulty.database.read() as tx:
        rows = writes.wanted_by(tx, state(faulty, delivery)["id"])
    assert {(row["state"], row["lease_owner"]) for row in rows} == {(writes.INTENDED, None)}


def test_what_came_while_a_create_was_unknown_is_in_the_crm_too(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    silent: list[str] = []

    def once(write: CrmWrite) -> PortariaError | None:
        if write.kind is WriteKind.CREATE_CONTACT and not silent:
            silent.append(write.key)
            return OutcomeUnknown("time-out", retry_after=60)
        return None

    crm.after = once
    first = told_of(faulty, "Couto")
    steps.work_here(faulty)
    with_phone = b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "fone": "11 97654-0123"}'
    second = receive(faulty, with_phone)
    chains: list[Due] = []
    steps.dispatch(faulty, chains.append)
    for stage in STAGES[STAGES.index(Stage.NORMALIZE) : STAGES.index(Stage.CREATE)]:
        steps.STEPS[stage](faulty, chains[0].ids)
    for _ in range(3):
        clock.forward(faulty.settings.worker.lease_seconds + 1)
        steps.work_here(faulty)
    assert [state(faulty, each)["state"] for each in (first, second)] == [State.DONE] * 2
    with faulty.database.read() as tx:
        (record,) = local_crm.listed(tx, "contact")
    assert record.fields["phones"] == ["+5511976540123"]


def test_a_clock_that_was_ahead_keeps_no_call_waiting(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    def dies(write: CrmWrite) -> PortariaError | None:
        raise Killed

    delivery = receive(faulty)
    clock.forward(3600)
    crm.settle_seconds = 20.0
    crm.before = dies
    with suppress(Killed):
        steps.work_here(faulty)
    crm.before = lambda _: None
    clock.forward(-3600)
    for _ in range(6):
        clock.forward(60)
        steps.work_here(faulty)
    assert state(faulty, delivery)["state"] == State.DONE
    assert records(faulty)["contact"] == 1


def test_who_finds_a_record_knows_what_was_sent_not_what_was_intended_first(
    faulty: Runtime, crm: FaultyCrm, clock: Any
) -> None:
    """Two submissions at one instant; who knows less of the contact comes to the call, and dies of it."""
    first = told_of(faulty, "Couto")
    before_create(faulty)
    with faulty.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=first)
        known = contacts.golden(tx, [row["contact_id"]])[row["contact_id"]]
    more = known.contact.model_copy(update={"job_title": "Diretora"})
    told = [
        CrmWrite(key="create:one", kind=WriteKind.CREATE_CONTACT, contact_id=known.id, fields=contact_fields(contact))
        for contact in (more, known.contact)
    ]
    with faulty.database.write() as tx:
        writes.intend(tx, {row["id"]: told[:1]}, Stage.CREATE, clock.now)
        writes.attempting(tx, told[1:], lease=lease_of("other", clock, 10), now=clock.now, settle=5)
    clock.forward(11)
    with faulty.database.write() as tx:
        found = writes.attempting(tx, told[:1], lease=lease_of(faulty.owner, clock, 10), now=clock.now)
    asked = found["create:one"].asked
    assert asked is not None
    assert asked.fields == told[1].fields != told[0].fields


def test_a_record_that_was_made_meanwhile_of_less_is_brought_up_to_date(
    faulty: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows less makes the record after the other has read that there is none, before that one asks to make it."""
    first_has_read, second_has_read = threading.Event(), threading.Event()
    perform = creating.perform

    def stopped(runtime: Runtime, *arguments: Any) -> Any:
        if threading.current_thread() is other:
            first_has_read.set()
            second_has_read.wait(30)
        elif other.is_alive():
            second_has_read.set()
            other.join(30)
        return perform(runtime, *arguments)

    monkeypatch.setattr(creating, "perform", stopped)
    told_of(faulty, "Couto")
    (less,) = before_create(faulty)
    other = threading.Thread(target=steps.STEPS[Stage.CREATE], args=(faulty, less))
    other.start()
    assert first_has_read.wait(30)
    receive(faulty)
    (more,) = before_create(faulty)
    steps.STEPS[Stage.CREATE](faulty, more)
    steps.work_here(faulty)
    with faulty.database.read() as tx:
        (record,) = local_crm.listed(tx, "contact")
    assert record.fields["job_title"] == "Diretora"


def test_another_crm_has_a_record_of_its_own_of_who_writes_again(faulty: Runtime) -> None:
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    elsewhere = OutsideCrm()
    try:
        moved = replace(faulty, crm=OutsideCrmAdapter(elsewhere.url))
        told_of(moved, "Couto Ltda")
        steps.work_here(moved)
        names = [item.fields["name"] for item in elsewhere.items() if item.ref.kind == "contact"]
    finally:
        elsewhere.close()
    assert names == ["Marina Azevedo"]


def test_who_waited_for_the_one_crm_is_made_once_in_the_other(faulty: Runtime, crm: FaultyCrm, clock: Any) -> None:
    crm.before = lambda _: TransientError("down", retry_after=60)
    told_of(faulty, "Couto")
    steps.work_here(faulty)
    crm.before = lambda _: None
    crm.name = "elsewhere"
    clock.forward(120)
    steps.work_here(faulty)
    assert records(faulty)["contact"] == 1


def before_create(runtime: Runtime) -> list[Sequence[str]]:
    """What is due, brought as far as create; the ids of each batch."""
    chains: list[Due] = []
    steps.dispatch(runtime, chains.append)
    for due in chains:
        for stage in STAGES[STAGES.index(due.stage) : STAGES.index(Stage.CREATE)]:
            steps.STEPS[stage](runtime, due.ids)
    return [due.ids for due in chains]


def many(runtime: Runtime, count: int) -> list[str]:
    """So many people in one batch that has reached create, as the ids of their submissions."""
    lines = "".join(f"Pessoa {number},pessoa{number}@example.com\n" for number in range(count))
    steps.receive(runtime, "site", b"nome,email\n" + lines.encode(), content_type="text/csv", priority=Priority.IMPORT)
    chains: list[Due] = []
    steps.dispatch(runtime, chains.append)
    (chain,) = chains
    for stage in STAGES[: STAGES.index(Stage.CREATE)]:
        steps.STEPS[stage](runtime, chain.ids)
    return list(chain.ids)


def test_a_long_batch_keeps_its_leases(
    faulty: Runtime, crm: FaultyCrm, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PIECE", 5)
    ids = many(faulty, 20)
    other = replace(faulty, owner="elsewhere:1:1")
    taken: list[int] = []

    def slow(write: CrmWrite) -> PortariaError | None:
        clock.forward(faulty.settings.worker.lease_seconds / 10)
        taken.append(steps.create(other, ids).claimed)
        return None

    crm.before = slow
    steps.create(faulty, ids)
    assert (len(taken), sum(taken)) == (40, 0)
    assert crm.calls.count(WriteKind.CREATE_CONTACT) == 20


def test_whose_lease_is_lost_does_nothing_more(
    faulty: Runtime, crm: FaultyCrm, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PIECE", 5)
    ids = many(faulty, 20)
    other = replace(faulty, owner="elsewhere:1:1")

    def paused(write: CrmWrite) -> PortariaError | None:
        crm.before = lambda _: None
        clock.forward(faulty.settings.worker.lease_seconds + 1)
        claims.claim(other, Stage.CREATE, ids)
        return None

    crm.before = paused
    steps.create(faulty, ids)
    assert crm.calls == [WriteKind.CREATE_CONTACT] * 5
