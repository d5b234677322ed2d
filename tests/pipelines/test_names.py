from __future__ import annotations

import time
from unittest.mock import patch

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines import names
from pipelines.models import PersonName
from pipelines.names import LONGEST_NAME, clean_name, mend_case, parse_name
from pipelines.text import fold, tidy_line, vocabulary


@pytest.mark.parametrize(
    ("text", "given_name", "family", "title", "suffix"),
    [
        ("João da Silva Sauro Neto", "João", "da Silva Sauro", "", "Neto"),
        ("João da Silva Sauro Segundo", "João", "da Silva Sauro", "", "Segundo"),
        ("Carlos Eduardo dos Santos Jr.", "Carlos Eduardo", "dos Santos", "", "Jr."),
        ("Pedro Souza Júnior", "Pedro", "Souza", "", "Júnior"),
        ("Ana Lima Sobrinho", "Ana", "Lima", "", "Sobrinho"),
        ("José Carlos de Oliveira Filho", "José Carlos", "de Oliveira", "", "Filho"),
        ("Souza Neto, João", "João", "Souza", "", "Neto"),
        ("João Neto", "João", "Neto", "", ""),
        ("João Júnior", "João", "", "", "Júnior"),
        ("Júnior Silva", "Júnior", "Silva", "", ""),
        ("Neto", "Neto", "", "", ""),
        ("John Q. Public III", "John Q.", "Public", "", "III"),
        ("Maria Clara Souza Lima", "Maria Clara", "Souza Lima", "", ""),
        ("Ana Paula de Souza e Silva", "Ana Paula", "de Souza e Silva", "", ""),
        ("Maria de Fátima Souza", "Maria de Fátima", "Souza", "", ""),
        ("Maria do Carmo", "Maria do Carmo", "", "", ""),
        ("José de Alencar", "José", "de Alencar", "", ""),
        ("Ana Maria", "Ana Maria", "", "", ""),
        ("Rui Jorge", "Rui", "Jorge", "", ""),
        ("Gabriel García Márquez", "Gabriel", "García Márquez", "", ""),
        ("Mary Ann Smith", "Mary Ann", "Smith", "", ""),
        ("John Fitzgerald Kennedy", "John", "Fitzgerald Kennedy", "", ""),
        ("Vincent van Gogh", "Vincent", "van Gogh", "", ""),
        ("Jean-Luc Picard", "Jean-Luc", "Picard", "", ""),
        ("Mrs Jane O’Neill", "Jane", "O'Neill", "Mrs", ""),
        ("Dr. João", "João", "", "Dr.", ""),
        ("Dra. Ana Paula", "Ana Paula", "", "Dra.", ""),
        ("Sr. João Souza", "João", "Souza", "Sr.", ""),
        ("Eng. Luís Felipe Souza", "Luís Felipe", "Souza", "Eng.", ""),
        ("Prof. Dr. Marcos Souza", "Marcos", "Souza", "Prof. Dr.", ""),
        ("Mr. Smith", "", "Smith", "Mr.", ""),
        ("Ana Souza, Dra.", "Ana", "Souza", "Dra.", ""),
        ("Ana Souza, MBA", "Ana", "Souza", "", "MBA"),
        ("de Oliveira, Ana Paula", "Ana Paula", "de Oliveira", "", ""),
        ("Maria (Mari) Silva", "Maria", "Silva", "", ""),
        ("José", "José", "", "", ""),
        ("Ana Rock Ranger", "Ana", "Rock Ranger", "", ""),
        ("Ana Lima Caro", "Ana", "Lima Caro", "", ""),
        ("王 小明", "小明", "王", "", ""),
        ("محمد بن سلمان", "محمد", "بن سلمان", "", ""),
        ("Łukasz Żółć", "Łukasz", "Żółć", "", ""),
    ],
)
def test_a_name_is_told_in_its_parts(text: str, given_name: str, family: str, title: str, suffix: str) -> None:
    name = parse_name(text)
    assert (name.given, name.family, name.title, name.suffix) == (given_name, family, title, suffix)
    assert name.full == text.replace("’", "'")


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("MARIA DA SILVA", "Maria da Silva"),
        ("maria da silva", "Maria da Silva"),
        ("Maria souza", "Maria Souza"),
        ("Maria SOUZA", "Maria Souza"),
        ("JOSÉ DE SOUZA E SILVA", "José de Souza e Silva"),
        ("JANE MCDONALD O'NEILL", "Jane McDonald O'Neill"),
        ("ANA-MARIA D'ÁVILA", "Ana-Maria D'Ávila"),
        ("SILVA DOS SANTOS, JOÃO", "Silva dos Santos, João"),
        ("DE SOUZA, ANA", "de Souza, Ana"),
        ("JP Souza", "JP Souza"),
        ("JP SOUZA", "JP Souza"),
        ("ANA SOUZA MBA", "Ana Souza MBA"),
        ("Henrique VIII", "Henrique Viii"),
        ("Pedro III", "Pedro III"),
        ("McDonald", "McDonald"),
        ("Maria Da Silva", "Maria Da Silva"),
        ("李小龙", "李小龙"),
        ("", ""),
    ],
)
def test_the_case_of_names_is_mended(text: str, mended: str) -> None:
    assert mend_case(text) == mended


def test_particles_of_a_family_name_alone_stay_small() -> None:
    assert parse_name("", "MARIA", "DE SOUZA") == PersonName(full="Maria de Souza", given="Maria", family="de Souza")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Ana Souza ana@example.com", "Ana Souza"),
        ("Ana Souza (11) 98765-4321", "Ana Souza"),
        ("Ana Souza 🌸", "Ana Souza"),
        ("*Ana*", "Ana"),
        ("~Ana", "Ana"),
        ("Ana https://example.com/x", "Ana"),
        ("Ana2", ""),
        ("ana.souza", ""),
        ("ana_souza", ""),
        ("@ana", ""),
        ("12345", ""),
        ("...", ""),
        ("👍", ""),
        ("J.R. Souza", "J.R. Souza"),
        ("Ana “Aninha” Souza", 'Ana "Aninha" Souza'),
        ("Rua " * 20, ""),
        ("A" * (LONGEST_NAME + 1), ""),
    ],
)
def test_what_is_no_name_is_taken_out(text: str, cleaned: str) -> None:
    assert clean_name(text) == cleaned


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("", "Maria", "Souza"), PersonName(full="Maria Souza", given="Maria", family="Souza")),
        (("", "Maria Souza", ""), PersonName(full="Maria Souza", given="Maria", family="Souza")),
        (("", "Maria Clara", ""), PersonName(full="Maria Clara", given="Maria Clara")),
        (("", "", "Souza"), PersonName(full="Souza", family="Souza")),
        (("", "Maria Souza", "Souza"), PersonName(full="Maria Souza", given="Maria", family="Souza")),
        (("Maria", "Maria", "Souza"), PersonName(full="Maria Souza", given="Maria", family="Souza")),
        (("Maria Clara Souza", "Maria", ""), PersonName(full="Maria Clara Souza", given="Maria", family="Clara Souza")),
        (("Maria Clara Souza", "", "Souza"), PersonName(full="Maria Clara Souza", given="Maria Clara", family="Souza")),
        (
            ("", "Dr. João", "Silva Filho"),
            PersonName(full="Dr. João Silva Filho", given="João", family="Silva", title="Dr.", suffix="Filho"),
        ),
        (("", "", ""), PersonName()),
    ],
)
def test_parts_that_the_source_sent_win(parts: tuple[str, str, str], name: PersonName) -> None:
    assert parse_name(*parts) == name


_WORDS = st.sampled_from(
    sorted(
        vocabulary(
            """
            Ana Maria João da de dos e y Silva Souza Neto Filho Júnior Sr Dra Dr Santos Sá Bin Van von St Mac Mar Lima
            Clara Abd Jr MBA II Nee née Pastor Rei Junior Sobrinho Luís Prado Te Di Al Ii Esq Mr of The i
            """
        )
    )
)


@given(st.lists(_WORDS, min_size=1, max_size=6).map(" ".join))
def test_plain_names_are_told_as_nameparser_tells_them(text: str) -> None:
    at_a_glance = names._parse_full(text)
    with patch.object(names, "_plain_words", return_value=[]):
        assert names._parse_full(text) == at_a_glance


@given(st.text(), st.text(), st.text())
def test_any_text_is_read_without_an_error(text: str, given_name: str, family: str) -> None:
    parse_name(text, given_name, family)
    assert parse_name("", given_name, family).full == parse_name("", given_name, family).full.strip()


@given(
    st.text(alphabet=st.characters(categories=["L", "M", "Zs", "Pd", "Po"])) | st.text(alphabet="aA. ,'-()\"éÉdeDE1@_&")
)
def test_reading_a_name_again_changes_nothing(text: str) -> None:
    name = parse_name(text)
    assume(tidy_line(name.full) == name.full)  # "â A" with a capital is what mojibake of a blank looks like
    assert parse_name(name.full) == name


@given(st.lists(_WORDS, min_size=1, max_size=6).map(" ".join))
def test_no_word_of_a_name_is_lost(text: str) -> None:
    name = parse_name(text)
    parts = f"{name.title} {name.given} {name.family} {name.suffix}"
    assert set(fold(parts).split()) <= set(fold(text).split())
    assert fold(name.full) == fold(text)


@pytest.mark.parametrize("unit", ["a ", "(", "á,", "da ", "김", "'", "A.", "@", "1", "\u202e", "a_", '"'])
def test_long_texts_are_no_names_and_cost_nothing(unit: str) -> None:
    started = time.process_time()
    for size in (LONGEST_NAME, 5_000, 20_000):
        parse_name((unit * size)[:size])
    assert time.process_time() - started < 1
