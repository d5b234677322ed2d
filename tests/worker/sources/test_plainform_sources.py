"""The kinds that send fields as they are: generic, WPForms, Contact Form 7, Fluent Forms, Standard Webhooks."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.ports import BadRecord, NotContact
from worker.sources import get_source
from worker.sources.reasons import EMPTY, MALFORMED_RECORD

PARTS = (
    b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
        for part in [(b"nome", b"Ana"), (b"tags", b"x"), (b"tags", b"y")]
    )
    + b"--b--\r\n"
)


def test_generic_reads_an_object_or_a_list_of_them(payload, read, look) -> None:
    first, second = map(look, read("generic", payload("generic.json")))
    assert first.values == {"nome": ("Nair Costa",), "endereco.cidade": ("Natal",), "tags": ("x", "y")}
    assert second.values == {"nome": ("Otto Braga",)}
    assert set(first.labels.values()) == {""}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"nome=Ana&tags[]=x&tags[]=y"),
        ("text/plain", b'{"nome": "Ana", "tags": ["x", "y"]}'),
        ("multipart/form-data; boundary=b", PARTS),
    ],
)
def test_generic_reads_every_content_type_alike(content_type, body, read, look) -> None:
    (record,) = read("generic", body, content_type)
    assert look(record).values == {"nome": ("Ana",), "tags": ("x", "y")}


def test_an_envelope_around_a_list_of_people_is_a_list_of_people(read) -> None:
    assert len(read("generic", b'{"leads": [{"nome": "Ana"}, {"nome": "Bia"}]}')) == 2
    assert len(read("generic", b'{"nome": "Ana", "itens": [{"sku": 1}, {"sku": 2}]}')) == 1
    assert len(read("generic", b'{"tags": ["a", "b"]}')) == 1


def test_one_bad_item_leaves_the_others_alone(read, look) -> None:
    bad, good, empty = read("generic", b'["scalar", {"nome": "Ana"}, {"_token": "x"}]')
    assert isinstance(bad, BadRecord)
    assert bad.reason == MALFORMED_RECORD
    assert look(good).values == {"nome": ("Ana",)}
    assert isinstance(empty, NotContact)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"[{}]"])
def test_what_holds_nothing_is_empty(body, read) -> None:
    (found,) = read("generic", body)
    assert isinstance(found, NotContact)
    assert found.reason == EMPTY


@pytest.mark.parametrize("body", [b'"text"', b"1", b"null", b""])
def test_a_bare_value_is_unparsable(body, read) -> None:
    with pytest.raises(Unparsable):
        read("generic", body)


def test_contact_form_7_keeps_answers_and_drops_its_own_keys(payload, read, look) -> None:
    (record,) = read("cf7", payload("cf7.json"), "text/plain")
    seen = look(record)
    assert seen.values["your-name"] == ("Lia Moura",)
    assert seen.values["interesses"] == ("A", "B")
    assert (seen.values["form_title"], seen.hints["form_title"]) == (("Contato",), "ignore")
    assert "_wpcf7" not in seen.values


def test_fluent_forms_declares_the_parts_of_a_name(payload, read, look) -> None:
    (record,) = read("fluentforms", payload("fluentforms.json"))
    seen = look(record)
    assert (seen.said["given_name"], seen.said["family_name"]) == (["Kátia"], ["Reis"])
    assert seen.values["email"] == ("katia@example.com.br",)
    assert not [key for key in seen.values if key.startswith("_")], "a nonce is no answer"


def test_wpforms_has_the_admins_keys(payload, read, look) -> None:
    (record,) = read("wpforms", payload("wpforms.json"))
    assert look(record).values == {
        "nome": ("Milton Brás",),
        "email": ("milton@example.com.br",),
        "telefone": ("+5511955500111",),
    }


@pytest.mark.parametrize("kind", ["generic", "wpforms", "cf7", "fluentforms", "elementor"])
def test_they_number_nothing(kind, payload, request_of, settings) -> None:
    assert get_source(kind).delivery_key(request_of(payload(f"{kind}.json")), settings()) is None


def test_standard_webhooks_are_generic_with_the_messages_id_as_key(payload, read, look, request_of, settings) -> None:
    body = payload("standardwebhooks.json")
    (record,) = read("standardwebhooks", body)
    assert look(record).values["data.email"] == ("paula@example.com",)
    source = get_source("standardwebhooks")
    assert source.delivery_key(request_of(body, headers={"webhook-id": "msg_1"}), settings()) == "msg_1"
    assert source.delivery_key(request_of(body, headers={"svix-id": "msg_2"}), settings()) == "msg_2"
    assert source.delivery_key(request_of(body), settings()) is None
