"""JSON bodies: numbers keep their digits, doubled names both, and hostile nesting is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Unparsable
from worker.sources.jsondata import load_json
from worker.sources.trees import MAX_DEPTH


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b'{"id": 106314056576000000001, "price": 12.50}', {"id": "106314056576000000001", "price": "12.50"}),
        (b'[1e400, -0, 1E5]', ["1e400", "-0", "1E5"]),
        (b'{"a": 1, "a": {"b": 2}, "c": 3}', {"a": ["1", {"b": "2"}], "c": "3"}),
        (b'\xef\xbb\xbf{"a": true, "b": null}', {"a": True, "b": None}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ('{"a": "é"}'.encode("cp1252"), {"a": "é"}),
        (b'{"a": "linha 1\nlinha 2\t"}', {"a": "linha 1\nlinha 2\t"}),
        (b'"\\ud83d\\ude00"', "😀"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_it_was_sent(body: bytes, tree: object) -> None:
    assert load_json(body) == tree


def test_digits_beyond_what_an_integer_may_have_are_kept() -> None:
    assert load_json(b'{"a": ' + b"9" * 5000 + b"}") == {"a": "9" * 5000}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'a': 1}", b"[1,]", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]", b"1 2"]
)
def test_what_is_not_json_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        load_json(body)


def test_the_complaint_says_where_and_never_what() -> None:
    with pytest.raises(Unparsable) as refusal:
        load_json(b'{"email": "ana@example.com"\n "x": 1}')
    assert "line 2" in str(refusal.value)
    assert "ana" not in str(refusal.value)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 100_000])
def test_nesting_beyond_the_bound_is_unparsable(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    with pytest.raises(Unparsable, match="deeper"):
        load_json(opening * depth + b"1" + closing * depth)


def test_nesting_up_to_the_bound_is_read() -> None:
    assert load_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


def as_tree(value: object) -> object:
    if isinstance(value, dict):
        return {name: as_tree(child) for name, child in value.items()}
    if isinstance(value, list):
        return [as_tree(child) for child in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(values, st.booleans())
def test_what_is_dumped_comes_back(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert load_json(text.encode("utf-8", "surrogatepass") if ascii_only else text.encode()) == as_tree(value)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:1eNa\\u \n', max_size=80).map(str.encode))
def test_arbitrary_bytes_are_read_or_unparsable(body: bytes) -> None:
    try:
        load_json(body)
    except Unparsable:
        return
