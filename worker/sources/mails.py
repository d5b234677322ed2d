"""Mails (RFC 5322, MIME): the person who wrote, or the person in the form that a robot mailed on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, NotContact
from worker.sources.automatedmail import is_robot, why_nobody, why_nobody_without_form
from worker.sources.formmails import form_answers
from worker.sources.mailparts import Address, addresses, all_headers, attachment_names, body_text
from worker.sources.records import context, field, record

_MOST_BOUNDARIES = 50
_LONGEST_MIME_HEADER = 4096
_BOUNDARY = re.compile(rb"boundary[*\d\s]*=", re.IGNORECASE)
_MIME_HEADER = re.compile(rb"^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)


def parse_mail(body: bytes) -> Iterator[SourceRecord | BadRecord | NotContact]:
    """One record, or why the mail is from nobody. Raises `Unparsable` where the structure is an attack or a ruin.

    In a form-notification mail the person is the one in the form; its sender stays as context.
    """
    _refuse_hostile(body)
    try:
        message = BytesParser(policy=policy.default).parsebytes(body)
        found = _read(message)
    except Exception as error:  # the parser lets many kinds through on broken mails, RecursionError among them
        raise Unparsable("The mail does not parse: its headers or its parts are broken.") from error
    yield found


def _refuse_hostile(body: bytes) -> None:
    """The parser's time grows with depth times lines, and with the square of a MIME header's length."""
    if sum(1 for _ in _BOUNDARY.finditer(body)) > _MOST_BOUNDARIES:
        raise Unparsable(f"The mail has more than {_MOST_BOUNDARIES} multipart boundaries.")
    if any(found.end() - found.start() > _LONGEST_MIME_HEADER for found in _MIME_HEADER.finditer(body)):
        raise Unparsable(f"The mail has a MIME header of more than {_LONGEST_MIME_HEADER:,} bytes.")


def _read(message: EmailMessage) -> SourceRecord | NotContact:
    headers = all_headers(message)
    senders = addresses(headers, "from") or addresses(headers, "sender") or addresses(headers, "return-path")
    sender = senders[0] if senders else Address("", "")
    reason = why_nobody(headers, message, sender)
    if reason:
        return NotContact(reason, "judged by the mail's headers and structure")
    text = body_text(message)
    replies = [one for one in addresses(headers, "reply-to") if one.address.lower() != sender.address.lower()]
    answers = form_answers(text, sender.address, automated=bool(replies) or is_robot(headers, sender))
    if not answers and (reason := why_nobody_without_form(headers, sender)):
        return NotContact(reason, "judged by the mail's headers; there is no filled-in form in it")
    fields = list(_form(answers, sender, replies) if answers else _letter(sender, replies, text))
    fields.append(context("subject", headers.get("subject", [""])[0]))
    fields += [context(name, [one.address for one in addresses(headers, name)]) for name in ("to", "cc")]
    fields.append(context("message_id", headers.get("message-id", [""])[0].strip()))
    fields.append(context("attachments", list(attachment_names(message))))
    return record(fields, occurred_at=_sent_at(headers), language=headers.get("content-language", [""])[0][:35].strip())


def _letter(sender: Address, replies: list[Address], text: str) -> Iterator[SourceField]:
    yield field("from.name", sender.name, hint="name")
    yield field("from.address", sender.address, hint="email")
    yield field("message", text, hint="message")
    yield context("reply_to", [one.address for one in replies])


def _form(answers: list[tuple[str, str]], sender: Address, replies: list[Address]) -> Iterator[SourceField]:
    for label, value in answers:
        yield field(label, value, label=label)
    # Form plugins put the visitor's address into Reply-To; one that the form holds itself comes first.
    if any("@" in value for _, value in answers):
        yield context("reply_to", [one.address for one in replies])
    else:
        yield field("reply_to", [one.address for one in replies], hint="email")
    yield context("from.name", sender.name)
    yield context("from.address", sender.address)


def _sent_at(headers: dict[str, list[str]]) -> datetime | None:
    try:
        sent = parsedate_to_datetime(headers["date"][0])
        # -0000 is UTC of a sender who does not say where they are (RFC 5322, 3.3).
        return sent.astimezone(UTC) if sent.tzinfo else sent.replace(tzinfo=UTC)
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return None
