"""Mails of forms: whatever the layout, the answers stand under their labels."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.formmails import form_answers
from worker.sources.mailtext import html_text

ANSWERS = [("Nome", "Bia Melo"), ("E-mail", "bia@example.net"), ("Produto", "Plano Ouro")]
ROW = '<tr><td colspan="2"><b>{}</b></td></tr><tr><td width="20">&nbsp;</td><td>{}</td></tr>'


def each(layout: str) -> str:
    return "".join(layout.format(*answer) for answer in ANSWERS)


@pytest.mark.parametrize(
    "text",
    [
        each("{}: {}\n"),
        each("*{}:* {}\n"),
        each("- {}: {}\n"),
        each("{}:\n{}\n\n"),
        each("{}\n{}\n\n"),
        each("{}\n{}\n"),
        "Novo contato\n\n" + each("{}\n{}\n\n") + "--\nEnviado pelo site",
        each("{}: {}\n") + "\nEste e-mail foi enviado de um formulário de contato em example.com.br",
        html_text(f"<table>{each('<tr><td>{}</td><td>{}</td></tr>')}</table>"),
        html_text(f"<table>{each(ROW)}</table>"),
        html_text(f"<dl>{each('<dt>{}</dt><dd>{}</dd>')}</dl>"),
        html_text(each("<p><strong>{}:</strong><br>{}</p>")),
        html_text(each("<p><strong>{}</strong><br>{}</p>")),
        html_text(each("<div>{}</div><div>{}</div>")),
        html_text("<table><tr><th>Nome</th><th>E-mail</th><th>Produto</th></tr><tr><td>Bia Melo</td>"
                  "<td>bia@example.net</td><td>Plano Ouro</td></tr></table>"),
    ],
)  # fmt: skip
def test_every_layout_gives_the_same_answers(text: str) -> None:
    assert form_answers(text, "wordpress@example.com.br", robot=True, answered_elsewhere=False) == ANSWERS


def test_the_message_keeps_its_lines() -> None:
    text = "Nome\nBia\n\nE-mail\nbia@example.net\n\nMensagem\nOi,\ntudo bem?"
    assert form_answers(text, "", robot=True, answered_elsewhere=False)[-1] == ("Mensagem", "Oi,\ntudo bem?")


@pytest.mark.parametrize(
    "text",
    [
        "Bom dia,\nquero um preço\npara dez pessoas\nna sexta\n\nAna\nTel: (11) 95550-0101\nE-mail: outra@example.net",
        "Nome\nAna\nCidade\nRecife",
        "Horário: 10:30\nLocal: Recife",
        "",
    ],
)
def test_a_letter_is_no_form_even_when_answers_go_elsewhere(text: str) -> None:
    assert form_answers(text, "ana@example.com", robot=False, answered_elsewhere=True) == []


def test_a_letter_that_lists_anothers_data_is_one() -> None:
    text = "Bom dia,\nsegue o cliente que ligou\nhoje cedo\npara cadastro:\n\nNome: Bia Melo\nE-mail: bia@example.net"
    assert form_answers(text, "ana@example.com", robot=False, answered_elsewhere=False)[-2:] == ANSWERS[:2]


@given(
    st.lists(
        st.sampled_from(["Nome", "E-mail", ":", "\n", "a@example.com", "--", "=", "\t"]) | st.text(max_size=5)
    ).map("".join)
)
def test_any_text_is_read(text: str) -> None:
    for label, _ in form_answers(text, "", robot=True, answered_elsewhere=False):
        assert label


@pytest.mark.parametrize("unit", ["Nome: a\n", "Nome\na@example.com\n", ": ", "Nome ", "= ", "\t"])
def test_a_huge_text_is_read_in_no_time(unit: str) -> None:
    started = time.perf_counter()
    form_answers(unit * (100_000 // len(unit)), "", robot=True, answered_elsewhere=False)
    assert time.perf_counter() - started < 2
