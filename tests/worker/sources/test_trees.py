"""Reading a decoded body without trusting its shape."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.trees import at, items_of, moment_of, object_at, text_at, texts_of


def test_what_is_not_there_reads_as_nothing() -> None:
    tree = {"a": {"b": "x"}, "list": ["y"], "no": None}
    assert at(tree, "a", "b") == "x"
    assert at(tree, "a", "b", "c") is None
    assert at("text", "a") is None
    assert object_at(tree, "list") == {}
    assert text_at(tree, "no") == ""
    assert text_at(tree, "a") == ""
    assert text_at(tree, "list") == "y"


def test_texts_are_every_filled_in_value_in_order() -> None:
    assert texts_of({"a": ["1", {"b": True}], "c": None, "d": "  ", "e": False}) == ("1", "true", "false")


@pytest.mark.parametrize(
    ("tree", "items"),
    [
        (["x", "y"], [("0", "x"), ("1", "y")]),
        ({"7": "x", "3": "y"}, [("7", "x"), ("3", "y")]),
        ({"value": "2", "enum": "5"}, [("0", {"value": "2", "enum": "5"})]),
        ("scalar", [("0", "scalar")]),
        (None, []),
        ("", []),
        ({}, []),
        ([], []),
    ],
)
def test_a_list_is_read_however_it_was_sent(tree: object, items: object) -> None:
    assert items_of(tree) == items


NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1795262400", NOON),
        ("1795262400000", NOON),
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21T12:00:00.000Z", NOON),
        ("2026-11-21T12:00:00+0000", NOON),
        ("2026-11-21T09:00:00.000-03:00", NOON),
        ("2026-11-21 12:00:00", None),
        ("21/11/2026", None),
        ("0", None),
        ("", None),
        ("9" * 15, None),
        ("١٢٣٤٥٦٧٨٩٠", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_a_time_has_a_zone_or_is_a_count_of_seconds(text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


@given(st.text(max_size=50) | st.from_regex(r"\d{0,20}(-\d\d){0,2}(T\d\d:\d\d)?(Z|[+-]\d\d:?\d\d)?", fullmatch=True))
def test_any_text_is_a_time_in_utc_or_none(text: str) -> None:
    moment = moment_of(text)
    assert moment is None or moment.tzinfo is UTC
