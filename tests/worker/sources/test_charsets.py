"""Bytes become text whatever charset they are in, and no byte is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.charsets import decode_text, open_text

TEXT = "Nome;João Ção – “Ana” €"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_the_charsets_that_files_and_forms_come_in_are_told_apart(encoding: str) -> None:
    text = TEXT if encoding not in {"utf-16-le", "utf-16-be"} else "Nome;João"
    assert decode_text(text.encode(encoding)) == text


def test_one_line_in_another_charset_leaves_the_others_whole() -> None:
    assert decode_text("João\n".encode() + "José\n".encode("latin-1") + "Zoë\n".encode()) == "João\nJosé\nZoë\n"


@pytest.mark.parametrize(
    "declared",
    [
        "", "utf-8", "iso-8859-1", "us-ascii", "nonsense", "rot13", "base64", "punycode", "idna", "undefined",
        "unicode_escape", "utf-16",
        "\x00", "é" * 99,
    ],
)  # fmt: skip
def test_a_charset_that_is_a_habit_or_no_charset_gives_way_to_utf8(declared: str) -> None:
    assert decode_text("João".encode(), declared) == "João"


def test_a_declared_charset_that_means_something_is_obeyed() -> None:
    assert decode_text("東京".encode("shift_jis"), "Shift_JIS") == "東京"


def test_a_broken_multibyte_text_is_marked_where_it_breaks() -> None:
    assert decode_text("ab".encode("utf-16") + b"\x00") == "ab\ufffd"


@given(st.binary(max_size=200), st.sampled_from(["", "utf-16", "shift_jis", "hz", "utf-7", "cp037", "big5"]))
def test_no_bytes_are_refused_whole_or_line_by_line(body: bytes, declared: str) -> None:
    text = decode_text(body, declared)
    assert isinstance(text, str)
    assert isinstance("".join(open_text(body, declared)), str)


@given(st.binary(max_size=200))
def test_lines_and_the_whole_say_the_same(body: bytes) -> None:
    assert "".join(open_text(body)) == decode_text(body)
