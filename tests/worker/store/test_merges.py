"""The journal of merges, who is who now, and reviews in the order of what an answer gains."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.models import Contact, PersonName, RemoteRef
from pipelines.states import Stage, State
from worker.ports import Priority
from worker.store import contacts, deliveries, merges, reviews, submissions
from worker.store.contacts import NewContact, NewLink
from worker.store.engine import Database, Transaction
from worker.store.merges import Journal, Merge, MovedLink, Side


def contact(tx: Transaction, name: str, now: Any) -> int:
    told = Contact(name=PersonName(full=name))
    return contacts.add(tx, [NewContact(f"con_{name}", told, "")], now)[f"con_{name}"]


def merged(tx: Transaction, name: str, into: str | None, now: Any) -> None:
    number = contacts.golden(tx, [f"con_{name}"])[f"con_{name}"].no
    told = Contact(name=PersonName(full=name))
    merges.set_golden(tx, number, told, "", 1, into=into and f"con_{into}", now=now)


def test_an_entry_is_read_as_it_was_written(database: Database, clock: Any) -> None:
    side = Side(contact=Contact(company="Obras"), keys=(-(2**63), 2**63 - 1), members=("sub_a_0",))
    link = MovedLink(system="local", kind="contact", id="1", at=clock.now)
    entry = Merge(
        "mrg_1", "merge", "con_a", "con_b", "bia", "why", clock.now, Journal(kept=side, other=side, links=(link,))
    )
    with database.write() as tx:
        merges.add(tx, entry)
        assert merges.read(tx, "mrg_1") == entry
        assert merges.of_contact(tx, "con_a") == merges.of_contact(tx, "con_b") == [entry]
        assert merges.of_contact(tx, "con_c") == []
        merges.mark_undone(tx, "mrg_1", by="caio", now=clock.forward(1))
        (row,) = merges.listed(tx)
    assert "journal" not in row
    assert (row["undone_by"], row["undone_at"]) == ("caio", clock.now)


def test_the_living_are_found_however_long_the_way(database: Database, clock: Any) -> None:
    with database.write() as tx:
        for name in "abcd":
            contact(tx, name, clock.now)
        for name, into in zip("abc", "bcd", strict=True):
            merged(tx, name, into, clock.now)
        found = contacts.surviving(tx, ["con_a", "con_c", "con_d", "con_none"])
        assert found == {"con_a": "con_d", "con_c": "con_d", "con_d": "con_d", "con_none": "con_none"}
        merged(tx, "b", None, clock.now)
        assert contacts.surviving(tx, ["con_a"]) == {"con_a": "con_b"}


def test_keys_are_replaced_as_a_whole(database: Database, clock: Any) -> None:
    with database.write() as tx:
        number, other = contact(tx, "a", clock.now), contact(tx, "b", clock.now)
        merges.set_keys(tx, number, [1, 2])
        merges.set_keys(tx, other, [2])
        merges.set_keys(tx, number, [3])
        assert merges.keys_of(tx, ["con_a", "con_b"]) == {"con_a": {3}, "con_b": {2}}


def test_whoever_is_not_one_part_is_not_the_whole(database: Database, clock: Any) -> None:
    with database.write() as tx:
        for left, right in (("con_a", "con_b"), ("con_b", "con_c"), ("con_a", "con_d"), ("con_b", "con_d")):
            contacts.keep_distinct(tx, left, right, by="ana", now=clock.now)
        contacts.forget_distinct(tx, "con_b", "con_a")
        assert merges.spread_distinct(tx, "con_b", "con_a", by="bia", now=clock.now) == ("con_c",)
        assert contacts.distinct_from(tx, ["con_a"])["con_a"] == {"con_c", "con_d"}


@pytest.fixture
def review(database: Database, clock: Any) -> Any:
    """Add a submission that waits for a person, decided on with these probabilities, the last in force."""

    def _review(name: str, *probabilities: float, state: State = State.REVIEW) -> str:
        now = clock.forward(1)
        with database.write() as tx:
            delivery = deliveries.add(
                tx, source="site", key=name, body=b"", content_type="", now=now, priority=Priority.LIVE
            )
            row = {
                "id": f"sub_{name}", "delivery_id": delivery.id, "position": 0, "source": "site",
                "priority": Priority.LIVE, "state": state, "stage": Stage.DEDUPE, "record": "{}", "contact": "{}",
                "due_at": None, "received_at": now, "updated_at": now,
            }  # fmt: skip
            submissions.add(tx, [row])
            decided = {"submission_id": row["id"], "kind": "review", "decision": "{}", "by": "dedupe", "at": now}
            contacts.add_decisions(tx, [{**decided, "probability": probability} for probability in probabilities])
        return f"sub_{name}"

    return _review


def test_the_least_certain_review_comes_first_then_the_oldest(database: Database, clock: Any, review: Any) -> None:
    for name, probabilities in {
        "sure": [0.97], "unlikely": [0.21], "open": [0.52], "older": [0.875], "newer": [0.125], "again": [0.5, 0.99],
    }.items():  # fmt: skip
        review(name, *probabilities)
    review("decided", 0.5, state=State.DONE)
    with database.read() as tx:
        found = [row["id"].removeprefix("sub_") for row in reviews.waiting(tx, limit=50)]
        assert [row["id"] for row in reviews.waiting(tx, limit=1)] == ["sub_open"]
    assert found == ["open", "unlikely", "older", "newer", "sure", "again"]


@pytest.mark.parametrize("many", [1, 30])
def test_listing_reviews_is_one_query_however_many(database: Database, review: Any, many: int) -> None:
    for number in range(many):
        review(f"{number}", 0.5)
    statements: list[str] = []
    with database.read() as tx:
        sa.event.listen(tx, "before_cursor_execute", lambda _c, _cur, text, *_: statements.append(text))
        assert len(reviews.waiting(tx, limit=50)) == many
    assert len([text for text in statements if "SELECT" in text]) == 1


def test_moving_a_link_leaves_alone_what_is_somebody_elses_by_now(database: Database, clock: Any) -> None:
    refs = [RemoteRef(system="local", kind="contact", id=str(number)) for number in (1, 2)]
    with database.write() as tx:
        contacts.link(tx, [NewLink("con_a", refs[0], None), NewLink("con_b", refs[1], None)], clock.now)
        moved = [*merges.links_of(tx, "con_a"), *merges.links_of(tx, "con_b")]
        later = clock.now + timedelta(hours=1)
        merges.move_links(tx, moved, source="con_a", target="con_c", at=later)
        assert contacts.crm_refs(tx, ["con_a", "con_b", "con_c"]) == {"con_c": [refs[0]], "con_b": [refs[1]]}
        assert merges.links_of(tx, "con_c")[0].at == later
        merges.move_links(tx, moved, source="con_c", target="con_a")
        assert merges.links_of(tx, "con_a")[0].at == clock.now
