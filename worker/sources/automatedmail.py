"""Which mails no person wrote: bounces, automatic replies, lists, robots (RFC 3464, 3834, 2369, 2919)."""

from __future__ import annotations

import re
from email.message import EmailMessage
from itertools import islice

from worker.sources.mailparts import Address
from worker.sources.reasons import AUTO_REPLY, BOUNCE, MAILING_LIST, ROBOT

Headers = dict[str, list[str]]

_DAEMON = re.compile(r"(?:mailer-daemon|mail-daemon|postmaster|mdaemon|mailerdaemon)(?:[+=-].*)?", re.IGNORECASE)
_NO_REPLY = re.compile(
    r"(?:(?:no|nao|não|do-?not|donot|never)[-_.]?(?:reply|responda|responder|answer)|noresponder|no-contest\w*)(?:[-_.+].*)?"
    r"|(?:wordpress|notifica\w*|notification\w*|robot|mailer|automailer|bounces?|formulario|forms?|website|webmaster)",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"\s*(?:undeliver\w+|delivery (?:status notification|failure|has failed)|mail delivery (?:failed|failure|system)"
    r"|failure notice|returned mail|returned to sender|non remis|mensagem n[aã]o entregue|n[aã]o entregue\b"
    r"|falha (?:na entrega|de entrega)|no se pudo entregar|no entregado)",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|resposta autom[aá]tica"
    r"|respuesta autom[aá]tica|fora do escrit[oó]rio|aus[eê]ncia tempor[aá]ria|fuera de (?:la )?oficina|auto:)",
    re.IGNORECASE,
)
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply")
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe", "list-help")


def why_nobody(headers: Headers, message: EmailMessage, sender: Address) -> str:
    """The reason code of a bounce or of an automatic reply; empty for any other mail."""
    local = sender.address.partition("@")[0]
    report = _report_type(message)
    if report == "delivery-status" or "x-failed-recipients" in headers or _DAEMON.fullmatch(local):
        return BOUNCE
    subject = _first(headers, "subject")
    if _first(headers, "return-path").strip() == "<>" and _BOUNCE_SUBJECT.match(subject):
        return BOUNCE
    if report == "disposition-notification" or _first(headers, "auto-submitted").lower().startswith("auto-replied"):
        return AUTO_REPLY
    if any(name in headers for name in _AUTO_HEADERS) or _precedence(headers) == "auto_reply":
        return AUTO_REPLY
    return AUTO_REPLY if _AUTO_SUBJECT.match(subject) else ""


def why_nobody_without_form(headers: Headers, sender: Address) -> str:
    """The reason code of a mail to many or by a robot: nobody's, unless a filled-in form is in it."""
    if any(name in headers for name in _LIST_HEADERS) or _precedence(headers) in {"bulk", "list", "junk"}:
        return MAILING_LIST
    return ROBOT if is_robot(headers, sender) else ""


def is_robot(headers: Headers, sender: Address) -> bool:
    """Whether a machine sent it, as far as its headers say (RFC 3834, 5) or its address does."""
    submitted = _first(headers, "auto-submitted").partition(";")[0].strip().lower()
    return submitted not in {"", "no"} or bool(_NO_REPLY.fullmatch(sender.address.partition("@")[0]))


def _report_type(message: EmailMessage) -> str:
    if message.get_content_type() == "multipart/report":
        return str(message.get_param("report-type") or "").lower()
    # Many bounces carry the report without saying so at the top.
    parts = (part.get_content_type() for part in islice(message.walk(), 20))
    return "delivery-status" if "message/delivery-status" in parts else ""


def _precedence(headers: Headers) -> str:
    return _first(headers, "precedence").strip().lower()


def _first(headers: Headers, name: str) -> str:
    return headers.get(name, [""])[0]
