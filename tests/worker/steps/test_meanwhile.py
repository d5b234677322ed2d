"""A contact of their own while a person has still to say who it is: then a merge like any other, or two for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from worker import steps
from worker.config import Settings
from worker.errors import ConfigurationError, PermanentError
from worker.ports import Priority
from worker.steps.runtime import Runtime, build_runtime
from worker.store import contacts, merges, reviews, submissions

KNOWN = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "cpf": "529.982.247-25"}
PERHAPS = {**KNOWN, "cpf": "111.444.777-35", "empresa": "Couto Cerâmica"}


@pytest.fixture
def house(runtime: Runtime) -> Runtime:
    return replace(runtime, creates_in_review=True)


def arrive(house: Runtime, person: dict[str, str]) -> str:
    """Take somebody in and do all there is to do; the submission's id."""
    took = steps.receive(
        house, "site", json.dumps(person).encode(), content_type="application/json", priority=Priority.LIVE
    )
    steps.work_here(house)
    with house.database.read() as tx:
        (one,) = [row for row in submissions.listed(tx, limit=100) if row["delivery_id"] == took.id]
    return str(one["id"])


def row_of(house: Runtime, submission: str) -> dict[str, Any]:
    with house.database.read() as tx:
        row = submissions.read(tx, submission)
    assert row is not None
    return row


def crm_names(house: Runtime) -> list[str]:
    with house.database.read() as tx:
        return sorted(row["id"] for row in contacts.listed(tx) if row["crm"])


@pytest.fixture
def two(house: Runtime) -> tuple[str, str, str]:
    """The contact that is known, the submission in review, and the contact that it goes on as."""
    known = row_of(house, arrive(house, KNOWN))["contact_id"]
    submission = arrive(house, PERHAPS)
    return known, submission, row_of(house, submission)["contact_id"]


def test_it_goes_on_and_its_review_stays_open(house: Runtime, two: tuple[str, str, str]) -> None:
    known, submission, own = two
    row = row_of(house, submission)
    assert (row["state"], row["decision"]) == ("done", "new")
    assert own not in (None, known)
    assert crm_names(house) == sorted([known, own])
    (review,) = steps.waiting_reviews(house)
    assert (review.id, review.candidate, review.meanwhile) == (submission, known, own)
    assert steps.review_of(house, submission).meanwhile == own


def test_the_same_merges_the_two_and_can_be_undone(house: Runtime, two: tuple[str, str, str]) -> None:
    known, submission, own = two
    assert steps.resolve_review(house, submission, same_as=known, by="ana", why="same desk") == known
    assert steps.waiting_reviews(house) == []
    row = row_of(house, submission)
    assert (row["contact_id"], row["decision"]) == (known, "match")
    with house.database.read() as tx:
        (merge,) = merges.of_contact(tx, own)
        golden = contacts.golden(tx, [known, own])
        untold = merges.untold(tx, now=house.clock())
        assert [each["by"] for each in contacts.decisions(tx, submission)] == ["ana", "dedupe"]
    assert (merge.kept_id, merge.by, merge.why) == (known, "ana", "same desk")
    assert golden[own].merged_into == known
    assert golden[known].contact.company == "Couto Cerâmica"
    assert merge.id in untold, "the CRM is told of it as of any merge"
    assert steps.undo_merge(house, merge.id, by="bia") == own
    with house.database.read() as tx:
        assert contacts.golden(tx, [own])[own].merged_into is None
        assert contacts.distinct_from(tx, [own]) == {own: {known}, known: {own}}


def test_not_the_same_is_remembered(house: Runtime, two: tuple[str, str, str]) -> None:
    known, submission, own = two
    assert steps.resolve_review(house, submission, same_as=None, by="ana") == own
    assert steps.waiting_reviews(house) == []
    assert row_of(house, submission)["decision"] == "new"
    with house.database.read() as tx:
        assert contacts.distinct_from(tx, [own]) == {own: {known}, known: {own}}
        assert contacts.count(tx) == 2


def test_an_answer_is_given_once(house: Runtime, two: tuple[str, str, str]) -> None:
    known, submission, own = two
    with pytest.raises(PermanentError, match="there is no contact con_nobody"):
        steps.resolve_review(house, submission, same_as="con_nobody", by="ana")
    steps.resolve_review(house, submission, same_as=known, by="ana")
    with pytest.raises(PermanentError, match="is not in review"):
        steps.resolve_review(house, submission, same_as=None, by="bia")
    with house.database.read() as tx:
        assert len(merges.of_contact(tx, own)) == 1


def test_who_answers_second_merges_nothing(
    house: Runtime, two: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read that the review is open; the merge and the answer are one transaction."""
    known, submission, own = two
    with house.database.write() as tx:
        assert reviews.close(tx, submission, kind="new", now=house.clock())
    monkeypatch.setattr(reviews, "is_open", lambda tx, submission: True)
    with pytest.raises(PermanentError, match="somebody has answered meanwhile"):
        steps.resolve_review(house, submission, same_as=known, by="bia")
    with house.database.read() as tx:
        assert merges.of_contact(tx, own) == []


def test_merged_by_other_hands_the_review_is_still_answered(house: Runtime, two: tuple[str, str, str]) -> None:
    known, submission, own = two
    steps.merge_contacts_of(house, known, own, by="caio")
    assert steps.resolve_review(house, submission, same_as=known, by="ana") == known
    assert steps.waiting_reviews(house) == []


def test_the_setting_is_read(tmp_path: Any) -> None:
    def build(value: str) -> Runtime:
        return build_runtime(Settings(data=tmp_path, dedupe={"while_in_review": value}))

    assert build("create").creates_in_review
    assert not build("wait").creates_in_review
    with pytest.raises(ConfigurationError, match="while_in_review is 'wait' or 'create', not 'merge'"):
        build("merge")
