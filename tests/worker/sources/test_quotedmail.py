# ruff: noqa: E501 (a mail a line reads best)
"""Replies: what was written now stays the message, what is quoted is set apart."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.mailtext import html_text
from worker.sources.quotedmail import own_text

V = "Vendas <vendas@example.com.br>"


@pytest.mark.parametrize(
    "introduction",
    [
        f"Em sáb., 21 de nov. de 2026 às 10:00, {V}\nescreveu:",
        "Em 21/11/2026 10:00, Vendas escreveu:",
        f"2026-11-21 10:00 GMT-03:00 {V}:",
        f"On Sat, Nov 21, 2026 at 10:00 AM {V} wrote:",
        "On Sat, Nov 21, 2026 at 10:00 AM Vendas da Casa de Vinhos <\nvendas@example.com.br> wrote:",
        f"El sáb, 21 nov 2026 a las 10:00, {V.replace('<', '(<')}) escribió:",
        f"Am Sa., 21. Nov. 2026 um 10:00 Uhr schrieb {V}:",
        f"Le sam. 21 nov. 2026 à 10:00, {V} a écrit :",
        f"Il giorno sab 21 nov 2026 alle ore 10:00 {V} ha scritto:",
        f"Op za 21 nov 2026 om 10:00 schreef {V}:",
        f"sob., 21 lis 2026 o 10:00 {V} napisał(a):",
        f"Den lør. 21. nov. 2026 kl. 10.00 skrev {V}:",
        f"la 21. marrask. 2026 klo 10.00 {V} kirjoitti:",
        f"{V}, 21 Kas 2026 Cmt, 10:00 tarihinde şunu yazdı:",
        f"{V} ezt írta (időpont: 2026. nov. 21., Szo, 10:00):",
        f"сб, 21 нояб. 2026 г. в 10:00, {V}:",
        f"2026年11月21日(土) 10:00 {V}:",
        f"2026년 11월 21일 (토) 오전 10:00, {V}님이 작성:",
        f"________________________________\nDe: {V}\nEnviado: sábado\nPara: Ana\nAssunto: RE: x",
        f"From: {V}\nSent: Saturday\nTo: Ana\nSubject: RE: x",
        f"Von: {V}\nGesendet: Samstag\nAn: Ana\nBetreff: AW: x",
        f"De : {V}\nEnvoyé : samedi\nÀ : Ana\nObjet : RE: x",
        "-----Mensagem original-----\nDe: Vendas\nEnviada em: sábado",
        "-----Original Message-----\nFrom: Vendas\nSent: Saturday",
        "-----Ursprüngliche Nachricht-----\nVon: Vendas",
    ],
)
def test_below_a_programs_introduction_all_is_quoted(introduction: str) -> None:
    own, quoted = own_text(f"Sim, pode ser.\nAté lá.\n\n{introduction}\n\nPodemos falar?\n> antes")
    assert own == "Sim, pode ser.\nAté lá."
    assert "Podemos falar?" in quoted
    assert "> antes" in quoted


def test_answers_between_and_below_the_quoted_lines_are_the_writers() -> None:
    assert own_text("> Podemos?\nSim.\n> Quando?\nAmanhã.") == ("Sim.\nAmanhã.", "> Podemos?\n> Quando?")
    assert own_text("Em 21/11/2026 10:00, Vendas escreveu:\n> Podemos?\n\nSim, amanhã.")[0] == "Sim, amanhã."


@pytest.mark.parametrize(
    "html",
    [
        '<div>Sim</div><blockquote type="cite">Podemos?<br>Quando?</blockquote>',
        '<div>Sim</div><blockquote type="cite"><div>Em 21/11/2026 10:00, V escreveu:</div><p>Podemos?</p></blockquote>',
        '<p>Sim</p><div>Em 21/11/2026 10:00, V escreveu:<br></div><blockquote class="gmail_quote">Podemos?</blockquote>',
        "<p>Sim</p><hr><div><b>De:</b> V<br><b>Enviado:</b> sábado<br><b>Para:</b> A<br><b>Assunto:</b> x</div>Podemos?",
    ],
)
def test_quotations_in_html_are_told_too(html: str) -> None:
    own, quoted = own_text(html_text(html))
    assert own == "Sim"
    assert "Podemos?" in quoted


@pytest.mark.parametrize(
    "text",
    [
        "Em 2020 comprei de vocês e o vendedor escreveu: volte sempre.\nQuero voltar.",
        "Na proposta o gerente escreveu:\npreço de tabela.",
        "Lista do que preciso em 21/11:\n- mesas\n- cadeiras",
        "De: São Paulo\nPara: Recife\nQuanto custa o frete?",
        "Quero um frete.\nDe: São Paulo\nPara: Recife\nQuanto custa?",
        "From: Lisbon\nHow much is it?",
        "Segue o horário: 10:30",
        "> só uma citação",
        "",
        "a\n----------\nb",
    ],
)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    assert own_text(text) == (text, "")


@given(
    st.lists(
        st.sampled_from([">", "\n", " wrote:", "On 2026-11-21 ", "De: a", "Para: b\n", "-----"]) | st.text(max_size=5)
    ).map("".join)
)
def test_nothing_written_is_lost(text: str) -> None:
    own, quoted = own_text(text)
    assert sorted("".join((own + quoted).split())) == sorted("".join(text.split()))


@pytest.mark.parametrize(
    "unit", ["On 2026-11-21 10:00 a\n", "On wrote ", "> ", "\n", "De: a\nPara: b\n", "wrote 10:00:\n"]
)
def test_a_huge_text_is_parted_in_no_time(unit: str) -> None:
    started = time.perf_counter()
    own_text(unit * (100_000 // len(unit)))
    assert time.perf_counter() - started < 2
