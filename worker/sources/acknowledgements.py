"""Acknowledgements: what help desks and shops send back by themselves to whoever has written to them."""

from __future__ import annotations

import re
from typing import Final

from pipelines.text import fold

_RECEIVED = re.compile(
    r"\b(?:(?:we|we've|we have)(?: successfully| just)? (?:have )?received your"
    r"|(?:your|this) (?:support )?(?:request|message|e-?mail|ticket|enquiry|inquiry|case|query)\b.{0,60}?"
    r"\b(?:has been|was|is) (?:successfully )?(?:received|created|opened|registered|logged|submitted|assigned)"
    r"|(?:a|an?) (?:new )?(?:support )?(?:ticket|case|request) has been (?:created|opened)"
    r"|recebemos (?:o )?(?:a )?(?:sua|seu) (?:mensagem|e-?mail|contato|solicitacao|pedido de (?:contato|suporte)"
    r"|chamado|ticket)"
    r"|(?:sua|seu|este) (?:mensagem|e-?mail|contato|solicitacao|chamado|ticket|atendimento|protocolo)\b.{0,60}?"
    r"\bfoi (?:recebid|abert|registrad|criad|encaminhad)[ao]"
    r"|hemos recibido (?:su|tu) (?:mensaje|correo|e-?mail|solicitud|consulta|ticket)"
    r"|(?:su|tu|este) (?:mensaje|correo|solicitud|consulta|ticket|caso)\b.{0,60}?\b(?:ha sido|fue) "
    r"(?:recibid|cread|abiert|registrad)[ao])"
)
"""It came in: a letter, a request, a ticket. That a *proposal* or a contract came is what people write."""
_PROMISE = re.compile(
    r"\b(?:(?:will|shall) (?:get back|be in (?:touch|contact)|reply|respond|contact you|review|answer)"
    r"|being reviewed|(?:with)?in (?:\w+ )?\d* ?(?:business |working )?(?:hours?|days?)\b|our support (?:staff|team)"
    r"|responderemos|retornaremos|entraremos em contato|(?:ira|vai|vao) (?:responder|retornar|entrar)"
    r"|(?:equipe|atendentes?|time)\b.{0,60}\b(?:retorn|respond|entrar|analis)\w*"
    r"|(?:esta sendo|sera) (?:analisad|respondid|avaliad)\w+|em ate \d+|dias? ute?is|uteis"
    r"|(?:le|te) responderemos|responderemos|(?:esta siendo|sera) (?:revisad|atendid|respondid)\w+|a la brevedad"
    r"|equipo\b.{0,60}\b(?:respond|contact)\w*|en \d+ horas)"
)
_NUMBER = re.compile(
    r"(?:\b(?:ticket|case|request|reference|chamado|protocolo|solicitacao|atendimento|solicitud|caso)\b(?: de \w+)?"
    r"(?: (?:number|no\.?|id|is|numero|e))*\W{0,4}\d[\d.-]{2,}|[\[(#](?:ticket|case|chamado|caso)\W{0,3}\d{2,}"
    r"|(?:reply|resposta|respuesta) (?:above|acima|por encima|encima) )"
)
"""What a desk files it under, or the line under which it wants no answer."""
_SUBJECT = re.compile(
    r"\W{0,3}(?:\[[^\]]{1,40}\] ?|\([^)]{1,40}\) ?)?(?:recebemos (?:a |o )?(?:sua|seu) |we(?:'ve| have)? received your "
    r"|hemos recibido (?:su|tu) |(?:request|message|e-?mail|enquiry|inquiry|ticket) received\b|recebido\b|recibido\b"
    r"|received\b|(?:mensagem|solicitacao|contato|chamado) recebid[ao]\b|(?:mensaje|solicitud|consulta) recibid[ao]\b"
    r"|(?:thank you|thanks) for (?:contacting|your (?:message|e-?mail|enquiry|inquiry)|reaching|getting in touch)"
    r"|obrigad[ao] (?:pelo|por) (?:seu |o seu |sua )?(?:contato|mensagem|e-?mail|entrar em contato)"
    r"|gracias por (?:contactar|su (?:mensaje|consulta|correo)|escribir))"
)
_SINGULAR = re.compile(r"\b(?:i|i'm|i'll|i've|me|my|eu|meu|minha|recebi|vou|retorno|retornarei|yo|mi|recibi)\b")
_HEAD: Final = 1_200
_LONGEST: Final = 3_000
"""Characters: with the quoted letter and a footer; what is longer says more than that something came."""


def reads_as_acknowledgement(subject: str, text: str, *, desk: bool, asks: bool) -> bool:
    """Whether a mail only tells that ours came in.

    It says so in its first lines, in nobody's own name, and promises an answer or names a number; and either the
    subject says the same, or there is a number, or it comes from a role address (`desk`: suporte@, help@). People write
    such words too ("we received your message, can we talk?"): one who asks for something (`asks`) is a person.
    """
    said = fold(subject[:300])
    head = " ".join(fold(line) for line in text[:_HEAD].splitlines() if line.strip())
    if asks or len(text) > _LONGEST or _SINGULAR.search(head) or not _RECEIVED.search(head):
        return False
    number = bool(_NUMBER.search(head) or _NUMBER.search(said))
    return (number or bool(_PROMISE.search(head))) and (number or desk or bool(_SUBJECT.match(said)))
