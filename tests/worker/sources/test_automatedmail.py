# ruff: noqa: E501 (a mail a line reads best)
"""Mails that no person wrote, and the letters of people that look like them."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import SourceRecord
from worker.ports import NotContact
from worker.sources.acknowledgements import reads_as_acknowledgement
from worker.sources.autoreplies import reads_as_auto_reply
from worker.sources.bounces import reads_as_bounce
from worker.sources.mails import parse_mail
from worker.sources.reasons import ABUSE_REPORT, AUTO_REPLY, BOUNCE, MAILING_LIST, OWN_DOMAIN, ROBOT


def mail(subject: str = "Contato", text: str = "Quero um orçamento.", **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in {
        "From": "Ana <ana@example.com>",
        "To": "vendas@example.com.br",
        "Subject": subject,
        **headers,
    }.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def reason(body: bytes, *own_domains: str) -> str:
    (found,) = parse_mail(body, own_domains)
    return found.reason if isinstance(found, NotContact) else ""


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("failure notice", "Hi. This is the qmail-send program at mx.example.com.\nI wasn't able to deliver your message."),
        ("x", "Hi. This is the qmail-send program at mx.example.com.\nThis is a permanent error; I've given up."),
        ("x", "This is the mail system at host mx.example.com.\n\nYour message could not be delivered."),
        ("Undeliverable: Proposta", "Your message did not reach some or all of the intended recipients."),
        ("Não foi possível entregar: Proposta", "Falha na entrega a estes destinatários ou grupos:\n\na@example.org"),
        ("Não entregue: Proposta", "Sua mensagem não pôde ser entregue a a@example.org"),
        ("Mensagem não entregue", "<a@example.org>: 550 5.1.1 user unknown"),
        ("Delivery Status Notification (Failure)", "This is an automatically generated Delivery Status Notification."),
        ("Notificação de status de entrega (Falha)", "** Endereço não encontrado **"),
        ("Aviso: não foi possível enviar a mensagem", "<a@example.org>: 550 5.1.1 user unknown"),
        ("Unzustellbar: Angebot", "Fehler bei der Nachrichtenzustellung an folgende Empfänger"),
        ("No se puede entregar: Oferta", "No se pudo entregar el mensaje a estos destinatarios"),
        ("Non remis : Devis", "Échec de la remise aux destinataires suivants"),
        ("Impossibile recapitare: Offerta", "Impossibile recapitare il messaggio ai seguenti destinatari"),
        ("Onbestelbaar: x", "Uw bericht aan a@example.org is niet bezorgd"),
        ("Mail delivery failed: returning message to sender", "A message that you sent could not be delivered."),
        ("Returned mail: see transcript for details", ""),
        ("Warning: message delayed", "This message was created automatically by mail delivery software.\n<a@example.org>: 451 4.4.1 timeout"),
    ],
)  # fmt: skip
def test_a_bounce_without_a_standard_header_is_told_by_how_it_reads(subject: str, text: str) -> None:
    assert reason(mail(subject, text, From="Servidor <servidor@mx.example.com>")) == BOUNCE


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Automatic reply: Proposal", "I am away."),
        ("Resposta automática: Proposta", "Estou fora."),
        ("Respuesta automática: x", "Estoy fuera"),
        ("Réponse automatique : x", "Je suis absent"),
        ("Automatische Antwort: x", "Ich bin weg"),
        ("Abwesenheitsnotiz", "bis Montag"),
        ("Risposta automatica: x", "Sono fuori"),
        ("Automatisch antwoord: x", "Ik ben weg"),
        ("Odpowiedź automatyczna: x", "Jestem"),
        ("Autosvar: x", "Jeg er"),
        ("Автоматический ответ: x", "Меня нет"),
        ("自動応答: x", "x"),
        ("自动回复: x", "x"),
        ("Out of Office Re: x", "I will be back Monday"),
        ("Fora do escritório", "Volto dia 10"),
        ("Re: x (Automatic Response)", "I will read it later."),
        ("RE: oi", "Esta é uma resposta automática. Recebemos seu e-mail."),
        ("Thank you", "This is an automated response to let you know that we received your email."),
        ("Re: Proposta", "Olá,\n\nEstou de férias até 10/12. Em caso de urgência, favor contatar Bia."),
        ("Re: x", "I am currently out of the office with limited access to email until December 10."),
        ("Re: x", "Ich bin vom 1.12. bis 10.12. nicht im Büro. In dringenden Fällen wenden Sie sich an Bob."),
        ("Re: x", "Je suis absent du bureau jusqu'au 10 décembre. En cas d'urgence, contactez Bob."),
        ("Re: x", "Estaré fuera de la oficina hasta el 10 de diciembre. Para asuntos urgentes contactar con Bob."),
        ("Re: x", "Sono assente fino al 10 dicembre. Per urgenze contattare Bob."),
        ("Re: x", "This account is protected by Guard. Click the link to have your address added to the list."),
    ],
)
def test_an_automatic_reply_without_a_header_is_told_by_how_it_reads(subject: str, text: str) -> None:
    assert reason(mail(subject, text)) == AUTO_REPLY


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Autorespond": "yes"},
        {"Precedence": "auto_reply"},
        {"X_Autogenerated": "Reply"},
        {"X_POST_MessageClass": "9; Autoresponder"},
        {"X_MS_Exchange_Generated_Message_Source": "Mailbox Rules Agent"},
        {"X_Mailer": "vacation 1.2"},
        {"Return_Path": "<>", "Precedence": "bulk"},
    ],
)
def test_an_answering_machines_own_header_tells_it(headers: dict[str, str]) -> None:
    assert reason(mail("Re: x", "Obrigado.", **headers)) == AUTO_REPLY


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Reunião", "I am out of office next week, can we talk on Monday?"),
        ("Proposta", "I am out of office next week. Let us talk on Monday, I want a quote."),
        ("Out of office", "Will you be out of office in December?"),
        ("Férias em família", "Quero um orçamento para viajar nas férias."),
        ("Férias", "Olá, estarei de férias em dezembro e quero um pacote para Natal."),
        ("Re: Proposta", "Estarei ausente na semana que vem. Podemos falar dia 10?"),
        ("Resposta", "Obrigado pelo contato. Estou fora do escritório hoje mas quero fechar, me liga amanhã."),
        ("Abwesend", "Ich bin nächste Woche abwesend. Können wir am Montag sprechen?"),
        ("Automation", "We need an automatic reply system for our support. Price?"),
        ("Auto: seguro", "Quero cotar o seguro do carro."),
        ("Automático", "Quero um portão automático."),
        ("Ausência de resposta", "Mandei e-mail e não tive retorno."),
        ("Falha na entrega", "Meu pedido não foi entregue, o destinatário não recebeu."),
        ("Não foi possível entregar", "O entregador não achou minha casa. Podem tentar de novo?"),
        ("Delivery problem", "My parcel was not delivered yesterday. Can you help?"),
        ("Erro no e-mail", "Tentei escrever para vendas@ e recebi: 550 5.1.1 user unknown. Qual o e-mail certo?"),
        ("Bounce", "We sell bounce houses and want 5 more."),
        ("Undeliverable", "How do I stop undeliverable mail? I need a quote."),
        ("Fwd: Undelivered Mail Returned to Sender", "Meu e-mail voltou, vejam."),
        ("Fwd: erro", "This is the mail system at host mx.example.com.\n\nYour message could not be delivered."),
        ("Re: x", "Estou de férias até 10/12. Preciso de proposta; em caso de urgência, por favor contate meu sócio."),
        ("Warning", "Your site is down, I can fix it."),
        ("Entrega", "Sua mensagem foi recebida ontem, obrigado. Quero comprar."),
    ],
)
def test_a_person_who_writes_about_such_things_is_a_person(subject: str, text: str) -> None:
    assert reason(mail(subject, text)) == ""


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Message quota exceeded",
            "The following message could not be delivered because the recipient's mailbox is full:\n\n  ana@example.org\n  quota exceeded",
        ),
        (
            "Message quota exceeded",
            "Your message to ana@example.org was not accepted: the mailbox is over its quota. Please try again later.",
        ),
        (
            "Message quota exceeded",
            "Message from <vendas@example.com.br>\nSubject: Proposta\n\nThe user's mailbox is over quota.",
        ),
        (
            "Caixa postal cheia",
            "A mensagem para ana@example.org não foi aceita: a caixa postal está cheia. Tente novamente mais tarde.",
        ),
        ("Buzón lleno", "El buzón de ana@example.org está lleno. Su mensaje no se entregó."),
    ],
)
def test_a_full_mailbox_is_a_bounce_whoever_tells_of_it(subject: str, text: str) -> None:
    assert reason(mail(subject, text)) == BOUNCE


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        (
            "Atendimento <suporte@example.org>",
            "Recebemos sua mensagem",
            "Olá,\n\nRecebemos sua mensagem e responderemos em até 2 dias úteis.\n\nEquipe de Atendimento",
        ),
        (
            "Suporte <suporte@example.org>",
            "Recebemos sua mensagem",
            "Olá Ana,\n\nSua solicitação foi recebida e está sendo analisada pela nossa equipe.\nNúmero do protocolo: 20261126001.",
        ),
        (
            "Suporte <suporte@example.org>",
            "[Ticket #123] Recebido",
            "Seu chamado #123 foi aberto. Acompanhe pelo portal.",
        ),
        (
            "Suporte <suporte@example.org>",
            "[Ticket #123] Recebido: Proposta",
            "##- Por favor, digite sua resposta acima desta linha -##\n\nSua solicitação (123) foi recebida e está sendo analisada por nossa equipe de suporte.",
        ),
        (
            "Support <help@example.org>",
            "[Ticket#2026112610000123] We have received your request",
            "Thank you for contacting us. Your request has been received and a ticket has been created. Our team will reply within 24 hours.",
        ),
        (
            "Support <support@example.org>",
            "We received your message",
            "Hi,\n\nThanks for reaching out! We have received your message and will get back to you within one business day.\n\nThe Support Team",
        ),
        (
            "Help <help@example.org>",
            "Request received: Proposal",
            "##- Please type your reply above this line -##\nYour request (4521) has been received and is being reviewed by our support staff.",
        ),
        (
            "Soporte <soporte@example.org>",
            "Hemos recibido su mensaje",
            "Estimado cliente:\n\nHemos recibido su mensaje y le responderemos a la brevedad posible.",
        ),
        (
            "Soporte <soporte@example.org>",
            "[Ticket #123] Recibido",
            "Su solicitud ha sido recibida. Número de ticket: 123. Nuestro equipo le responderá en 24 horas.",
        ),
        (
            "Loja <contato@example.org>",
            "Obrigado pelo seu contato",
            "Obrigado por entrar em contato. Recebemos seu e-mail e em breve um de nossos atendentes retornará.",
        ),
        (
            "Loja <contato@example.org>",
            "Re: Proposta",
            "Recebemos o seu e-mail. Seu protocolo de atendimento é 99812. Retornaremos em até 48 horas.",
        ),
    ],
)
def test_an_acknowledgement_is_a_robots(sender: str, subject: str, text: str) -> None:
    assert reason(mail(subject, text, From=sender)) == AUTO_REPLY


def test_a_form_that_was_filled_in_is_no_acknowledgement() -> None:
    text = "A new request has been created: #123.\n\nName: Bia Melo\nE-mail: bia@example.org\nPhone: (11) 99999-0001\n"
    (found,) = parse_mail(mail("Request received", text, From="Site <site@example.com>"))
    assert isinstance(found, SourceRecord)
    assert ("bia@example.org",) in [one.values for one in found.fields]


@pytest.mark.parametrize("sender", ["Ana <ana@example.com>", "Compras <compras@example.com>"])
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Message quota exceeded", "My mailbox ana@example.com is full and more space is needed."),
        ("Recebemos sua mensagem", "Recebemos sua mensagem e nossa equipe irá responder. Pode ser na terça?"),
        ("We received your message", "We have received your message and I will get back to you within two days. Ana"),
        (
            "Automatic reply feature for our shop",
            "Hi, does your product have an automatic reply feature? We need it for our shop.",
        ),
        ("Automatic reply feature request", "We would like the CRM to send an automatic reply. Can you quote it?"),
        ("Automatic reply feature", "Please send me the price of the automatic reply feature for ten users."),
        (
            "Resposta automática no WhatsApp",
            "Quero contratar a resposta automática no WhatsApp para minha loja. Quanto custa?",
        ),
        ("Respuesta automática para WhatsApp", "Quiero contratar respuestas automáticas. Necesito un presupuesto."),
        (
            "Mensagem automática para clientes",
            "Boa tarde, vocês fazem mensagem automática para clientes? Gostaria de um orçamento.",
        ),
        ("Automated response system", "We need an automated response system. Please call me."),
        (
            "Message quota exceeded",
            "Our plan says message quota exceeded. Can you upgrade us to 10,000 messages? Thanks, Ana",
        ),
        ("Message quota exceeded", "I keep getting 'message quota exceeded' in your app, please upgrade our plan."),
        ("Caixa postal cheia", "Minha caixa postal está cheia e quero contratar mais espaço."),
        ("Recebemos sua mensagem", "Recebemos sua mensagem sobre o evento. Temos interesse, podem ligar amanhã?"),
        ("Recebemos sua proposta", "Bom dia, recebemos sua proposta e queremos fechar. Pode enviar o contrato?"),
        ("Re: Proposta", "Recebemos sua mensagem, obrigado. Gostaríamos de marcar uma reunião."),
        ("Re: Proposta", "Recebi sua mensagem. Vou analisar e retorno amanhã. Ana"),
        ("[Ticket #123] Ainda sem solução", "Abri o ticket #123 e ninguém respondeu. Preciso de ajuda."),
        ("Re: [Ticket #123] Recebido", "Obrigado. Segue o documento pedido."),
        ("We received your proposal", "Hi, we received your message and would like to move forward. When can we talk?"),
        ("Ticket", "Quero comprar dois tickets para o evento."),
        ("Received your message", "Thanks, I received your message. We want 20 licenses."),
        ("Hemos recibido su propuesta", "Hemos recibido su propuesta y nos interesa. ¿Podemos hablar mañana?"),
        ("Recebido", "Recebido, obrigado! Abraço, Ana"),
        ("Protocolo 123", "Meu protocolo é 123 e até agora não recebi resposta."),
        (
            "Re: Proposta",
            "Recebemos o material e retornaremos em breve com a nossa decisão.\n\nAna Souza\nCompras, Padaria Aurora\n(11) 99999-0001",
        ),
    ],
)
def test_a_person_who_writes_as_such_mails_begin_is_a_person(subject: str, text: str, sender: str) -> None:
    assert reason(mail(subject, text, From=sender)) == ""


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: Automatic reply feature", "Automatic reply from Ana", "Resposta automática", "AUTO: Ana is out of the office",
     "Automatic reply Re: price of the system"],
)  # fmt: skip
def test_a_subject_that_programs_write_is_one_whatever_the_letter_was_about(subject: str) -> None:
    assert reason(mail(subject, "I am away.")) == AUTO_REPLY


def test_an_abuse_report_is_one() -> None:
    body = (
        b"From: Abuse <fbl@example.net>\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nThis is an abuse report.\n--b\n"
        b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n"
    )
    assert reason(body) == ABUSE_REPORT
    assert reason(body.replace(b"multipart/report; report-type=feedback-report;", b"multipart/mixed;")) == ABUSE_REPORT


def test_a_bounce_that_a_person_attached_is_not_their_mails_structure() -> None:
    inner = b"From: MAILER-DAEMON@example.net\nContent-Type: multipart/report; report-type=delivery-status; boundary=c\n\n--c--\n"
    body = (
        b"From: Ana <ana@example.com>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nMeu e-mail voltou.\n--b\n"
        b"Content-Type: message/rfc822\n\n" + inner + b"--b--\n"
    )
    (found,) = parse_mail(body)
    assert isinstance(found, SourceRecord)


@pytest.mark.parametrize(
    "address",
    ["nao-responda@example.com", "site-noreply@example.com", "notificacoes@example.com", "newsletter@example.com",
     "noreply-123@example.com", "ne-pas-repondre@example.com", "alerts@example.com"],
)  # fmt: skip
def test_a_robot_is_told_by_its_address(address: str) -> None:
    assert reason(mail(From=address)) == ROBOT


def test_what_we_wrote_ourselves_is_nobodys() -> None:
    ours = mail(From="Vendas <vendas@mail.acme.example>")
    assert reason(ours, "Acme.example") == OWN_DOMAIN
    assert reason(ours, "notacme.example") == ""


def test_a_group_of_our_own_is_no_mailing_list() -> None:
    body = mail(List_Id="<contato.acme.example>", Precedence="list")
    assert reason(body) == MAILING_LIST
    assert reason(body, "acme.example") == ""


def test_behind_our_groups_address_stands_the_writer(look) -> None:
    body = mail(
        From="'Bia Melo' via Contato <contato@acme.example>", Reply_To="Bia Melo <bia@example.org>",
        List_Id="<contato.acme.example>",
    )  # fmt: skip
    (found,) = parse_mail(body, ("acme.example",))
    assert look(found).said["email"] == ["bia@example.org"]
    assert look(found).said["name"] == ["Bia Melo"]


def test_behind_a_sending_robot_stands_whom_answers_go_to(look) -> None:
    (found,) = parse_mail(mail(From="Bia Melo via Site <no-reply@service.net>", Reply_To="bia@example.org"))
    assert (look(found).said["name"], look(found).said["email"]) == (["Bia Melo"], ["bia@example.org"])
    assert reason(mail(From="no-reply@service.net", Reply_To="ajuda@service.net")) == ROBOT


@given(st.text(max_size=80), st.text(max_size=200), st.booleans())
def test_any_text_is_judged(subject: str, text: str, machine: bool) -> None:
    assert reads_as_bounce(subject, text, null_sender=machine) in {True, False}
    assert reads_as_auto_reply(subject, text, machine=machine) in {True, False}


@pytest.mark.parametrize(
    "unit",
    [
        "ich bin ",
        "your request ",
        "mailbox ",
        "seu chamado foi ",
        "a mensagem que voce enviou ",
        "this is the ",
        "message ",
        "je suis ",
        "é ",
    ],
)
def test_a_huge_text_is_judged_in_no_time(unit: str) -> None:
    started = time.perf_counter()
    text = unit * (100_000 // len(unit))
    reads_as_bounce(text, text, null_sender=False)
    reads_as_auto_reply(text, text, machine=False)
    reads_as_acknowledgement(text, text[:3000], desk=True, asks=False)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("text", "machine_wrote"),
    [
        ("John Doe is no longer with the company. Please contact sales@example.org for assistance.", True),
        ("Ana não faz mais parte da empresa. Por favor contacte rh@example.org.", True),
        ("John is no longer with the company, please contact me from now on.", False),
        ("Our old supplier is no longer working for us, please contact us with a quote?", False),
    ],
)
def test_whoever_has_left_answers_by_machine_and_a_colleague_in_person(text: str, machine_wrote: bool) -> None:
    assert reads_as_auto_reply("Re: Proposal", text, machine=False) is machine_wrote
