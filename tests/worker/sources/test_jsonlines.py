"""JSON Lines: one bad line never takes another with it."""

from __future__ import annotations

from worker.ports import BadRecord
from worker.sources.reasons import BAD_LINE, MALFORMED_RECORD

LINES = "application/x-ndjson"


def test_each_line_is_a_person_and_a_bad_one_is_named(read, look) -> None:
    body = b'\xef\xbb\xbf{"nome": "Ana"}\r\n\n{"nome": \n"text"\n[1]\n  {"nome": "Bia"}  '
    first, broken, text, item, last = read("generic", body, LINES)
    assert (look(first).values, look(last).values) == ({"nome": ("Ana",)}, {"nome": ("Bia",)})
    assert (broken.reason, text.reason, item.reason) == (BAD_LINE, BAD_LINE, MALFORMED_RECORD)
    assert [one.detail.partition(":")[0] for one in (broken, text, item)] == ["line 3", "line 4", "line 5"]


def test_a_line_may_hold_a_list_of_people(read) -> None:
    assert len(read("generic", b'[{"nome": "Ana"}, {"nome": "Bia"}]\n', LINES)) == 2


def test_a_line_in_another_charset_or_too_deep_leaves_the_others_alone(read, look) -> None:
    body = '{"nome": "João"}\n'.encode("latin-1") + b"[" * 5000 + b'\n{"nome": "Bia"}'
    first, deep, last = read("generic", body, LINES)
    assert look(first).values == {"nome": ("João",)}
    assert isinstance(deep, BadRecord)
    assert look(last).values == {"nome": ("Bia",)}


def test_an_empty_file_holds_nobody(read) -> None:
    assert read("generic", b"\n\n", LINES) == []
