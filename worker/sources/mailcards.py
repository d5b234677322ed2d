"""What is attached to a mail and tells of people: their cards (.vcf) and invitations (.ics)."""

from __future__ import annotations

from collections.abc import Collection
from email.message import Message
from itertools import islice

from pipelines.models import SourceField, SourceRecord
from worker.sources.automatedmail import is_own, is_robot_address
from worker.sources.calendars import LARGEST_CALENDAR, read_invitation
from worker.sources.mailparts import Address, attached_files
from worker.sources.records import context
from worker.sources.signatures import is_called
from worker.sources.vcards import parse_cards

_CARD_TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory", "application/vcard"})
_CALENDAR_TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
_LARGEST_CARD = 300_000
_MOST_FILES = 5
_MOST_CARDS = 20


def attached_people(
    message: Message, sender: Address, own_domains: Collection[str]
) -> tuple[list[SourceField], list[SourceRecord]]:
    """Of what is attached: the fields that tell of the sender, and a record of each other person whose card it is.

    A card is the sender's when it holds their address or bears their name. Cards of our own people are left, and so
    is what does not parse: the delivery keeps it.
    """
    fields: list[SourceField] = []
    others: list[SourceRecord] = []
    for file in islice(attached_files(message, _CARD_TYPES, ".vcf", _LARGEST_CARD), _MOST_FILES):
        for card in islice(parse_cards(file), _MOST_CARDS):
            if not isinstance(card, SourceRecord):
                continue
            emails = {value.lower() for one in card.fields if one.hint == "email" for value in one.values}
            names = [value for one in card.fields if one.hint == "name" for value in one.values]
            if sender.address.lower() in emails or any(is_called(sender.name, name) for name in names):
                fields += [one.model_copy(update={"key": f"card.{one.key}"}) for one in card.fields if one.values]
            elif not any(is_own(email, own_domains) for email in emails):
                sent_by = context("sent_by", sender.address)
                others.append(
                    card.model_copy(update={"fields": (*card.fields, *([sent_by] if sent_by.values else []))})
                )
    for file in islice(attached_files(message, _CALENDAR_TYPES, ".ics", LARGEST_CALENDAR), _MOST_FILES):
        invitation = read_invitation(file)
        if invitation:
            organizer = [invitation.organizer.address] if invitation.organizer else []
            fields += [
                context("calendar.organizer", [*organizer]),
                context("calendar.attendees", [one.address for one in invitation.attendees]),
                context("calendar.summary", invitation.summary),
                context("calendar.starts", invitation.starts),
            ]
    return [one for one in fields if one.values], others


def invited_person(message: Message, receivers: Collection[str], own_domains: Collection[str]) -> Address | None:
    """The person that an invitation is from, where a calendar's robot sent it: who answers in a reply, else who
    invites, else the first invited who is not one of `receivers` (their addresses, small letters) or ours."""
    for file in islice(attached_files(message, _CALENDAR_TYPES, ".ics", LARGEST_CALENDAR), _MOST_FILES):
        invitation = read_invitation(file)
        if invitation is None:
            continue
        organizer = [invitation.organizer] if invitation.organizer and invitation.method != "REPLY" else []
        for one in [*organizer, *invitation.attendees]:
            ours = one.address.lower() in receivers or is_own(one.address, own_domains)
            if not ours and not is_robot_address(one.address) and "group.calendar" not in one.address:
                return one
    return None
