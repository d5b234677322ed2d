from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text import MAX_LENGTH, fold, is_placeholder, remembered, tidy_line, tidy_text, words


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("  Ana  \t Souza ", "Ana Souza"),
        ("JoÃ£o da Silva", "João da Silva"),
        ("Conceição", "Conceição"),
        ("Concec\u0327a\u0303o", "Conceção"),
        ("AT&amp;amp;T", "AT&T"),
        ("ana＠example.com", "ana@example.com"),
        ("Ana\u202e\u200b Souza\x00", "Ana Souza"),
        ("Ana\u2066evil\u2069", "Anaevil"),
        ("\ufeffAna", "Ana"),
        ("Ana\u200d", "Ana"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u3164", ""),
        ("um\r\n\r\n\r\n\r\ndois \n três", "um\n\ndois\ntrês"),
        ("um\u2028dois", "um\ndois"),
        ("O’Neill", "O’Neill"),
        ("\ud800x", "\ufffdx"),
    ],
)
def test_text_is_tidied(text: str, tidied: str) -> None:
    assert tidy_text(text) == tidied


def test_a_line_has_no_breaks() -> None:
    assert tidy_line(" Rua A\n\n 10 ") == "Rua A 10"
    assert tidy_line("um&#10;dois") == "um dois"


@given(st.text())
def test_tidying_twice_changes_nothing_more(text: str) -> None:
    assert tidy_text(tidy_text(text)) == tidy_text(text)
    assert tidy_line(tidy_line(text)) == tidy_line(text)


@given(st.text(alphabet="Ã£©Â â€œ&amp;#10x;\u200b\u202e \n\t\x80\xa0a"))
def test_tidying_flaws_within_flaws_is_idempotent_and_leaves_no_control_characters(text: str) -> None:
    tidied = tidy_text(text)
    assert tidy_text(tidied) == tidied
    assert not set(tidied) & set("\u200b\u202e\x00\x80\t")
    assert tidy_line(tidy_line(text)) == tidy_line(text)


def test_a_text_without_end_is_cut_and_says_so() -> None:
    cut = tidy_text("á" * (MAX_LENGTH + 5))
    assert len(cut) == MAX_LENGTH
    assert cut.endswith("…")
    assert tidy_text(cut) == cut
    assert len(tidy_text("ﬃ" * MAX_LENGTH)) <= MAX_LENGTH


@pytest.mark.parametrize(
    "unit", ["Ã", "Ã£ ", "&amp;", "&", "\u202e", "\n ", " \t", "â€", "\ud800", "م\u200c", "(", "a\u0301"]
)
def test_tidying_takes_linear_time(unit: str) -> None:
    started = time.process_time()
    tidy_text(unit * (MAX_LENGTH // len(unit)))
    is_placeholder(unit * 5_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("São João", "sao joao"),
        ("ÑANDÚ", "nandu"),
        ("Łódź", "lodz"),
        ("  A\tb ", "a b"),
        ("Straße", "strasse"),
        ("李", "li"),
    ],
)
def test_folding_leaves_what_compares(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_is_idempotent_ascii_and_lower(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded.isascii()
    assert folded == folded.lower()


def test_words_are_split_at_punctuation() -> None:
    assert words("Seu melhor E-mail (obrigatório):") == ("seu", "melhor", "e", "mail", "obrigatorio")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "--", "...", ".", "/", "?", "*", "n/a", "N/A", "N.A.", "NA", "teste", "TESTE", "Teste Teste",
        "test test", "teste 123", "cliente teste", "teste de formulário", "asdf", "asdfgh", "asdasd", "qwerty",
        "qwertyqwerty", "zxcv", "x",
        "xx", "xxx", "XXXX", "aaaa", "kkkkk", "0000", "11111111", "(11) 1111-1111", "1234", "12345", "1234567890",
        "não informado", "NÃO INFORMADO.", "nao informado", "Não possui", "não tenho", "sem nome", "null", "None",
        "undefined", "[object Object]", "Nome completo", "seu e-mail", "fulano de tal", "lorem ipsum", "abc123",
        "sin nombre", "no tengo", "ninguno", "prueba", "unknown", "not provided",
    ],
)  # fmt: skip
def test_placeholders_are_seen(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ana", "Anna", "Lee", "Na", "Xu", "Iaia", "Testa", "Testemunha de Jeová", "Teste de software", "Nadia", "Nilo",
        "Aaron", "👍", "ok", "Sim", "não", "123", "000", "1000", "10", "0", "Aasdf Ltda", "Ana Test-Smith", "José Null",
        "ana@example.com", "(11) 98765-4321", "Poi", "Were", "Asd Brasil", "李", "Ана", "Nome Social Ltda",
    ],
)  # fmt: skip
def test_what_means_something_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    is_placeholder(text)
    words(text)


def test_only_answers_about_short_texts_are_remembered() -> None:
    asked: list[str] = []

    @remembered
    def rule(text: str, more: int = 0) -> int:
        asked.append(text)
        return len(text) + more

    short, long = "a" * 200, "a" * 201
    assert [rule(short), rule(short), rule(short, 1), rule(short, more=1)] == [200, 200, 201, 201]
    assert [rule(long), rule(long)] == [201, 201]
    assert asked == [short, short, short, long, long]
