"""No granted plan, no write: asked for, answered and used once, by whatever way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from pipelines.plans import OVER_BUDGET, SEVERAL_RECORDS, Plan
from worker import steps, tables
from worker.config import ApprovalsSection
from worker.crm.local import LocalCrm
from worker.errors import PermanentError, TransientError
from worker.steps import leads
from worker.steps.desk import deliveries_of, plan_contacts, plan_merging, plan_starting, plan_undoing
from worker.steps.plans import Watch, apply, asked, grant, look_up, propose, refuse, resume_plans
from worker.steps.planviews import status
from worker.steps.runtime import Runtime, build_runtime
from worker.store import history, local_crm, plans, writes
from worker.store.engine import Transaction
from worker.store.local_crm import LocalRecordTable

NEW, MEETING = "Novo lead", "Reunião agendada"


@pytest.fixture
def lucas(runtime: Runtime) -> list[RemoteRef]:
    """Two leads of one name, as in every CRM."""
    return make_leads(runtime, "Lucas Cardoso Silva", "Lucas Cardoso Santos")


def make_leads(runtime: Runtime, *names: str) -> list[RemoteRef]:
    made = runtime.crm.perform(
        [
            CrmWrite(
                key=f"test:{name}",
                kind=WriteKind.CREATE_LEAD,
                contact_id="",
                fields={"name": name, "stage": NEW},
            )
            for name in names
        ]
    )
    return [ref for ref in made if isinstance(ref, RemoteRef)]


def stages(runtime: Runtime, refs: list[RemoteRef]) -> list[str]:
    found = runtime.crm.read(refs)
    return [found[ref].fields["stage"] for ref in refs]


def change(runtime: Runtime, ref: RemoteRef, **fields: Any) -> None:
    """Somebody else changes a lead meanwhile."""
    runtime.crm.perform([CrmWrite(key="", kind=WriteKind.UPDATE_LEAD, contact_id="", target=ref, fields=fields)])


def moving(runtime: Runtime, query: str = "lucas cardoso", stage: str = MEETING) -> Plan:
    return leads.plan_update(runtime, leads.find_leads(runtime, query), {"stage": stage}, [])


def ask(runtime: Runtime, plan: Plan | None = None, caller: str = "agent") -> str:
    kept = propose(runtime, caller, plan or moving(runtime))
    assert kept.approval is not None
    return kept.approval.id


def test_two_records_wait_for_a_yes(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    kept = apply(runtime, approval)
    assert status(kept) == "pending_approval"
    assert kept.approval is not None
    assert kept.approval.reason == SEVERAL_RECORDS
    assert stages(runtime, lucas) == [NEW, NEW]
    assert [record.about["name"] for record in kept.plan.records] == ["Lucas Cardoso Silva", "Lucas Cardoso Santos"]


def test_a_yes_moves_both_once(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, by="ana", way="cli")
    assert stages(runtime, lucas) == [NEW, NEW], "a yes alone writes nothing"
    kept = apply(runtime, approval)
    assert (status(kept), stages(runtime, lucas)) == ("done", [MEETING, MEETING])
    runtime.crm.perform(
        [CrmWrite(key="", kind=WriteKind.UPDATE_LEAD, contact_id="", target=lucas[0], fields={"stage": "Ganho"})]
    )
    assert status(apply(runtime, approval)) == "done"
    assert stages(runtime, lucas) == ["Ganho", MEETING], "applied again, nothing is written again"
    with pytest.raises(PermanentError, match="used already"):
        grant(runtime, approval, by="ana", way="cli")


def test_a_yes_to_one_moves_that_one(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, ["2"], by="ana", way="cli")
    apply(runtime, approval)
    assert stages(runtime, lucas) == [NEW, MEETING]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_no_is_for_good(runtime: Runtime, lucas: list[RemoteRef], cancelled: bool) -> None:
    approval = ask(runtime)
    refuse(runtime, approval, by="ana", way="cli", cancelled=cancelled)
    assert status(apply(runtime, approval)) == ("cancelled" if cancelled else "denied")
    with pytest.raises(PermanentError, match="nothing was changed"):
        grant(runtime, approval, by="ana", way="cli")
    assert stages(runtime, lucas) == [NEW, NEW]


@pytest.mark.parametrize("granted", [False, True])
def test_after_its_time_neither_question_nor_yes_is_good(
    runtime: Runtime, clock: Any, lucas: list[RemoteRef], granted: bool
) -> None:
    approval = ask(runtime)
    if granted:
        grant(runtime, approval, by="ana", way="cli")
    clock.forward(3600)
    assert status(apply(runtime, approval)) == "expired"
    with pytest.raises(PermanentError, match="expired already"):
        grant(runtime, approval, by="ana", way="cli")
    assert stages(runtime, lucas) == [NEW, NEW]


@pytest.mark.parametrize("field", ["stage", "price"])
def test_a_record_that_changed_makes_it_stale(runtime: Runtime, lucas: list[RemoteRef], field: str) -> None:
    approval = ask(runtime)
    grant(runtime, approval, by="ana", way="cli")
    change(runtime, lucas[1], **{field: "x"})
    kept = apply(runtime, approval)
    assert status(kept) == "stale"
    assert kept.approval is not None
    assert "lead/" in kept.approval.why
    assert stages(runtime, lucas)[0] == NEW


def test_what_changed_outside_the_granted_part_does_not_matter(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, ["1"], by="ana", way="cli")
    change(runtime, lucas[1], price=5)
    assert status(apply(runtime, approval)) == "done"
    assert stages(runtime, lucas) == [MEETING, NEW]


def test_the_same_question_again_is_that_question(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    assert ask(runtime) == ask(runtime)
    assert ask(runtime) != ask(runtime, caller="another agent")
    assert ask(runtime) != ask(runtime, moving(runtime, stage="Ganho"))


def test_a_yes_is_good_for_its_own_plan_alone(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    first, second = ask(runtime), ask(runtime, moving(runtime, stage="Perdido"))
    grant(runtime, first, by="ana", way="cli")
    assert status(apply(runtime, second)) == "pending_approval"
    assert stages(runtime, lucas) == [NEW, NEW]


def test_a_plan_that_was_tampered_with_is_not_done(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, by="ana", way="cli")
    kept = look_up(runtime, approval)
    with runtime.database.write() as tx:
        forged = kept.plan.model_dump_json().replace(MEETING, "Perdido")
        tx.execute(sa.update(tables.plans).where(tables.plans.c.id == kept.id).values(plan=forged))
    with pytest.raises(PermanentError, match="not what was asked about"):
        apply(runtime, approval)
    assert stages(runtime, lucas) == [NEW, NEW]


def test_another_caller_cannot_use_the_handle(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, by="ana", way="cli")
    with pytest.raises(PermanentError, match="no plan"):
        apply(runtime, approval, caller="another agent")
    assert stages(runtime, lucas) == [NEW, NEW]


def test_one_record_is_done_at_once_until_the_budget_is_spent(
    runtime: Runtime, clock: Any, lucas: list[RemoteRef]
) -> None:
    settings = runtime.settings.model_copy(update={"approvals": ApprovalsSection(budget=3)})
    runtime = replace(runtime, settings=settings)
    names = [f"Pessoa {letter}" for letter in "ABCDEF"]
    refs = make_leads(runtime, *names)
    reasons = []
    for name in names[:5]:
        kept = propose(runtime, "agent", moving(runtime, name))
        reasons.append(kept.approval.reason if kept.approval else "")
        apply(runtime, kept.id)
    assert reasons == ["", "", "", OVER_BUDGET, OVER_BUDGET], "many single writes are a write to many"
    assert stages(runtime, refs) == [MEETING] * 3 + [NEW] * 3
    assert propose(runtime, "another agent", moving(runtime, names[5])).approval is None
    clock.forward(601)
    assert propose(runtime, "agent", moving(runtime, names[5])).approval is None


def test_the_store_records_no_write_of_a_plan_that_is_not_permitted(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    kept = look_up(runtime, ask(runtime))
    first, second = kept.plan.operations

    def intend(tx: Transaction, operation: Any) -> None:
        writes.intend(tx, {kept.id: [operation.write]}, "plan", runtime.clock())

    for write in (first, second):
        with pytest.raises(PermanentError, match="no granted plan, no write"), runtime.database.write() as tx:
            intend(tx, write)
    grant(runtime, kept.id, ["1"], by="ana", way="cli")
    with runtime.database.write() as tx:
        locked = plans.read(tx, kept.id, locked=True)
        assert locked is not None
        plans.claim(tx, locked, [1], owner="me", now=runtime.clock(), lease=60)
    with runtime.database.write() as tx:
        intend(tx, first)
    with pytest.raises(PermanentError, match="no granted plan, no write"), runtime.database.write() as tx:
        intend(tx, second)


def test_two_workers_race_for_one_yes(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime, leads.plan_add_notes(runtime, leads.find_leads(runtime, "lucas"), "Ligou hoje"))
    grant(runtime, approval, by="ana", way="cli")
    racers = [replace(build_runtime(runtime.settings, clock=runtime.clock), owner=f"worker {n}") for n in range(4)]

    def race(racer: Runtime) -> str:
        try:
            return status(apply(racer, approval))
        except TransientError as problem:
            return problem.code

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(race, racers))
    for racer in racers:
        racer.database.close()
    assert "done" in ended
    assert set(ended) <= {"done", "being_applied", "used"}  # who comes after the end finds it used
    assert notes(runtime) == 2


def notes(runtime: Runtime) -> int:
    return count(runtime, "note")


def count(runtime: Runtime, kind: str) -> int:
    with runtime.database.read() as tx:
        return len(local_crm.listed(tx, kind))


class Killed(BaseException):
    """The process ends here."""


class DyingCrm(LocalCrm):
    """The built-in CRM whose caller dies after its first call was made."""

    died = False

    def perform(self, writes: Any) -> Any:
        done = super().perform(writes)
        if not self.died:
            self.died = True
            raise Killed
        return done


def test_a_plan_whose_process_died_is_gone_on_with_once(runtime: Runtime, clock: Any, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime, leads.plan_add_notes(runtime, leads.find_leads(runtime, "lucas"), "Ligou hoje"))
    grant(runtime, approval, by="ana", way="cli")
    dying = replace(runtime, crm=DyingCrm(LocalRecordTable(runtime.database, clock)))
    with pytest.raises(Killed):
        apply(dying, approval)
    with pytest.raises(TransientError, match="being applied"):
        apply(runtime, approval)
    clock.forward(runtime.settings.worker.lease_seconds + 1)
    assert resume_plans(runtime) == 1
    assert (status(look_up(runtime, approval)), notes(runtime)) == ("done", 2)


def test_whoever_waits_can_stop_what_is_left(runtime: Runtime) -> None:
    refs = make_leads(runtime, *(f"Turma {number}" for number in range(45)))
    approval = ask(runtime, moving(runtime, "turma"))
    grant(runtime, approval, by="ana", way="cli")
    seen: list[tuple[int, int]] = []
    kept = apply(runtime, approval, watch=Watch(progress=lambda *at: seen.append(at), cancelled=lambda: len(seen) == 1))
    assert seen == [(20, 45)]
    assert status(kept) == "failed"
    assert stages(runtime, refs).count(MEETING) == 20


def test_all_of_it_is_in_the_history(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    approval = ask(runtime)
    grant(runtime, approval, ["1"], by="ana", way="cli", why="only the first")
    plan_id = apply(runtime, approval).id
    with runtime.database.read() as tx:
        told = [(row["event"], row["after"], row["by"]) for row in history.of(tx, approval)]
        done = [(row["event"], row["after"]) for row in history.of(tx, plan_id)]
    assert [event[:2] for event in told] == [("ask", "pending"), ("decide", "granted"), ("use", "used")]
    assert told[1][2] == "ana"
    assert done == [("apply", "applying"), ("apply", "applied")]


def test_lists_show_what_waits(runtime: Runtime, lucas: list[RemoteRef]) -> None:
    first, second = ask(runtime), ask(runtime, moving(runtime, stage="Ganho"))
    refuse(runtime, first, by="ana", way="cli")
    waiting = [kept.approval.id for kept in asked(runtime, states=["pending"]) if kept.approval]
    assert waiting == [second]
    assert len(asked(runtime)) == 2


# --- what is not a CRM write ------------------------------------------------------------------------------------------


NAMES = ("Otávio Brandão", "Marina Azevedo", "Kenji Watanabe")


def bring(runtime: Runtime, *emails: str) -> None:
    contacts = [{"nome": name, "email": email} for name, email in zip(NAMES, emails, strict=False)]
    kept = propose(runtime, "agent", plan_contacts(runtime, "run_pipeline", contacts))
    if kept.approval:
        grant(runtime, kept.approval.id, by="ana", way="cli")
    assert status(apply(runtime, kept.id)) == "done"
    steps.work_here(runtime)


def people(runtime: Runtime) -> list[str]:
    with runtime.database.read() as tx:
        return sorted(tx.execute(sa.select(tables.contacts.c.id).where(tables.contacts.c.state == "live")).scalars())


def test_contacts_come_in_as_granted(runtime: Runtime) -> None:
    brought = [{"nome": name, "email": f"{name[:4].lower()}@example.com"} for name in NAMES]
    approval = ask(runtime, plan_contacts(runtime, "run_pipeline", brought))
    grant(runtime, approval, ["1", "3"], by="ana", way="cli")
    kept = apply(runtime, approval)
    steps.work_here(runtime)
    assert len(people(runtime)) == 2
    assert len(deliveries_of(runtime, kept)) == 1


def test_merging_needs_a_yes_and_can_be_undone_by_another(runtime: Runtime) -> None:
    bring(runtime, "ana@example.com", "bia@example.com")
    kept_id, other = people(runtime)
    approval = ask(runtime, plan_merging(runtime, kept_id, other, "one person"))
    apply(runtime, approval)
    assert len(people(runtime)) == 2
    with pytest.raises(PermanentError, match="needs all of the records"):
        grant(runtime, approval, ["1"], by="ana", way="cli")
    grant(runtime, approval, by="ana", way="cli")
    done = apply(runtime, approval)
    assert people(runtime) == [kept_id]
    undoing = ask(runtime, plan_undoing(runtime, done.outcome[1]["made"]))
    grant(runtime, undoing, by="ana", way="cli")
    assert status(apply(runtime, undoing)) == "done"
    assert len(people(runtime)) == 2


def test_a_workflow_started_for_one_contact_runs_once(runtime: Runtime) -> None:
    bring(runtime, "ana@example.com")
    before = count(runtime, "task")
    kept = propose(runtime, "agent", plan_starting(runtime, people(runtime), "hot"))
    assert kept.approval is None
    assert status(apply(runtime, kept.id)) == "done"
    assert status(apply(runtime, kept.id)) == "done"
    assert count(runtime, "task") == before + 1
    assert count(runtime, "lead") == 1
