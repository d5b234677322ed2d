"""RD Station: fixed keys, and an owner's e-mail that is not the person's."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.sources import get_source


def test_a_conversion_is_its_person(payload, read, look) -> None:
    (record,) = read("rdstation", payload("rdstation.json"))
    seen = look(record)
    assert seen.said["name"] == ["Elisa Rocha"]
    assert seen.said["email"] == ["elisa@example.com.br"]
    assert seen.said["phone"] == ["48 5550 0101", "48 95550 0102"]
    assert (seen.said["company"], seen.said["job_title"]) == (["Padaria Exemplo"], ["Diretora"])
    assert (seen.said["city"], seen.said["region"]) == (["Florianópolis"], ["SC"])
    assert seen.values["cf_segmento"] == ("Varejo", "Serviços")
    assert seen.hints["funnel.contact_owner_email"] == "ignore"
    assert seen.values["legal_bases.0.status"] == ("granted",)
    assert seen.values["event_identifier"] == ("ebook",)
    assert seen.remotes == ["rdstation/contact/00000000-aaaa-4000-8000-000000000001"]
    assert seen.occurred_at.isoformat() == "2026-11-20T15:00:00+00:00"


def test_the_key_tells_two_conversions_of_one_contact_apart(payload, request_of, settings) -> None:
    source = get_source("rdstation")
    body = payload("rdstation.json")
    bodies = [body, body.replace(b"ebook", b"webinar"), body.replace(b"CONVERTED", b"MARKED_OPPORTUNITY")]
    bodies.append(body.replace(b"12:00:00.000", b"12:00:01.000"))
    keys = [source.delivery_key(request_of(each), settings()) for each in bodies]
    assert None not in keys
    assert len(set(keys)) == 4
    later = body.replace(b'"timestamp": "2026-11-20T12:00:05', b'"timestamp": "2026-11-20T12:30:05')
    assert source.delivery_key(request_of(later), settings()) == keys[0], "a redelivery is sent later"


def test_another_body_is_unparsable(read) -> None:
    with pytest.raises(Unparsable, match="contact"):
        read("rdstation", b'{"contact": []}')
