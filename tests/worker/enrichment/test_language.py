"""The language of the message as a fact."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.models import Fact


def test_the_language_and_how_sure_it_is(facts_of: Callable[..., dict[str, Fact]]) -> None:
    short = facts_of("language", message="Quero o preço, por favor")["language"]
    long = facts_of("language", message="Queria saber se vocês atendem a minha região e qual é o preço do plano")[
        "language"
    ]
    assert (short.value, long.value) == ("pt", "pt")
    assert short.confidence < long.confidence
    assert facts_of("language", message="ok") == facts_of("language") == {}
