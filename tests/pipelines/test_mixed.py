from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.mixed import looks_like_name, name_among, take_apart

MOBILE, FIXED = "+5511987654321", "+551133334444"


@pytest.mark.parametrize(
    ("text", "emails", "phones", "documents", "rest"),
    [
        ("Ana Souza, ana@example.com, 11 98765-4321", ["ana@example.com"], [MOBILE], [], ["Ana Souza"]),
        ("Ana Souza <ana@example.com>", ["ana@example.com"], [], [], ["Ana Souza"]),
        ("Ana Souza ana@example.com", ["ana@example.com"], [], [], ["Ana Souza"]),
        ("Ana - 11 98765-4321 - ana@example.com", ["ana@example.com"], [MOBILE], [], ["Ana"]),
        ("Ana|ana@example.com|(0xx11) 98765-4321|Acme", ["ana@example.com"], [MOBILE], [], ["Ana", "Acme"]),
        (
            "Nome: Ana Souza\nE-mail: ana@example.com\nTel: 11 98765-4321\nCPF: 529.982.247-25",
            ["ana@example.com"], [MOBILE], ["52998224725"], ["Ana Souza"],
        ),
        ("11 98765-4321 / 11 3333-4444 ramal 23", [], [MOBILE, FIXED], [], []),
        ("11 98765-4321 (recado com José)", [], [MOBILE], [], ["recado com José"]),
        ("Ana Souza", [], [], [], ["Ana Souza"]),
        ("", [], [], [], []),
        (" , ; - ", [], [], [], []),
        ("👍 ana@example.com", ["ana@example.com"], [], [], ["👍"]),
    ],
)  # fmt: skip
def test_a_text_that_holds_several_things_is_taken_apart(
    text: str, emails: list[str], phones: list[str], documents: list[str], rest: list[str]
) -> None:
    parts = take_apart(text)
    assert [email.address for email in parts.emails] == emails
    assert [phone.e164 for phone in parts.phones] == phones
    assert [document.number for document in parts.documents] == documents
    assert list(parts.rest) == rest
    assert parts.found == bool(emails or phones or documents)


def test_a_name_is_the_first_piece_that_can_be_one() -> None:
    assert name_among(("só à tarde 123", "Ana Souza", "Bia")) == "Ana Souza"
    assert name_among(("123", "teste")) == ""


def test_what_a_name_looks_like() -> None:
    assert looks_like_name("Ana Souza")
    assert looks_like_name("José D'Ávila, Dr.")
    assert not looks_like_name("Rua A, 10")
    assert not looks_like_name("teste")
    assert not looks_like_name("")
    assert not looks_like_name("eu gostaria muito de receber um orçamento para minha casa")


@given(st.text() | st.text(alphabet="a@.c 19()-,|\n<>:"))
def test_any_text_is_taken_apart_without_an_error(text: str) -> None:
    take_apart(text)
    looks_like_name(text)


@pytest.mark.parametrize("unit", ["a@a.com, ", "11 98765-4321, ", "a: ", "(", "- ", "a", "1", ": "])
def test_long_texts_take_bounded_time(unit: str) -> None:
    started = time.process_time()
    take_apart(unit * (20_000 // len(unit)))
    assert time.process_time() - started < 1
