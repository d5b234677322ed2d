"""Whose house an e-mail address belongs to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.enrich import FILL_FROM
from pipelines.models import Fact

Values = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("mail", "kind", "domain"),
    [
        ("ana@vendas.example.com.br", "corporate", "example.com.br"),
        ("contato@example.com.br", "role", "example.com.br"),
        ("pessoa.inventada@gmail.com", "free", "gmail.com"),
        ("x@mailinator.com", "disposable", "mailinator.com"),
        ("inventada@gmail.com ana@example.com", "corporate", "example.com"),
    ],
)
def test_kind_and_domain(values_of: Values, mail: str, kind: str, domain: str) -> None:
    found = values_of("email_domain", mail=mail)
    assert (found["email_domain_kind"], found["email_domain"]) == (kind, domain)
    assert found.get("website", "") == (f"https://{domain}" if kind in {"corporate", "role"} else "")


def test_the_website_is_only_a_guess(facts_of: Callable[..., dict[str, Fact]]) -> None:
    found = facts_of("email_domain", mail="ana@example.com")
    assert found["website"].confidence < FILL_FROM < found["email_domain_kind"].confidence


def test_without_an_address_there_is_nothing_to_ask(values_of: Values) -> None:
    assert values_of("email_domain") == {}
