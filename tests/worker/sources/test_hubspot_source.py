"""HubSpot: events of ids, of which only those about contacts bring somebody."""

from __future__ import annotations

from worker.ports import BadRecord
from worker.sources import get_source
from worker.sources.reasons import DELETED, MISSING_ID, OTHER_EVENT


def test_each_event_is_read_by_itself(payload, read, look) -> None:
    created, changed, deleted, deal = read("hubspot", payload("hubspot.json"))
    assert look(created).remotes == ["hubspot:77/contact/90000000000000001"]
    assert look(created).said == {"ignore": look(created).said["ignore"]}, "ids only: nothing of a person"
    assert look(changed).said["email"] == ["fabio@example.com"]
    assert (deleted.reason, deal.reason) == (DELETED, OTHER_EVENT)


def test_generic_object_events_of_contacts_count(read, look) -> None:
    event = b'[{"subscriptionType": "object.creation", "objectTypeId": "0-%d", "objectId": 5, "portalId": 7}]'
    (contact,) = read("hubspot", event % 1)
    assert look(contact).remotes == ["hubspot:7/contact/5"]
    (company,) = read("hubspot", event % 2)
    assert company.reason == OTHER_EVENT


def test_an_event_that_cannot_be_read_leaves_the_others_alone(read, look) -> None:
    scalar, nameless, good = read(
        "hubspot",
        b'["x", {"subscriptionType": "contact.creation"}, {"subscriptionType": "contact.creation", "objectId": 1}]',
    )
    assert isinstance(scalar, BadRecord)
    assert nameless.reason == MISSING_ID
    assert look(good).remotes == ["hubspot:/contact/1"]


def test_the_key_ignores_the_attempt_and_the_order(payload, request_of, settings) -> None:
    source = get_source("hubspot")
    body = payload("hubspot.json")
    first = source.delivery_key(request_of(body), settings())
    assert first is not None
    again = body.replace(b'"attemptNumber": 0', b'"attemptNumber": 3')
    assert source.delivery_key(request_of(again), settings()) == first
    assert source.delivery_key(request_of(body.replace(b'"eventId": 100', b'"eventId": 999')), settings()) != first
    assert source.delivery_key(request_of(b"[]"), settings()) is None
    assert source.delivery_key(request_of(b'[{"eventId": 1}]'), settings()) is None
