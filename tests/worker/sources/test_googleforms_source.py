"""Google Forms by an Apps Script: questions are the keys."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.sources import get_source


def test_a_response_is_its_person(payload, read, look) -> None:
    (record,) = read("googleforms", payload("googleforms.json"))
    seen = look(record)
    assert (seen.values["Nome completo"], seen.labels["Nome completo"]) == (("Íris Leal",), "Nome completo")
    assert seen.values["Interesses"] == ("A", "B")
    assert seen.said["email"] == ["iris@example.com"], "the respondent's own, where the form collects it"
    assert seen.hints["form_name"] == "ignore"
    assert seen.occurred_at.isoformat() == "2026-11-21T12:00:00+00:00"


def test_an_edited_response_is_another_delivery(payload, request_of, settings) -> None:
    source = get_source("googleforms")
    body = payload("googleforms.json")
    first = source.delivery_key(request_of(body), settings())
    assert first == "2_demo:2026-11-21T12:00:00.000Z"
    assert source.delivery_key(request_of(body.replace(b"12:00:00", b"12:05:00")), settings()) != first


def test_another_body_is_unparsable(read) -> None:
    with pytest.raises(Unparsable, match="payload"):
        read("googleforms", b'{"response": {}}')
