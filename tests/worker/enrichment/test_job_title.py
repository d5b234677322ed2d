"""Seniority and area as facts."""

from __future__ import annotations

from collections.abc import Callable


def test_what_the_title_says_and_nothing_else(values_of: Callable[..., dict[str, str]]) -> None:
    assert values_of("job_title", job_title="Diretora de Compras") == {"seniority": "director", "area": "purchasing"}
    assert values_of("job_title", job_title="Sócio") == {"seniority": "owner"}
    assert values_of("job_title", job_title="Padaria Invenção Ltda") == {}
    assert values_of("job_title") == {}
