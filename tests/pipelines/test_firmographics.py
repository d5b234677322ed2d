"""Sizes, revenues and industries as people and registries write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.firmographics import Industry, Size, answered, read_industry, read_revenue, read_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("só eu", None), ("MEI", "micro"), ("1", "micro"), ("1-10", "micro"), ("até 10", "micro"), ("2 a 9", "micro"),
        ("MICRO EMPRESA", "micro"), ("10", "small"), ("11-50", "small"), ("11 a 50 funcionários", "small"),
        ("EMPRESA DE PEQUENO PORTE", "small"), ("51–200", "medium"), ("50 a 99", "medium"), ("201-500", "medium"),
        ("DEMAIS", "medium"), ("mais de 250", "large"), ("1.000+", "large"), ("10,001+", "large"), ("5000", "large"),
        ("Enterprise", "large"), ("", None), ("não sei", None), ("9" * 400, "large"),
    ],
)  # fmt: skip
def test_sizes(text: str, size: str | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("até R$ 360 mil", "micro"), ("R$ 360.000,00", "micro"), ("R$ 360.001,00", "small"),
        ("de 1 a 4,8 milhões", "small"), ("R$ 5 milhões", "medium"), ("4.8M-10M", "small"), ("10M - 50M", "medium"),
        ("R$ 1 bilhão", "large"), ("acima de R$ 300 milhões", "medium"), ("301 milhões", "large"), ("?", None),
        ("faturo bem", None), ("100k", "micro"),
    ],
)  # fmt: skip
def test_revenues(text: str, size: str | None) -> None:
    assert read_revenue(text) == size


def test_a_monthly_revenue_is_twelve_times_as_much_a_year() -> None:
    assert read_revenue("R$ 40 mil") is Size.MICRO
    assert read_revenue("R$ 40 mil", monthly=True) is Size.SMALL


@pytest.mark.parametrize(
    ("text", "industry"),
    [
        ("6201501", "information"), ("62.01-5/01", "information"), ("6201-5/01", "information"),
        ("111301", "agriculture"), ("4711302", "commerce"), ("8610-1", "health"), ("Varejo", "commerce"),
        ("Computer Software", "information"), ("Agronegócio", "agriculture"), ("Educação / Cursos", "education"),
        ("3412345", None), ("outro", None), ("", None),
    ],
)  # fmt: skip
def test_industries(text: str, industry: str | None) -> None:
    assert read_industry(text) == industry


def test_what_the_person_said_in_a_free_field_is_found_by_its_label() -> None:
    extra = {
        "Quantos funcionários?": "51 a 200",
        "Faturamento mensal": "R$ 50 mil",
        "Segmento da empresa": "Varejo",
        "Mensagem": "9",
    }
    assert answered(extra) == (Size.MEDIUM, Size.SMALL, Industry.COMMERCE)
    assert answered({"company_size": "11-50"}) == (None, None, None)  # whoever asks in English says employees


@given(st.text(max_size=400))
def test_nothing_raises(text: str) -> None:
    assert read_size(text) in {None, *Size}
    assert read_revenue(text) in {None, *Size}
    assert read_industry(text) in {None, *Industry}
