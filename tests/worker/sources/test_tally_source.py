"""Tally: hints by field type, chosen options by their texts."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.ports import NotContact
from worker.sources import get_source


def test_a_response_is_its_person(payload, read, look) -> None:
    (record,) = read("tally", payload("tally.json"))
    seen = look(record)
    assert (seen.values["question_a"], seen.labels["question_a"]) == (("Bruno Teles",), "Nome completo")
    assert (seen.said["email"], seen.said["phone"]) == (["bruno@example.com.br"], ["+5521955500199"])
    assert seen.values["question_d"] == ("Completo", "Sob medida")
    assert seen.values["question_e"] == ("Recife",), "some forms send the option's text itself"
    assert seen.values["question_f"] == ("https://files.example.com/cv.pdf",)
    assert seen.values["question_g"] == ()
    assert seen.occurred_at.isoformat() == "2026-11-20T10:00:00+00:00"


def test_the_key_is_the_event_or_else_the_submission(payload, request_of, settings) -> None:
    source = get_source("tally")
    body = payload("tally.json")
    assert source.delivery_key(request_of(body), settings()) == "evt-0001"
    assert source.delivery_key(request_of(body.replace(b"eventId", b"x")), settings()) == "S1"


def test_another_event_is_nobody_and_another_body_unparsable(read) -> None:
    (found,) = read("tally", b'{"eventType": "FORM_CREATED", "data": {}}')
    assert isinstance(found, NotContact)
    with pytest.raises(Unparsable, match="fields"):
        read("tally", b'{"eventType": "FORM_RESPONSE", "data": {}}')
