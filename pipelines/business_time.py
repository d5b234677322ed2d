"""When the house is open, and waits that are counted in its time: `2 days`, `3 business days`, `90 minutes`.

Days are counted on the wall clock of the calendar's zone, so that "in one day" is the same hour across a change of
clocks; minutes and hours are counted as they pass. Holidays come from the `holidays` library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import BeforeValidator, Field, field_validator, model_serializer, model_validator

from pipelines.models import Value

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_CLOSED: Final = 60
"""Days after which a calendar without an open hour is a mistake and not a long holiday."""

_ZONES: Final = {"BR": "America/Sao_Paulo", "PT": "Europe/Lisbon"}
_DURATION = re.compile(r"(\d{1,6}) ?(business )?(minute|hour|day|week)s?")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class Duration(Value):
    """A wait, written as text: a number, `business` where only open time counts, and minutes, hours, days or weeks."""

    amount: Annotated[int, Field(ge=0)]
    unit: Literal["minute", "hour", "day", "week"] = "minute"
    business: bool = False

    @model_validator(mode="before")
    @classmethod
    def _written(cls, given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError("write it as text: 2 days, 90 minutes, 3 business days")  # noqa: TRY004 - pydantic's way
        if isinstance(given, int):
            return {"amount": given}
        if isinstance(given, str):
            if not (found := _DURATION.fullmatch(given.strip().lower())):
                raise ValueError("write it as 2 days, 90 minutes, 3 business days or 4 business hours")
            return {"amount": int(found[1]), "business": bool(found[2]), "unit": found[3]}
        return given

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        if self.business and self.unit == "week":
            raise ValueError("count business time in minutes, hours or days")
        if timedelta(**{f"{self.unit}s": self.amount}) > timedelta(days=366):
            raise ValueError("at most a year")
        return self

    @model_serializer
    def _text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.amount} {'business ' if self.business else ''}{self.unit}{'' if self.amount == 1 else 's'}"


AT_ONCE: Final = Duration(amount=0)


def _opening(given: str) -> tuple[tuple[time, time | None], ...]:
    """`09:00-12:00, 13:30-18:00` as pairs; an end of None is midnight. Raises ValueError."""
    pairs: list[tuple[time, time | None]] = []
    for part in given.split(","):
        if not (found := _HOURS.fullmatch(part.strip())):
            raise ValueError("write hours as 09:00-18:00, or 09:00-12:00, 13:30-18:00")
        opens = time(int(found[1]), int(found[2]))
        closes = time(int(found[3]), int(found[4])) if found[3] else None
        if closes is not None and closes <= opens:
            raise ValueError("hours end after they begin, on the same day")
        if pairs and (pairs[-1][1] is None or opens < pairs[-1][1]):
            raise ValueError("hours of one day follow each other")
        pairs.append((opens, closes))
    return tuple(pairs)


def days_named(given: str) -> tuple[int, ...]:
    """`mon-fri` or `sat` as numbers of weekdays, Monday 0. Raises ValueError."""
    first, dash, last = given.strip().lower().partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError(f"days are {', '.join(DAYS)}, or from one to another: mon-fri")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return tuple((start + step) % 7 for step in range((end - start) % 7 + 1))


def local_time(given: str) -> time:
    """`18:00` as a time of day. Raises ValueError."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", given):
        raise ValueError("write a time of day as 18:00")
    return time.fromisoformat(given)


def _listed(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else (given,)


class Calendar(Value):
    """`[calendar]` of portaria.toml: the house's zone, hours and days off."""

    time_zone: str
    open: Mapping[str, str] = Field(default_factory=lambda: {"mon-fri": "09:00-18:00"})
    """Days to hours."""
    holidays: str = ""
    """A country of the `holidays` library, or a part of one: `BR`, `BR-SP`; empty: none."""
    closed: Annotated[tuple[date, ...], BeforeValidator(_listed)] = ()
    """Further days off."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("there is no such zone; write one as America/Sao_Paulo") from None
        return name

    @field_validator("holidays")
    @classmethod
    def _known_holidays(cls, name: str) -> str:
        try:
            _holidays(name)
        except NotImplementedError:
            raise ValueError(
                "the holidays of that place are not known; write a country or a part of it: BR, BR-SP"
            ) from None
        return name

    @field_validator("open")
    @classmethod
    def _readable_hours(cls, hours: Mapping[str, str]) -> Mapping[str, str]:
        if not hours:
            raise ValueError("it is never open; leave it out for mon-fri 09:00-18:00")
        for days, times in hours.items():
            days_named(days)
            _opening(times)
        return hours

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def local(self, moment: datetime) -> datetime:
        """The same moment on the house's wall clock."""
        return moment.astimezone(self.zone)

    def day_off(self, day: date) -> str:
        """Why nobody works on a day that would be open by its weekday; empty when somebody does."""
        if day in self.closed:
            return "closed"
        return str(_holidays(self.holidays).get(day) or "") if self.holidays else ""

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is there."""
        return any(opens <= moment < closes for opens, closes in self._hours(self.local(moment).date()))

    def next_open(self, moment: datetime) -> datetime:
        """`moment` where the house is open then, else when it opens next; in UTC."""
        for opens, closes in self._hours_from(self.local(moment).date()):
            if moment < closes:
                return max(moment, opens).astimezone(UTC)
        return moment  # pragma: no cover - _hours_from ends only by its error

    def after(self, moment: datetime, wait: Duration) -> datetime:
        """The moment that lies `wait` behind `moment`, in UTC. A wait in business time ends in open time."""
        moment = moment.astimezone(UTC)  # Python adds to a zone's time by its wall clock
        if not wait.business:
            if wait.unit in {"minute", "hour"}:
                return (moment + timedelta(**{f"{wait.unit}s": wait.amount})).astimezone(UTC)
            days = wait.amount * (7 if wait.unit == "week" else 1)
            return (self.local(moment) + timedelta(days=days)).astimezone(UTC)
        if wait.unit == "day":
            return self._after_days(self.next_open(moment), wait.amount)
        left = timedelta(**{f"{wait.unit}s": wait.amount})
        start = self.next_open(moment)
        for opens, closes in self._hours_from(self.local(start).date()):
            if closes <= start:
                continue
            begins = max(opens, start)
            # In UTC: Python subtracts two times of one zone by their wall clocks.
            has = closes.astimezone(UTC) - begins.astimezone(UTC)
            if left < has:
                return begins.astimezone(UTC) + left
            left -= has
        return start  # pragma: no cover - _hours_from ends only by its error

    def _after_days(self, start: datetime, days: int) -> datetime:
        local = self.local(start)
        day, left = local.date(), days
        for opens, _ in self._hours_from(day + timedelta(days=1)) if left else ():
            if opens.date() != day:
                day, left = opens.date(), left - 1
            if not left:
                break
        return self.next_open(datetime.combine(day, local.time(), self.zone).astimezone(UTC))

    def _hours_from(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Opening hours from a day on, without end. Raises ValueError where there are none for long."""
        shut = 0
        while shut < LONGEST_CLOSED:
            hours = self._hours(day)
            shut = 0 if hours else shut + 1
            yield from hours
            day += timedelta(days=1)
        raise ValueError(f"[calendar] is closed for {LONGEST_CLOSED} days in a row; see `open` and `closed`")

    def _hours(self, day: date) -> list[tuple[datetime, datetime]]:
        if self.day_off(day):
            return []
        named = [times for days, times in self.open.items() if day.weekday() in days_named(days)]
        pairs = sorted(pair for times in named for pair in _opening(times))
        following = datetime.combine(day + timedelta(days=1), time(), self.zone)
        return [
            (datetime.combine(day, opens, self.zone), datetime.combine(day, closes, self.zone) if closes else following)
            for opens, closes in pairs
        ]


def calendar_of(region: str) -> dict[str, str]:
    """What `[calendar]` is for a country unless it says otherwise: its zone (UTC where it has several or is not known
    here) and its holidays."""
    try:
        _holidays(region)
    except NotImplementedError:
        return {"time_zone": _ZONES.get(region, "UTC")}
    return {"time_zone": _ZONES.get(region, "UTC"), "holidays": region}


@lru_cache(maxsize=8)
def _holidays(name: str) -> Mapping[date, str]:
    country, _, part = name.partition("-")
    return holidays.country_holidays(country, subdiv=part or None) if country else {}
