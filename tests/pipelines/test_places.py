from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import PostalAddress
from pipelines.places import parse_address, parse_city, parse_country, parse_postal_code, parse_state
from pipelines.text import words


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Brasil", "BR"), ("brazil", "BR"), ("BRA", "BR"), ("br", "BR"), ("Estados Unidos", "US"), ("EUA", "US"),
        ("U.S.A.", "US"), ("United States of America", "US"), ("Alemanha", "DE"), ("Alemania", "DE"), ("Germany", "DE"),
        ("Holanda", "NL"), ("Reino Unido", "GB"), ("Inglaterra", "GB"), ("Coreia do Sul", "KR"), ("España", "ES"),
        ("Portugal", "PT"), ("Bolivia", "BO"), ("Venezuela", "VE"), ("Japão", "JP"),
        ("xx", ""), ("Atlântida", ""), ("", ""),
    ],
)  # fmt: skip
def test_countries_are_known_in_three_languages(text: str, country: str) -> None:
    assert parse_country(text) == country


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("SP", "SP"),
        ("sp", "SP"),
        ("São Paulo", "SP"),
        ("estado do Pará", "PA"),
        ("MINAS GERAIS", "MG"),
        ("XX", ""),
        ("", ""),
    ],
)
def test_brazilian_states_are_known_by_letters_and_name(text: str, state: str) -> None:
    assert parse_state(text) == state


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("01310-100", "", "01310-100"),
        ("01310100", "BR", "01310-100"),
        ("CEP: 01310-100", "", "01310-100"),
        ("01.310-100", "", "01310-100"),
        ("1310100", "", "01310-100"),
        ("1310100.0", "", "01310-100"),
        ("00000-000", "", ""),
        ("11111-111", "BR", ""),
        ("90210", "", "90210"),
        ("90210", "BR", ""),
        ("sw1a 1aa", "GB", "SW1A 1AA"),
        ("1000-001", "", "1000-001"),
        ("1000-001", "PT", "1000-001"),
        ("abc", "", ""),
        ("", "", ""),
        ("9" * 40, "", ""),
    ],
)
def test_postal_codes(text: str, country: str, code: str) -> None:
    assert parse_postal_code(text, country) == code


@pytest.mark.parametrize(
    ("text", "city", "state"),
    [
        ("São Paulo - SP", "São Paulo", "SP"),
        ("São Paulo/SP", "São Paulo", "SP"),
        ("Itu (SP)", "Itu", "SP"),
        ("Rio, rj", "Rio", "RJ"),
        ("São Paulo", "São Paulo", ""),
        ("Foo - XX", "Foo - XX", ""),
        ("", "", ""),
    ],
)
def test_a_city_may_carry_its_state(text: str, city: str, state: str) -> None:
    assert parse_city(text) == (city, state)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Av. Paulista, 1000, apto 12 - Bela Vista, São Paulo - SP, 01310-100",
            PostalAddress(
                street="Av. Paulista", number="1000", complement="apto 12", district="Bela Vista", city="São Paulo",
                region="SP", postal_code="01310-100",
            ),
        ),
        (
            "Rua 7 de Setembro, s/n, Centro, Ouro Preto - MG, Brasil, CEP 35400-000",
            PostalAddress(
                street="Rua 7 de Setembro", number="s/n", district="Centro", city="Ouro Preto", region="MG",
                postal_code="35400-000", country="BR",
            ),
        ),
        (
            "Rua A, 10 - Centro - Campinas/SP",
            PostalAddress(street="Rua A", number="10", district="Centro", city="Campinas", region="SP"),
        ),
        ("Rua A, 10", PostalAddress(street="Rua A", number="10")),
        ("São Paulo - SP", PostalAddress(city="São Paulo", region="SP")),
        ("Rua A 10, Campinas", PostalAddress(street="Rua A 10, Campinas")),
        ("10 Downing St, London, United Kingdom", PostalAddress(street="10 Downing St, London", country="GB")),
        ("", PostalAddress()),
    ],
)  # fmt: skip
def test_a_line_of_address_is_taken_apart_where_it_is_plain(text: str, address: PostalAddress) -> None:
    assert parse_address(text) == address


_PIECES = st.sampled_from(
    [
        "Rua A",
        "Av. Brasil",
        "10",
        "s/n",
        "apto 3",
        "bloco B",
        "Centro",
        "São Paulo",
        "SP",
        "Lisboa",
        "1000-001",
        "Sala 2",
        "x",
    ]
)
_LINES = st.lists(st.tuples(_PIECES, st.sampled_from([", ", " - ", "/", " "])), max_size=8).map(
    lambda pairs: "".join(piece + separator for piece, separator in pairs)
)


@given(_LINES)
def test_no_word_of_an_address_is_lost(text: str) -> None:
    address = parse_address(text)
    assert sorted(words(" ".join(address.model_dump().values()))) == sorted(words(text))


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse_address(text)
    parse_city(text)
    parse_country(text)
    parse_state(text)
    code = parse_postal_code(text)
    assert parse_postal_code(code) == code


@pytest.mark.parametrize("unit", ["Rua A, ", "-", " - ", "1", "SP ", "CEP ", "apto 1, ", "(", "a"])
def test_long_texts_take_linear_time(unit: str) -> None:
    started = time.process_time()
    text = unit * (20_000 // len(unit))
    parse_address(text)
    parse_city(text)
    parse_postal_code(text)
    parse_country(text)
    assert time.process_time() - started < 1
