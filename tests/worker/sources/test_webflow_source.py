"""Webflow form submissions."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.ports import NotContact
from worker.sources import get_source


def test_a_submission_is_its_person(payload, read, look) -> None:
    (record,) = read("webflow", payload("webflow.json"))
    seen = look(record)
    assert (seen.values["First Name"], seen.labels["First Name"]) == (("Julia",), "First Name")
    assert seen.values["Email"] == ("julia@example.com",)
    assert "g-recaptcha-response" not in seen.values
    assert (seen.values["form_name"], seen.hints["form_name"]) == (("Contact",), "ignore")
    assert seen.occurred_at.isoformat() == "2026-11-20T14:30:00+00:00"


def test_the_key_is_the_submission(payload, request_of, settings) -> None:
    assert get_source("webflow").delivery_key(request_of(payload("webflow.json")), settings()) == "sub1"


def test_another_trigger_is_nobody_and_another_body_unparsable(read) -> None:
    (found,) = read("webflow", b'{"triggerType": "site_publish", "payload": {}}')
    assert isinstance(found, NotContact)
    with pytest.raises(Unparsable, match="payload"):
        read("webflow", b'{"payload": {"id": "1"}}')
