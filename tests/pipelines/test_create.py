"""What the CRM has to be told, and nothing it knows already."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.create import linked_record, plan_create
from pipelines.models import Contact, CrmWrite, DecisionKind, Origin, RemoteRef, Score, WriteKind

Make = Callable[..., Contact]
LOCAL = RemoteRef(system="local", kind="contact", id="7")
ELSEWHERE = RemoteRef(system="kommo:acme", kind="contact", id="42")


@pytest.fixture
def plan(hot_score: Score) -> Callable[..., tuple[CrmWrite, ...]]:
    def make(
        golden: Contact, *links: RemoteRef, written: Contact | None = None, submission: str = "s1",
        decision: DecisionKind = DecisionKind.NEW, crm: str = "local", told: Contact | None = None,
    ) -> tuple[CrmWrite, ...]:  # fmt: skip
        return plan_create("c1", golden, 3, decision, links, written, hot_score, submission, told or golden, crm)

    return make


Plan = Callable[..., tuple[CrmWrite, ...]]


def test_a_new_contact_is_created_with_a_note(contact_of: Make, origin_of: Callable[..., Origin], plan: Plan) -> None:
    golden = contact_of("Ana Souza", mail="ana@example.com", message="Quero um orçamento", told=origin_of("site"))
    create, note = plan(golden)
    assert (create.kind, create.key, create.target) == (WriteKind.CREATE_CONTACT, "create:local:c1", None)
    assert create.fields["name"] == "Ana Souza"
    assert create.fields["source"] == "site"
    assert (note.kind, note.key, note.target) == (WriteKind.ADD_NOTE, "note:s1", None)
    assert note.fields["text"].splitlines() == [
        "Quero um orçamento", "", "Score 90 (hot)", "+60 asks for a price or wants to buy", "+20 company named",
        "Least:", "-5 no name",
    ]  # fmt: skip


def test_whichever_submission_asks_the_record_has_one_key(contact_of: Make, plan: Plan) -> None:
    golden = contact_of("Ana Souza")
    assert plan(golden, submission="s1")[0].key == plan(golden, submission="s2")[0].key


def test_the_source_is_that_of_the_submission_that_has_it_made(
    contact_of: Make, origin_of: Callable[..., Origin], plan: Plan
) -> None:
    golden = contact_of("Ana Souza", mail="ana@example.com", told=origin_of("site", "s1"))
    origins = {**golden.origins, "name": origin_of("fair", "s2", days_ago=1)}
    golden = golden.model_copy(update={"origins": origins})
    assert plan(golden, submission="s1")[0].fields["source"] == "site"
    assert plan(golden, submission="s2")[0].fields["source"] == "fair"
    assert plan(golden, submission="s3")[0].fields["source"] == "fair"
    assert "source" not in plan(contact_of("Ana"), submission="s1")[0].fields


def test_a_linked_contact_is_updated_with_what_changed(contact_of: Make, plan: Plan) -> None:
    written = contact_of("Ana Souza", mail="ana@example.com")
    golden = contact_of("Ana Souza", mail="ana@example.com", company="Invenção")
    (update,) = plan(golden, LOCAL, written=written, submission="s2", decision=DecisionKind.MATCH)
    assert (update.kind, update.key, update.target) == (WriteKind.UPDATE_CONTACT, "update:local:c1:3", LOCAL)
    assert update.fields == {"company": "Invenção"}


def test_what_the_person_wrote_since_is_a_note(contact_of: Make, origin_of: Callable[..., Origin], plan: Plan) -> None:
    written = contact_of("Ana Souza", message="Quero um orçamento", told=origin_of(submission="s1", days_ago=2))
    again = contact_of("Ana Souza", message="Quero um orçamento", told=origin_of(submission="s2"))
    (note,) = plan(again, LOCAL, written=written, submission="s2")
    assert (note.kind, note.key, note.target) == (WriteKind.ADD_NOTE, "note:s2", LOCAL)
    assert plan(written, LOCAL, written=written, submission="s2", told=contact_of("Ana Souza")) == ()


def test_of_two_at_one_instant_each_message_is_a_note(contact_of: Make, plan: Plan) -> None:
    golden = contact_of("Ana Souza", message="Quero um orçamento")
    told = {"s1": contact_of("Ana Souza", message="Como funciona?"), "s2": golden}
    first, second = (plan(golden, submission=name, told=one)[1] for name, one in told.items())
    assert (first.key, second.key) == ("note:s1", "note:s2")
    assert str(first.fields["text"]).startswith("Como funciona?\n")
    assert str(second.fields["text"]).startswith("Quero um orçamento\n")


def test_a_record_the_contact_came_with_is_not_created_again(contact_of: Make, plan: Plan) -> None:
    golden = contact_of("Ana Souza", remotes=[ELSEWHERE])
    writes = plan(golden, crm="kommo:acme")
    assert [(write.kind, write.target) for write in writes] == [(WriteKind.UPDATE_CONTACT, ELSEWHERE)]
    assert plan(golden, crm="local")[0].kind is WriteKind.CREATE_CONTACT


def test_a_hook_of_the_crm_is_not_echoed_back_to_it(
    contact_of: Make, origin_of: Callable[..., Origin], plan: Plan
) -> None:
    told = contact_of(
        "Ana Souza", mail="ana@example.com", phone="(11) 98765-4301", document="11.222.333/0001-81", message="Olá",
        extra={"Produto": "ERP"}, remotes=[ELSEWHERE], told=origin_of("kommo"),
    )  # fmt: skip
    assert plan(told, crm="kommo:acme") == ()
    added = told.model_copy(
        update={
            "company": "Invenção",
            "job_title": "Diretora",
            "origins": {**told.origins, "company": origin_of("site", "s2"), "job_title": origin_of("kommo", by="web")},
        }
    )
    (update,) = plan(added, crm="kommo:acme")
    assert update.fields == {"company": "Invenção", "job_title": "Diretora"}


@pytest.mark.parametrize(
    "ref", [RemoteRef(system="local", kind="lead", id="7"), RemoteRef(system="kommo:other", kind="contact", id="7")]
)
def test_only_a_contact_of_that_crm_is_its_record(contact_of: Make, ref: RemoteRef) -> None:
    assert linked_record(contact_of(remotes=[ref]), [ref], "local") is None


def test_our_own_link_goes_before_the_record_it_came_with(contact_of: Make) -> None:
    other = RemoteRef(system="local", kind="contact", id="8")
    assert linked_record(contact_of(remotes=[other]), [LOCAL], "local") == LOCAL


def test_nothing_is_written_while_a_person_has_to_review(contact_of: Make, plan: Plan) -> None:
    assert plan(contact_of("Ana Souza", message="Olá"), decision=DecisionKind.REVIEW) == ()


@given(st.data())
def test_planning_again_after_it_was_written_gives_nothing(
    any_contact: st.SearchStrategy[Contact], hot_score: Score, data: st.DataObject
) -> None:
    golden, written = data.draw(any_contact), data.draw(st.one_of(st.none(), any_contact))
    links = data.draw(st.lists(st.sampled_from((LOCAL, ELSEWHERE)), max_size=2))
    arguments = (DecisionKind.NEW, links, written, hot_score, "s1", golden, "local")
    writes = plan_create("c1", golden, 1, *arguments)
    assert writes == plan_create("c1", golden, 1, *arguments)
    assert len({write.key for write in writes}) == len(writes)
    for write in writes:
        assert CrmWrite.model_validate_json(write.model_dump_json()) == write
        assert write.fields or write.kind is WriteKind.CREATE_CONTACT
    record = linked_record(golden, links, "local")
    assert (record is None) == any(write.kind is WriteKind.CREATE_CONTACT for write in writes)
    again = plan_create("c1", golden, 1, DecisionKind.NEW, [record or LOCAL], golden, hot_score, "s1", golden, "local")
    assert {write.key for write in again} <= {"note:s1"}  # which is made once, whoever asks
