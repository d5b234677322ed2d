"""What an e-mail address says of whom it reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.mailboxes import is_student_mailbox, mailbox_kind, owner_name, telling_address
from pipelines.models import Email


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ana.souza@example.com.br", "corporate"),
        ("ana@vendas.example.com", "corporate"),
        ("contato@example.com.br", "role"),
        ("pessoa.inventada@gmail.com", "free"),
        ("contato.inventada@uol.com.br", "free"),
        ("pessoa.inventada@hotmial.com", "free"),
        ("pessoa.inventada@gmail.com.br", "free"),
        ("pessoa.inventada@gmail.con", "free"),
        ("x@mailinator.com", "disposable"),
        ("ana@localhost", "other"),
        ("ana@com.br", "other"),
        ("", "other"),
    ],
)
def test_kind(address: str, kind: str) -> None:
    assert mailbox_kind(address) == kind


def test_of_several_the_corporate_one_tells_most() -> None:
    addresses = ["x@mailinator.com", "inventada@gmail.com", "contato@example.com", "ana@example.com", "bia@example.com"]
    emails = [Email(address=address, given=address) for address in addresses]
    assert telling_address(emails) == "ana@example.com"
    assert telling_address(emails[:3]) == "contato@example.com"
    assert telling_address(emails[:2]) == "inventada@gmail.com"
    assert telling_address([]) == ""


@pytest.mark.parametrize(
    ("address", "student"),
    [("ana@aluno.example.edu.br", True), ("ana@students.example.edu", True), ("aluno@example.com", False), ("", False)],
)
def test_students_have_mailboxes_of_their_school(address: str, student: bool) -> None:
    assert is_student_mailbox(address) is student


@pytest.mark.parametrize(
    ("address", "given", "family"),
    [
        ("ana.souza@example.com", "Ana", "Souza"),
        ("ana_souza82@example.com", "Ana", "Souza"),
        ("ana.paula.souza@example.com", "Ana Paula", "Souza"),
        ("ana.souza+site@example.com", "Ana", "Souza"),
    ],
)
def test_an_address_may_suggest_a_name(address: str, given: str, family: str) -> None:
    guess = owner_name(address)
    assert (guess.given, guess.family) == (given, family)


@pytest.mark.parametrize(
    "address", ["ana@example.com", "a.souza@example.com", "financeiro.sp@example.com", "x1.y2@example.com", "@", ""]
)
def test_most_addresses_suggest_none(address: str) -> None:
    assert not owner_name(address).full


@given(st.text(max_size=80))
def test_never_fails(address: str) -> None:
    mailbox_kind(address)
    is_student_mailbox(address)
    owner_name(address)
