"""Gravity Forms: numbered keys, of which only a name's parts can be told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.errors import Unparsable
from worker.sources import get_source


def test_an_entry_is_its_person(payload, read, look) -> None:
    (record,) = read("gravityforms", payload("gravityforms.json"))
    seen = look(record)
    assert (seen.said["given_name"], seen.said["family_name"]) == (["Diego"], ["Nunes"])
    assert (seen.values["2"], seen.hints["2"]) == (("diego@example.com.br",), "")
    assert seen.hints["5.3"] == seen.hints["5.6"] == "", "an address has the numbers of a name and more"
    assert seen.values["7.1"] == ("Sim",)
    assert (seen.values["source_url"], seen.hints["source_url"]) == (("https://example.com.br/contato/",), "ignore")
    assert not {"user_agent", "is_read", "submission_speeds"} & set(seen.values)
    assert seen.occurred_at == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def test_the_key_is_the_entry(payload, request_of, settings) -> None:
    source = get_source("gravityforms")
    assert source.delivery_key(request_of(payload("gravityforms.json")), settings()) == "801"
    assert source.delivery_key(request_of(b'{"nome": "Ana"}'), settings()) is None


def test_a_list_is_unparsable(read) -> None:
    with pytest.raises(Unparsable):
        read("gravityforms", b"[1]")
