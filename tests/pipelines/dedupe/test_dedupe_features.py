"""What of a contact is compared, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedupe.features import Features, dump_features, features, load_features
from pipelines.models import Contact, Document, DocumentKind, Email, PersonName, Phone, PostalAddress

Make = Callable[..., Contact]


def test_names_lose_accents_particles_and_generation(person: Make) -> None:
    value = features(person("José da Conceição Júnior"))
    assert (value.given, value.family, value.generation) == ("jose", "conceicao", "junior")


def test_a_name_all_in_one_field_is_taken_apart() -> None:
    value = features(Contact(name=PersonName(full="Ana de Souza")))
    assert (value.given, value.family) == ("ana", "souza")


@pytest.mark.parametrize("junk", ["teste", "asdf", "N/A", "xxx", "Sem nome", "-", "a", "😀", "\x00", "não informado"])
def test_junk_names_are_nobodys(person: Make, junk: str) -> None:
    assert features(person(junk)).is_nameless


@pytest.mark.parametrize("junk", ["+550000000000", "+5511999999999", "+5512345678", "0", ""])
def test_junk_phones_are_nobodys(person: Make, junk: str) -> None:
    assert not features(person("Ana Souza", phone=junk)).phones


@pytest.mark.parametrize("born", ["1900-01-01", "1970-01-01"])
def test_dates_that_exports_write_for_unknown_are_not_compared(person: Make, born: str) -> None:
    assert not features(person("Ana Souza", born=born)).birth


def test_role_mailboxes_are_marked_and_free_mail_is_no_company(person: Make) -> None:
    value = features(person("Ana", email="vendas@acme.example ana.souza@gmail.com"))
    assert value.emails == "!vendas@acme.example anasouza@gmail.com"
    assert value.domains == "acme.example"


_texts = st.text(max_size=40)


@given(_texts, _texts, _texts, _texts, _texts)
def test_whatever_a_form_holds_is_dumped_and_loaded_the_same(
    name: str, mail: str, phone: str, number: str, city: str
) -> None:
    contact = Contact(
        name=PersonName(full=name, given=name, family=city),
        emails=(Email(address=mail, given=mail),),
        phones=(Phone(e164=phone, given=phone),),
        documents=(Document(kind=DocumentKind.OTHER, number=number, given=number),),
        company=name,
        address=PostalAddress(city=city, street=name, postal_code=number),
    )
    value = features(contact)
    assert load_features(dump_features(value)) == value


def test_a_number_that_ends_in_a_separator_is_no_identifier() -> None:
    number = Document(kind=DocumentKind.OTHER, number="123\x1f", given="")
    value = features(Contact(documents=(number,)))
    assert load_features(dump_features(value)) == value


def test_features_of_another_version_are_refused() -> None:
    line = dump_features(Features(given="ana"))
    with pytest.raises(ValueError, match="compute them again"):
        load_features("0" + line[1:])
    with pytest.raises(ValueError, match="compute them again"):
        load_features(line + "\x1fmore")


def test_huge_values_are_bounded() -> None:
    contact = Contact(
        name=PersonName(full="A" * 5000 + " Souza"),
        emails=tuple(Email(address=f"p{n}@example.com", given="") for n in range(10_000)),
    )
    assert len(dump_features(features(contact))) < 2000
