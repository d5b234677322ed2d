"""Many rows in one statement, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.states import Stage, State
from worker import tables
from worker.store import submissions
from worker.store.bulk import among, insert_ignoring, insert_rows, update_rows
from worker.store.engine import Database, Transaction

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
AWKWARD = ("", "'", '"', "\\", "a\nb", "%s", "?1", ":name", "{}", "ção", "😀", "null", "[1]", "  ", "\x7f")


def _move(subject: str, **other: Any) -> dict[str, Any]:
    row = {"at": AT, "subject": subject, "event": "e", "before": "", "after": State.DONE, "reason": "", "by": ""}
    return {**row, **other}


def _subjects(tx: Transaction) -> list[str]:
    return list(tx.execute(sa.select(tables.history.c.subject).order_by(tables.history.c.no)).scalars())


def test_rows_come_back_as_they_were_and_in_their_order(database: Database) -> None:
    with database.write() as tx:
        insert_rows(tx, tables.history, [_move(text, reason=text) for text in AWKWARD])
        insert_rows(tx, tables.history, [])
        assert _subjects(tx) == list(AWKWARD)
        rows = tx.execute(sa.select(tables.history)).all()
    assert {(row.subject, row.reason, row.after, row.at) for row in rows} == {
        (text, text, "done", AT) for text in AWKWARD
    }


def test_times_of_any_zone_none_numbers_and_truths_keep_their_values(database: Database) -> None:
    abroad = AT.astimezone(timezone(timedelta(hours=-3)))
    run = {
        "id": "run", "workflow": "w", "contact_id": "con", "submission_id": "sub", "temperature": "hot",
        "is_bound_to_warmth": True, "variant": "", "run": "{}", "state": "active", "position": 3, "due_at": None,
        "look_at": abroad, "started_at": AT, "updated_at": AT,
    }  # fmt: skip
    outcome = {
        "key": "k", "subject": "s", "outcome": "won", "value": 12.5, "at": AT, "by": "x", "recorded_at": AT,
    }  # fmt: skip
    with database.write() as tx:
        insert_rows(tx, tables.workflow_runs, [run, {**run, "id": "other", "is_bound_to_warmth": False}])
        insert_rows(tx, tables.lead_outcomes, [outcome, {**outcome, "key": "l", "value": None}])
        kept = {row.id: row for row in tx.execute(sa.select(tables.workflow_runs))}
        values = set(tx.execute(sa.select(tables.lead_outcomes.c.value)).scalars())
    assert (kept["run"].look_at, kept["run"].due_at, kept["run"].position) == (AT, None, 3)
    assert (kept["run"].is_bound_to_warmth, kept["other"].is_bound_to_warmth) == (True, False)
    assert values == {12.5, None}


def test_those_that_are_there_stay_as_they_are(database: Database) -> None:
    links = tables.crm_links
    first = {"system": "x", "kind": "contact", "remote_id": "1", "contact_id": "a", "at": AT}
    with database.write() as tx:
        insert_ignoring(tx, links, [first])
        second = {**first, "remote_id": "2"}
        insert_ignoring(tx, links, [{**first, "contact_id": "b"}, second, second])
        found = tx.execute(sa.select(links.c.remote_id, links.c.contact_id).order_by(links.c.remote_id)).all()
    assert [tuple(row) for row in found] == [("1", "a"), ("2", "a")]


def test_each_row_is_set_by_its_key_and_no_other(database: Database) -> None:
    links = tables.crm_links
    key = {"system": "x", "kind": "contact"}
    with database.write() as tx:
        insert_rows(tx, links, [{**key, "remote_id": str(n), "contact_id": "a", "at": AT} for n in range(4)])
        told = [{**key, "remote_id": str(n), "written": AWKWARD[n]} for n in (1, 3)]
        told.append({**key, "remote_id": "9", "written": "nobody's"})
        update_rows(tx, links, told, by=["system", "kind", "remote_id"])
        update_rows(tx, links, [], by=["remote_id"])
        found = tx.execute(sa.select(links.c.remote_id, links.c.written).order_by(links.c.remote_id)).all()
    assert [tuple(row) for row in found] == [("0", None), ("1", AWKWARD[1]), ("2", None), ("3", AWKWARD[3])]


def test_what_is_among_many_is_found(database: Database) -> None:
    column = tables.history.c.subject
    with database.write() as tx:
        insert_rows(tx, tables.history, [_move(text) for text in AWKWARD])
        for some in (AWKWARD, AWKWARD[:1], ("nobody",), ()):
            found = set(tx.execute(sa.select(column).where(among(column, some))).scalars())
            assert found == set(some) & set(AWKWARD)


def test_rows_that_hold_no_value_of_a_database_are_refused(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite's own driver refuses them")
    with database.write() as tx, pytest.raises(TypeError, match="rows cannot hold a object"):
        insert_rows(tx, tables.history, [_move("x", reason=object())])


@pytest.mark.parametrize("many", [1, 40])
def test_a_batch_is_claimed_and_saved_in_so_many_statements_however_large(
    database: Database, clock: Any, many: int
) -> None:
    ids = [f"sub_{number:03d}" for number in range(many)]
    delivery = {
        "id": "del", "source": "s", "key": "k", "digest": "", "state": "opened", "content_type": "", "priority": 1,
        "size": 0, "body": b"", "received_at": AT,
    }  # fmt: skip
    new = {
        "delivery_id": "del", "source": "s", "priority": 1, "state": State.RECEIVED, "stage": Stage.NORMALIZE,
        "record": "{}", "due_at": clock.now, "received_at": AT, "updated_at": AT,
    }  # fmt: skip
    with database.write() as tx:
        tx.execute(sa.insert(tables.deliveries).values(delivery))
        submissions.add(tx, [{**new, "id": one, "position": number} for number, one in enumerate(ids)])
        statements: list[str] = []
        sa.event.listen(tx, "before_cursor_execute", lambda _c, _cur, text, *_: statements.append(text))
        claimed = submissions.claim(tx, ids, Stage.NORMALIZE, owner="me", now=clock.now, lease=60)
        outcomes = [submissions.reached(one, due_at=clock.now, contact="{}") for one in claimed]
        assert len(submissions.save(tx, outcomes, now=clock.now, by="me")) == many
        assert len(statements) == 4  # claim; whose they are; the submissions; their history
        states = set(tx.execute(sa.select(tables.submissions.c.state, tables.submissions.c.contact)).all())
    assert states == {(State.NORMALIZED, "{}")}
