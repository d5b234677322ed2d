"""Mails (RFC 5322, MIME): the person who wrote, whose mail was passed on, or who filled in the form a robot mailed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from pipelines.emails import is_role_address
from pipelines.models import SourceField, SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, NotContact
from worker.sources.automatedmail import (
    is_acknowledgement,
    is_own,
    is_robot,
    is_robot_address,
    same_house,
    why_nobody,
    why_nobody_without_form,
)
from worker.sources.formmails import Answers, form_answers, known_field
from worker.sources.forwardedmail import Forwarded, read_forwarded
from worker.sources.mailcards import attached_people, invited_person
from worker.sources.mailparts import (
    Address,
    Headers,
    addresses,
    all_headers,
    attached_mails,
    attachment_names,
    first,
)
from worker.sources.mailtext import body_text
from worker.sources.quotedmail import own_text
from worker.sources.reasons import AUTO_REPLY, OWN_DOMAIN
from worker.sources.records import context, field, record
from worker.sources.signatures import phones_said, read_signature
from worker.sources.trees import Tree

_MOST_BOUNDARIES = 50
_LONGEST_MIME_HEADER = 4096
_LARGEST_PARSED = 5_000_000
"""Bytes of a mail that are parsed: texts, cards and calendars come early, what is cut is an attachment."""
_MOST_MAILS = 20
_MOST_LEVELS = 3
_BOUNDARY = re.compile(rb"boundary[*\d\s]*=", re.IGNORECASE)
_MIME_HEADER = re.compile(rb"^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_ENCODED = re.compile(rb"^(?:[A-Za-z0-9+/]{60,76}\r?\n)+", re.MULTILINE)
_LONGEST_ENCODED = 700_000
"""Bytes of a base64 part that are parsed: half a million decoded, more than any text, card or calendar that is read."""
_VIA = re.compile(r"\s+(?:via|por meio de|através de|a través de|through)\s+\S.*$", re.IGNORECASE)

Found = SourceRecord | BadRecord | NotContact


@dataclass(frozen=True, slots=True)
class _Mail:
    """A parsed mail with what every judgement of it asks for."""

    message: Message
    headers: Headers
    sender: Address
    replies: tuple[Address, ...]
    """Where answers are to go, other than to the sender."""
    text: str

    @property
    def subject(self) -> str:
        return first(self.headers, "subject")


def parse_mail(body: bytes, own_domains: Collection[str] = ()) -> Iterator[SourceRecord | BadRecord | NotContact]:
    """The person, or why the mail is from nobody. Raises `Unparsable` where the structure is an attack or a ruin.

    In a form-notification mail the person is the one in the form, in a forwarded mail the one who wrote the mail that
    was passed on; who sent or forwarded it stays as context. Mails and cards (.vcf) of others that are attached are
    records of their own. What `own_domains` wrote, the receiver's, is from nobody unless such a person is in it.
    Bounded: of a large mail the first megabytes are parsed, of its attachments only small ones are opened.
    """
    _refuse_hostile(body)
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(_shortened(body))
        found = list(_read(_opened(message), own_domains, 0))
    except Exception as error:  # the parser lets many kinds through on broken mails, RecursionError among them
        raise Unparsable("The mail does not parse: its headers or its parts are broken.") from error
    yield from found


def _shortened(body: bytes) -> bytes:
    """The mail without what nobody reads of it: the rest of its large attachments, and the end of a huge one."""
    if len(body) > _LONGEST_ENCODED:
        body = _ENCODED.sub(lambda found: found[0][:_LONGEST_ENCODED], body)
    return body[:_LARGEST_PARSED]


def _refuse_hostile(body: bytes) -> None:
    """The parser's time grows with depth times lines, and with the square of a MIME header's length."""
    if sum(1 for _ in _BOUNDARY.finditer(body)) > _MOST_BOUNDARIES:
        raise Unparsable(f"The mail has more than {_MOST_BOUNDARIES} multipart boundaries.")
    if any(found.end() - found.start() > _LONGEST_MIME_HEADER for found in _MIME_HEADER.finditer(body)):
        raise Unparsable(f"The mail has a MIME header of more than {_LONGEST_MIME_HEADER:,} bytes.")


def _opened(message: Message) -> _Mail:
    headers = all_headers(message)
    senders = addresses(headers, "from") or addresses(headers, "sender") or addresses(headers, "return-path")
    sender = senders[0] if senders else Address("", "")
    replies = tuple(one for one in addresses(headers, "reply-to") if one.address.lower() != sender.address.lower())
    return _Mail(message, headers, sender, replies, body_text(message))


def _read(mail: _Mail, own: Collection[str], level: int) -> Iterator[Found]:
    reason = why_nobody(mail.headers, mail.message, mail.sender, mail.text)
    if reason:
        yield NotContact(reason, "judged by the mail's headers, structure and first lines")
        return
    passed_on = list(_attached(mail, own, level))
    if passed_on:
        yield from passed_on
        return
    forwarded = read_forwarded(mail.text, mail.subject, answers="in-reply-to" in mail.headers)
    unlisted = not why_nobody_without_form(mail.headers, mail.sender, own)
    if forwarded and unlisted and (fields := list(_forwarded(forwarded, mail, own))):
        yield _record(fields, mail)
        return
    robot = is_robot(mail.headers, mail.sender)
    answers = _answers(mail, robot)
    if answers:
        yield _record(list(_form(answers, mail, own)), mail)
        return
    person = _person(mail, own, robot)
    if not unlisted and (invited := invited_person(mail.message, _receivers(mail), own)):
        yield _record(list(_letter(invited, mail, mail.text)), mail)
        return
    if person == mail.sender and (reason := why_nobody_without_form(mail.headers, mail.sender, own)):
        yield NotContact(reason, "judged by the mail's headers; there is no filled-in form in it")
    elif person == mail.sender and is_acknowledgement(mail.sender, mail.subject, mail.text):
        yield NotContact(AUTO_REPLY, "says that a mail came in, and asks for nothing")
    elif is_own(person.address, own):
        yield NotContact(OWN_DOMAIN, "written by an address of ours; there is no form and nobody else's mail in it")
    else:
        cards, others = attached_people(mail.message, person, own)
        yield _record([*_letter(person, mail, mail.text), *cards], mail)
        yield from others


def _answers(mail: _Mail, robot: bool) -> Answers:
    """What a form in the mail holds: in what was written now, or, where a robot wrote, anywhere."""
    for text in [own_text(mail.text)[0], *([mail.text] if robot else [])]:
        if found := form_answers(text, mail.sender.address, robot=robot, answered_elsewhere=bool(mail.replies)):
            return found
    return []


def _receivers(mail: _Mail) -> frozenset[str]:
    return frozenset(
        one.address.lower() for name in ("to", "cc", "delivered-to") for one in addresses(mail.headers, name)
    )


def _person(mail: _Mail, own: Collection[str], robot: bool) -> Address:
    """Who wrote: the sender, or whom a sending service or a group of ours stands for (Reply-To, X-Original-From)."""
    name = _VIA.sub("", mail.sender.name).strip("'\" ")
    originals = addresses(mail.headers, "x-original-from") + addresses(mail.headers, "x-google-original-from")
    if originals and not is_robot_address(originals[0].address):
        return Address(originals[0].name or name, originals[0].address)
    standing_for = robot or is_own(mail.sender.address, own)
    listed = bool(mail.headers.keys() & {"list-unsubscribe", "list-id", "list-post"}) and not is_own(
        mail.sender.address, own
    )
    if standing_for and not listed and mail.replies:
        reply = mail.replies[0]
        strange = not same_house(reply.address, mail.sender.address) and not is_own(reply.address, own)
        if strange and not is_robot_address(reply.address):
            return Address(reply.name or (name if name != mail.sender.name else ""), reply.address)
    return mail.sender


def _attached(mail: _Mail, own: Collection[str], level: int) -> Iterator[SourceRecord]:
    """The people whose mails are attached to this one."""
    if level >= _MOST_LEVELS:
        return
    for attached in attached_mails(mail.message)[:_MOST_MAILS]:
        for found in _read(_opened(attached), own, level + 1):
            if isinstance(found, SourceRecord):
                forwarder = [*_forwarder(mail.sender, own_text(mail.text)[0])]
                yield found.model_copy(update={"fields": (*found.fields, *(one for one in forwarder if one.values))})


def _forwarded(forwarded: Forwarded, mail: _Mail, own: Collection[str]) -> Iterator[SourceField]:
    """The fields of the person whose mail was passed on; none where it was ours or a robot's without a form."""
    original = forwarded.sender
    robot = is_robot_address(original.address)
    answers = form_answers(forwarded.text, original.address, robot=robot, answered_elsewhere=False)
    if answers:
        yield from _answered(answers)
        yield context("from.name", original.name)
        yield context("from.address", original.address)
    elif robot or is_own(original.address, own) or original == Address("", ""):
        return
    else:
        yield from _letter(original, mail, forwarded.text)
    yield from _forwarder(mail.sender, forwarded.comment)
    yield context("forwarded.sent", forwarded.sent)
    yield context("forwarded.subject", forwarded.subject)


def _forwarder(sender: Address, comment: str) -> Iterator[SourceField]:
    yield context("forwarded_by.name", sender.name)
    yield context("forwarded_by.address", sender.address)
    yield context("forwarded_by.comment", comment)


def _letter(person: Address, mail: _Mail, text: str) -> Iterator[SourceField]:
    own, quoted = own_text(text)
    signature = read_signature(own, person)
    name = person.name if "@" not in person.name else ""
    yield field("from.name", name or signature.name, hint="name")
    yield field("from.address", person.address, hint="email")
    yield field("message", own, hint="message")
    yield field("signature.phone", list(signature.phones), hint="phone")
    if not signature.phones:
        yield field("message.phone", list(phones_said(own)), hint="phone")
    yield field("signature.job_title", signature.job_title, hint="job_title")
    yield field("signature.company", signature.company, hint="company")
    yield field("signature.website", list(signature.websites[:1]), hint="website")
    yield context("signature.address", list(signature.addresses))
    yield context("quoted", quoted)
    if person != mail.sender and person.address in {one.address for one in mail.replies}:
        yield context("sender", mail.sender.address)
    else:
        yield context("reply_to", [one.address for one in mail.replies])


def _form(answers: Answers, mail: _Mail, own: Collection[str]) -> Iterator[SourceField]:
    yield from _answered(answers)
    replies: list[Tree] = [one.address for one in mail.replies]
    # Form plugins put the visitor's address into Reply-To; one that the form holds itself comes first.
    if any("@" in value for _, value in answers):
        yield context("reply_to", replies)
    elif replies:
        yield field("reply_to", replies, hint="email")
    elif not (
        is_robot(mail.headers, mail.sender) or is_own(mail.sender.address, own) or is_role_address(mail.sender.address)
    ):
        yield field("from.address", mail.sender.address, hint="email")
    if mail.replies and not any(known_field(label) in {"name", "given_name"} for label, _ in answers):
        yield field("reply_to.name", [one.name for one in mail.replies[:1]], hint="name")
    yield context("from.name", mail.sender.name)
    yield context("from.address", mail.sender.address)


def _answered(answers: Answers) -> Iterator[SourceField]:
    for label, value in answers:
        yield field(label, value, label=label)


def _record(fields: list[SourceField], mail: _Mail) -> SourceRecord:
    headers = mail.headers
    fields.append(context("subject", mail.subject))
    fields += [context(name, [one.address for one in addresses(headers, name)]) for name in ("to", "cc")]
    fields.append(context("message_id", first(headers, "message-id")))
    fields.append(context("attachments", list(attachment_names(mail.message))))
    return record(fields, occurred_at=_sent_at(headers), language=first(headers, "content-language")[:35].strip())


def _sent_at(headers: Headers) -> datetime | None:
    try:
        sent = parsedate_to_datetime(headers["date"][0])
        # -0000 is UTC of a sender who does not say where they are (RFC 5322, 3.3).
        return sent.astimezone(UTC) if sent.tzinfo else sent.replace(tzinfo=UTC)
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return None
