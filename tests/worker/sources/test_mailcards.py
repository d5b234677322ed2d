"""Cards and invitations that come with a mail."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import SourceRecord
from worker.ports import NotContact
from worker.sources.calendars import read_invitation
from worker.sources.mails import parse_mail

ANA = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ana Prado\r\nTEL;TYPE=cell:+5511955500101\r\nTITLE:CEO\r\nEND:VCARD\r\n"
CAIO = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Caio Luz\r\nTEL:+5511955500102\r\nEMAIL:caio@acme.example\r\nEND:VCARD\r\n"


def mail(file: bytes, name: str, kind: str, sender: str = "Ana Prado <ana@example.com>") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "vendas@example.com.br", "x"
    message.set_content("Segue.")
    maintype, _, subtype = kind.partition("/")
    message.add_attachment(file, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def event(method: str, organizer: str, *attendees: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", "DTSTART:20261130T120000Z", "SUMMARY:Demonstração"]
    lines += [f"ORGANIZER;CN={organizer.split('@')[0]}:mailto:{organizer}"]
    lines += [f"ATTENDEE;CN={one.split('@')[0]}:mailto:{one}" for one in attendees]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


@pytest.mark.parametrize("kind", ["text/vcard", "text/x-vcard", "application/octet-stream"])
def test_the_senders_own_card_adds_to_them(kind: str, look) -> None:
    (found,) = parse_mail(mail(ANA, "ana.vcf", kind))
    seen = look(found)
    assert (seen.said["phone"], seen.said["job_title"]) == (["+5511955500101"], ["CEO"])
    assert seen.said["email"] == ["ana@example.com"]
    assert seen.values["attachments"] == ("ana.vcf",)


def test_anothers_card_is_a_record_of_its_own_and_ours_is_none(look) -> None:
    first, second = parse_mail(mail(ANA + CAIO, "a.vcf", "text/vcard"))
    assert look(first).said["name"][0] == "Ana Prado"
    assert look(second).said["name"] == ["Caio Luz"]
    assert look(second).values["sent_by"] == ("ana@example.com",)
    assert len(list(parse_mail(mail(CAIO, "a.vcf", "text/vcard"), ("acme.example",)))) == 1


@pytest.mark.parametrize(
    ("method", "organizer", "attendee", "person"),
    [
        ("REQUEST", "vendas@example.com.br", "bia@example.org", "bia@example.org"),
        ("REQUEST", "bia@example.org", "vendas@example.com.br", "bia@example.org"),
        ("REPLY", "dono@acme.example", "bia@example.org", "bia@example.org"),
        ("REPLY", "caio@example.org", "bia@example.org", "bia@example.org"),
    ],
)
def test_a_calendars_robot_stands_for_the_one_outside(
    method: str, organizer: str, attendee: str, person: str, look
) -> None:
    file = event(method, organizer, attendee)
    (found,) = parse_mail(mail(file, "a.ics", "text/calendar", "no-reply@calendar.example"), ("acme.example",))
    assert look(found).said["email"] == [person]


def test_an_invitation_in_a_letter_stays_beside_it(look) -> None:
    (found,) = parse_mail(mail(event("REQUEST", "ana@example.com", "caio@example.org"), "a.ics", "text/calendar"))
    seen = look(found)
    assert seen.said["email"] == ["ana@example.com"]
    assert seen.values["calendar.attendees"] == ("caio@example.org",)
    assert seen.values["calendar.summary"] == ("Demonstração",)
    assert seen.values["calendar.starts"] == ("2026-11-30T12:00:00+00:00",)


@pytest.mark.parametrize("file", [b"", b"x", b"BEGIN:VCALENDAR", event("REQUEST", "x")[:40], b"\x00" * 100])
def test_what_is_no_calendar_tells_of_nobody(file: bytes) -> None:
    assert read_invitation(file) is None
    (found,) = parse_mail(mail(file, "a.ics", "text/calendar", "no-reply@calendar.example"))
    assert isinstance(found, NotContact)


@given(
    st.lists(
        st.sampled_from([b"BEGIN:VEVENT\n", b"END:VEVENT\n", b"ATTENDEE:", b"mailto:a@b", b"BEGIN:VCALENDAR\n"])
        | st.binary(max_size=6)
    ).map(b"".join)
)
def test_any_attachment_is_read_or_left(file: bytes) -> None:
    for name, kind in (("a.ics", "text/calendar"), ("a.vcf", "text/vcard")):
        for found in parse_mail(mail(file, name, kind)):
            assert isinstance(found, SourceRecord)
