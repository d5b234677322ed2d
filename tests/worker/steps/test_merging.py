"""Two contacts made one and one made two, by a person's word; taken back, everything is as it was, and what came since
is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.dedupe.blocking import blocking_keys
from pipelines.dedupe.features import dump_features, features
from pipelines.dedupe.merge import merge_contacts
from pipelines.enrich import merge_facts
from pipelines.models import Contact, CrmWrite, Email, Fact, Origin, PersonName, Phone, RemoteRef, WriteKind
from pipelines.states import Stage, State
from worker import steps, tables
from worker.errors import PermanentError, TransientError
from worker.ports import Priority
from worker.steps import STEPS
from worker.steps.holding import TRIES, hold, tried
from worker.steps.runtime import Runtime
from worker.store import contacts, deliveries, history, merges, submissions, workflows, writes
from worker.store.contacts import NewContact, NewLink
from worker.store.engine import Database
from worker.store.sweep import Due

NUMBERS = count()

ANA = {"nome": "Anastácia Quintela", "email": "anastacia.q@example.com", "cidade": "Recife"}
ANA_AT_WORK = {"nome": "Anastácia Quintela", "email": "aquintela@obras.example.com.br", "fone": "(11) 97654-0123"}
RUI = {"nome": "Rui Valadares", "email": "rui.valadares@example.com.br", "fone": "(21) 97654-0456"}


def arrive(runtime: Runtime, *people: dict[str, str]) -> list[str]:
    """Bring these people through all stages; their contacts."""
    ids = []
    for person in people:
        body = json.dumps({**person, "mensagem": f"{next(NUMBERS)}"}).encode()
        delivery = steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id
        steps.work_here(runtime)
        with runtime.database.read() as tx:
            (row,) = submissions.listed(tx, delivery_id=delivery)
        ids.append(row["contact_id"] or row["id"])
    return ids


def members(runtime: Runtime, contact: str) -> list[str]:
    with runtime.database.read() as tx:
        return sorted(merges.member_ids(tx, contact))


def contact_row(runtime: Runtime, contact: str) -> dict[str, Any]:
    with runtime.database.read() as tx:
        row = contacts.read(tx, contact)
    assert row is not None
    return row


def golden(runtime: Runtime, contact: str) -> Contact:
    return Contact.model_validate_json(contact_row(runtime, contact)["contact"])


def state(runtime: Runtime) -> dict[str, Any]:
    """All that merging touches, but for versions, times of change and who is said to differ."""
    with runtime.database.read() as tx:
        people = {}
        for row in tx.execute(sa.select(tables.contacts)).mappings():
            kept = {name: row[name] for name in ("state", "merged_into", "name", "features", "arrivals")}
            people[row["id"]] = {**kept, "contact": Contact.model_validate_json(row["contact"])}
        links = tables.crm_links
        return {
            "contacts": people,
            "keys": merges.keys_of(tx, people),
            "submissions": {
                row.id: row.contact_id
                for row in tx.execute(sa.select(tables.submissions.c.id, tables.submissions.c.contact_id))
            },
            "links": sorted(tx.execute(sa.select(links.c.remote_id, links.c.kind, links.c.contact_id, links.c.at))),
            "runs": sorted(tx.execute(sa.select(tables.workflow_runs.c.id, tables.workflow_runs.c.contact_id))),
        }


def test_the_kept_contact_has_what_both_had(runtime: Runtime) -> None:
    kept, other = arrive(runtime, ANA, ANA_AT_WORK)
    before = state(runtime)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia", why="same desk")
    after = state(runtime)
    whole = golden(runtime, kept)
    assert {email.address for email in whole.emails} == {ANA["email"], ANA_AT_WORK["email"]}
    assert (whole.address.city, [phone.e164 for phone in whole.phones]) == ("Recife", ["+5511976540123"])
    assert set(after["submissions"].values()) == {kept}
    assert after["keys"] == {kept: before["keys"][kept] | before["keys"][other]}
    assert {link[2] for link in after["links"]} == {kept}
    assert after["contacts"][kept]["arrivals"] == 2
    row = contact_row(runtime, other)
    assert (row["state"], row["merged_into"]) == (contacts.MERGED, kept)
    with runtime.database.read() as tx:
        entry = merges.read(tx, merge)
        moves = [(move["event"], move["before"], move["after"], move["by"]) for move in history.of(tx, other)]
        assert contacts.count(tx) == 1
    assert entry is not None
    assert (entry.kind, entry.kept_id, entry.other_id, entry.by, entry.why) == (
        "merge",
        kept,
        other,
        "bia",
        "same desk",
    )
    assert moves == [("merge", "live", "merged", "bia")]


def test_the_kept_contacts_own_record_stays_the_one_that_is_written_to(runtime: Runtime, clock: Any) -> None:
    (other,) = arrive(runtime, ANA_AT_WORK)  # the older record
    clock.forward(3600)
    (kept,) = arrive(runtime, ANA)
    system = runtime.crm.name
    with runtime.database.read() as tx:
        own = contacts.linked(tx, [kept], system=system)[kept][0].ref
    clock.forward(3600)
    steps.merge_contacts_of(runtime, kept, other, by="bia")
    with runtime.database.read() as tx:
        assert contacts.linked(tx, [kept], system=system)[kept][0].ref == own


def test_merge_then_undo_is_identity_through_the_whole_house(runtime: Runtime, clock: Any) -> None:
    kept, other = arrive(runtime, ANA, ANA_AT_WORK)
    arrive(runtime, {**ANA, "empresa": "Quintela Obras"}, {**ANA_AT_WORK, "cargo": "Diretora"})
    before = state(runtime)
    version = contact_row(runtime, other)["version"]
    clock.forward(60)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    assert state(runtime) != before
    clock.forward(60)
    assert steps.undo_merge(runtime, merge, by="caio") == other
    assert state(runtime) == before
    assert contact_row(runtime, other)["version"] > version
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [kept]) == {kept: {other}, other: {kept}}


# --- any contacts, merged and parted in any order --------------------------------------------------------------------

NAMES = ("Íris Bragança", "Iris Braganca", "Ícaro Bragança", "")
MAILS = ("iris@example.com", "ibraganca@example.com.br", "vendas@obras.example.com.br")
LINES = ("+5511900000001", "+5511900000002")


@dataclass(frozen=True)
class Telling:
    name: str
    mails: tuple[str, ...]
    lines: tuple[str, ...]
    company: str
    found: str
    """A company that enrichment found, if any."""


tellings = st.builds(
    Telling,
    name=st.sampled_from(NAMES),
    mails=st.lists(st.sampled_from(MAILS), unique=True).map(tuple),
    lines=st.lists(st.sampled_from(LINES), unique=True).map(tuple),
    company=st.sampled_from(["", "Obras", "Globex"]),
    found=st.sampled_from(["", "Achada", "Acme"]),
)


def told_by(telling: Telling, origin: Origin) -> Contact:
    given, _, family = telling.name.partition(" ")
    fields = ["name"] * bool(telling.name) + ["company"] * bool(telling.company)
    fields += [f"emails:{mail}" for mail in telling.mails] + [f"phones:{line}" for line in telling.lines]
    return Contact(
        name=PersonName(full=telling.name, given=given, family=family),
        emails=tuple(Email(address=mail, given=mail) for mail in telling.mails),
        phones=tuple(Phone(e164=line, given=line) for line in telling.lines),
        company=telling.company,
        origins=dict.fromkeys(fields, origin),
    )


def establish(runtime: Runtime, clock: Any, told: Sequence[Telling], into: str | None = None) -> str:
    """A contact that these tellings, one submission each, have made; or they have joined `into`."""
    with runtime.database.write() as tx:
        for telling in told:
            number = next(NUMBERS)
            now = clock.forward(1)
            delivery = deliveries.add(
                tx, source="site", key=f"{number}", body=b"", content_type="", now=now, priority=Priority.LIVE
            ).id
            submission = f"sub_{delivery.removeprefix('del_')}_0"
            origin = Origin(source="site", delivery=delivery, submission=submission, stage=Stage.NORMALIZE, at=now)
            contact = told_by(telling, origin)
            new = into is None
            into = into or f"con_{submission.removeprefix('sub_')}"
            row = {
                "id": submission, "delivery_id": delivery, "position": 0, "source": "site", "priority": Priority.LIVE,
                "state": State.DONE, "stage": None, "record": "{}", "contact": contact.model_dump_json(),
                "contact_id": into, "due_at": None, "received_at": now, "updated_at": now,
            }  # fmt: skip
            submissions.add(tx, [row])
            keys = {key.hash for key in blocking_keys(contact)}
            if new:
                contacts.add(tx, [NewContact(into, contact, dump_features(features(contact)))], now)
                known = contacts.golden(tx, [into])[into]
                whole = contact
            else:
                known = contacts.golden(tx, [into])[into]
                whole = merge_contacts([known.contact, contact])
                contacts.change(tx, known, whole, dump_features(features(whole)), now=now, arrived=1)
            keys |= {key.hash for key in blocking_keys(whole)}
            contacts.add_keys(tx, ((key, known.no) for key in keys))
            if telling.found:
                fact = Fact(field="company", value=telling.found, by="registry", at=now)
                whole, _ = merge_facts(whole, [fact], origin)
                contacts.change(tx, known, whole, dump_features(features(whole)), now=now)
            ref = RemoteRef(system="local", kind="contact", id=f"{number}")
            contacts.link(tx, [NewLink(into, ref, whole)], now)
    assert into is not None
    return into


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.lists(tellings, min_size=1, max_size=3), min_size=2, max_size=4), data=st.data())
def test_whatever_is_merged_and_undone_in_whatever_order_is_as_before(
    runtime: Runtime, clock: Any, people: list[list[Telling]], data: st.DataObject
) -> None:
    kept, *others = (establish(runtime, clock, told) for told in people)
    before = state(runtime)
    done = [steps.merge_contacts_of(runtime, kept, other, by="bia") for other in others]
    clock.forward(1)
    for merge in data.draw(st.permutations(done)):
        steps.undo_merge(runtime, merge, by="bia")
    assert state(runtime) == before


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(tellings, min_size=2, max_size=5), data=st.data())
def test_split_then_undo_is_identity(runtime: Runtime, clock: Any, told: list[Telling], data: st.DataObject) -> None:
    contact = establish(runtime, clock, told)
    before = state(runtime)
    all_of_it = members(runtime, contact)
    taken = data.draw(st.lists(st.sampled_from(all_of_it), min_size=1, max_size=len(told) - 1, unique=True))
    for _ in range(2):  # taking the same out again is the same contact
        done = steps.split(runtime, contact, taken, by="bia")
        parts = state(runtime)["contacts"]
        (other,) = parts.keys() - before["contacts"].keys()
        assert members(runtime, other) == sorted(taken)
        assert members(runtime, contact) == sorted(set(all_of_it) - set(taken))
        steps.undo_merge(runtime, done, by="bia")
        after = state(runtime)
        gone = after["contacts"].pop(other)
        assert (gone["state"], gone["merged_into"]) == (contacts.MERGED, contact)
        assert after == before
        before["contacts"].pop(other, None)
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [contact]) == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=st.lists(tellings, min_size=1, max_size=2), two=st.lists(tellings, min_size=1, max_size=2), later=tellings)
def test_undo_keeps_what_came_since(
    runtime: Runtime, clock: Any, one: list[Telling], two: list[Telling], later: Telling
) -> None:
    kept, other = establish(runtime, clock, one), establish(runtime, clock, two)
    alone = state(runtime)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    establish(runtime, clock, [later], into=kept)
    steps.undo_merge(runtime, merge, by="bia")
    after = state(runtime)
    assert after["contacts"][other] == alone["contacts"][other]
    assert after["keys"].get(other) == alone["keys"].get(other)
    (new,) = after["submissions"].keys() - alone["submissions"].keys()
    assert after["submissions"] == {**alone["submissions"], new: kept}
    assert set(after["links"]) - set(alone["links"]) == {link for link in after["links"] if link[2] == kept} - {
        link for link in alone["links"] if link[2] == kept
    }
    whole = after["contacts"][kept]
    assert whole["arrivals"] == len(one) + 1
    assert {mail.address for mail in whole["contact"].emails} == {m for told in (*one, later) for m in told.mails}
    assert whole["features"] == dump_features(features(whole["contact"]))
    told = [told for told in (*one, later) if told.company]
    if told:
        assert whole["contact"].company == told[-1].company
    with runtime.database.read() as tx:
        held = merges.keys_of(tx, [kept])[kept] if kept in after["keys"] else set()
        row = submissions.read(tx, new)
    assert row is not None
    assert {key.hash for key in blocking_keys(Contact.model_validate_json(row["contact"]))} <= held


# --- refusals --------------------------------------------------------------------------------------------------------


def test_an_undone_merge_cannot_be_undone_again(runtime: Runtime) -> None:
    kept, other = arrive(runtime, ANA, RUI)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    steps.undo_merge(runtime, merge, by="caio")
    with pytest.raises(PermanentError, match=f"{merge} was undone already, by caio"):
        steps.undo_merge(runtime, merge, by="bia")


def test_only_live_contacts_that_are_there_are_merged(runtime: Runtime) -> None:
    kept, other, third = arrive(runtime, ANA, RUI, {"nome": "Zélia Ximenes", "email": "zelia@example.com"})
    with pytest.raises(PermanentError, match="there is no contact con_nobody"):
        steps.merge_contacts_of(runtime, kept, "con_nobody", by="bia")
    with pytest.raises(PermanentError, match="into itself"):
        steps.merge_contacts_of(runtime, kept, kept, by="bia")
    with pytest.raises(PermanentError, match="there is no merge mrg_none"):
        steps.undo_merge(runtime, "mrg_none", by="bia")
    first = steps.merge_contacts_of(runtime, kept, other, by="bia")
    assert steps.merge_contacts_of(runtime, kept, other, by="caio") == first
    for left, right in ((other, kept), (third, other), (other, third)):
        with pytest.raises(PermanentError, match=f"{other} was merged into {kept}"):
            steps.merge_contacts_of(runtime, left, right, by="bia")


def test_a_later_merge_of_the_kept_contact_is_undone_first(runtime: Runtime) -> None:
    third, kept, other = arrive(runtime, {"nome": "Zélia Ximenes", "email": "zelia@example.com"}, ANA, RUI)
    before = state(runtime)
    first = steps.merge_contacts_of(runtime, kept, other, by="bia")
    second = steps.merge_contacts_of(runtime, third, kept, by="bia")
    with pytest.raises(PermanentError, match=f"{kept} was merged into {third}"):
        steps.undo_merge(runtime, first, by="bia")
    steps.undo_merge(runtime, second, by="bia")
    steps.undo_merge(runtime, first, by="bia")
    assert state(runtime) == before


def test_what_was_split_out_since_is_named(runtime: Runtime, clock: Any) -> None:
    telling = Telling("Íris Bragança", MAILS[:1], LINES, "", "")
    kept, other = establish(runtime, clock, [telling]), establish(runtime, clock, [telling, telling])
    founder, second = members(runtime, other)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    steps.split(runtime, kept, [founder], by="bia")
    assert members(runtime, other) == [founder]  # the id that the founder founds is free, and so used again
    with pytest.raises(PermanentError, match=f"{other} is no part of {kept} any more"):
        steps.undo_merge(runtime, merge, by="bia")
    with pytest.raises(PermanentError, match=f"{founder} is not of {kept}"):
        steps.split(runtime, kept, [founder, second], by="bia")


def test_an_undo_that_would_leave_nobody_names_the_split_to_undo_first(runtime: Runtime, clock: Any) -> None:
    telling = Telling("Íris Bragança", MAILS[:1], LINES, "", "")
    kept, other = establish(runtime, clock, [telling]), establish(runtime, clock, [telling])
    own = members(runtime, kept)
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    taken = steps.split(runtime, kept, own, by="bia")
    with pytest.raises(PermanentError, match=f"no submission of {kept} is left in {kept}; undo the split"):
        steps.undo_merge(runtime, merge, by="bia")
    steps.undo_merge(runtime, taken, by="bia")
    assert steps.undo_merge(runtime, merge, by="bia") == other


def test_a_split_takes_some_but_not_all(runtime: Runtime) -> None:
    (contact, _) = arrive(runtime, ANA, ANA)
    all_of_it = members(runtime, contact)
    assert len(all_of_it) == 2
    with pytest.raises(PermanentError, match="leave at least one"):
        steps.split(runtime, contact, all_of_it, by="bia")
    with pytest.raises(PermanentError, match="name the submissions"):
        steps.split(runtime, contact, [], by="bia")


def test_a_contact_keeps_its_id_when_its_founder_is_taken_out(runtime: Runtime) -> None:
    contact, _ = arrive(runtime, ANA, ANA)
    founder = next(each for each in members(runtime, contact) if contact == f"con_{each.removeprefix('sub_')}")
    steps.split(runtime, contact, [founder], by="bia")
    assert members(runtime, f"{contact}_2") == [founder]
    assert contact_row(runtime, contact)["state"] == contacts.LIVE


def test_while_a_worker_is_at_a_submission_it_does_not_move(runtime: Runtime, clock: Any) -> None:
    kept, other = arrive(runtime, ANA, RUI)
    (submission,) = members(runtime, other)
    with runtime.database.write() as tx:
        leased = {"lease_owner": "a:1:1", "lease_until": clock.now + timedelta(seconds=30), "fence": 7}
        tx.execute(sa.update(tables.submissions).where(tables.submissions.c.id == submission).values(leased))
    with pytest.raises(TransientError, match=submission) as refused:
        steps.merge_contacts_of(runtime, kept, other, by="bia")
    assert refused.value.code == "in_work"
    clock.forward(31)  # it died, or is only slow: then what it saves is not taken any more
    steps.merge_contacts_of(runtime, kept, other, by="bia")
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission)
    assert row is not None
    assert row["fence"] == 8


# --- what goes on meanwhile ------------------------------------------------------------------------------------------


def up_to(runtime: Runtime, person: dict[str, str], last: Stage) -> str:
    """Bring a person up to this stage and no further; the submission."""
    body = json.dumps({**person, "mensagem": f"{next(NUMBERS)}"}).encode()
    delivery = steps.receive(runtime, "site", body, content_type="application/json", priority=Priority.LIVE).id

    def do(due: Due) -> None:
        for stage in Stage:
            STEPS[stage](runtime, due.ids)
            if stage is last:
                return

    steps.dispatch(runtime, do)
    with runtime.database.read() as tx:
        (row,) = submissions.listed(tx, delivery_id=delivery)
    return str(row["id"])


@pytest.mark.parametrize("last", [Stage.DEDUPE, Stage.ENRICH, Stage.SCORE, Stage.CREATE])
def test_a_submission_on_its_way_goes_on_for_the_contact_it_has_become(
    runtime: Runtime, clock: Any, last: Stage
) -> None:
    (kept,) = arrive(runtime, ANA)
    submission = up_to(runtime, RUI, last)
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission)
    assert row is not None
    steps.merge_contacts_of(runtime, kept, row["contact_id"], by="bia")
    clock.forward(3600)
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        row = submissions.read(tx, submission)
        made = [each["kind"] for each in writes.wanted_by(tx, submission)]
    assert row is not None
    assert (row["state"], row["contact_id"]) == (State.DONE, kept)
    assert (WriteKind.CREATE_CONTACT in made) == (last is Stage.CREATE)


def test_writes_that_were_planned_but_not_made_are_made_for_the_kept_contact(runtime: Runtime, clock: Any) -> None:
    (kept,) = arrive(runtime, ANA)
    submission = up_to(runtime, RUI, Stage.SCORE)
    with runtime.database.write() as tx:
        row = submissions.read(tx, submission)
        assert row is not None
        other = row["contact_id"]
        create = CrmWrite(
            key=f"create:local:{other}", kind=WriteKind.CREATE_CONTACT, contact_id=other, fields={"name": "R"}
        )
        note = CrmWrite(key=f"note:{submission}", kind=WriteKind.ADD_NOTE, contact_id=other, fields={"text": "oi"})
        writes.intend(tx, {submission: [create, note]}, Stage.CREATE, clock.now)
    steps.merge_contacts_of(runtime, kept, other, by="bia")
    clock.forward(3600)
    steps.work_here(runtime)
    with runtime.database.read() as tx:
        made = {each["key"]: (each["contact_id"], each["state"]) for each in writes.wanted_by(tx, submission)}
        row = submissions.read(tx, submission)
    assert row is not None
    assert row["state"] == State.DONE
    assert f"create:local:{other}" not in made
    assert made[f"note:{submission}"] == (kept, writes.DONE)


def test_a_workflow_that_was_started_is_not_started_again_for_the_whole(runtime: Runtime, clock: Any) -> None:
    hot = {**RUI, "empresa": "Obras", "cargo": "Diretor", "assunto": "Orçamento urgente para 30 pessoas, esta semana"}
    kept, other = arrive(runtime, ANA, hot)
    since = clock.now - timedelta(hours=1)
    with runtime.database.read() as tx:
        started = workflows.recent(tx, [other], since)[other]
    merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
    submission = next(each for each in members(runtime, kept) if other.removeprefix("con_") in each)
    with runtime.database.read() as tx:
        assert workflows.recent(tx, [other], since) == {}
        assert all(one in workflows.recent(tx, [kept], since)[kept] for one in started)
        (run, *_) = workflows.started_for(tx, [submission])[submission]
    assert run.contact_id == kept
    steps.undo_merge(runtime, merge, by="bia")
    with runtime.database.read() as tx:
        assert workflows.recent(tx, [other], since)[other] == started


def test_a_record_made_for_a_contact_that_was_merged_meanwhile_is_the_other_ones(runtime: Runtime, clock: Any) -> None:
    kept, other = arrive(runtime, ANA, RUI)
    steps.merge_contacts_of(runtime, kept, other, by="bia")
    late = RemoteRef(system="local", kind="lead", id="990")
    with runtime.database.write() as tx:
        contacts.link(tx, [NewLink(other, late, None)], clock.now)
        assert late in contacts.crm_refs(tx, [kept])[kept]


# --- "not the same" --------------------------------------------------------------------------------------------------

FIRST = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "cpf": "529.982.247-25"}
SECOND = {**FIRST, "cpf": "111.444.777-35"}


def said_to_be_two(runtime: Runtime) -> tuple[str, str, str]:
    """A contact, another one that a person said is not the same, and the submission that is about the other."""
    (known,) = arrive(runtime, FIRST)
    (held,) = arrive(runtime, SECOND)
    assert held.startswith("sub_")
    return known, steps.resolve_review(runtime, held, same_as=None, by="ana"), held


def test_a_later_submission_joins_one_of_two_that_are_not_the_same_and_makes_them_no_one(runtime: Runtime) -> None:
    known, other, _ = said_to_be_two(runtime)
    arrive(runtime, SECOND, FIRST)
    assert (contact_row(runtime, known)["state"], contact_row(runtime, other)["state"]) == ("live", "live")
    for contact, person in ((known, FIRST), (other, SECOND)):
        numbers = {document.given for document in golden(runtime, contact).documents}
        assert numbers <= {person["cpf"]}


def test_a_submission_called_new_is_not_matched_when_it_is_resolved_again(runtime: Runtime) -> None:
    _, other, held = said_to_be_two(runtime)
    of = tables.submissions
    undecided = {"state": State.VALIDATED, "stage": Stage.DEDUPE, "contact_id": None, "lease_until": None}
    with runtime.database.write() as tx:
        number = contacts.golden(tx, [other])[other].no
        merges.set_keys(tx, number, ())  # only the one that it is not is found
        tx.execute(sa.update(of).where(of.c.id == held).values(undecided))
    steps.dedupe(runtime, [held])
    with runtime.database.read() as tx:
        row = submissions.read(tx, held)
    assert row is not None
    assert (row["decision"], row["contact_id"]) == ("new", other)


def test_who_is_not_a_part_is_not_the_whole_until_that_is_undone(runtime: Runtime) -> None:
    known, other, _ = said_to_be_two(runtime)
    (whole,) = arrive(runtime, RUI)
    merge = steps.merge_contacts_of(runtime, whole, other, by="bia")
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [whole])[whole] == {known}
    steps.undo_merge(runtime, merge, by="bia")
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [whole])[whole] == {other}


def test_a_merge_takes_back_that_they_are_not_the_same_and_its_undo_says_it_again(runtime: Runtime) -> None:
    known, other, _ = said_to_be_two(runtime)
    merge = steps.merge_contacts_of(runtime, known, other, by="bia")
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [known, other]) == {}
    steps.undo_merge(runtime, merge, by="bia")
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [known]) == {known: {other}, other: {known}}


@pytest.mark.parametrize("same", [True, False])
def test_a_review_about_a_contact_that_was_merged_is_about_the_one_it_is_in(runtime: Runtime, same: bool) -> None:
    (known,) = arrive(runtime, FIRST)
    (held,) = arrive(runtime, SECOND)
    (whole,) = arrive(runtime, RUI)
    steps.merge_contacts_of(runtime, whole, known, by="bia")
    decided = steps.resolve_review(runtime, held, same_as=known if same else None, by="ana")
    assert (decided == whole) is same
    with runtime.database.read() as tx:
        assert contacts.distinct_from(tx, [whole]).get(whole, set()) == (set() if same else {decided})
    assert held in members(runtime, decided)


# --- two at once -----------------------------------------------------------------------------------------------------


def at_once(runtime: Runtime, *tasks: Any) -> list[Future[Any]]:
    """Each task with a runtime of its own, all started at one instant."""
    together = Barrier(len(tasks))
    databases = [Database(runtime.settings.database_url) for _ in tasks]

    def run(task: Any, database: Database) -> Any:
        together.wait(10)
        return task(replace(runtime, database=database))

    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(run, task, database) for task, database in zip(tasks, databases, strict=True)]
    for database in databases:
        database.close()
    return running


ROUNDS = 15


@pytest.mark.parametrize("mails", [MAILS[:1], ()], ids=["by a key", "by nothing"])
def test_two_who_merge_the_same_pair_at_once_make_one_merge(
    runtime: Runtime, clock: Any, mails: tuple[str, ...]
) -> None:
    telling = Telling("Íris Bragança" if mails else "", mails, (), "", "")
    for _ in range(ROUNDS):
        kept, other = establish(runtime, clock, [telling]), establish(runtime, clock, [telling, telling])
        merge = lambda mine, kept=kept, other=other: steps.merge_contacts_of(mine, kept, other, by="bia")  # noqa: E731
        first, second = (running.result() for running in at_once(runtime, merge, merge))
        assert first == second
        assert len(members(runtime, kept)) == contact_row(runtime, kept)["arrivals"] == 3


def test_each_into_the_other_at_once_is_one_merge_and_one_plain_refusal(runtime: Runtime, clock: Any) -> None:
    telling = Telling("Íris Bragança", MAILS[:1], LINES, "", "")
    for _ in range(ROUNDS):
        one, two = establish(runtime, clock, [telling]), establish(runtime, clock, [telling])
        there = lambda mine, one=one, two=two: steps.merge_contacts_of(mine, one, two, by="bia")  # noqa: E731
        back = lambda mine, one=one, two=two: steps.merge_contacts_of(mine, two, one, by="bia")  # noqa: E731
        wrong = [running.exception() for running in at_once(runtime, there, back)]
        assert sorted(type(each).__name__ for each in wrong) == ["NoneType", "PermanentError"]
        live = [each for each in (one, two) if contact_row(runtime, each)["state"] == contacts.LIVE]
        assert len(live) == 1
        assert len(members(runtime, live[0])) == 2


def test_two_who_undo_at_once_undo_once(runtime: Runtime, clock: Any) -> None:
    telling = Telling("Íris Bragança", MAILS[:1], LINES, "", "")
    for _ in range(ROUNDS):
        kept, other = establish(runtime, clock, [telling]), establish(runtime, clock, [telling])
        merge = steps.merge_contacts_of(runtime, kept, other, by="bia")
        undo = lambda mine, merge=merge: steps.undo_merge(mine, merge, by="bia")  # noqa: E731
        wrong = [running.exception() for running in at_once(runtime, undo, undo)]
        assert sorted(type(each).__name__ for each in wrong) == ["NoneType", "PermanentError"]
        assert (len(members(runtime, kept)), len(members(runtime, other))) == (1, 1)


def test_what_came_while_the_locks_were_waited_for_begins_it_anew(runtime: Runtime, clock: Any) -> None:
    contact = establish(runtime, clock, [Telling("Íris Bragança", MAILS[:1], LINES, "", "")])
    (submission,) = members(runtime, contact)
    seen = iter([set(), {submission}, {submission}, {submission}])
    held = tried(runtime, lambda tx: hold(tx, [contact], lambda: next(seen), clock.now))
    assert held.ids == {submission}
    endless = iter([set(), {submission}] * TRIES)
    with pytest.raises(TransientError, match="keep coming in"):
        tried(runtime, lambda tx: hold(tx, [contact], lambda: next(endless), clock.now))


STRANGERS = ("Otto Pessanha", "Lia Drummond", "Caio Bittencourt", "Zuleica Farias", "Ugo Monteiro", "Nair Quadros")


def test_who_arrives_while_two_are_merged_is_of_the_kept_one(runtime: Runtime, clock: Any) -> None:
    for number, name in enumerate(STRANGERS):
        known = {"nome": name, "email": f"{name.split()[1].lower()}@example.com"}
        (other,) = arrive(runtime, {**known, "fone": f"(11) 97654-{number:04d}"})
        kept = establish(runtime, clock, [Telling(f"Hans {number}", (f"hans{number}@example.com",), (), "", "")])
        again = up_to(runtime, known, Stage.VALIDATE)
        results = at_once(
            runtime,
            lambda mine, kept=kept, other=other: steps.merge_contacts_of(mine, kept, other, by="bia"),
            lambda mine, again=again: steps.dedupe(mine, [again]),
        )
        for running in results:
            running.result()
        with runtime.database.read() as tx:
            row = submissions.read(tx, again)
        assert row is not None
        assert contact_row(runtime, row["contact_id"] or kept)["state"] == contacts.LIVE
        assert len(members(runtime, kept)) == contact_row(runtime, kept)["arrivals"]
