"""Runs of workflows: step by step in their time, through refusals, restarts, replies and people's hands."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipelines.business_time import Calendar
from pipelines.lead_outcomes import LeadOutcome, Outcome
from pipelines.models import CrmWrite, Notification, RemoteRef, WriteKind
from pipelines.run_states import NotificationState, RunState
from pipelines.sellers import read_sellers
from pipelines.workflow_rules import read_rules
from worker import steps
from worker.config import MailboxSection, SinkSection
from worker.crm.local import LocalCrm
from worker.errors import OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.ports import Priority
from worker.steps import notifying, workflows
from worker.steps.runtime import Runtime
from worker.store import contacts, lead_outcomes, local_crm, notifications, writes
from worker.store import workflows as runs
from worker.store.local_crm import LocalRecordTable

COLD = b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "mensagem": "oi"}'
HOT = (
    b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com", "fone": "11 97654-0123", "empresa": "Couto",'
    b' "cargo": "Diretora", "mensagem": "Preciso de um orcamento urgente para 30 pessoas, podemos marcar uma reuniao?"}'
)
NURTURE = {
    "nurture": {
        "tags": ["nurture"],
        "steps": [
            {
                "after": "2 days",
                "task": {"text": "Ligar para {{ contact.given_name }}", "due_in": 60},
                "notify": "chat",
            },
            {"after": "3 days", "note": "Fim"},
        ],
    }
}


class Room:
    """A sink that keeps what it is told, and refuses as long as it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[str] = []
        self.refuses: PortariaError | None = None
        self.takes: Callable[[], object] = lambda: None

    def send(self, notification: Notification, now: datetime) -> None:
        self.takes()
        if self.refuses:
            raise self.refuses
        self.told.append(notification.key)


class StubbornCrm(LocalCrm):
    """The built-in CRM, which refuses what `refuses` says."""

    refuses: Callable[[CrmWrite], PortariaError | None] = staticmethod(lambda _: None)

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        return [self.refuses(write) or super(StubbornCrm, self).perform([write])[0] for write in writes]


@pytest.fixture
def room() -> Room:
    return Room("chat")


@pytest.fixture
def crm(runtime: Runtime, clock: Any) -> StubbornCrm:
    return StubbornCrm(LocalRecordTable(runtime.database, clock))


@pytest.fixture
def make(runtime: Runtime, room: Room, crm: StubbornCrm) -> Callable[..., Runtime]:
    """The runtime with these workflows."""

    def with_rules(section: Mapping[str, Any], **given: Any) -> Runtime:
        return replace(runtime, rules=read_rules(section), sinks={"chat": room}, crm=crm, **given)

    return with_rules


def arrive(runtime: Runtime, body: bytes = COLD, source: str = "site") -> None:
    steps.receive(runtime, source, body, content_type="application/json", priority=Priority.LIVE, key=None)
    steps.work_here(runtime)


def run_in(runtime: Runtime, workflow: str = "nurture") -> dict[str, Any]:
    with runtime.database.read() as tx:
        (found,) = runs.listed(tx, workflow=workflow)
    return found


def standing(runtime: Runtime, workflow: str = "nurture") -> tuple[str, int, str]:
    run = run_in(runtime, workflow)
    return run["state"], run["position"], run["reason"]


def kept(runtime: Runtime, kind: str) -> list[Mapping[str, Any]]:
    with runtime.database.read() as tx:
        return [record.fields for record in local_crm.listed(tx, kind)]


def messages(runtime: Runtime) -> list[tuple[str, str, int]]:
    with runtime.database.read() as tx:
        return [
            (row["state"], row["reason"], row["attempts"]) for row in notifications.of_run(tx, run_in(runtime)["id"])
        ]


def test_each_step_is_done_in_its_time(make: Callable[..., Runtime], clock: Any, room: Room) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    assert standing(runtime) == (RunState.ACTIVE, 1, "")
    assert kept(runtime, "contact")[0]["tags"] == ["nurture"]
    clock.forward(2 * 86_400 - 1)
    steps.work_here(runtime)
    assert (kept(runtime, "task"), room.told) == ([], [])
    clock.forward(1)
    steps.work_here(runtime)
    (task,) = kept(runtime, "task")
    assert (task["text"], task["due_at"]) == ("Ligar para Marina", (clock.now + timedelta(hours=1)).isoformat())
    assert len(room.told) == 1
    clock.forward(3 * 86_400)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.COMPLETED, 3, "")
    clock.forward(100 * 86_400)
    steps.work_here(runtime)
    assert (len(kept(runtime, "task")), len(room.told)) == (1, 1)
    assert [note["text"] for note in kept(runtime, "note")].count("Fim") == 1


def test_steps_without_a_wait_follow_at_once(make: Callable[..., Runtime]) -> None:
    runtime = make({"nurture": {"steps": [{"tags": "a"}, {"note": "b"}, {"after": "0 minutes", "note": "c"}]}})
    arrive(runtime)
    assert standing(runtime) == (RunState.COMPLETED, 3, "")


def test_a_crm_that_is_down_has_the_step_wait_and_go_on_by_itself(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    crm.refuses = lambda write: (
        TransientError("down", code="crm_down", retry_after=60) if write.kind is WriteKind.CREATE_TASK else None
    )
    clock.forward(2 * 86_400)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.ACTIVE, 1, "crm_down")
    due = (clock.now + timedelta(minutes=60)).isoformat()
    crm.refuses = lambda _: None
    clock.forward(60)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.ACTIVE, 2, "")
    assert [task["due_at"] for task in kept(runtime, "task")] == [due], "it is the step that was decided first"


def test_what_cannot_be_done_fails_the_run_and_is_run_again_when_it_is_mended(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    section = {"nurture": {"lead": {"pipeline": "Gone"}, "task": {"text": "Ligar", "due_in": 5}, "notify": "chat"}}
    runtime = make(section)
    crm.refuses = lambda write: (
        PermanentError("there is no pipeline Gone", code="no_pipeline")
        if write.fields.get("pipeline") == "Gone"
        else None
    )
    arrive(runtime)
    assert standing(runtime) == (RunState.FAILED, 0, "no_pipeline")
    section["nurture"]["lead"] = {"pipeline": "Vendas"}
    mended = make(section)
    assert steps.rerun(mended, run_in(mended)["id"], by="bia")
    steps.work_here(mended)
    assert standing(mended) == (RunState.COMPLETED, 1, "")
    assert [lead["pipeline"] for lead in kept(mended, "lead")] == ["Vendas"]
    assert len(kept(mended, "task")) == 1


def test_a_receiver_that_is_away_holds_up_nothing_and_is_tried_for_a_day(
    make: Callable[..., Runtime], clock: Any, room: Room
) -> None:
    runtime = make({"nurture": {"notify": "chat", "steps": [{"after": "1 hour", "tags": "a"}]}})
    room.refuses = TransientError("away", code="sink_unreachable")
    arrive(runtime)
    waits = []
    for number in range(1, len(notifying.RETRY_AFTER) + 1):
        assert messages(runtime) == [(NotificationState.PENDING, "sink_unreachable", number)]
        waits.append(notifying.RETRY_AFTER[number - 1])
        clock.forward(waits[-1] - 1)
        steps.work_here(runtime)
        assert messages(runtime)[0][2] == number
        clock.forward(1)
        steps.work_here(runtime)
    assert messages(runtime) == [(NotificationState.FAILED, "sink_unreachable", 8)]
    assert sum(waits) == 5 + 5 * 60 + 30 * 60 + (2 + 5 + 10 + 10) * 3600
    assert standing(runtime) == (RunState.COMPLETED, 2, "")
    room.refuses = None
    assert steps.rerun(runtime, run_in(runtime)["id"], by="bia")
    steps.work_here(runtime)
    assert messages(runtime) == [(NotificationState.SENT, "", 1)]
    assert len(room.told) == 1


def test_a_receiver_may_say_when_and_a_refusal_for_good_is_not_repeated(
    make: Callable[..., Runtime], clock: Any, room: Room
) -> None:
    runtime = make({"nurture": {"notify": "chat"}})
    room.refuses = TransientError("busy", code="sink_refused", retry_after=3600)
    arrive(runtime)
    clock.forward(3599)
    steps.work_here(runtime)
    assert messages(runtime)[0][2] == 1
    room.refuses = PermanentError("gone", code="sink_gone")
    clock.forward(1)
    steps.work_here(runtime)
    assert messages(runtime) == [(NotificationState.FAILED, "sink_gone", 2)]


def test_a_sink_that_is_not_there_is_said(make: Callable[..., Runtime]) -> None:
    runtime = make({"nurture": {"notify": "nobody"}})
    arrive(runtime)
    assert messages(runtime) == [(NotificationState.FAILED, notifying.NO_SINK, 1)]


def test_slow_receivers_never_hold_a_task_for_long(make: Callable[..., Runtime], clock: Any, room: Room) -> None:
    runtime = make({"nurture": {"notify": "chat"}})
    room.takes = lambda: clock.forward(20)
    rows = "\n".join(f"Pessoa {number},pessoa{number}@empresa{number}.example.com" for number in range(6))
    steps.receive(
        runtime, "site", f"nome,email\n{rows}\n".encode(), content_type="text/csv", priority=Priority.IMPORT, key=None
    )  # fmt: skip
    begun = clock.now
    steps.dispatch(runtime, lambda due: [steps.STEPS[stage](runtime, due.ids) for stage in steps.STEPS])
    assert (clock.now - begun).total_seconds() < runtime.settings.worker.lease_seconds
    assert len(room.told) == 2
    for _ in range(4):
        clock.forward(31)
        steps.work_here(runtime)
    assert len(room.told) == len(set(room.told)) == 6


def test_a_reply_by_mail_stops_it_at_once(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make({**NURTURE, "other": {"when": {"source": "kommo"}}})
    runtime = replace(runtime, settings=replace_sources(runtime, "vendas"))
    arrive(runtime)
    clock.forward(3600)
    arrive(runtime, COLD.replace(b'"oi"', b'"mais detalhes"'))
    assert standing(runtime)[:2] == (RunState.ACTIVE, 1), "another form is no reply"
    clock.forward(3600)
    arrive(runtime, COLD.replace(b'"oi"', b'"respondo por mail"'), source="vendas")
    assert standing(runtime) == (RunState.STOPPED, 1, "reply")
    clock.forward(9 * 86_400)
    steps.work_here(runtime)
    assert kept(runtime, "task") == []


def replace_sources(runtime: Runtime, mailbox: str) -> Any:
    return runtime.settings.model_copy(update={"mailboxes": {mailbox: MailboxSection(host="imap.example.com")}})


def test_a_reply_whose_submission_is_not_through_yet_stops_the_next_step(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(NURTURE)
    runtime = replace(runtime, settings=replace_sources(runtime, "vendas"))
    arrive(runtime)
    clock.forward(2 * 86_400 - 60)
    crm.refuses = lambda _: TransientError("down", code="crm_down", retry_after=7200)
    arrive(runtime, COLD.replace(b'"oi"', b'"respondo"'), source="vendas")
    crm.refuses = lambda _: None
    assert standing(runtime)[:2] == (RunState.ACTIVE, 1)
    clock.forward(60)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.STOPPED, 1, "reply")
    assert kept(runtime, "task") == []


def test_who_returns_hot_leaves_the_cold_run_behind(make: Callable[..., Runtime], clock: Any) -> None:
    cold = {**NURTURE["nurture"], "when": {"temperature": "cold"}}
    runtime = make({"hot": {"when": {"temperature": "hot"}, "lead": True}, "nurture": cold})
    arrive(runtime)
    assert standing(runtime)[0] == RunState.ACTIVE
    clock.forward(60)
    arrive(runtime, HOT)
    assert standing(runtime, "hot")[0] == RunState.COMPLETED
    assert standing(runtime) == (RunState.STOPPED, 1, "became_warmer")
    assert len(kept(runtime, "lead")) == 1


CALLING = {
    "cold": {"when": {"temperature": "cold"}, "task": {"text": "Ligar", "due_in": 60}, "notify": "chat"},
    "hot": {"when": {"temperature": "hot"}, "note": True},
}


def writes_of(runtime: Runtime, run_id: str) -> list[str]:
    with runtime.database.read() as tx:
        return [row["state"] for row in writes.wanted_by(tx, run_id)]


def is_not_answered(crm: StubbornCrm, kind: WriteKind) -> None:
    """Each call of that kind is carried out, and nobody hears of it."""

    def silent(write: CrmWrite) -> PortariaError | None:
        if write.kind is not kind:
            return None
        LocalCrm.perform(crm, [write])
        return OutcomeUnknown("time-out", retry_after=600)

    crm.refuses = silent


def in_the_air(runtime: Runtime, crm: StubbornCrm, kind: WriteKind) -> str:
    """The id of a cold run with a call of that kind made, and nobody knows how it went; the CRM answers again."""
    is_not_answered(crm, kind)
    arrive(runtime)
    crm.refuses = StubbornCrm.refuses
    return str(run_in(runtime, "cold")["id"])


def test_a_call_whose_outcome_is_not_known_is_brought_to_its_end_before_the_run_stops(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm, room: Room
) -> None:
    runtime = make(CALLING)
    is_not_answered(crm, WriteKind.CREATE_TASK)
    arrive(runtime)
    crm.refuses = StubbornCrm.refuses
    arrive(runtime, HOT)
    assert standing(runtime, "cold")[0] == RunState.ACTIVE
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime, "cold") == (RunState.STOPPED, 1, "became_warmer")
    assert writes_of(runtime, run_in(runtime, "cold")["id"]) == ["done"]
    assert len(kept(runtime, "task")) == 1
    assert room.told == []  # what had not gone out does not


def test_a_failed_run_that_is_stopped_has_a_call_in_the_air_brought_to_its_end_first(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(CALLING)
    one = in_the_air(runtime, crm, WriteKind.CREATE_TASK)
    with runtime.database.write() as tx:  # as when its workers were killed twice
        assert runs.move(tx, one, RunState.FAILED, event="step 1", by="x", now=clock.now, crashes=2)
    arrive(runtime, HOT)
    assert standing(runtime, "cold") == (RunState.STOPPED, 1, "became_warmer")
    assert writes_of(runtime, one) == ["done"]
    assert len(kept(runtime, "task")) == 1


def test_who_cancels_has_a_call_in_the_air_brought_to_its_end_first(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm, room: Room
) -> None:
    runtime = make(CALLING)
    one = in_the_air(runtime, crm, WriteKind.CREATE_TASK)
    assert steps.pause(runtime, one, by="bia")
    assert steps.cancel(runtime, one, by="bia")
    arrive(runtime, HOT)  # a second reason changes nothing
    assert standing(runtime, "cold")[0] == RunState.ACTIVE
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime, "cold") == (RunState.CANCELLED, 1, "cancel")
    assert writes_of(runtime, one) == ["done"]
    assert len(kept(runtime, "task")) == 1
    assert room.told == []
    assert not steps.cancel(runtime, one, by="bia")


LEAD_AND_TASK = {"cold": {"when": {"temperature": "cold"}, "lead": True, "task": {"text": "Ligar", "due_in": 60}}}


def test_of_a_cancelled_step_only_what_has_begun_is_brought_to_its_end(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(LEAD_AND_TASK)
    one = in_the_air(runtime, crm, WriteKind.CREATE_LEAD)
    assert steps.cancel(runtime, one, by="bia")
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime, "cold")[0] == RunState.CANCELLED
    assert sorted(writes_of(runtime, one)) == ["done", "superseded"]
    assert (len(kept(runtime, "lead")), kept(runtime, "task")) == (1, [])


def test_a_run_that_is_to_end_does_not_end_as_failed(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make(LEAD_AND_TASK)
    is_not_answered(crm, WriteKind.CREATE_LEAD)
    arrive(runtime)
    one = run_in(runtime, "cold")["id"]
    assert steps.cancel(runtime, one, by="bia")

    def refused(_: CrmWrite) -> None:
        raise PermanentError("no")

    monkeypatch.setattr(crm, "look_up", refused)
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime, "cold")[0] == RunState.CANCELLED


def test_a_run_that_is_to_end_and_is_run_again_goes_on(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(LEAD_AND_TASK)
    one = in_the_air(runtime, crm, WriteKind.CREATE_LEAD)
    assert steps.cancel(runtime, one, by="bia")
    assert steps.rerun(runtime, one, by="bia", step=1)
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime, "cold")[0] == RunState.COMPLETED
    assert len(kept(runtime, "task")) == 1


def test_who_works_at_a_run_that_was_stopped_meanwhile_intends_nothing_any_more(
    make: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = make(CALLING)
    perform = workflows.perform

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(workflows, "perform", perform)
        assert steps.cancel(runtime, run_in(runtime, "cold")["id"], by="bia")
        return perform(*arguments)

    monkeypatch.setattr(workflows, "perform", late)
    arrive(runtime)
    assert standing(runtime, "cold") == (RunState.CANCELLED, 0, "cancel")
    assert writes_of(runtime, run_in(runtime, "cold")["id"]) == []
    assert kept(runtime, "task") == []


def test_a_call_that_begins_while_its_run_is_being_stopped_is_not_forgotten(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(CALLING)
    crm.refuses = lambda write: TransientError("down", retry_after=600) if write.kind is WriteKind.CREATE_TASK else None
    arrive(runtime)
    one = run_in(runtime, "cold")["id"]
    stopping = threading.Thread(target=steps.cancel, args=(runtime, one), kwargs={"by": "bia"})
    with runtime.database.read() as tx:
        (row,) = writes.wanted_by(tx, one)
    with runtime.database.write() as tx:
        runs.lock(tx, one)  # as whoever renews its lease to make the call
        stopping.start()
        while not runtime.database.is_sqlite and not waiting_for_locks(runtime):
            pass
        lease = writes.Lease("x:1:1", clock.now + timedelta(seconds=60))
        writes.attempting(tx, [CrmWrite.model_validate_json(row["write"])], lease=lease, now=clock.now)
    stopping.join(30)
    assert standing(runtime, "cold")[0] == RunState.ACTIVE


def waiting_for_locks(runtime: Runtime) -> int:
    with runtime.database.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one())


def test_what_a_stopped_run_had_not_begun_is_called_off(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(CALLING)
    crm.refuses = lambda write: TransientError("down", retry_after=600) if write.kind is WriteKind.CREATE_TASK else None
    arrive(runtime)
    crm.refuses = StubbornCrm.refuses
    arrive(runtime, HOT)
    assert standing(runtime, "cold") == (RunState.STOPPED, 0, "became_warmer")
    assert writes_of(runtime, run_in(runtime, "cold")["id"]) == ["superseded"]
    clock.forward(700)
    steps.work_here(runtime)
    assert kept(runtime, "task") == []


def test_a_clock_that_was_ahead_puts_no_step_off(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm, room: Room
) -> None:
    runtime = make(CALLING)
    room.refuses = TransientError("away")
    clock.forward(3600)
    crm.refuses = lambda write: TransientError("down") if write.kind is WriteKind.CREATE_TASK else None
    arrive(runtime)
    crm.refuses = StubbornCrm.refuses
    clock.forward(-3600)
    for _ in range(3):
        clock.forward(120)
        steps.work_here(runtime)
    assert standing(runtime, "cold")[0] == RunState.COMPLETED
    assert len(kept(runtime, "task")) == 1


def test_a_later_step_moves_the_lead_of_its_own_run(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make({"nurture": {"lead": {"stage": "Novo"}, "steps": [{"after": "1 day", "move": {"stage": "Demo"}}]}})
    arrive(runtime)
    clock.forward(86_400)
    steps.work_here(runtime)
    (lead,) = kept(runtime, "lead")
    assert (lead["stage"], standing(runtime)[0]) == ("Demo", RunState.COMPLETED)


def test_paused_it_waits_and_resumed_it_goes_on(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    run_id = run_in(runtime)["id"]
    assert steps.pause(runtime, run_id, by="bia")
    clock.forward(5 * 86_400)
    steps.work_here(runtime)
    assert (standing(runtime)[:2], kept(runtime, "task")) == ((RunState.PAUSED, 1), [])
    assert steps.resume(runtime, run_id, by="bia")
    steps.work_here(runtime)
    assert (standing(runtime)[:2], len(kept(runtime, "task"))) == ((RunState.ACTIVE, 2), 1)


def test_cancelled_it_is_over_and_run_again_from_a_step_that_step_is_done_anew(
    make: Callable[..., Runtime], clock: Any, room: Room
) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    run_id = run_in(runtime)["id"]
    clock.forward(2 * 86_400)
    steps.work_here(runtime)
    assert steps.cancel(runtime, run_id, by="bia")
    clock.forward(9 * 86_400)
    steps.work_here(runtime)
    assert (standing(runtime)[:2], len(kept(runtime, "task"))) == ((RunState.CANCELLED, 2), 1)
    assert not steps.pause(runtime, run_id, by="bia")
    assert not steps.cancel(runtime, run_id, by="bia")
    assert steps.rerun(runtime, run_id, by="bia", step=2)
    steps.work_here(runtime)
    assert (standing(runtime)[:2], len(kept(runtime, "task"))) == ((RunState.ACTIVE, 2), 2)
    assert len(room.told) == len(set(room.told)) == 2


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_that_there_is_not_cannot_be_run_again(make: Callable[..., Runtime], step: int) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    with pytest.raises(PermanentError, match="3 steps"):
        steps.rerun(runtime, run_in(runtime)["id"], by="bia", step=step)
    with pytest.raises(PermanentError, match="no run"):
        steps.rerun(runtime, "run_nobody", by="bia")


def test_cancelled_while_a_worker_is_at_it_the_worker_saves_nothing_but_its_call(
    make: Callable[..., Runtime], clock: Any, crm: StubbornCrm
) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    clock.forward(2 * 86_400)

    def meanwhile(write: CrmWrite) -> None:
        if write.kind is WriteKind.CREATE_TASK:
            steps.cancel(runtime, run_in(runtime)["id"], by="bia")

    crm.refuses = meanwhile
    steps.work_here(runtime)
    assert standing(runtime)[:2] == (RunState.ACTIVE, 1)
    clock.forward(700)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.CANCELLED, 1, "cancel")
    assert len(kept(runtime, "task")) == 1
    assert messages(runtime) == []


def test_two_workers_do_a_step_once(make: Callable[..., Runtime], clock: Any, crm: StubbornCrm) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    run_id = run_in(runtime)["id"]
    other = replace(runtime, owner="elsewhere:1:1", crm=LocalCrm(LocalRecordTable(runtime.database, clock)))
    clock.forward(2 * 86_400)
    done: list[int] = []

    def meanwhile(write: CrmWrite) -> None:
        done.append(workflows.advance(other, [run_id]))

    crm.refuses = meanwhile
    steps.work_here(runtime)
    assert (done, len(kept(runtime, "task")), standing(runtime)[1]) == ([0], 1, 2)


def test_a_template_that_cannot_be_filled_in_fails_the_run_without_a_word_of_the_contact(
    make: Callable[..., Runtime],
) -> None:
    runtime = make({"nurture": {"note": "{{ contact.name.nothing.there }}"}})
    arrive(runtime)
    assert standing(runtime) == (RunState.FAILED, 0, workflows.BAD_TEMPLATE)
    assert "Marina" not in run_in(runtime)["detail"]


def test_after_a_merge_the_run_goes_on_for_the_kept_contact(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make(NURTURE)
    arrive(runtime)
    other = run_in(runtime)["contact_id"]
    silent = replace(runtime, rules=read_rules({"none": {}}))
    arrive(silent, b'{"nome": "Rui Barros", "email": "rui@obras.example.com"}')
    with runtime.database.read() as tx:
        keeper = next(row["id"] for row in contacts.listed(tx) if row["id"] != other)
    steps.merge_contacts_of(runtime, keeper, other, by="bia")
    assert run_in(runtime)["contact_id"] == keeper
    clock.forward(2 * 86_400)
    steps.work_here(runtime)
    assert (standing(runtime)[:2], len(kept(runtime, "task"))) == ((RunState.ACTIVE, 2), 1)


SELLERS = {
    "ana": {"crm_user": 71, "regions": ["SP"], "capacity": 1},
    "bia": {"crm_user": 72},
    "caio": {"crm_user": 73},
}


def of(name: str, phone: str) -> bytes:
    return json.dumps({"nome": name, "email": f"{name.split()[0].lower()}@casa.example.com", "fone": phone}).encode()


def test_sellers_take_turns_and_keep_their_contacts(make: Callable[..., Runtime], clock: Any) -> None:
    task = {"nurture": {"task": {"text": "Ligar", "due_in": 5}}}
    runtime = make(task, sellers=read_sellers(SELLERS))
    people = {"Ana Reis": "11 97654-0123", "Bruno Lima": "11 98123-7788", "Caio Melo": "21 99456-1010"}
    for name, phone in {**people, "Dora Pires": "31 98877-4455"}.items():
        arrive(runtime, of(name, phone))
        clock.forward(60)
    assert [each["responsible"] for each in reversed(kept(runtime, "task"))] == ["71", "72", "73", "72"]
    clock.forward(2 * 86_400)
    arrive(runtime, of("Ana Reis", "(11) 97654-0123"))
    assert kept(runtime, "task")[0]["responsible"] == "71"


def test_simulating_tells_what_would_start_and_changes_nothing(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make({"none": {}}, sellers=read_sellers(SELLERS))
    arrive(runtime)
    with runtime.database.read() as tx:
        (contact,) = contacts.listed(tx)
    calendar = Calendar(time_zone="America/Sao_Paulo")
    hot = {"when": {"temperature": "hot"}, "lead": True}
    asked = replace(runtime, rules=read_rules({"hot": hot, **NURTURE}), calendar=calendar)
    found = steps.simulate(asked, contact["id"])
    assert [(one.workflow, one.standing) for one in found] == [("hot", "no_match"), ("nurture", "starts")]
    assert [step.due_at for step in found[1].steps] == [
        clock.now, clock.now + timedelta(days=2), clock.now + timedelta(days=5)
    ]  # fmt: skip
    assert found[1].seller.startswith("bia")
    with runtime.database.read() as tx:
        assert runs.listed(tx) == []
    with pytest.raises(PermanentError, match="no contact"):
        steps.simulate(runtime, "con_nobody")


def test_a_won_lead_stops_it(make: Callable[..., Runtime], clock: Any) -> None:
    runtime = make({"nurture": {"lead": True, "steps": NURTURE["nurture"]["steps"]}})
    arrive(runtime)
    clock.forward(3600)
    contact = run_in(runtime)["contact_id"]
    with runtime.database.read() as tx:
        (ref,) = [ref for ref in contacts.crm_refs(tx, [contact])[contact] if ref.kind == "lead"]
    told = LeadOutcome(remote=ref, outcome=Outcome.WON, at=clock.now, by="kommo")
    with runtime.database.write() as tx:
        lead_outcomes.record(tx, [told], clock.now)
    clock.forward(2 * 86_400)
    steps.work_here(runtime)
    assert standing(runtime) == (RunState.STOPPED, 1, "won")
    assert kept(runtime, "task") == []


def test_an_experiment_counts_whoever_wrote_back_after_it_began(make: Callable[..., Runtime], clock: Any) -> None:
    tried = {"variants": {"short": {"steps": [{"after": "1 day", "note": "Curto"}]}}, "outcome": "reply"}
    experiment = {**tried, "baseline": 0.1, "effect": 0.05}
    runtime = make(
        {"nurture": {**NURTURE["nurture"], "experiment": experiment}, "other": {"when": {"source": "kommo"}}}
    )
    runtime = replace(runtime, settings=replace_sources(runtime, "vendas"))
    arrive(runtime, COLD.replace(b'"oi"', b'"antes"'), source="vendas")
    arrive(runtime, b'{"nome": "Rui Barros", "email": "rui@obras.example.com"}')
    result = steps.experiment_result(runtime, "nurture")
    assert sum(one.count.contacts for one in result.variants) == 2
    assert sum(one.count.outcomes for one in result.variants) == 0
    for seconds in (3600, 86_400):
        clock.forward(seconds)
        arrive(runtime, COLD.replace(b'"oi"', b'"respondo"'), source="vendas")
        assert sum(one.count.outcomes for one in steps.experiment_result(runtime, "nurture").variants) == 1
    with runtime.database.read() as tx:
        variants = {run["contact_id"]: run["variant"] for run in runs.listed(tx)}
    assert {one.variant: one.count.contacts for one in result.variants} == {
        name: list(variants.values()).count(name) for name in ("control", "short")
    }


@pytest.fixture
def mailing(make: Callable[..., Runtime]) -> Runtime:
    """The runtime with a workflow whose second step is a mail, through the sink `chat`."""
    step = {"after": "2 days", "mail": {"sink": "chat", "template": "caso"}}
    runtime = make({"nurture": {"tags": ["nurture"], "steps": [step]}})
    folder = runtime.settings.template_folder
    folder.mkdir()
    (folder / "caso.txt").write_text("Subject: Oi\n\n{{ unsubscribe_url }}\n")
    section = SinkSection(kind="mail", url="smtp://mail.example.com", secret="invented-secret")
    web = runtime.settings.web.model_copy(update={"public_url": "https://portaria.example.com"})
    settings = runtime.settings.model_copy(update={"sinks": {"chat": section}, "web": web})
    return replace(runtime, settings=settings)


def test_who_opted_out_gets_no_mail_and_the_run_is_over(mailing: Runtime, clock: Any, room: Room) -> None:
    arrive(mailing)
    clock.forward(3600)
    steps.opt_out(mailing, "Marina@industria.example.com", how="person")
    clock.forward(2 * 86_400)
    steps.work_here(mailing)
    assert (standing(mailing), room.told) == ((RunState.STOPPED, 1, "opt_out"), [])


def test_a_mail_that_waits_for_its_server_does_not_go_out_after_an_opt_out(
    mailing: Runtime, clock: Any, room: Room
) -> None:
    arrive(mailing)
    room.refuses = TransientError("away", code="sink_unreachable")
    clock.forward(2 * 86_400)
    steps.work_here(mailing)
    assert messages(mailing) == [(NotificationState.PENDING, "sink_unreachable", 1)]
    token = mailing.unsubscribe_url("chat", "marina@industria.example.com").rpartition("/")[2]
    assert steps.unsubscribe(mailing, "chat", token)
    room.refuses = None
    clock.forward(60)
    steps.work_here(mailing)
    assert messages(mailing) == [(NotificationState.WITHHELD, notifying.OPTED_OUT, 2)]
    assert room.told == []
