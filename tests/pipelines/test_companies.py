from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.companies import company_key, has_legal_form, tidy_company


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Acme Ltda", "acme"), ("ACME LTDA.", "acme"), ("Acme Limitada", "acme"), ("Acme S/A", "acme"),
        ("Acme S.A.", "acme"), ("Acme S. A.", "acme"), ("Acme SA", "acme"), ("Acme - ME", "acme"),
        ("Acme M.E.", "acme"),
        ("Acme EIRELI - EPP", "acme"), ("Acme, Inc.", "acme"), ("ACME L.L.C.", "acme"), ("Acme S.p.A.", "acme"),
        ("Acme S.L.", "acme"), ("Acme S.A. de C.V.", "acme"), ("Acme GmbH & Co. KG", "acme"), ("Acme GmbH", "acme"),
        ("Acme Sp. z o.o.", "acme"), ("Acme Pty Ltd", "acme"), ("Acme Sociedade Anônima", "acme"),
        ("Acme Ltda em Recuperação Judicial", "acme"), ("Souza & Cia Ltda", "souza"), ("“Acme”", "acme"),
        ("Acme Comércio e Serviços Ltda", "acme comercio e servicos"), ("Acme & Filhos", "acme e filhos"),
        ("Acme e Filhos", "acme e filhos"), ("Acme and Filhos", "acme e filhos"), ("Café Açaí", "cafe acai"),
        ("João da Silva 12345678909", "joao da silva"), ("Cia. de Bebidas", "cia de bebidas"), ("C&A", "c e a"),
        ("Ltda", "ltda"), ("S/A", "sa"), ("", ""), ("---", ""),
    ],
)  # fmt: skip
def test_spellings_of_one_company_have_one_key(name: str, key: str) -> None:
    assert company_key(name) == key


def test_a_company_reads_as_it_was_written() -> None:
    assert tidy_company(' "Acme  Ltda" ') == "Acme Ltda"
    assert tidy_company("iFood,") == "iFood"
    assert tidy_company("ACME S/A") == "ACME S/A"
    assert tidy_company("Acme S.A.") == "Acme S.A."


@pytest.mark.parametrize(
    "name", ["Acme Ltda", "Acme S/A", "Acme S.A.", "ACME EIRELI", "Acme, Inc.", "Acme GmbH", "Acme LLC"]
)
def test_legal_forms_are_seen(name: str) -> None:
    assert has_legal_form(name)


@pytest.mark.parametrize(
    "name", ["Maria Sá", "MARIA SA", "Luís As", "José Me", "Ana Souza", "Ltda", "", "Ana de Sá e Souza"]
)
def test_people_have_none(name: str) -> None:
    assert not has_legal_form(name)


_WORDS = st.sampled_from(
    ["acme", "e", "&", "ltda", "s", "a", "S/A", "me", "co", "kg", "de", "cv", "l.t.d.a", "12345678909", "-"]
)


@given(st.text() | st.lists(_WORDS).map(" ".join))
def test_the_key_is_idempotent_and_any_name_is_read(name: str) -> None:
    assert company_key(company_key(name)) == company_key(name)
    assert tidy_company(tidy_company(name)) == tidy_company(name)
    has_legal_form(name)


@pytest.mark.parametrize("unit", ["ltda ", "s.a. ", "a.", "& ", "me ", "e co ", "“", "- "])
def test_long_names_take_linear_time(unit: str) -> None:
    started = time.process_time()
    company_key(unit * 5_000)
    tidy_company(unit * 5_000)
    has_legal_form(unit * 5_000)
    assert time.process_time() - started < 1
