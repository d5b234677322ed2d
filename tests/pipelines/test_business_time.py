"""When the house is open, and waits in its time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.business_time import Calendar, Duration, calendar_of

BRAZIL = Calendar(time_zone="America/Sao_Paulo", holidays="BR")
SHOP = Calendar(
    time_zone="America/Sao_Paulo",
    open={"mon-fri": "09:00-12:00, 13:30-18:00", "sat": "09:00-13:00"},
    holidays="BR-SP",
    closed=(date(2026, 12, 24),),
)
BERLIN = Calendar(time_zone="Europe/Berlin")


def at(text: str, calendar: Calendar = BRAZIL) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone)


def wait(text: str | int) -> Duration:
    return Duration.model_validate(text)


@pytest.mark.parametrize(
    ("start", "after", "ends"),
    [
        ("2026-11-26 10:00", "0 minutes", "2026-11-26 10:00"),  # a Thursday
        ("2026-11-26 10:00", 90, "2026-11-26 11:30"),
        ("2026-11-27 17:30", "2 days", "2026-11-29 17:30"),
        ("2026-11-27 17:30", "1 week", "2026-12-04 17:30"),
        ("2026-11-27 17:30", "1 business day", "2026-11-30 17:30"),
        ("2026-11-27 22:00", "1 business day", "2026-12-01 09:00"),  # counted from Monday 09:00
        ("2026-11-28 12:00", "0 business days", "2026-11-30 09:00"),
        ("2026-12-24 10:00", "1 business day", "2026-12-28 10:00"),  # Christmas Day and a weekend in between
        ("2026-11-27 17:30", "1 business hour", "2026-11-30 09:30"),
        ("2026-11-27 17:00", "60 business minutes", "2026-11-30 09:00"),
        ("2026-11-26 08:00", "20 business hours", "2026-11-30 11:00"),
    ],
)
def test_waits(start: str, after: str | int, ends: str) -> None:
    assert BRAZIL.after(at(start), wait(after)) == at(ends)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-26 10:00", "2026-11-26 10:00"),
        ("2026-11-26 08:00", "2026-11-26 09:00"),
        ("2026-11-26 12:00", "2026-11-26 13:30"),
        ("2026-11-28 13:00", "2026-11-30 09:00"),
        ("2026-12-23 18:00", "2026-12-26 09:00"),  # the house's own day off, and Christmas
        ("2026-07-09 10:00", "2026-07-10 09:00"),  # a holiday of São Paulo alone
    ],
)
def test_the_next_opening(moment: str, opens: str) -> None:
    assert SHOP.next_open(at(moment)) == at(opens)
    assert SHOP.is_open(at(moment)) == (moment == opens)


def test_a_day_off_has_a_name() -> None:
    assert SHOP.day_off(date(2026, 12, 24)) == "closed"
    assert "Natal" in SHOP.day_off(date(2026, 12, 25)) or "Christmas" in SHOP.day_off(date(2026, 12, 25))
    assert SHOP.day_off(date(2026, 12, 28)) == ""


def test_in_one_day_is_the_same_hour_across_a_change_of_clocks() -> None:
    before = at("2026-03-28 10:00", BERLIN)
    assert BERLIN.after(before, wait("1 day")) == at("2026-03-29 10:00", BERLIN)
    assert BERLIN.after(before, wait("24 hours")) == at("2026-03-29 11:00", BERLIN)
    night = Calendar(time_zone="Europe/Berlin", open={"mon-sun": "00:00-24:00"})
    assert night.after(before, wait("24 business hours")) == at("2026-03-29 11:00", BERLIN)


@pytest.mark.parametrize("text", ["soon", "2", "-1 days", "1.5 days", "2 business weeks", "400 days", "", "9 bdays"])
def test_no_wait(text: str) -> None:
    with pytest.raises(ValidationError):
        wait(text)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"time_zone": "Sao Paulo"}, "America/Sao_Paulo"),
        ({"time_zone": "../etc/passwd"}, "America/Sao_Paulo"),
        ({"open": {"mon": "9-18"}}, "09:00-18:00"),
        ({"open": {"mon": "18:00-09:00"}}, "end after they begin"),
        ({"open": {"mon": "09:00-12:00, 11:00-13:00"}}, "follow each other"),
        ({"open": {"monday": "09:00-18:00"}}, "mon-fri"),
        ({"open": {}}, "never open"),
        ({"holidays": "XX"}, "BR-SP"),
        ({"holidays": "BR-ZZ"}, "BR-SP"),
    ],
)
def test_a_mistake_says_how_to_write_it(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Calendar.model_validate({"time_zone": "UTC", **section})


def test_a_calendar_that_never_opens_says_so() -> None:
    shut = Calendar(time_zone="UTC", open={"mon": "09:00-10:00"}, closed=tuple(
        date(2026, 11, 30) + timedelta(weeks=week) for week in range(12)
    ))  # fmt: skip
    with pytest.raises(ValueError, match="closed for 60 days"):
        shut.next_open(datetime(2026, 11, 26, tzinfo=UTC))


def test_a_country_has_a_calendar_unless_it_is_said() -> None:
    assert calendar_of("BR") == {"time_zone": "America/Sao_Paulo", "holidays": "BR"}
    assert calendar_of("XX") == {"time_zone": "UTC"}


MOMENTS = st.integers(0, 3 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
)
WAITS = st.builds(
    Duration,
    amount=st.integers(0, 60),
    unit=st.sampled_from(("minute", "hour", "day")),
    business=st.booleans(),
)


@given(MOMENTS, WAITS, st.sampled_from((BRAZIL, SHOP, BERLIN)))
def test_a_wait_never_ends_before_it_begins_and_business_time_ends_in_it(
    moment: datetime, after: Duration, calendar: Calendar
) -> None:
    ends = calendar.after(moment, after)
    assert ends >= moment
    assert ends.tzinfo is UTC
    if after.business:
        assert calendar.is_open(ends)
    longer = after.model_copy(update={"amount": after.amount + 1})
    assert calendar.after(moment, longer) >= ends
    assert Duration.model_validate(str(after)) == after


@given(MOMENTS, st.integers(0, 5000))
def test_business_minutes_are_counted_one_by_one(moment: datetime, minutes: int) -> None:
    start = BRAZIL.next_open(moment)
    ends = BRAZIL.after(moment, wait(f"{minutes} business minutes"))
    # As many open minutes lie between, by looking at the wall clock of each day.
    total, day = 0.0, BRAZIL.local(start).date()
    while day <= BRAZIL.local(ends).date():
        opens = datetime(day.year, day.month, day.day, 9, tzinfo=BRAZIL.zone)
        closes = datetime(day.year, day.month, day.day, 18, tzinfo=BRAZIL.zone)
        if day.weekday() < 5 and not BRAZIL.day_off(day):
            total += max((min(closes, ends) - max(opens, start)).total_seconds(), 0) / 60
        day += timedelta(days=1)
    assert total == pytest.approx(minutes)
