"""The language of a message, or silence where there is doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrich import FILL_FROM
from pipelines.languages import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Olá, gostaria de um orçamento para a minha empresa", "pt"),
        ("ola gostaria de saber o preco nao achei no site", "pt"),
        ("quanto custa?", "pt"),
        ("Não sei se vocês fazem, mas preciso disso.", "pt"),
        ("Hola, quisiera saber el precio de la licencia", "es"),
        ("Buenas tardes, necesito una cotización para mi empresa", "es"),
        ("Hello, I would like a quote please", "en"),
        ("Can you call me back about the price?", "en"),
        ("Bonjour, je voudrais un devis pour mon entreprise", "fr"),
        ("Vorrei un preventivo per la mia azienda, grazie", "it"),
        ("Ich brauche ein Angebot für meine Firma, danke", "de"),
    ],
)
def test_is_told_by_the_little_words(text: str, language: str) -> None:
    found = detect_language(text)
    assert found is not None
    assert found.code == language


@pytest.mark.parametrize(
    "text",
    ["", "ok", "asdf", "12345", "Ana Souza", "Привет, сколько это стоит?", "お見積もりをお願いします", "\x00", "😀 😀"],
)
def test_is_not_guessed(text: str) -> None:
    assert detect_language(text) is None


def test_two_languages_in_one_text_are_none() -> None:
    assert detect_language("the price of the license / el precio de la licencia / o preço da licença") is None


def test_only_a_long_text_is_sure_enough_to_fill_a_field() -> None:
    short = detect_language("Quero o preço, por favor")
    long = detect_language("Não encontrei no site de vocês o preço para mais de uma empresa, pode me enviar? " * 3)
    assert short is not None
    assert long is not None
    assert short.confidence < FILL_FROM <= long.confidence < 1


@given(st.text(max_size=500))
def test_never_fails(text: str) -> None:
    found = detect_language(text)
    assert found is None or 0 < found.confidence < 1
