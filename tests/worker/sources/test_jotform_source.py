"""Jotform: multipart with the answers as JSON inside, compound questions in parts."""

from __future__ import annotations

import json

import pytest

from worker.errors import Unparsable
from worker.sources import get_source


def multipart(fields: dict[str, str]) -> bytes:
    parts = (
        f'--jf\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return ("".join(parts) + "--jf--\r\n").encode()


@pytest.fixture
def fields(payload) -> dict[str, str]:
    return json.loads(payload("jotform.json"))


def test_a_submission_is_its_person(fields, read, look) -> None:
    (record,) = read("jotform", multipart(fields), "multipart/form-data; boundary=jf")
    seen = look(record)
    assert (seen.said["given_name"], seen.said["family_name"]) == (["Carla"], ["Melo"])
    assert seen.values["q3_nome.middle"] == ("Dias",)
    assert seen.labels["q3_nome.first"] == "Nome completo"
    assert (seen.values["q4_email"], seen.labels["q4_email"]) == (("carla@example.com.br",), "E-mail")
    assert seen.said["phone"] == ["(31) 955500177", "55 31 55500177"]
    assert seen.labels["q5_celular"] == "Celular"
    assert (seen.said["street"], seen.said["postal_code"]) == (["Rua das Flores, 10"], ["30100-000"])
    assert seen.values["q8_nascimento"] == ("1988-09-05",)
    assert seen.values["q9_interesses"] == ("Curso A", "Curso B")
    assert seen.values["form_name"] == ("Inscrição",)
    assert seen.occurred_at is not None
    assert not {"slug", "buildDate", "webhookURL"} & set(seen.values)


def test_an_edited_submission_is_another_delivery_and_a_repeated_one_is_not(fields, request_of, settings) -> None:
    source = get_source("jotform")
    content_type = "multipart/form-data; boundary=jf"

    def key(**changes: str) -> str | None:
        return source.delivery_key(request_of(multipart({**fields, **changes}), content_type), settings())

    assert key() == key(pretty="") == "59000001:1795267800000"
    assert key(rawRequest='{"submitDate": "1795267900000"}') != key()
    assert key(rawRequest="{") == key(rawRequest="{}") == "59000001"
    assert key(submissionID="") is None


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', "{}"])
def test_without_its_answers_it_is_unparsable(raw, fields, read) -> None:
    with pytest.raises(Unparsable):
        read("jotform", multipart({**fields, "rawRequest": raw}), "multipart/form-data; boundary=jf")
