"""A shared mailbox as it is: letters, forms, forwards and replies of invented people, and what is nobody's; seeded."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr
from random import Random

from anyascii import anyascii

from benchmarks.people import AREAS
from worker.prove.people import FAMILY, GIVEN

HOUSE = "casa.example"
"""Our own mail domain."""
DESK = f"vendas@{HOUSE}"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    address: str
    phone: str
    company: str


@dataclass(frozen=True, slots=True)
class Mixed:
    kind: str
    mail: bytes
    person: str = ""
    """The address of whom it is about; empty: nobody."""
    readable: bool = True
    """False: an attack that is set aside."""


def mixed(count: int, seed: int = 1) -> list[Mixed]:
    """`count` mails in an order of their own: about half of them people's, some of whom write twice or are copied."""
    random = Random(seed)
    found: list[Mixed] = []
    everybody = _everybody(random)
    writers: list[Person] = []
    number = 0
    while len(found) < count:
        number += 1
        draw = random.random()
        if draw < 0.42 or not writers:
            writers.append(next(everybody))
            kind = random.choice(list(_PEOPLES))
            found.append(Mixed(kind, _PEOPLES[kind](random, writers[-1], number), writers[-1].address))
        elif draw < 0.50:  # answers to us, and goes on being the same person
            again = random.choice(writers)
            found.append(Mixed("reply", _reply(random, again, number), again.address))
        elif draw < 0.55:  # the same mail through another alias
            again_mail = random.choice([one for one in found if one.person])
            copy = b"Received: from relay.example by mx.example; Sat, 21 Nov 2026 12:00:00 -0300\r\n" + again_mail.mail
            found.append(Mixed(again_mail.kind, copy, again_mail.person))
        elif draw < 0.98:
            kind = random.choice(list(_NOBODYS))
            found.append(Mixed(kind, _NOBODYS[kind](random, next(everybody), number)))
        else:
            kind = random.choice(list(_HOSTILE))
            found.append(Mixed(kind, _HOSTILE[kind](number), readable=False))
    random.shuffle(found)
    return found


def _everybody(random: Random) -> Iterator[Person]:
    """People whose names nobody could take for another's."""
    # Xisto Ulhoa and Xisto Uchoa may be one person to anybody who reads mail: that is dedupe's to be measured by.
    families = [family for family in FAMILY.split() if family != "Ulhoa"]
    pairs = [(given, family) for given in GIVEN.split() for family in families]
    random.shuffle(pairs)
    for number, (given, family) in enumerate(pairs * 4):
        local = f"{_plain(given)}.{_plain(family)}{number}"
        phone = f"({random.choice(AREAS)}) 9{6000 + number // 9000}-{number % 9000 + 1000}"
        yield Person(f"{given} {family}", f"{local}@correio{number}.example", phone, f"{family} & Filhos {number}")


def _plain(text: str) -> str:
    return anyascii(text).lower()


# --- how a mail is put together ---------------------------------------------------------------------------------------


def letter(
    sender: tuple[str, str],
    subject: str,
    text: str,
    number: int,
    *,
    to: str = DESK,
    headers: tuple[str, ...] = (),
    content: str = "text/plain; charset=utf-8",
    charset: str = "utf-8",
) -> bytes:
    """A mail of one part."""
    name, address = sender
    shown = formataddr((Header(name, "utf-8").encode() if name else "", address)) if address else "<>"
    lines = [
        f"From: {shown}",
        f"To: {to}",
        f"Subject: {Header(subject, 'utf-8').encode()}",
        f"Date: Sat, 21 Nov 2026 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} -0300",
        f"Message-ID: <{number}.mixed@mail.example>",
        *headers,
        "MIME-Version: 1.0",
        f"Content-Type: {content}",
        "Content-Transfer-Encoding: 8bit",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text.replace("\n", "\r\n").encode(charset) + b"\r\n"


def _asks(random: Random) -> str:
    return random.choice(
        (
            "Bom dia,\n\nGostaria de um orçamento para 20 pessoas.",
            "Olá! Vocês atendem em Recife? Preciso de uma proposta até sexta.",
            "Hello,\n\nCould you send me a quote for your annual plan?",
            "Hola,\n\nQuisiera recibir información sobre sus precios.",
            "Bonjour,\n\nPouvez-vous m'envoyer un devis pour dix postes ?",
            "Guten Tag,\n\nbitte senden Sie mir ein Angebot für zehn Plätze.",
        )
    )


def _signed(random: Random, person: Person) -> str:
    return f"{_asks(random)}\n\nAtt.,\n{person.name}\n{person.company}\nTel.: {person.phone}\n"


# --- people -----------------------------------------------------------------------------------------------------------


def _direct(random: Random, person: Person, number: int) -> bytes:
    return letter((person.name, person.address), "Orçamento", _signed(random, person), number)


def _latin(random: Random, person: Person, number: int) -> bytes:
    content, charset = "text/plain; charset=iso-8859-1", "iso-8859-1"
    sender = (person.name, person.address)
    return letter(sender, "Dúvida", _signed(random, person), number, content=content, charset=charset)


def _html(random: Random, person: Person, number: int) -> bytes:
    paragraphs = "".join(f"<p>{line}</p>" for line in _signed(random, person).splitlines() if line)
    text = f"<html><head><style>p {{ color: red }}</style></head><body>{paragraphs}</body></html>"
    return letter((person.name, person.address), "Proposta", text, number, content="text/html; charset=utf-8")


def _form(random: Random, person: Person, number: int) -> bytes:
    text = (
        f"Nova mensagem do site\n\nNome: {person.name}\nE-mail: {person.address}\nTelefone: {person.phone}\n"
        f"Mensagem: {_asks(random).splitlines()[-1]}\n\n--\nEste e-mail foi enviado pelo formulário do site\n"
    )
    return letter(("Site", f"wordpress@{HOUSE}"), "Novo contato pelo site", text, number)


def _table(_random: Random, person: Person, number: int) -> bytes:
    rows = (("Nome completo", person.name), ("Seu melhor e-mail", person.address), ("WhatsApp", person.phone))
    cells = "".join(f"<tr><td><b>{label}</b></td><td>{value}</td></tr>" for label, value in rows)
    text = f"<html><body><h2>New submission</h2><table>{cells}</table></body></html>"
    sender = ("Formulários", "no-reply@forms.example")
    return letter(sender, "New form submission", text, number, content="text/html; charset=utf-8")


_FORWARDS = (
    ("Fwd: {0}", "---------- Forwarded message ---------\nFrom: {1} <{2}>\nDate: Sat, Nov 21, 2026 at 9:00 AM\n"
     "Subject: {0}\nTo: <{3}>\n\n\n{4}"),
    ("Fwd: {0}", "---------- Mensagem encaminhada ---------\nDe: {1} <{2}>\nDate: sáb., 21 de nov. de 2026 às 09:00\n"
     "Subject: {0}\nTo: <{3}>\n\n\n{4}"),
    ("ENC: {0}", "________________________________\nDe: {1} <{2}>\nEnviado: sábado, 21 de novembro de 2026 09:00\n"
     "Para: {3}\nAssunto: {0}\n\n{4}"),
    ("FW: {0}", "From: {1} <{2}>\nSent: Saturday, November 21, 2026 9:00 AM\nTo: {3}\nSubject: {0}\n\n{4}"),
    ("RV: {0}", "De: {1} <{2}>\nEnviado el: sábado, 21 de noviembre de 2026 9:00\nPara: {3}\nAsunto: {0}\n\n{4}"),
    ("WG: {0}", "Von: {1} <{2}>\nGesendet: Samstag, 21. November 2026 09:00\nAn: {3}\nBetreff: {0}\n\n{4}"),
    ("TR: {0}", "De : {1} <{2}>\nEnvoyé : samedi 21 novembre 2026 09:00\nÀ : {3}\nObjet : {0}\n\n{4}"),
    ("Fwd: {0}", "Begin forwarded message:\n\nFrom: {1} <{2}>\nSubject: {0}\nDate: 21 November 2026 at 09:00:00 BRT\n"
     "To: {3}\n\n{4}"),
    ("Fwd: {0}", "-------- Mensagem original --------\nAssunto: {0}\nData: Sat, 21 Nov 2026 09:00:00 -0300\n"
     "De: {1} <{2}>\nPara: {3}\n\n\n{4}"),
)  # fmt: skip


def _forward(random: Random, person: Person, number: int) -> bytes:
    subject, layout = random.choice(_FORWARDS)
    text = layout.format("Pedido", person.name, person.address, DESK, _signed(random, person))
    comment = random.choice(("", "Pode ver este, por favor?\n\n", "FYI\n\n"))
    return letter(("Colega da Casa", f"colega@{HOUSE}"), subject.format("Pedido"), comment + text, number)


_PEOPLES: dict[str, Callable[[Random, Person, int], bytes]] = {
    "direct": _direct, "latin-1": _latin, "html": _html, "form": _form, "form table": _table, "forward": _forward,
}  # fmt: skip


def _reply(_random: Random, person: Person, number: int) -> bytes:
    text = (
        f"Perfeito, pode ser na terça.\n\n{person.name}\n\n"
        f"Em sex., 20 de nov. de 2026 às 10:00, Vendas <{DESK}> escreveu:\n\n> Podemos falar na terça?\n> Vendas\n"
    )
    return letter(
        (person.name, person.address), "Re: Orçamento", text, number, headers=("In-Reply-To: <1@casa.example>",)
    )


# --- nobody -----------------------------------------------------------------------------------------------------------


def _bounce(_random: Random, person: Person, number: int) -> bytes:
    text = (
        "--b1\nContent-Type: text/plain\n\nThis is the mail system at host mx.example.\n\nI'm sorry to have to inform "
        f"you that your message could not be delivered.\n\n<{person.address}>: 550 5.1.1 user unknown\n\n"
        "--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {person.address}\nAction: failed\nStatus: 5.1.1\n\n"
        f"--b1\nContent-Type: message/rfc822\n\nFrom: Vendas <{DESK}>\nTo: {person.address}\n"
        "Subject: Proposta\n\nOlá\n\n--b1--\n"
    )
    content = 'multipart/report; report-type=delivery-status; boundary="b1"'
    sender = ("Mail Delivery System", "MAILER-DAEMON@mx.example")
    return letter(sender, "Undelivered Mail Returned to Sender", text, number, content=content)


_BARE_BOUNCES = (
    ("MAILER-DAEMON", "failure notice", "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able "
     "to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't "
     "work out.\n\n<{0}>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 No such user\nGiving up.\n"),
    ("postmaster", "Não é possível entregar: Proposta", "Falha na entrega para estes destinatários ou grupos:\n\n{0}\n"
     "O endereço de email inserido não foi encontrado.\n\nInformações de diagnóstico para administradores:\n\n#550 "
     "5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n"),
    ("Mailer-Daemon", "Mail delivery failed: returning message to sender", "This message was created automatically by "
     "mail delivery software.\n\nA message that you sent could not be delivered to one or more of its recipients. This "
     "is a permanent error. The following address(es) failed:\n\n  {0}\n    Unrouteable address\n"),
)  # fmt: skip


def _bare_bounce(random: Random, person: Person, number: int) -> bytes:
    local, subject, text = random.choice(_BARE_BOUNCES)
    return letter(("", f"{local}@mx.example"), subject, text.format(person.address), number)


def _absent(_random: Random, person: Person, number: int) -> bytes:
    text = "Estou fora do escritório até 30/11. Em caso de urgência, fale com minha equipe.\n"
    headers = ("Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All")
    return letter((person.name, person.address), "Resposta automática: Proposta", text, number, headers=headers)


_BARE_ABSENCES = (
    ("Automatic reply: Proposal", "I am out of the office until 30 November with limited access to e-mail.\n"),
    ("Respuesta automática: Propuesta", "Estaré fuera de la oficina hasta el 30 de noviembre.\n"),
    ("Automatische Antwort: Angebot", "Ich bin bis zum 30.11. nicht im Büro. In dringenden Fällen Tel. 0.\n"),
    ("Réponse automatique : Devis", "Je suis absent jusqu'au 30 novembre.\n"),
    ("Fora do escritório", "Estarei de férias de 16/11 a 30/11. Em caso de urgência procure a recepção.\n"),
)


def _bare_absence(random: Random, person: Person, number: int) -> bytes:
    subject, text = random.choice(_BARE_ABSENCES)
    return letter((person.name, person.address), subject, text, number)


def _newsletter(random: Random, person: Person, number: int) -> bytes:
    headers = ("List-Unsubscribe: <mailto:sair@news.example>", "List-Id: Novidades <news.example>", "Precedence: bulk")
    text = f"As novidades da semana\n\n{_asks(random)}\n\nNão quer mais receber? Descadastre-se.\n"
    return letter((person.company, "novidades@news.example"), "Novidades da semana", text, number, headers=headers)


def _robot(_random: Random, _person: Person, number: int) -> bytes:
    text = "Sua fatura está disponível.\n\nEste é um e-mail automático, não responda.\n"
    return letter(("Cobrança", "no-reply@banco.example"), "Fatura disponível", text, number)


def _abuse(_random: Random, person: Person, number: int) -> bytes:
    text = (
        "--b2\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n--b2\n"
        "Content-Type: message/feedback-report\n\n"
        "Feedback-Type: abuse\nUser-Agent: Loop/1\nVersion: 1\n\n--b2\nContent-Type: message/rfc822\n\n"
        f"From: <{DESK}>\n"
        f"To: {person.address}\nSubject: Proposta\n\nOlá\n\n--b2--\n"
    )
    content = 'multipart/report; report-type=feedback-report; boundary="b2"'
    return letter(("", "staff@provider.example"), "complaint", text, number, content=content)


def _colleague(_random: Random, _person: Person, number: int) -> bytes:
    return letter(("Colega da Casa", f"colega@{HOUSE}"), "Reunião", "A reunião ficou para as 15h.\n", number)


_NOBODYS: dict[str, Callable[[Random, Person, int], bytes]] = {
    "bounce": _bounce, "bare bounce": _bare_bounce, "absence": _absent, "bare absence": _bare_absence,
    "newsletter": _newsletter, "robot": _robot, "abuse report": _abuse, "colleague": _colleague,
}  # fmt: skip


# --- attacks ----------------------------------------------------------------------------------------------------------


def _nested(number: int) -> bytes:
    parts = "".join(f"--n{level}\nContent-Type: multipart/mixed; boundary=n{level + 1}\n\n" for level in range(200))
    return letter(("", "x@evil.example"), "x", parts, number, content="multipart/mixed; boundary=n0")


def _wide(number: int) -> bytes:
    headers = "Content-Type: text/plain;\n" + "".join(f"\tname*{part}=x;\n" for part in range(20_000))
    return letter(
        ("", "x@evil.example"), "x", f"--w\n{headers}\n\nx\n--w--", number, content="multipart/mixed; boundary=w"
    )


_HOSTILE: dict[str, Callable[[int], bytes]] = {"nested": _nested, "wide": _wide}


def huge(megabytes: int) -> bytes:
    """A letter of a person with an attachment of so many megabytes."""
    attachment = base64.encodebytes(bytes(1024 * 1024) * megabytes).replace(b"\n", b"\r\n")
    head = letter(
        ("Olga Prates", "olga@correio.example"),
        "Documentos",
        "--h\nContent-Type: text/plain; charset=utf-8\n\nSeguem os documentos.\n\n--h\n"
        "Content-Type: application/zip; name=d.zip\nContent-Transfer-Encoding: base64\n\n",
        1,
        content="multipart/mixed; boundary=h",
    )
    return head + attachment + b"--h--\r\n"
