"""Which mails no person wrote: bounces, automatic replies, reports, lists, robots.

By RFC 3464, 3834, 5965, 2369, 2919, and by how such mails read that follow none of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from email.message import Message
from itertools import islice

from pipelines.emails import email_domain, is_role_address, registrable_domain
from pipelines.text import fold
from worker.sources.acknowledgements import reads_as_acknowledgement
from worker.sources.autoreplies import has_auto_reply_headers, invites, reads_as_auto_reply
from worker.sources.bounces import is_daemon, reads_as_bounce
from worker.sources.mailparts import Address, Headers, first, parts_of
from worker.sources.reasons import ABUSE_REPORT, AUTO_REPLY, BOUNCE, MAILING_LIST, ROBOT

_NO_REPLY = re.compile(
    r"(?:[\w.+-]{0,40}[._-])?(?:no|nao|não|do-?not|donot|never|nicht|ne|pas-?de|non)[-_.]?(?:reply|responda|responder"
    r"|answer|antworten|repondez?-?pas|reponse|rispondere|responde)(?:[-_.+].*)?"
    r"|(?:noresponder|ne[-_.]?pas[-_.]?repondre|nao[-_.]?responda|no-contest\w*|noreplies)(?:[-_.+].*)?"
    r"|(?:wordpress|notifica\w*|notification\w*|notify|robot|mailer|automailer|auto-?mail|bounces?|formulario|forms?"
    r"|form-?mail|website|webmaster"
    r"|www-data|apache|nobody|root|cron|daemon|system|sistema|alerts?|alertas?|newsletters?|news|updates?|mailing"
    r"|mailings|calendar-notification|automatico|automatic)(?:[-_.+].*)?",
    re.IGNORECASE,
)
_LIST_HEADERS = frozenset(
    {
        "list-id",
        "list-post",
        "list-unsubscribe",
        "list-help",
        "list-subscribe",
        "list-owner",
        "mailing-list",
        "x-mailing-list",
        "x-campaign-id",
        "x-campaignid",
        "x-mc-user",
        "x-mailman-version",
        "x-beenthere",
    }
)
_LIST_ID = re.compile(r"<([^<>]{1,255})>|([\w.-]{1,255})\s*$")
_ASKED_IN = 1_200
"""Characters of a text in which whoever wants something says so."""
_SUPPRESSED = ("x-auto-response-suppress",)


def why_nobody(headers: Headers, message: Message, sender: Address, text: str) -> str:
    """The reason code of a bounce, an automatic reply or an abuse report; empty for any other mail.

    Judged by the structure, then by the headers, then by how subject and first lines read.
    """
    report = _report_type(message)
    subject = first(headers, "subject")
    local = sender.address.partition("@")[0]
    if report == "feedback-report":
        return ABUSE_REPORT
    if report == "delivery-status" or "x-failed-recipients" in headers:
        return BOUNCE
    if report == "disposition-notification":
        return AUTO_REPLY
    null_sender = _has_null_sender(headers)
    if not sender.address and null_sender and first(headers, "from").replace(" ", "") == "<>":
        return BOUNCE
    if is_daemon(local, sender.name, subject) or reads_as_bounce(subject, text, null_sender=null_sender):
        return BOUNCE
    if has_auto_reply_headers(headers) or (null_sender and _is_bulk_answer(headers)):
        return AUTO_REPLY
    return AUTO_REPLY if _reads_as_vacation(headers, subject, text) else ""


def is_acknowledgement(sender: Address, subject: str, text: str) -> bool:
    """Whether a desk only says that a mail came in. Asked where there is no form: notices of forms say so too."""
    head = text[:_ASKED_IN]
    asks = "?" in head or invites(fold(head))
    return reads_as_acknowledgement(subject, text, desk=is_role_address(sender.address), asks=asks)


def _has_null_sender(headers: Headers) -> bool:
    """The empty return path that answers of machines travel with (RFC 5321, 4.5.5; RFC 3834, 3.3)."""
    return first(headers, "return-path").replace(" ", "") == "<>"


def _is_bulk_answer(headers: Headers) -> bool:
    """How answering machines older than RFC 3834 mark their answers; lists, which do too, have a return path."""
    return _precedence(headers) in {"bulk", "junk"} and not any(name in headers for name in _LIST_HEADERS)


def _reads_as_vacation(headers: Headers, subject: str, text: str) -> bool:
    machine = (
        _has_null_sender(headers)
        or any(name in headers for name in _SUPPRESSED)
        or first(headers, "auto-submitted").partition(";")[0].strip().lower() not in {"", "no"}
        or _precedence(headers) in {"bulk", "junk"}
    )
    return reads_as_auto_reply(subject, text, machine=machine)


def why_nobody_without_form(headers: Headers, sender: Address, own_domains: Collection[str] = ()) -> str:
    """The reason code of a mail to many or by a robot: nobody's, unless a filled-in form is in it.

    A shared mailbox that is itself a group of ours (`contato@` as a Google Group) marks every letter as a list's.
    """
    if not _is_own_group(headers, own_domains) and (
        any(name in headers for name in _LIST_HEADERS) or _precedence(headers) in {"bulk", "list", "junk"}
    ):
        return MAILING_LIST
    return ROBOT if is_robot(headers, sender) else ""


def is_robot(headers: Headers, sender: Address) -> bool:
    """Whether a machine sent it, as far as its headers say (RFC 3834, 5) or its address does."""
    submitted = first(headers, "auto-submitted").partition(";")[0].strip().lower()
    return submitted not in {"", "no"} or is_robot_address(sender.address)


def is_robot_address(address: str) -> bool:
    """Whether an address says itself that it is a machine's: no-reply@, nao-responda@, wordpress@."""
    local = address.partition("@")[0][:100]
    return bool(_NO_REPLY.fullmatch(local)) or is_daemon(local, "", "")


def is_own(address: str, own_domains: Collection[str]) -> bool:
    """Whether an address is at one of the receiver's own mail domains, or below it."""
    domain = email_domain(address)
    return any(domain == own.lower() or domain.endswith(f".{own.lower()}") for own in own_domains)


def same_house(left: str, right: str) -> bool:
    """Whether two addresses are of one registered domain."""
    return bool(registrable_domain(left)) and registrable_domain(left) == registrable_domain(right)


def _is_own_group(headers: Headers, own_domains: Collection[str]) -> bool:
    match = _LIST_ID.search(first(headers, "list-id"))
    return bool(match) and is_own(f"list@{match[1] or match[2]}", own_domains) if match else False


def _report_type(message: Message) -> str:
    if message.get_content_type() == "multipart/report":
        return str(message.get_param("report-type") or "").strip().lower()
    # Many reports are sent without saying so at the top.
    kinds = {part.get_content_type() for part in islice(parts_of(message), 20)}
    for kind in ("delivery-status", "disposition-notification", "feedback-report"):
        if f"message/{kind}" in kinds:
            return kind
    return ""


def _precedence(headers: Headers) -> str:
    return first(headers, "precedence").lower()
