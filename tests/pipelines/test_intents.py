"""What a message wants."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.intents import Intent, read_intents


@pytest.mark.parametrize(
    ("message", "intents"),
    [
        ("Gostaria de um ORÇAMENTO para 200 licenças", {"buy"}),
        ("quanto custa?", {"buy"}),
        ("Qual o valor do plano anual?", {"buy"}),
        ("Quero comprar ainda hoje, é urgente!", {"buy", "urgent"}),
        ("Podemos agendar uma demonstração?", {"meet"}),
        ("Me liguem amanhã", {"meet"}),
        ("Queria mais informações", {"ask"}),
        ("Please send me a quote ASAP", {"buy", "urgent"}),
        ("I'd like to book a demo", {"meet"}),
        ("Necesito una cotización", {"buy"}),
        ("¿Cuánto cuesta? Quisiera una reunión", {"buy", "meet"}),
        ("Segue meu currículo para a vaga de emprego", {"job_seeker"}),
        ("Sou estudante e preciso de dados para o TCC", {"student"}),
        ("Gostaríamos de apresentar nossos serviços de backlinks", {"vendor"}),
        ("Quero descadastrar meu e-mail", {"opt_out"}),
        ("Please unsubscribe me", {"opt_out"}),
        ("Não quero mais receber mensagens", {"opt_out"}),
        ("Bom dia!", set()),
        ("", set()),
    ],
)
def test_is_read_in_three_languages(message: str, intents: set[str]) -> None:
    assert read_intents(message) == intents


@pytest.mark.parametrize(
    "message",
    ["Não preciso de orçamento", "não tenho interesse", "I'm not interested in a demo", "No quiero una cotización"],
)
def test_what_is_refused_is_not_wanted(message: str) -> None:
    assert not read_intents(message)


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("Não quero comprar agora, mas quero marcar uma reunião", Intent.MEET),
        ("não quero demonstração mas quero o preço", Intent.BUY),
        ("No momento preciso de um orçamento", Intent.BUY),
        ("Não sei o preço, pode me enviar?", Intent.BUY),
        ("Tenho interesse", Intent.ASK),
    ],
)
def test_a_refusal_ends_with_its_clause(message: str, intent: Intent) -> None:
    assert read_intents(message) == {intent}


@given(st.text(max_size=300))
def test_never_fails(message: str) -> None:
    read_intents(message)


@pytest.mark.parametrize("piece", ["nao quero ", "nao ", "vaga de ", "quanto que ", "a, ", "remover o meu "])
def test_long_messages_take_no_longer_than_their_length(piece: str) -> None:
    start = time.process_time()
    read_intents(piece * 100_000)
    assert time.process_time() - start < 1
