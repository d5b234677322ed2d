"""Meta Lead Ads: the hook with ids, and the lead as the Graph API gives it."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.sources import get_source
from worker.sources.reasons import MISSING_ID, OTHER_EVENT


def test_a_hook_announces_a_lead_to_fetch(payload, read, look) -> None:
    announced, other = read("meta", payload("meta.json"))
    seen = look(announced)
    assert seen.remotes == ["meta/lead/444000000000000001"]
    assert seen.values["page_id"] == ("1000",)
    assert set(seen.said) == {"ignore"}
    assert other.reason == OTHER_EVENT


def test_a_fetched_lead_is_its_person(payload, read, look) -> None:
    (record,) = read("meta", payload("meta_lead.json"))
    seen = look(record)
    assert (seen.said["name"], seen.said["email"]) == (["Gilda Paz"], ["gilda@example.com"])
    assert seen.said["phone"] == ["+5571955500144"]
    assert seen.values["qual_seu_cargo?"] == ("Gerente",)
    assert seen.hints["platform"] == "ignore"
    assert seen.remotes == ["meta/lead/444000000000000001"], "the same as the hook's"
    assert seen.occurred_at.isoformat() == "2026-11-21T12:00:00+00:00"


def test_a_change_without_its_lead_leaves_the_others_alone(read, look) -> None:
    changes = b'["x", {"field": "leadgen", "value": {}}, {"field": "leadgen", "value": {"leadgen_id": 5}}]'
    body = b'{"entry": [{"changes": ' + changes + b"}]}"
    scalar, nameless, good = read("meta", body)
    assert nameless.reason == MISSING_ID
    assert "change 0" in scalar.detail
    assert look(good).remotes == ["meta/lead/5"]


def test_the_hook_and_the_fetched_lead_are_two_deliveries(payload, request_of, settings) -> None:
    source = get_source("meta")
    hook = source.delivery_key(request_of(payload("meta_lead.json")), settings())
    assert hook == "lead:444000000000000001"
    announced = b'{"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": 444000000000000001}}]}]}'
    assert source.delivery_key(request_of(announced), settings()) == "leadgen:444000000000000001"
    assert source.delivery_key(request_of(payload("meta.json")), settings()) is None, "one change has no lead"


def test_another_body_is_unparsable(read) -> None:
    with pytest.raises(Unparsable):
        read("meta", b"{}")
