"""What somebody may be called who left no name."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.enrich import FILL_FROM
from pipelines.models import Fact

Facts = Callable[..., dict[str, Fact]]


def test_a_guess_with_little_confidence(facts_of: Facts) -> None:
    found = facts_of("name", mail="ana.souza@example.com")
    assert {field: fact.value for field, fact in found.items()} == {"given_name": "Ana", "family_name": "Souza"}
    free = facts_of("name", mail="ana.souza.inventada@gmail.com")
    assert free["given_name"].confidence < found["given_name"].confidence < FILL_FROM


def test_nobody_is_guessed_who_said_their_name(facts_of: Facts) -> None:
    assert facts_of("name", name="Bia", mail="ana.souza@example.com") == {}


def test_a_desk_has_no_name(facts_of: Facts) -> None:
    assert facts_of("name", mail="contato.vendas@example.com") == {}
