"""The level at which each field agrees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedupe.comparison import FIELDS, LEVELS, compare
from pipelines.dedupe.features import Features, features
from pipelines.models import Contact

Make = Callable[..., Contact]


def level(field: str, one: Contact, other: Contact) -> str:
    return compare(features(one), features(other)).levels[FIELDS.index(field)]


@pytest.mark.parametrize(
    ("one", "other", "given_name", "family_name"),
    [
        ("Ana Souza", "ana  SOUZA", "exact", "exact"),
        ("José Araújo", "Jose Araujo", "exact", "exact"),
        ("Luiz Sousa", "Luís Souza", "close", "close"),
        ("Bia Lima", "Beatriz Lima", "nickname", "exact"),
        ("B Lima", "Beatriz Lima", "initial", "exact"),
        ("Ana Souza", "Ana Paula de Souza", "exact", "partial"),
        ("Ana Souza Lima", "Ana Souza Prado", "exact", "overlap"),
        ("Souza Ana", "Ana Souza", "swapped", "swapped"),
        ("Paulo Souza", "Paula Souza", "different", "exact"),
        ("Daniel Souza", "Daniela Souza", "different", "exact"),
        ("Marcelo Pereira", "Marcleo Pereira", "close", "exact"),
        ("Ana", "Ana Souza", "exact", "missing"),
        ("Souza", "Ana Souza", "missing", "exact"),
        ("Souza A", "Ana Paula Souza", "swapped", "swapped"),
        ("Bruian Torrofio", "Brina Torrofio", "close", "exact"),
        ("Rosa Faris", "Rosa Correia Farias", "exact", "partial"),
        ("Ana Souza", "Bruno Lima", "different", "different"),
    ],
)
def test_names(person: Make, one: str, other: str, given_name: str, family_name: str) -> None:
    left, right = person(one), person(other)
    assert (level("given_name", left, right), level("family_name", left, right)) == (given_name, family_name)


@pytest.mark.parametrize(
    ("field", "one", "other", "expected"),
    [
        ("email", {"email": "ana.souza@gmail.com"}, {"email": "anasouza+x@gmail.com"}, "exact"),
        ("email", {"email": "vendas@acme.com.br"}, {"email": "vendas@acme.com.br"}, "role"),
        ("email", {"email": "anasouza83@gmail.com"}, {"email": "anasouza83@hotmail.com"}, "local"),
        ("email", {"email": "anasouza@gmail.com"}, {"email": "anasouza@hotmail.com"}, "plain_local"),
        ("email", {"email": "anasouza@gmail.com"}, {"email": "anasouxa@gmail.com"}, "close"),
        ("email", {"email": "anasouza83@gmial.com"}, {"email": "anasouza83@gmail.com"}, "close"),
        ("email", {"email": "anasouza83@gmail.com.br"}, {"email": "anasouza83@gmail.com"}, "close"),
        ("email", {"email": "anasouza83@acme.com.br"}, {"email": "anasouza83@acmecom.br"}, "close"),
        ("email", {"email": "joana.prado@j.rocha.com.br"}, {"email": "joana.prado@jrocha.com.br"}, "close"),
        ("email", {"email": "joanna.prado@rocha.eng.br"}, {"email": "joana.prado@rochaeng.br"}, "close"),
        ("email", {"email": "anasouza83@uol.com.br"}, {"email": "anasouza83@bol.com.br"}, "local"),
        ("email", {"email": "maria@uol.com.br"}, {"email": "maria@gmail.com"}, "plain_local"),
        ("email", {"email": "joao1980@gmail.com"}, {"email": "joao1981@gmail.com"}, "different"),
        ("email", {"email": "ana@gmail.com"}, {}, "missing"),
        ("phone", {"phone": "+5511987654301"}, {"phone": "+5521987654301"}, "last_digits"),
        ("phone", {"phone": "+5511987654301"}, {"phone": "+5511987654310"}, "close"),
        ("phone", {"phone": "+5511987654301"}, {"phone": "+5511987121212"}, "different"),
        ("document", {"cpf": "52998224725"}, {"cpf": "52998224725"}, "exact"),
        ("document", {"cpf": "52998224725"}, {"cpf": "11144477735"}, "different"),
        ("remote", {"remote": "1"}, {"remote": "1"}, "exact"),
        ("remote", {"remote": "1"}, {"remote": "2"}, "missing"),
        ("birth_date", {"born": "1980-02-03"}, {"born": "1980-03-02"}, "close"),
        ("birth_date", {"born": "1980-02-03"}, {"born": "1980-02-08"}, "close"),
        ("birth_date", {"born": "1980-02-03"}, {"born": "1980-02-28"}, "near"),
        ("birth_date", {"born": "1980-02-03"}, {"born": "1991-12-30"}, "different"),
        ("company", {"company": "Acme Ltda"}, {"company": "ACME"}, "exact"),
        ("company", {"company": "Acme Tecnologia"}, {"company": "ACME"}, "close"),
        ("company", {"email": "a@acme.com.br"}, {"email": "b@acme.com.br"}, "domain"),
        ("company", {"email": "a@acme.com.br"}, {"email": "a@acme.com.br"}, "missing"),
        ("address", {"city": "São Paulo"}, {"city": "sao paulo"}, "city"),
        ("address", {"city": "Recife"}, {"city": "Recfe"}, "near"),
        ("address", {"city": "Recife"}, {"city": "Olinda"}, "different"),
    ],
)
def test_levels(person: Make, field: str, one: dict[str, str], other: dict[str, str], expected: str) -> None:
    assert level(field, person(**one), person(**other)) == expected


def test_father_and_son_are_told_apart(person: Make) -> None:
    father, son = person("José Lima"), person("José Lima Filho")
    assert level("generation", father, son) == "one_sided"
    assert level("generation", person("José Lima Neto"), son) == "different"


@given(data=st.data())
def test_comparison_is_symmetric_and_uses_known_levels(
    data: st.DataObject, any_features: st.SearchStrategy[Features]
) -> None:
    one, other = data.draw(any_features), data.draw(any_features)
    assert compare(one, other) == compare(other, one)
    assert all(got in LEVELS[field] for field, got in zip(FIELDS, compare(one, other).levels, strict=True))


def test_huge_names_take_no_more_time_than_long_ones() -> None:
    """5,000 characters are cut before they are compared."""
    one, other = Features(given="a" * 120, family="b" * 120), Features(given="a" * 119 + "c", family="b" * 119 + "d")
    assert compare(one, other).levels[0] == "close"


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ana.xystouris82@example.com", ("in_mail", "in_mail")),
        ("axystouris@example.com", ("initial", "in_mail")),
        ("ana1982@example.com", ("in_mail", "missing")),
        ("bxystouris@example.com", ("missing", "missing")),
        ("contato@example.com", ("missing", "missing")),
    ],
)
def test_who_gave_no_name_may_have_it_in_the_mail_address(person: Make, email: str, expected: tuple[str, str]) -> None:
    left, right = person("", email=email, phone="+5511987654301"), person("Ana Xystouris", phone="+5511987654301")
    assert (level("given_name", left, right), level("family_name", left, right)) == expected


def test_a_domain_made_of_the_company_is_the_company(person: Make) -> None:
    known = person("Ana Souza", company="Rocha Engenharia")
    assert level("company", person("Ana Souza", email="ana@rocha-engenharia.com.br"), known) == "domain"
    assert level("company", person("Ana Souza", email="ana@pedra.com.br"), known) == "missing"


def test_a_mobile_is_one_persons_and_a_landline_a_household(person: Make) -> None:
    for number, expected in (("+5511987654301", "mobile"), ("+551130214567", "exact"), ("+12125550143", "exact")):
        assert level("phone", person("Ana", phone=number), person("Ana", phone=number)) == expected
