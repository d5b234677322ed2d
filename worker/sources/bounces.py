"""Bounces: what mail systems send back, with the standard's headers (RFC 3464) and, as often, without them."""

from __future__ import annotations

import re

from pipelines.text import fold

_DAEMON = re.compile(
    r"(?:mailer-?_?daemon|mail-?daemon|postmaster|mdaemon|maildaemon|mailerdaemon|mail-?delivery(?:-?(?:sub)?system)?"
    r"|microsoftexchange[0-9a-f]{16,}|mailsystem|bounce-?notification)(?:[+=_-].*)?",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"\W*(?:mail delivery (?:sub)?system|mailer[- ]?daemon|postmaster|mail system|system administrator"
    r"|mail administrator"
    r"|microsoft outlook|administrador do sistema|sistema de entrega de (?:e-?)?mail|sistema de correio"
    r"|systemadministrator"
    r"|administrateur syst\w+|amministratore di sistema|administrador del sistema|internet mail delivery)\b.*",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:\[[^\]]{1,30}\] ?)?(?:\W{0,3})(?:undeliver\w+|undelivered|mail undeliverable|delivery (?:status|failure"
    r"|failed|has failed|notification|error|report|problem"
    r"|problems|unsuccessful|incomplete|delayed|attempt)|mail delivery (?:failed|failure|system|error|problem|status"
    r"|delayed|report)"
    r"|(?:e-?mail|message) (?:delivery (?:failure|error|failed)|not delivered|undeliverable|could not be delivered"
    r"|delayed"
    r"|was not delivered|you sent blocked|delivery has been delayed)"
    r"|failure notice|failure delivery|failed mail|failed delivery|returned (?:mail|to sender|e-?mail|message)"
    r"|returned:"
    r"|could not deliver|cannot deliver|unable to deliver|unzustellbar|unzustellbare|nicht zustellbar|nicht zugestellt"
    r"|mail system error|mailsystem|warning: (?:message|could not send|mail)|(?:nondeliverable|non-?deliver\w+|ndn"
    r"|ndr)\b"
    r"|mensagem n(?:ao|[aã]o) entregue|n[aã]o entregue\b|nao foi possivel (?:entregar|a entrega)|(?:aviso|notificacao"
    r"|relatorio)"
    r" (?:de|sobre) (?:falha|nao entrega|status d[ae] entrega|erro|entrega)"
    r"|notificacao (?:de|do) (?:estado|status) d[ae] entrega|falha (?:na|de|da|no) (?:entrega|envio)|erro (?:na"
    r"|de) entrega"
    r"|mensagem devolvida|e-?mail devolvido|devolucao de (?:mensagem|e-?mail)|retorno de e-?mail"
    r"|entrega (?:falhou|com falha|atrasada)|(?:aviso: )?nao foi possivel enviar (?:a|sua) mensagem"
    r"|mensagem nao (?:pode|pude)"
    r"|no se (?:pudo|ha podido|puede) entregar|no entregado|mensaje (?:no entregado|devuelto)|error (?:de"
    r"|en la) entrega"
    r"|correo (?:no entregado|devuelto)|fallo (?:de|en la) entrega|notificacion (?:de|del) estado (?:de|de la) entrega"
    r"|no es posible entregar|imposible entregar"
    r"|non remis|non distribuable|echec (?:de|de la) (?:remise|distribution|livraison)|message non delivre|non delivre"
    r"|avis de non[- ]remise|notification d'echec|courrier (?:non|retourne)|remise (?:retardee|impossible)"
    r"|impossibile (?:consegnare|recapitare)|non (?:recapitabile|consegnato)|mancat[ao] (?:consegna|recapito)"
    r"|recapito non"
    r"|notifica (?:di )?(?:mancat|stato)|messaggio non (?:consegnato|recapitato|recapitabile)|errore di consegna"
    r"|onbestelbaar|niet bezorgd|kan niet worden bezorgd|niedostarczalne|nie dostarczono|niedoreczona|zwrot"
    r"|nedorucitelne|ikke leveret|kunne ikke levere|ej levererat|gick inte att leverera|otdelivery|toimitus epaonnistui"
    r"|benachrichtigung (?:zum|uber den) (?:zustellung|ubermittlung)\w*|zustellung\w* fehlgeschlagen"
    r"|fehler bei der zustellung"
    r"|ubermittlungsfehler|ne dostavleno|nedostavleno|ne udalos dostavit|nevozmozhno dostavit|bounce)",
    re.IGNORECASE,
)
_SURE_SUBJECT = re.compile(
    r"\W{0,3}(?:undeliver(?:ed mail returned|able ?:|able mail)|delivery status notification|returned mail: "
    r"|mail delivery (?:failed|failure|system)"
    r"|(?:non|un)[- ]?delivery (?:report|notification)|delayed mail \(|message you sent blocked"
    r"|mail delivery failed: returning|delivery notification: delivery has failed)"
)
"""What no person heads a letter with."""
_OPENING = re.compile(
    r"\W{0,5}(?:hi\.? this is the |this is the (?:mail system|mail delivery|qmail|postfix|mailer|e?smtp|sendmail)"
    r"|this is the .{0,60}(?:mail delivery|postfix|qmail-send)|this is a permanent error|this message (?:was"
    r"|is) (?:created|generated) automatically by"
    r"|this is an automatically generated delivery|the original message was received at|the following addresses had"
    r"|your (?:e-?mail )?message (?:did not reach|could not be delivered|has not been delivered|was not delivered"
    r"|was undeliverable|cannot be delivered)"
    r"|your message to .{1,200} (?:couldn't|could not|wasn't|was not|has been|cannot) (?:be )?(?:delivered|blocked"
    r"|rejected)"
    r"|(?:delivery to|delivering to) (?:the following|these) (?:recipient|address)|message from .{1,80}(?:mail"
    r"|unable to deliver)"
    r"|i'?m (?:sorry|afraid) .{0,30}(?:to have to inform|i wasn't able)|this is a delivery status notification"
    r"|unable to deliver message|undeliverable (?:mail|message|to)|your mail could not"
    r"|could not deliver (?:the )?(?:message|mail)"
    r"|delivery has failed to|a message that you sent could not|the (?:e-?mail"
    r"|message) (?:that )?you sent .{0,80}(?:not|undeliver)"
    r"|failed to deliver|we were unable to deliver|this report relates to a message you sent|final-recipient:"
    r"|reporting-mta:"
    r"|sorry,? (?:we were|i wasn't|your message)|your mail message to the following|message (?:delivery"
    r"|could not be) (?:has )?(?:failed|delivered)"
    r"|\W*address not found|\W*message (?:not delivered|blocked)|\W*recipient inbox full|mail could not be delivered"
    r"|generating (?:server|mta)|there was a problem delivering"
    r"|este e o (?:sistema|programa) de (?:correio|e-?mail|envio)|esta mensagem foi (?:criada"
    r"|gerada) automaticamente pelo (?:servidor|sistema|software)"
    r"|(?:a |sua )mensagem (?:nao pode|nao foi|que voce enviou .{0,60}nao)|nao foi possivel (?:entregar|enviar)"
    r"|(?:a )?entrega (?:para|aos|ao) .{0,80}falhou"
    r"|falha (?:na|ao) entreg|endereco nao encontrado|mensagem (?:nao entregue|bloqueada)|ocorreu um (?:erro"
    r"|problema) (?:ao|na) entreg"
    r"|este es el (?:sistema|programa) de correo|(?:su|el) mensaje .{0,80}no (?:se )?(?:pudo|ha|puede|fue)"
    r"|no se (?:pudo|ha podido) entregar"
    r"|este mensaje .{0,40}generado automaticamente por|error de entrega|direccion no encontrada|mensaje no entregado"
    r"|ihre nachricht .{0,200}(?:nicht|konnte)|diese nachricht wurde automatisch .{0,60}mail"
    r"|fehler bei der nachrichtenzustellung"
    r"|ubermittlung an (?:die )?folgende|adresse nicht gefunden|die folgende|votre message .{0,200}(?:n'a pas"
    r"|n'ont pas|pas pu)|echec de la remise|ce message a ete cree automatiquement par le"
    r"|adresse introuvable|impossible de remettre|il (?:tuo |suo )?messaggio .{0,120}(?:non|impossibile)"
    r"|impossibile (?:recapitare|consegnare)"
    r"|questo messaggio .{0,40}creato automaticamente dal|indirizzo non trovato|uw bericht .{0,80}(?:niet)"
    r"|wiadomosc nie)",
    re.IGNORECASE,
)
_EVIDENCE = re.compile(
    r"\b[45]\d\d[ -]#?[45]\.\d\.\d{1,3}\b|\b5\.[0-7]\.\d{1,3}\b|smtp error|remote host said|(?:user"
    r"|recipient) unknown|unknown user"
    r"|\b55[0-4][ -](?:user|no |unknown|mailbox|sorry|requested|address|recipient|invalid|relay|message|permanent"
    r"|account|<|blocked|spam|this|host|unrout)"
    r"|no such (?:user|recipient)|mailbox (?:full|unavailable|not found|is full|quota|disabled)|quota exceeded"
    r"|over quota"
    r"|(?:host|domain)(?: name)? (?:or domain name )?(?:not found|unknown)|user .{0,80}(?:does not|doesn't) exist"
    r"|undeliverable|undelivered"
    r"|(?:message|mail|recipient\w*|address\w*).{0,80}(?:could ?n[o']t|can ?not|was not|not be) (?:be )?delivered"
    r"|failed permanently"
    r"|permanent (?:fatal )?error|permanent failure|delivery to the following|final-recipient|reporting-mta"
    r"|recipient (?:address )?(?:rejected|not found)|address(?:es)? (?:rejected|not found|failed|unknown)"
    r"|transcript of session"
    r"|unable to deliver (?:message|mail|your)|relay(?:ing)? denied|(?:mensagem|e-?mail).{0,120}nao (?:pode|foi|p(?:o"
    r"|u)de) (?:ser )?entreg"
    r"|caixa (?:postal|de correio|de entrada) .{0,20}(?:cheia|inexistente|lotada)|(?:usuario"
    r"|destinatario) (?:desconhecido|inexistente|nao encontrado)"
    r"|(?:endereco|conta) de e-?mail .{0,80}nao (?:existe|foi encontrad)|buzon .{0,20}lleno|(?:usuario"
    r"|direccion) .{0,60}no existe"
    r"|(?:mensaje|correo).{0,120}no (?:se )?(?:pudo|ha podido|ha sido|puede)|(?:nachricht"
    r"|e-?mail).{0,120}nicht (?:zugestellt|ubermittelt|zustellbar)"
    r"|message.{0,120}n'(?:a|ont) pas (?:pu )?ete|boite .{0,20}pleine|casella .{0,20}piena"
    r"|messaggio.{0,120}non .{0,20}(?:recapitat|consegnat)",
    re.IGNORECASE,
)
_FULL_SUBJECT = re.compile(
    r"\W{0,3}(?:(?:message|mail|mailbox|e-?mail|inbox|user|recipient|disk|storage)? ?(?:quota|storage)"
    r" (?:exceeded|limit|full|warning|violation)|(?:over|exceeded) quota"
    r"|(?:your )?(?:message .{0,40})?(?:mailbox|inbox) (?:is )?(?:full|over)"
    r"|(?:caixa (?:postal|de correio|de entrada)|mailbox|quota|cota) (?:esta )?(?:cheia|lotada|excedida)"
    r"|limite de (?:armazenamento|quota|cota) (?:excedid|atingid)\w|buzon (?:esta )?lleno"
    r"|cuota (?:de .{1,20} )?(?:excedida|superada))"
)
"""A mailbox is full: mail systems say so of another's, and people of their own."""
_FULL = re.compile(
    r"(?:mail ?box|inbox|user|recipient|account|quota|storage|caixa|cota|buzon|destinat\w+).{0,80}?"
    r"(?:over (?:its |their |the |his |her )?quota|exceed\w*|is full|\bfull\b|cheia|lotada|lleno|excedid\w+)"
    r"|(?:message|mensagem|mensaje|e-?mail|correo).{0,120}?(?:\bnot|nao|\bno) .{0,20}"
    r"(?:delivered|accepted|entreg\w+|aceit\w+|acept\w+)"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_OF_THEMSELVES = re.compile(
    r"\b(?:i|i'm|i've|my|me|we|our|us|eu|meu|minha|nos|nosso|nossa|quero|preciso|yo|mi|nuestr[ao]|quiero|necesito)\b"
)
_FORWARD_OR_REPLY = re.compile(r"\s*(?:re|res|fw|fwd|enc|rv|aw|wg|tr)\s?:", re.IGNORECASE)
_HEAD = 2_500
_OPENING_LINES = 4


def is_daemon(local: str, name: str, subject: str) -> bool:
    """Whether a sender is a mail system: by the local part of its address, or by a name and a bounce's subject."""
    return bool(_DAEMON.fullmatch(local[:200])) or bool(
        _DAEMON_NAME.fullmatch(fold(name[:200])) and has_bounce_subject(subject)
    )


def has_bounce_subject(subject: str) -> bool:
    """Whether a subject begins as those of bounces do, in a dozen languages."""
    return bool(_SUBJECT.match(fold(subject[:300])))


def reads_as_bounce(subject: str, text: str, *, null_sender: bool) -> bool:
    """Whether subject and text are a bounce's where nothing in the headers says so.

    Two of the three are asked for: a bounce's subject, its first lines, and an empty return path; a bounce's subject
    with an error code or phrase in the first lines counts too, and so do the few subjects that no
    person writes. A person who asks about a bounce starts otherwise, and one who forwards it says so in the subject.
    """
    if _FORWARD_OR_REPLY.match(subject):
        return False
    asks = "?" in text[:200]
    if _SURE_SUBJECT.match(fold(subject[:300])) and not asks:
        return True
    head = fold_lines(text[:_HEAD])
    by_subject = has_bounce_subject(subject)
    by_opening = any(_OPENING.match(line) for line in [line for line in head if line][:_OPENING_LINES])
    if by_subject and (by_opening or null_sender):
        return True
    if not asks and _FULL_SUBJECT.match(fold(subject[:300])) and _tells_of_a_full_mailbox(" ".join(head), null_sender):
        return True
    evidence = bool(_EVIDENCE.search(" ".join(head)))
    return evidence and (by_subject or by_opening) and not asks


def _tells_of_a_full_mailbox(head: str, null_sender: bool) -> bool:
    """Whether a text names somebody's mailbox that took nothing in, and nobody speaks in it of themselves."""
    named = null_sender or bool(_ADDRESS.search(head))
    return named and bool(_FULL.search(head) or _EVIDENCE.search(head)) and not _OF_THEMSELVES.search(head)


def fold_lines(text: str) -> list[str]:
    """The lines of a text, folded."""
    return [fold(line) for line in text.splitlines()]
