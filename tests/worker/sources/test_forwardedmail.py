"""Forwarded mails: the original sender, as the mail programs of a dozen languages copy them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sources.copiedheaders import written_address
from worker.sources.forwardedmail import read_forwarded, says_forwarded
from worker.sources.mailparts import Address

BRUNO = Address("Bruno Sá", "bruno@example.org")
BANNERS = [
    ("---------- Forwarded message ---------", "From", "Date", "Subject", "To"),
    ("---------- Mensagem encaminhada ---------", "De", "Data", "Assunto", "Para"),
    ("---------- Mensaje reenviado ---------", "De", "Fecha", "Asunto", "Para"),
    ("---------- Forwarded message ---------", "Von", "Datum", "Betreff", "An"),
    ("-------- Weitergeleitete Nachricht --------", "Betreff", "Datum", "Von", "An"),
    ("-------- Message transféré --------", "Sujet", "Date", "De", "Pour"),
    ("---------- Messaggio inoltrato ---------", "Da", "Data", "Oggetto", "A"),
    ("-------- Doorgestuurd bericht --------", "Onderwerp", "Datum", "Van", "Aan"),
    ("---------- Wiadomość przekazana dalej ---------", "Od", "Data", "Temat", "Do"),
    ("---------- Пересылаемое сообщение ---------", "От", "Дата", "Тема", "Кому"),
    ("---------- 転送されたメッセージ ---------", "差出人", "日付", "件名", "宛先"),
    ("---------- Videresendt meddelelse ---------", "Fra", "Dato", "Emne", "Til"),
    ("---------- Vidarebefordrat meddelande ---------", "Från", "Datum", "Ämne", "Till"),
    ("-------- Välitetty viesti --------", "Aihe", "Päiväys", "Lähettäjä", "Vastaanottaja"),
    ("---------- Přeposlaná zpráva ---------", "Od", "Datum", "Předmět", "Komu"),
    ("Begin forwarded message:", "From", "Subject", "Date", "To"),
    ("Início da mensagem encaminhada:", "De", "Assunto", "Data", "Para"),
    ("Inicio del mensaje reenviado:", "De", "Asunto", "Fecha", "Para"),
    ("Anfang der weitergeleiteten Nachricht:", "Von", "Betreff", "Datum", "An"),
    ("Début du message transféré :", "De", "Objet", "Date", "À"),
    ("Inizio messaggio inoltrato:", "Da", "Oggetto", "Data", "A"),
    ("----- Forwarded Message -----", "From", "Sent", "Subject", "To"),
]
SENDER_LABELS = frozenset(["From", "De", "Von", "Da", "Van", "Od", "От", "差出人", "Fra", "Från", "Lähettäjä"])


def copied(labels: tuple[str, ...], mark: str = "") -> str:
    return "\n".join(
        f"{mark}{label}: {'Bruno Sá <bruno@example.org>' if label in SENDER_LABELS else 'algo de 2026'}"
        for label in labels
    )


@pytest.mark.parametrize(("banner", "labels"), [(banner, labels) for banner, *labels in BANNERS])
def test_below_a_programs_line_stand_the_original_senders_headers(banner: str, labels: list[str]) -> None:
    found = read_forwarded(f"Veja isto.\n\n{banner}\n{copied(tuple(labels))}\n\n\nQuero comprar.", "Proposta")
    assert found is not None
    assert (found.sender, found.text, found.comment) == (BRUNO, "Quero comprar.", "Veja isto.")


@pytest.mark.parametrize(
    ("subject", "labels"),
    [
        ("ENC: Proposta", ("De", "Enviado", "Para", "Assunto")),
        ("ENC: Proposta", ("De", "Enviada em", "Para", "Cc", "Assunto")),
        ("RV: Propuesta", ("De", "Enviado el", "Para", "Asunto")),
        ("FW: Offer", ("From", "Sent", "To", "Subject")),
        ("WG: Angebot", ("Von", "Gesendet", "An", "Betreff")),
        ("TR : Devis", ("De", "Envoyé", "À", "Objet")),
        ("I: Offerta", ("Da", "Inviato", "A", "Oggetto")),
        ("PD: Oferta", ("Od", "Wysłano", "Do", "Temat")),
        ("Doorst: x", ("Van", "Verzonden", "Aan", "Onderwerp")),
    ],
)
def test_outlook_writes_no_line_but_the_subject_says_it(subject: str, labels: tuple[str, ...]) -> None:
    found = read_forwarded(f"fyi\n\n________________________________\n{copied(labels)}\n\nQuero comprar.", subject)
    assert found is not None
    assert (found.sender, found.text, found.comment) == (BRUNO, "Quero comprar.", "fyi")


def test_the_same_headers_in_an_answer_are_a_quotation() -> None:
    text = f"Sim.\n\n{copied(('De', 'Enviado', 'Para', 'Assunto'))}\n\nPodemos?"
    assert read_forwarded(text, "RES: Proposta") is None
    assert read_forwarded(text, "Proposta") is None
    assert read_forwarded(copied(("De", "Enviado", "Para", "Assunto")) + "\n\nOi", "Re: x", answers=True) is None


def test_apple_marks_every_line_and_yahoo_writes_one() -> None:
    apple = f"Begin forwarded message:\n\n{copied(('From', 'Subject', 'Date', 'To'), '> ')}\n> \n> Oi\n> Bruno"
    found = read_forwarded(apple, "Fwd: x")
    assert found is not None
    assert (found.sender, found.text) == (BRUNO, "Oi\nBruno")
    yahoo = (
        "   ----- Mensagem encaminhada ----- De: Bruno Sá <bruno@example.org>Para: Ana <ana@example.com>"
        "Enviado: sábado, 21 de novembro de 2026 10:00:00 BRTAssunto: Proposta\n Oi"
    )
    found = read_forwarded(yahoo, "Fw: x")
    assert found is not None
    assert (found.sender, found.subject, found.text) == (BRUNO, "Proposta", "Oi")


def test_of_a_mail_forwarded_twice_without_a_word_it_is_the_innermost() -> None:
    outer = "---------- Forwarded message ---------\nDe: Carla <carla@example.com>\nData: x\n\n"
    inner = f"---------- Forwarded message ---------\n{copied(('De', 'Data', 'Assunto'))}\n\nOi"
    assert (found := read_forwarded(outer + inner, "Fwd: Fwd: x")) is not None
    assert found.sender == BRUNO
    assert (found := read_forwarded(f"{outer}Carla escreve isto.\n\n{inner}", "Fwd: Fwd: x")) is not None
    assert found.sender.address == "carla@example.com"


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Bruno Sá <bruno@example.org>", "Bruno Sá", "bruno@example.org"),
        ('"Sá, Bruno" <bruno@example.org>', "Sá, Bruno", "bruno@example.org"),
        ("Bruno Sá [mailto:bruno@example.org]", "Bruno Sá", "bruno@example.org"),
        ("Bruno Sá <bruno@example.org<mailto:bruno@example.org>>", "Bruno Sá", "bruno@example.org"),
        ("bruno@example.org (Bruno Sá)", "Bruno Sá", "bruno@example.org"),
        ("<bruno@example.org>", "", "bruno@example.org"),
        ("bruno@example.org <bruno@example.org>", "", "bruno@example.org"),
        ("*Bruno Sá* <bruno@example.org>", "Bruno Sá", "bruno@example.org"),
        ("Bruno Sá", "Bruno Sá", ""),
    ],
)
def test_a_copied_sender_is_read_as_programs_write_it(text: str, name: str, address: str) -> None:
    assert written_address(text) == Address(name, address)


@pytest.mark.parametrize("subject", ["Fwd: x", "FW: x", "ENC: x", "Enc.: x", "RV: x", "WG: x", "TR : x", "Fwd[2]: x"])
def test_a_subjects_prefix_says_forwarded(subject: str) -> None:
    assert says_forwarded(subject)


@pytest.mark.parametrize("subject", ["Re: Fwd: x", "RES: x", "Encontro: amanhã", "x", "", "Assunto: enc"])
def test_other_subjects_do_not(subject: str) -> None:
    assert not says_forwarded(subject)


@pytest.mark.parametrize("text", ["Nada aqui", "", "Mensagem encaminhada", "De: mim\nPara: você\nPreço: 10"])
def test_nothing_forwarded_is_none(text: str) -> None:
    assert read_forwarded(text, "Contato") is None


pieces = st.sampled_from(
    ["De: ", "Para: ", "\n", "> ", "---------- Forwarded message ---------", "a@example.com", "Enviado: ", "Assunto: "]
)


@given(st.lists(pieces | st.text(max_size=6), max_size=30).map("".join), st.sampled_from(["Fwd: x", "x"]))
def test_any_text_is_read(text: str, subject: str) -> None:
    read_forwarded(text, subject)


@pytest.mark.parametrize(
    "unit", ["De: a\n", "---------- Forwarded message ---------\nDe: a\n", "-" * 30, "> ", "De: a "]
)
def test_a_huge_text_is_read_in_no_time(unit: str) -> None:
    started = time.perf_counter()
    read_forwarded(unit * (100_000 // len(unit)), "Fwd: x")
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("subject", "copied"),
    [
        ("VS: x", "Fra: {0}\nSendt: 21. november 2026 09:00\nTil: d@example.com\nEmne: x"),
        ("ΠΡΘ: x", "Από: {0}\nΣτάλθηκε: Σάββατο, 21 Νοεμβρίου 2026 9:00\nΠρος: d@example.com\nΘέμα: x"),
        ("RV: x", "De: {0}\nEnviat el: dissabte, 21 de novembre de 2026 9:00\nPer a: d@example.com\nTema: x"),
        (
            "Fwd: x",
            "-------- Przekazana wiadomość --------\nTemat: x\nData: 21.11.2026 09:00\nNadawca: {0}\nAdresat: d",
        ),
    ],
)
@pytest.mark.parametrize("comment", ["", "Kan du se på denne?\n\n"])
def test_forwards_of_further_languages_are_read_below_a_comment_too(subject: str, copied: str, comment: str) -> None:
    text = f"{comment}{copied.format('Bruno Sá <bruno@example.org>')}\n\nHei"
    found = read_forwarded(text, subject)
    assert found is not None
    assert (found.sender, found.text, found.comment) == (BRUNO, "Hei", comment.strip())


def test_a_finnish_answer_is_no_forward() -> None:
    copied = "Lähettäjä: Bruno Sá <bruno@example.org>\nLähetetty: 21.11.2026\nVastaanottaja: d\nAihe: x\n\nHei"
    assert read_forwarded(f"Kiitos!\n\n{copied}", "VS: x", answers=True) is None
