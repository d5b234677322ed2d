"""What every kind promises, whatever is sent to it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.models import FIELDS, SourceRecord
from worker.errors import ConfigurationError, Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, Source, SourceSettings
from worker.sources import SOURCES, get_source, reasons
from worker.sources.records import CONTEXT

PAYLOADS = Path(__file__).parent / "payloads"
KINDS = sorted(SOURCES)
REASONS = {value for name, value in vars(reasons).items() if name.isupper()}
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def everything(kind: str, body: bytes, content_type: str) -> list[SourceRecord | BadRecord | NotContact]:
    delivery = Delivery(id="d", source="s", body=body, content_type=content_type, received_at=NOW)
    return list(get_source(kind).parse(delivery, SourceSettings(name="s", kind=kind)))


def check(kind: str, body: bytes, content_type: str) -> None:
    request = InboundRequest("POST", "https://x/", {"content-type": content_type}, {}, body)
    key = SOURCES[kind].delivery_key(request, SourceSettings(name="s"))
    assert key is None or (0 < len(key) <= 200 and key.isprintable())
    try:
        found = everything(kind, body, content_type)
    except Unparsable:
        return
    for item in found:
        if isinstance(item, SourceRecord):
            keys = [one.key for one in item.fields]
            assert len(set(keys)) == len(keys)
            assert all(keys)
            assert {one.hint for one in item.fields} <= {"", CONTEXT, *FIELDS}
            item.model_dump_json()
        else:
            assert item.reason in REASONS


def test_get_source_names_the_kinds_there_are() -> None:
    assert get_source("kommo").kind == "kommo"
    with pytest.raises(ConfigurationError, match=r"cf7, elementor, .*wpforms"):
        get_source("nonsense")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_registered_by_its_name_and_keeps_the_port(kind: str) -> None:
    source: Source = SOURCES[kind]
    assert source.kind == kind
    assert (PAYLOADS / f"{kind}.json").exists(), "each kind has a body to be tried with"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_finds_the_same_in_the_same_order_each_time(kind: str) -> None:
    body = (PAYLOADS / f"{kind}.json").read_bytes()
    first = everything(kind, body, "application/json")
    assert any(isinstance(item, SourceRecord) for item in first)
    assert everything(kind, body, "application/json") == first


@pytest.mark.parametrize("kind", KINDS)
@given(
    body=st.binary(max_size=80),
    content_type=st.sampled_from(["application/json", "", "application/x-www-form-urlencoded"]),
)
@hypothesis_settings(max_examples=20)
def test_arbitrary_bytes_are_read_or_unparsable(kind: str, body: bytes, content_type: str) -> None:
    check(kind, body, content_type)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["0", "1", "id", "value", "x"]), inner),
    max_leaves=5,
)


@cache
def places(kind: str) -> list[tuple[str | int, ...]]:
    def walk(tree: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
        return [path, *(found for name, child in members for found in walk(child, (*path, name)))]

    return walk(json.loads((PAYLOADS / f"{kind}.json").read_text()), ())


def replaced(tree: object, path: tuple[str | int, ...], value: object) -> object:
    if not path:
        return value
    copy = tree.copy()
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@hypothesis_settings(max_examples=60)
def test_anything_in_the_place_of_anything_is_survived(kind: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(kind)))
    tree = replaced(json.loads((PAYLOADS / f"{kind}.json").read_text()), path, data.draw(values))
    check(kind, json.dumps(tree).encode(), "application/json")


@pytest.mark.parametrize("kind", KINDS)
def test_each_part_missing_or_another_is_survived(kind: str) -> None:
    tree = json.loads((PAYLOADS / f"{kind}.json").read_text())
    for path in places(kind):
        for value in (None, "", "text", [], ["x"], {}, {"0": "x"}, [[]], True, "9" * 5000, "\x00\ud800"):
            check(kind, json.dumps(replaced(tree, path, value)).encode(), "application/json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_cut_anywhere_is_read_or_unparsable(kind: str) -> None:
    body = (PAYLOADS / f"{kind}.json").read_bytes()
    for length in random.Random(1).sample(range(len(body)), min(40, len(body))):
        check(kind, body[:length], "application/json")
