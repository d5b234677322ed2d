"""A body is decoded by its declared type, and by what it is where the declaration is missing or wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Unparsable
from worker.sources.bodies import decode_body, peek

MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"a": 1}'),
        ("application/json; charset=utf-8", b' \n{"a": 1}'),
        ("application/problem+json", b'{"a": 1}'),
        ("text/json", b'{"a": 1}'),
        ("text/plain;charset=UTF-8", b'{"a": 1}'),
        ("", b'\xef\xbb\xbf{"a": 1}'),
        (FORM, b'{"a": 1}'),
        ("text/plain", '{"a": 1}'.encode("utf-16")),
        (FORM, b"a=1"),
        ("", b"a=1"),
        ("application/octet-stream", b"a=1"),
        ("multipart/form-data; boundary=x", MULTIPART),
        ('Multipart/Form-Data; boundary="x"', MULTIPART),
        ("multipart/form-data", MULTIPART),
        ("", MULTIPART),
    ],
)
def test_the_body_is_what_it_is(content_type: str, body: bytes) -> None:
    assert decode_body(body, content_type) == {"a": "1"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        (FORM, b" \r\n"),
        ("application/json", b"a=1"),
        ("text/html", b"a=1"),
        ("image/png", b"\x89PNG="),
        ("text/plain", b"hello"),
        ("multipart/form-data; boundary=y", MULTIPART),
    ],
)
def test_what_is_no_form_and_no_json_is_unparsable(content_type: str, body: bytes) -> None:
    with pytest.raises(Unparsable):
        decode_body(body, content_type)


def test_a_form_in_its_declared_charset() -> None:
    assert decode_body(b"nome=%C0%ED%ED%E0", f"{FORM}; charset=windows-1251") == {"nome": "Анна"}


def test_a_key_is_looked_for_in_an_unreadable_body_without_complaint(request_of) -> None:
    assert peek(request_of(b"{")) is None


@given(
    st.binary(max_size=120),
    st.text(max_size=40) | st.sampled_from([FORM, "application/json", "multipart/form-data; boundary=b"]),
)
def test_any_body_of_any_type_is_decoded_or_unparsable(body: bytes, content_type: str) -> None:
    try:
        decode_body(body, content_type)
    except Unparsable:
        return
