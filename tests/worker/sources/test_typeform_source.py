"""Typeform: answers by type, titles as labels, hidden fields and variables told apart from answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.errors import Unparsable
from worker.sources import get_source


def test_a_response_is_its_person(payload, read, look) -> None:
    (record,) = read("typeform", payload("typeform.json"))
    seen = look(record)
    assert seen.values["nome"] == ("Ana Prado",)
    assert seen.labels["nome"] == "Qual é o seu nome?"
    assert seen.said["email"] == ["ana@example.com.br"]
    assert seen.said["phone"] == ["+5511955500123"]
    assert seen.labels["fone"] == "WhatsApp", "a question inside a contact block"
    assert seen.values["quer"] == ("Plano A", "Outro plano")
    assert (seen.values["ok"], seen.values["qtd"]) == (("true",), ("42",))
    assert seen.values["hidden.utm_source"] == ("newsletter",)
    assert seen.hints["variables.name"] == "ignore", "a variable called name is not the person's"
    assert seen.values["form_name"] == ("Fale conosco",)
    assert seen.occurred_at == datetime(2026, 11, 20, 13, 30, tzinfo=UTC)


def test_answers_of_other_shapes_are_kept(read, look) -> None:
    answers = (
        b'[{"type": "choice", "choice": {"id": "x", "label": "50-200"}, "field": {"id": "a"}},'
        b'{"type": "file_url", "file_url": "https://files.example.com/cv.pdf", "field": {"id": "b", "ref": "cv"}},'
        b'{"type": "payment", "payment": {"amount": "10", "name": "Ana"}, "field": {"id": "c"}},'
        b'{"type": "text", "text": "no field"}, "scalar"]'
    )
    (record,) = read("typeform", b'{"form_response": {"answers": ' + answers + b"}}")
    seen = look(record)
    assert (seen.values["a"], seen.values["cv"]) == (("50-200",), ("https://files.example.com/cv.pdf",))
    assert seen.values["c"] == ("10", "Ana")
    assert seen.values["answers.3"] == ("no field",)


def test_the_key_is_the_event_or_else_the_response(payload, request_of, settings) -> None:
    source = get_source("typeform")
    body = payload("typeform.json")
    assert source.delivery_key(request_of(body), settings()) == "01HX0EVENT"
    assert source.delivery_key(request_of(body.replace(b"event_id", b"x")), settings()) == "tok0001"
    assert source.delivery_key(request_of(b"{}"), settings()) is None


def test_another_body_is_unparsable(read) -> None:
    with pytest.raises(Unparsable, match="form_response"):
        read("typeform", b'{"event_id": "1"}')
