"""Calendar files in mails (iCalendar, RFC 5545, 5546): who invites, and who is invited."""

from __future__ import annotations

from dataclasses import dataclass

from icalendar import Calendar, Component

from worker.sources.mailparts import Address

LARGEST_CALENDAR = 100_000
"""Bytes of a calendar that is read: an invitation has a few thousand."""
_MOST_ATTENDEES = 50


@dataclass(frozen=True, slots=True)
class Invitation:
    """The first event of a calendar."""

    method: str
    """`REQUEST`, `REPLY`, `CANCEL`, ... (RFC 5546); empty where it is not said."""
    organizer: Address | None
    attendees: tuple[Address, ...]
    summary: str
    starts: str
    """As ISO 8601, empty where it is not said."""


def read_invitation(body: bytes) -> Invitation | None:
    """The first event of a calendar file, None where there is none or the file does not parse."""
    try:
        for calendar in Calendar.from_ical(body, multiple=True):
            for event in calendar.walk("VEVENT"):
                return _read(str(calendar.get("METHOD", "")), event)
    except Exception:  # icalendar lets what its value parsers raise through; the file stays among the attachments
        return None
    return None


def _read(method: str, event: Component) -> Invitation:
    organizer = event.get("ORGANIZER")
    attendees = event.get("ATTENDEE") or []
    start = event.get("DTSTART")
    moment = getattr(start, "dt", None)
    return Invitation(
        method=method.upper()[:20],
        organizer=_address(organizer) if organizer is not None else None,
        attendees=tuple(
            found
            for one in (attendees if isinstance(attendees, list) else [attendees])[:_MOST_ATTENDEES]
            if (found := _address(one))
        ),
        summary=str(event.get("SUMMARY", ""))[:500],
        starts=moment.isoformat() if moment is not None else "",
    )


def _address(value: object) -> Address | None:
    """A calendar address: `mailto:` with the name in the parameter CN."""
    text = str(value)[:400]
    scheme, _, rest = text.partition(":")
    address = rest.strip() if scheme.lower() == "mailto" else text.strip()
    if "@" not in address:
        return None
    name = str(getattr(value, "params", {}).get("CN", ""))[:200].strip(" \"'")
    return Address("" if "@" in name else name, address)
