"""WhatsApp Cloud: each message is from somebody, a status is about ours."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.sources import get_source
from worker.sources.reasons import MESSAGE_STATUS, OTHER_EVENT


def test_a_message_is_from_its_sender(payload, read, look) -> None:
    text, place, status = read("whatsapp", payload("whatsapp.json"))
    seen = look(text)
    assert (seen.said["name"], seen.said["phone"]) == (["Hugo Lima"], ["+5511955500155"])
    assert seen.said["message"] == ["Olá, tudo bem?"]
    assert seen.remotes == ["whatsapp:PN1/contact/5511955500155"]
    assert look(place).values["location"] == ("-23.5", "-46.6"), "what is no text is kept"
    assert status.reason == MESSAGE_STATUS


def test_the_name_is_found_though_the_profile_writes_the_number_otherwise(payload, read, look) -> None:
    body = payload("whatsapp.json").replace(b'"wa_id": "5511955500155"', b'"wa_id": "551155500155"')
    assert look(read("whatsapp", body)[0]).said["name"] == ["Hugo Lima"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b'"type": "button", "button": {"text": "Sim", "payload": "p"}', "Sim"),
        (b'"type": "interactive", "interactive": {"list_reply": {"id": "1", "title": "Plano A"}}', "Plano A"),
        (b'"type": "image", "image": {"id": "1", "caption": "Minha loja"}', "Minha loja"),
    ],
)
def test_what_was_chosen_or_captioned_is_the_message(message, said, read, look) -> None:
    body = b'{"entry": [{"changes": [{"field": "messages", "value": {"messages": [{"from": "1", "id": "w", ' + message
    (record,) = read("whatsapp", body + b"}]}}]}]}")
    assert look(record).said["message"] == [said]


def test_a_status_has_another_key_than_its_message_and_than_the_next_status(request_of, settings) -> None:
    def key(value: bytes) -> str | None:
        body = b'{"entry": [{"changes": [{"value": {' + value + b"}}]}]}"
        return get_source("whatsapp").delivery_key(request_of(body), settings())

    keys = [
        key(b'"messages": [{"id": "wamid.A"}]'),
        key(b'"statuses": [{"id": "wamid.A", "status": "sent"}]'),
        key(b'"statuses": [{"id": "wamid.A", "status": "read"}]'),
        key(b'"messages": [{"id": "wamid.A"}, {"id": "wamid.B"}]'),
    ]
    assert keys[0] == "wamid.A"
    assert len(set(keys)) == 4
    assert key(b"") is None


def test_other_changes_are_nobody_and_other_bodies_unparsable(read) -> None:
    (found,) = read("whatsapp", b'{"entry": [{"changes": [{"field": "account_update", "value": {}}]}]}')
    assert found.reason == OTHER_EVENT
    with pytest.raises(Unparsable):
        read("whatsapp", b"[]")
