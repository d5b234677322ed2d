# ruff: noqa: E501 (a block a line reads best)
"""Signatures: phone, company and job title as people write them under a mail."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.mailparts import Address
from worker.sources.signatures import phones_said, read_signature

ANA = Address("Ana Prado", "ana@example.com")
PHONE = "(11) 95550-0101"


@pytest.mark.parametrize(
    ("block", "title", "company", "phone"),
    [
        (f"Atenciosamente,\n\nAna Prado\nGerente Comercial\nFretes Prado Ltda\nTel: {PHONE}", "Gerente Comercial", "Fretes Prado Ltda", PHONE),
        (f"Att,\nAna Prado | Diretora de Marketing | Acme\n{PHONE}", "Diretora de Marketing", "Acme", PHONE),
        (f"Abs\n\nAna Prado\nCEO - Foguete Digital\n{PHONE}", "CEO", "Foguete Digital", PHONE),
        (f"Obrigada,\n\nAna Prado\nTransportes Queiroz\n{PHONE}", "", "Transportes Queiroz", PHONE),
        ("Best regards,\nAna Prado\nHead of Sales at Acme Inc.\n+1 415 555 0132", "Head of Sales", "Acme Inc.", "+1 415 555 0132"),
        ("Saludos,\nAna Prado\nDirectora de Compras\nMóvil: +34 612 345 678", "Directora de Compras", "", "+34 612 345 678"),
        (f"-- \nAna Prado\nAnalista de Compras\nBeta S/A\n{PHONE}", "Analista de Compras", "Beta S/A", PHONE),
        (f"Ana Prado\nAdvogada\n{PHONE}", "Advogada", "", PHONE),
        (f"Abs,\nAna\nCargo: Sócia\nEmpresa: Padaria Luz\nWhatsApp: {PHONE}", "Sócia", "Padaria Luz", PHONE),
        (f"Abs,\nAna\nSão Paulo - SP\nRua das Flores, 10\n{PHONE}", "", "", PHONE),
        (f"Thanks!\nAna\n\nAna Prado\nVP of Operations\nAcme Widgets\nm: {PHONE}", "VP of Operations", "Acme Widgets", PHONE),
        (f"Ana Prado, CTO\nAcme Widgets\n{PHONE}", "CTO", "Acme Widgets", PHONE),
        ("Mit freundlichen Grüßen\n\nAna Prado\nVertriebsleiterin\nMuster GmbH\nTel.: +49 30 901820", "Vertriebsleiterin", "Muster GmbH", "+49 30 901820"),
        (f"ATENCIOSAMENTE\n\nANA PRADO\nDEPTO. COMERCIAL\nFRETES PRADO LTDA\nFone: {PHONE}", "DEPTO. COMERCIAL", "FRETES PRADO LTDA", PHONE),
        (f"Att.\nAna Prado\nSócia\n📞 {PHONE}\n📧 ana@example.com", "Sócia", "", PHONE),
        ("Enviado do meu iPhone", "", "", ""),
        ("Abraços,\nAna", "", "", ""),
        ("Att,\nAna\nFax: (11) 3555-0100", "", "", ""),
    ],
)  # fmt: skip
def test_a_signature_gives_title_company_and_phone(block: str, title: str, company: str, phone: str) -> None:
    found = read_signature(f"Bom dia,\n\nquero um orçamento para dez pessoas.\n\n{block}", ANA)
    assert (found.job_title, found.company, found.phones) == (title, company, (phone,) if phone else ())


def test_a_company_is_known_by_the_senders_domain() -> None:
    found = read_signature(
        "Oi\n\nAbs,\nAna Prado\nVendas felizes\nfoguete digital", Address("Ana Prado", "a@foguetedigital.com.br")
    )
    assert found.company == "foguete digital"


def test_a_sender_without_a_name_gets_the_signatures() -> None:
    text = f"Bom dia,\nquero um orçamento\n\nAna Prado\nTel: {PHONE}\nE-mail: contato@example.net"
    found = read_signature(text, Address("", "ana@example.com"))
    assert (found.name, found.phones, found.addresses) == ("Ana Prado", (PHONE,), ("contato@example.net",))


@pytest.mark.parametrize(
    "text",
    [
        "Quero saber o preço para a diretora da Acme Ltda.\nEla liga depois.",
        "Oi, tudo bem?\n\nQuero comprar.",
        "",
        "Obrigada",
    ],
)
def test_prose_is_no_signature(text: str) -> None:
    found = read_signature(text, ANA)
    assert (found.job_title, found.company, found.phones) == ("", "", ())


def test_a_number_in_the_letter_counts_where_the_writer_gives_it() -> None:
    assert phones_said("Meu telefone é 11 95550-0101, liguem.") == ("11 95550-0101",)
    assert phones_said(f"Oi\n{PHONE}") == (PHONE,)
    assert phones_said("Pedido 11955500101 atrasado") == ()


@given(
    st.lists(
        st.sampled_from(["Att,", "\n", "--", "Ana Prado", "|", PHONE, "CEO", "a@example.com", ":"])
        | st.text(max_size=6)
    ).map("".join)
)
def test_any_text_is_read(text: str) -> None:
    read_signature(text, ANA)
    phones_said(text)


@pytest.mark.parametrize("unit", ["Att,\n", "Ana Prado\n", "11 9", "| ", "a@", "--\n", "www.", "(11) 95550-0101\n"])
def test_a_huge_text_is_read_in_no_time(unit: str) -> None:
    started = time.perf_counter()
    text = "Att,\nAna\n" + unit * (100_000 // len(unit))
    read_signature(text, ANA)
    phones_said(text)
    assert time.perf_counter() - started < 2
