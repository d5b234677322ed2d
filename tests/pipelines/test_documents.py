from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.br import cnpj, cpf

from pipelines.documents import cnpj_root, looks_like_document, parse_document
from pipelines.models import DocumentKind


@pytest.mark.parametrize(
    ("text", "kind", "number", "valid"),
    [
        ("529.982.247-25", DocumentKind.CPF, "52998224725", True),
        ("52998224725", DocumentKind.CPF, "52998224725", True),
        ("CPF: 529.982.247-25", DocumentKind.CPF, "52998224725", True),
        ("CPF nº 529 982 247 25", DocumentKind.CPF, "52998224725", True),
        ("52998224725.0", DocumentKind.CPF, "52998224725", True),
        ("529.982.247-24", DocumentKind.CPF, "52998224724", False),
        ("00052998224725", DocumentKind.CPF, "52998224725", True),
        ("11.222.333/0001-81", DocumentKind.CNPJ, "11222333000181", True),
        ("11222333000181", DocumentKind.CNPJ, "11222333000181", True),
        ("11.222.333/0001-82", DocumentKind.CNPJ, "11222333000182", False),
        ("CNPJ 11.222.333/0001-81", DocumentKind.CNPJ, "11222333000181", True),
        ("12.ABC.345/01DE-35", DocumentKind.CNPJ, "12ABC34501DE35", True),
        ("12abc34501de35", DocumentKind.CNPJ, "12ABC34501DE35", True),
        ("12.ABC.345/01DE-36", DocumentKind.CNPJ, "12ABC34501DE36", False),
        ("12.345.678-9", DocumentKind.OTHER, "123456789", False),
        ("RG 12.345.678-X", DocumentKind.OTHER, "12345678X", False),
        ("AB123456", DocumentKind.OTHER, "AB123456", False),
        ("12ABC34501DE36", DocumentKind.OTHER, "12ABC34501DE36", False),
    ],
)
def test_documents_are_told_by_shape_and_check_digits(text: str, kind: DocumentKind, number: str, valid: bool) -> None:
    document = parse_document(text)
    assert document is not None
    assert (document.kind, document.number, document.valid) == (kind, number, valid)
    assert document.given == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "não tenho",
        "111.111.111-11",
        "00000000000",
        "11111111111111",
        "1",
        "12",
        "-",
        "1.23E+10",
        "1" * 50,
        "A" * 14,
        f"529{'.' * 40}982.247-25",
    ],
)
def test_what_is_no_document_is_none(text: str) -> None:
    assert parse_document(text) is None


def _cpf(base: int) -> str:
    return f"{base:09d}{cpf._calc_check_digits(f'{base:09d}')}"


def _cnpj(base: int) -> str:
    return f"{base:012d}{cnpj.calc_check_digits(f'{base:012d}')}"


@given(st.integers(min_value=10**6 + 1, max_value=10**8 - 1))
def test_leading_zeros_of_a_cpf_come_back_where_check_digits_prove_them(base: int) -> None:
    whole = _cpf(base)
    document = parse_document(str(int(whole)))
    assert document is not None
    if len(str(int(whole))) >= 9:
        assert (document.kind, document.number, document.valid) == (DocumentKind.CPF, whole, True)


@given(st.integers(min_value=10**9 + 1, max_value=10**11 - 1))
def test_leading_zeros_of_a_cnpj_come_back_where_check_digits_prove_them(base: int) -> None:
    whole = _cnpj(base)
    document = parse_document(str(int(whole)))
    assert document is not None
    if len(str(int(whole))) >= 12:
        assert (document.kind, document.number, document.valid) == (DocumentKind.CNPJ, whole, True)


def test_no_zero_comes_back_unproven_or_into_a_number_that_is_punctuated() -> None:
    whole = _cpf(1234567)
    assert whole.startswith("00")
    wrong = str(int(whole) ^ 1)
    for text in (wrong, f"{whole[2]}.{whole[3:6]}.{whole[6:9]}-{whole[9:]}"):
        document = parse_document(text)
        assert document is not None
        assert document.kind is DocumentKind.OTHER


def test_a_document_by_itself_is_known_by_being_written_as_one() -> None:
    assert looks_like_document("529.982.247-25")
    assert looks_like_document("52998224725")
    assert looks_like_document("11.222.333/0001-81")
    assert not looks_like_document("529.982.247-24")
    assert not looks_like_document("AB123456")
    assert not looks_like_document("(11) 98765-4321")


def test_branches_of_a_company_share_the_root() -> None:
    assert cnpj_root("11222333000181") == cnpj_root("11222333000262") == "11222333"
    assert cnpj_root("12ABC34501DE35") == "12ABC345"
    assert cnpj_root("52998224725") == ""
    assert cnpj_root("") == ""


@given(st.text() | st.text(alphabet="0123456789.-/ ABX", max_size=20) | st.integers(0, 10**14).map(str))
def test_any_text_is_read_without_an_error_and_a_number_reads_as_itself(text: str) -> None:
    document = parse_document(text)
    looks_like_document(text)
    if document is not None:
        again = parse_document(document.number)
        assert again is not None
        assert again.number == document.number


@pytest.mark.parametrize("unit", ["1", "CPF ", ".", "-", "1.", "cpf:", "á"])
def test_long_texts_cost_nothing(unit: str) -> None:
    started = time.process_time()
    assert parse_document(unit * 5_000) is None
    assert time.process_time() - started < 0.5
