"""Mails: the person who wrote, or the one in the form; robots are told by what they send."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Unparsable
from worker.ports import NotContact
from worker.sources.mails import parse_mail
from worker.sources.reasons import AUTO_REPLY, BOUNCE, MAILING_LIST, ROBOT


def only(body: bytes):
    (found,) = parse_mail(body)
    return found


def mail(text: str = "Olá, quero um orçamento.", *, html: str = "", **headers: str) -> bytes:
    message = EmailMessage()
    everything = {"From": "Ana Prado <ana@example.com>", "To": "vendas@example.com.br", "Subject": "Contato", **headers}
    for name, value in everything.items():
        if value:
            message[name.replace("_", "-")] = value
    if text:
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    return message.as_bytes()


def test_a_letter_is_from_its_sender(look) -> None:
    body = mail(Date="Sat, 21 Nov 2026 09:00:00 -0300", Message_ID="<1@example.com>", Reply_To="outra@example.com")
    seen = look(only(b"Content-Language: pt-BR\n" + body))
    assert (seen.said["name"], seen.said["email"]) == (["Ana Prado"], ["ana@example.com"])
    assert seen.said["message"] == ["Olá, quero um orçamento."]
    assert (seen.values["subject"], seen.values["to"]) == (("Contato",), ("vendas@example.com.br",))
    assert seen.values["reply_to"] == ("outra@example.com",)
    assert seen.values["message_id"] == ("<1@example.com>",)
    assert (seen.occurred_at.isoformat(), seen.language) == ("2026-11-21T12:00:00+00:00", "pt-BR")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"=?utf-8?Q?Prado=2C_Jo=C3=A3o?= <x@example.com>", "Prado, João"),
        (b'"Prado, Ana" <x@example.com>', "Prado, Ana"),
        ("João <x@example.com>".encode(), "João"),
        ("João <x@example.com>".encode("latin-1"), "João"),
        (b"=?iso-8859-1?B?Sm/jbw==?=\r\n <x@example.com>", "João"),
        (b"x@example.com", None),
        (b"=?x?Q?=?= <x@example.com>", "=?x?Q?=?="),
    ],
)
def test_a_name_is_read_as_mail_programs_write_it(header: bytes, name: str | None, look) -> None:
    seen = look(only(b"From: " + header + b"\r\n\r\nOi"))
    assert seen.said["email"] == ["x@example.com"]
    assert seen.said.get("name") == (None if name is None else [name])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Content-Type: text/plain; charset=iso-8859-1\n\nOl\xe1", "Olá"),
        (b"Content-Type: text/plain; charset=nonsense\n\nOl\xc3\xa1", "Olá"),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nT2zDoQ==", "Olá"),
        (b"Content-Transfer-Encoding: quoted-printable\n\nOl=C3=A1 =\nmundo", "Olá mundo"),
        (b"Content-Type: text/html\n\n<script>x</script><p>Ol&aacute; <b>tudo</b><br>\nbem?</p>", "Olá tudo\nbem?"),
        (b"Content-Type: text/html\n\n<div>Oi</div><div>eu</div><ul><li>a<li>b</ul>", "Oi\n\neu\n\na\nb"),
    ],
)  # fmt: skip
def test_the_text_is_read_in_its_charset_and_encoding(raw: bytes, text: str, look) -> None:
    assert look(only(b"From: x@example.com\n" + raw)).said["message"] == [text]


def test_the_plain_part_is_preferred_and_attachments_are_named(look) -> None:
    message = EmailMessage()
    message["From"] = "x@example.com"
    message.set_content("Texto")
    message.add_alternative("<p>HTML</p>", subtype="html")
    message.add_attachment("outro texto", filename="proposta.txt")
    seen = look(only(message.as_bytes()))
    assert seen.said["message"] == ["Texto"]
    assert seen.values["attachments"] == ("proposta.txt",)
    attached_first = (
        b"From: x@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n"
        b"Content-Disposition: attachment\n\nanexo\n--b\nContent-Type: text/plain\n\nTexto\n--b--\n"
    )
    assert look(only(attached_first)).said["message"] == ["Texto"]


FORM = """Nova mensagem do site

Nome: Bia Melo
E-mail: bia@example.com
Telefone: (11) 95550-0101
Mensagem:
Quero saber
mais detalhes
--
Enviado pelo site"""
TABLE = """<h1>Novo contato</h1><table><tr><th>Nome</th><td>Bia Melo</td></tr>
<tr><td>E-mail:</td><td><a href='x'>bia@example.com</a></td></tr>
<tr><td>Telefone</td><td>(11) 95550-0101</td></tr>
<tr><td>Mensagem</td><td>Quero saber<br>mais detalhes</td></tr></table>"""
ROBOTS = {"List_Unsubscribe": "<mailto:x@example.com>", "Auto_Submitted": "auto-generated"}
LETTER = """Bom dia,

vi o anúncio de vocês
e gostaria de uma visita
na semana que vem.

Ana
Tel: (11) 95550-0101
E-mail: ana@example.com"""


@pytest.mark.parametrize(
    "body",
    [
        mail(FORM, From="Site <wordpress@example.com.br>"),
        mail(FORM, From="Site <contato@example.com.br>", Reply_To="bia@example.com"),
        mail(FORM, From="Site <contato@example.com.br>"),
        mail(FORM, From="no-reply@example.com.br", **ROBOTS),
        mail("", html=TABLE, From="wordpress@example.com.br"),
    ],
)  # fmt: skip
def test_in_a_forms_mail_the_person_is_the_one_in_the_form(body: bytes, look) -> None:
    seen = look(only(body))
    assert seen.values["Nome"] == ("Bia Melo",)
    assert seen.values["E-mail"] == ("bia@example.com",)
    assert seen.values["Telefone"] == ("(11) 95550-0101",)
    assert seen.values["Mensagem"] == ("Quero saber\nmais detalhes",)
    assert seen.labels["Nome"] == "Nome"
    assert seen.hints["from.address"] == "ignore", "the robot is nobody"
    assert "name" not in seen.said


def test_a_form_without_an_address_is_answered_where_it_says(look) -> None:
    body = mail("Nome: Bia\nTelefone: (11) 95550-0101", From="form@example.com.br", Reply_To="bia@example.com")
    assert look(only(body)).said["email"] == ["bia@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        LETTER,
        "Segue o horário: 10:30\nAssunto: reunião",
        "Olá: tudo bem?",
        "Meu outro e-mail: outra@example.com",
        "https://example.com/a\nhttps://example.com/b",
    ],
)  # fmt: skip
def test_a_letter_with_a_signature_or_colons_is_no_form(text: str, look) -> None:
    seen = look(only(mail(text)))
    assert (seen.said["name"], seen.said["email"]) == (["Ana Prado"], ["ana@example.com"])
    assert seen.said["message"] == [text]


REPORT = b"""From: Mail System <someone@mx.example.com>
Subject: x
Content-Type: multipart/report; report-type=%s; boundary=b

--b
Content-Type: text/plain

Your message
--b--
"""
MIXED_REPORT = REPORT.replace(b"report; report-type=%s", b"mixed").replace(b"text/plain", b"message/delivery-status")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (mail(From="MAILER-DAEMON@mx.example.com"), BOUNCE),
        (mail(From="postmaster@example.com"), BOUNCE),
        (mail(X_Failed_Recipients="x@example.com"), BOUNCE),
        (mail(Return_Path="<>", Subject="Undelivered Mail Returned to Sender"), BOUNCE),
        (mail(Return_Path="<>", Subject="Mensagem não entregue"), BOUNCE),
        (REPORT % b"delivery-status", BOUNCE),
        (MIXED_REPORT, BOUNCE),
        (REPORT % b"disposition-notification", AUTO_REPLY),
        (mail(Auto_Submitted="auto-replied (vacation)"), AUTO_REPLY),
        (mail(X_Autoreply="yes"), AUTO_REPLY),
        (mail(Precedence="auto_reply"), AUTO_REPLY),
        (mail(Subject="Resposta automática: férias"), AUTO_REPLY),
        (mail(Subject="=?utf-8?Q?Out_of_office?="), AUTO_REPLY),
        (mail(List_Id="<news.example.com>"), MAILING_LIST),
        (mail(List_Unsubscribe="<mailto:x@example.com>"), MAILING_LIST),
        (mail(Precedence="bulk"), MAILING_LIST),
        (mail(From="no-reply@example.com"), ROBOT),
        (mail(From="Loja <naoresponda@example.com.br>"), ROBOT),
        (mail(From="nao-responder+1@example.com.br"), ROBOT),
        (mail(Auto_Submitted="auto-generated"), ROBOT),
    ],
)  # fmt: skip
def test_a_machines_mail_is_nobody_with_the_reason(body: bytes, reason: str) -> None:
    found = only(body)
    assert isinstance(found, NotContact)
    assert found.reason == reason


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Return_Path": "<>"},
        {"Subject": "Fwd: Undelivered Mail Returned to Sender"},
        {"Subject": "Autorização de orçamento"},
        {"Subject": "Falha na entrega do meu pedido"},
        {"From": "Norma Reply <norma@example.com>"},
        {"Precedence": "first-class"},
    ],
)
def test_a_persons_mail_is_not_taken_for_a_machines(headers, look) -> None:
    assert look(only(mail(**headers))).said["message"]


def test_a_forwarded_mail_is_from_its_original_sender(look) -> None:
    text = (
        "Podem ligar?\n\n---------- Forwarded message ---------\nDe: Bia Melo <bia@example.org>\nData: 21/11/2026\n"
        "Assunto: Preço\nPara: Ana <ana@example.com>\n\n\nQuanto custa?\n\nBia Melo\nDiretora\n(11) 95550-0101"
    )
    seen = look(only(mail(text, Subject="Fwd: Preço")))
    assert (seen.said["name"], seen.said["email"]) == (["Bia Melo"], ["bia@example.org"])
    assert (seen.said["phone"], seen.said["job_title"]) == (["(11) 95550-0101"], ["Diretora"])
    assert seen.values["forwarded_by.address"] == ("ana@example.com",)
    assert seen.values["forwarded_by.comment"] == ("Podem ligar?",)
    assert seen.hints["forwarded_by.address"] == "ignore"


@pytest.mark.parametrize("sender", ["no-reply@example.net", "vendas@acme.example"])
def test_what_a_robot_or_we_wrote_and_a_person_passed_on_is_the_persons_letter(sender: str, look) -> None:
    text = f"Podem cobrir?\n\n---------- Forwarded message ---------\nDe: X <{sender}>\nData: x\nPara: y\n\nOferta"
    (found,) = parse_mail(mail(text, Subject="Fwd: Oferta"), ("acme.example",))
    assert look(found).said["email"] == ["ana@example.com"]


def test_a_form_that_a_colleague_passed_on_gives_the_person_in_it(look) -> None:
    text = "---------- Forwarded message ---------\nDe: Site <wordpress@acme.example>\nData: x\nPara: y\n\n" + FORM
    (found,) = parse_mail(mail(text, Subject="Fwd: Contato", From="c@acme.example"), ("acme.example",))
    assert look(found).values["E-mail"] == ("bia@example.com",)
    assert "email" not in look(found).said


def test_attached_mails_are_from_their_senders(look) -> None:
    message = EmailMessage()
    message["From"] = "Colega <c@acme.example>"
    message.set_content("Vejam.")
    for number in range(2):
        inner = EmailMessage()
        inner["From"] = f"Bia <bia{number}@example.org>"
        inner.set_content("Quanto custa?")
        message.add_attachment(inner)
    seen = [look(one) for one in parse_mail(message.as_bytes(), ("acme.example",))]
    assert [one.said["email"] for one in seen] == [["bia0@example.org"], ["bia1@example.org"]]
    assert seen[0].values["forwarded_by.comment"] == ("Vejam.",)


def test_a_reply_loses_its_quoted_part_but_nothing_is_lost(look) -> None:
    seen = look(
        only(mail("Sim.\n\nEm 21/11/2026 10:00, Vendas <v@example.com.br> escreveu:\n> Podemos?", Subject="Re: x"))
    )
    assert seen.said["message"] == ["Sim."]
    assert "> Podemos?" in seen.values["quoted"][0]
    assert seen.hints["quoted"] == "ignore"


def test_only_what_is_large_is_shortened(look) -> None:
    message = EmailMessage()
    message["From"] = "ana@example.com"
    message.set_content("Segue o arquivo.")
    message.add_attachment(b"x" * 3_000_000, maintype="application", subtype="pdf", filename="grande.pdf")
    message.add_attachment(
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Caio Luz\r\nEND:VCARD\r\n", maintype="text", subtype="vcard"
    )
    first, card = parse_mail(message.as_bytes())
    assert look(first).said["message"] == ["Segue o arquivo."]
    assert look(first).values["attachments"] == ("grande.pdf",)
    assert look(card).said["name"] == ["Caio Luz"]


def test_what_stands_behind_the_first_megabytes_is_not_parsed(look) -> None:
    head = b"From: ana@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nOi\n"
    part = b"--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=%s\n\n"
    body = head + part % b"um.txt" + b"a" * 10_000_000 + b"\n" + part % b"dois.txt" + b"b\n--b--\n"
    assert look(only(body)).values["attachments"] == ("um.txt",)


def test_headers_copied_on_top_of_an_answer_are_its_quotation(look) -> None:
    text = "De: Vendas <v@example.com.br>\nEnviado: sábado\nPara: Ana\nAssunto: Preço\n\n> Podemos?\n\nSim."
    assert look(only(mail(text, In_Reply_To="<1@example.com.br>"))).said["email"] == ["ana@example.com"]


def nested(depth: int) -> bytes:
    parts = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return ("From: a@example.com\n" + "".join(parts) + "Content-Type: text/plain\n\nOi\n").encode()


@pytest.mark.parametrize(
    "body",
    [
        nested(51),
        b"From: a@example.com\n" + b"Content-Type: message/rfc822\n\n" * 5_000 + b"Oi",
        b"From: a@example.com\nContent-Type: text/plain" + b";a=b" * 50_000 + b"\n\nOi",
        b"From: a@example.com\nContent-Type: text/plain\n" + b" ;a=b\n" * 1_000 + b"\nOi",
    ],
)
def test_a_structure_that_is_an_attack_is_unparsable(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(Unparsable):
        only(body)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "body",
    [
        nested(20),
        b"From: a@example.com\n" + b"X-Header: value\n" * 10_000 + b"\nOi",
        b"From: " + b"a@example.com, " * 50_000 + b"\n\nOi",
        b"From: a@example.com\nSubject: " + b"=?utf-8?Q?a?= " * 50_000 + b"\n\nOi",
        b"From: a@example.com\nContent-Type: text/html\n\n" + b"<div>" * 100_000 + b"Oi",
        b"From: a@example.com\n\n" + b"a: b\n" * 100_000,
        b"From: a@example.com\n" + b"".join(b"X-%d: =?utf-8?q?a?=\n" % n for n in range(10_000)) + b"\nOi",
        b"From: a@example.com\nSubject: Fwd: x\n\n" + b"De: a\nPara: b\n" * 50_000,
        b"From: a@example.com\nContent-Type: text/html\n\n<table>" + b"<tr><td>a<td>b" * 20_000,
        b"From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: message/rfc822\n\nFrom: b@example.com\n\nOi\n" * 10_000,
        b"From: a@example.com\n\n" + b"A" * 20_000_000,
        b"From: a@example.com\nDate: Sat, 99 Nov 99999 99:99:99 +9999\nContent-Transfer-Encoding: base64\n\n@@@@",
        b"",
        b"\n\nOi",
        b"\x00" * 1000,
    ],
)
def test_a_strange_or_huge_mail_is_read_in_no_time(body: bytes, look) -> None:
    started = time.perf_counter()
    for found in parse_mail(body):
        look(found)
    assert time.perf_counter() - started < 5


pieces = st.sampled_from(
    [
        b"From: ", b"Reply-To: ", b"Content-Type: ", b"multipart/mixed; boundary=b", b"text/html", b"message/rfc822",
        b"\n", b"\n\n", b"--b\n", b"--b--\n", b"Content-Transfer-Encoding: ", b"base64", b"=?utf-8?Q?", b"?=",
        b"<a@example.com>",
        b'"', b"(", b",", b";", b"\xe9", b"Date: ", b"Nome: Ana", b"Content-Disposition: attachment; filename*0*=",
        b"charset=", b"\x00", b"<table><tr><td>", b"report-type=", b"multipart/report;",
    ]
)  # fmt: skip


@given(st.lists(pieces | st.binary(max_size=8), max_size=25))
def test_arbitrary_mails_are_read_or_unparsable(parts: list[bytes]) -> None:
    try:
        list(parse_mail(b"".join(parts)))
    except Unparsable:
        return


@st.composite
def messages(draw, depth: int = 4) -> bytes:
    """A mail of parts within parts, each broken as hypothesis likes."""
    kinds = ["text/plain", "text/html", "text/calendar", "text/vcard", "message/delivery-status", "message/rfc822", "x"]
    kind = draw(st.sampled_from(["multipart/mixed", "multipart/report; report-type=delivery-status", *kinds]))
    head = b"From: " + draw(st.sampled_from([b"a@example.com", b"<>", b"\xff", b"=?utf-8?B?!?="])) + b"\n"
    head += b"Content-Type: " + kind.encode()
    if depth and kind.startswith("multipart"):
        inner = draw(st.lists(messages(depth - 1), max_size=3))
        mark = b"b%d" % depth
        return head + b"; boundary=" + mark + b"\n\n" + b"".join(b"--" + mark + b"\n" + one + b"\n" for one in inner)
    body = draw(messages(depth - 1)) if depth and kind == "message/rfc822" else draw(st.binary(max_size=20))
    encoding = draw(st.sampled_from([b"", b"base64", b"quoted-printable", b"x-uuencode", b"?"]))
    return head + b"\nContent-Transfer-Encoding: " + encoding + b"\n\n" + body


@given(messages())
def test_arbitrarily_nested_mails_are_read_or_unparsable(body: bytes) -> None:
    try:
        list(parse_mail(body))
    except Unparsable:
        return
