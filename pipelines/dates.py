"""Birth dates: the ways people and systems write them, day first unless it cannot be."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from pipelines.text import remembered, tidy_line, words

DATE_READ = "date_read"
"""Rule: a date written another way became a date of the calendar (ISO 8601)."""

FIRST_YEAR = 1900
"""Nobody born before it fills in forms; spreadsheets use it for an empty cell."""

_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "janeiro jan january enero ene", "fevereiro fev february feb febrero", "marco mar march marzo",
            "abril abr april apr", "maio mai may mayo", "junho jun june junio", "julho jul july julio",
            "agosto ago august aug", "setembro set september sep sept septiembre setiembre",
            "outubro out october oct octubre", "novembro nov november noviembre",
            "dezembro dez december dec diciembre dic",
        ),
        start=1,
    )
    for name in names.split(" ")
}  # fmt: skip
_FILLER = frozenset({"de", "do", "del", "of", "the", "dia", "em", "on", "st", "nd", "rd", "th", "nascido", "born"})
_LONGEST = 60
_EPOCH = date(1970, 1, 1)


@remembered
def parse_birth_date(text: str, *, today: date) -> date | None:
    """The date that `text` consists of, or None: no date, or no birth date of anyone alive (before 1900, after today).

    Day first, as Brazil and most of the world write it (`12/01/1980`, `12.01.80`, `12 de janeiro de 1980`); month first
    only where it can be nothing else (`01/25/1980`). ISO 8601 with or without a time, `19800112`, and Unix seconds or
    milliseconds (rounded to the nearest midnight, since systems write midnight of their own zone). A year of two digits
    is the latest that is not in the future. Never raises.
    """
    text = tidy_line(text)
    if not text or len(text) > _LONGEST:
        return None
    found = _from_digits(text) if text.removeprefix("-").isdecimal() else _from_parts(text, today)
    return found if found is not None and date(FIRST_YEAR, 1, 1) <= found <= today else None


def _from_digits(text: str) -> date | None:
    number, length = int(text), len(text.removeprefix("-"))
    if length == 8 and number > 0:
        digits = f"{number:08d}"
        return _day(digits[:4], digits[4:6], digits[6:]) or _day(digits[4:], digits[2:4], digits[:2])
    if length in {6, 9, 10} or (length in {7, 8} and number < 0):
        seconds = number
    elif 11 <= length <= 13:
        seconds = number // 1000
    else:
        return None
    if length == 6 and number > 0:
        return None  # 120180: nobody can tell a short date from a short number
    return _EPOCH + timedelta(days=(seconds + 43_200) // 86_400)


def _from_parts(text: str, today: date) -> date | None:
    if iso := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\d.*)?", text):
        return _day(*iso.groups())
    parts = [part for part in words(re.sub(r"(\d)(st|nd|rd|th|º|°)\b", r"\1", text)) if part not in _FILLER]
    if len(parts) > 3 and re.search(r"\d:\d", text):
        parts = parts[:3]  # a time of day behind it
    if len(parts) != 3:
        return None
    named = [i for i, part in enumerate(parts) if part in _MONTHS]
    if len(named) == 1:
        month = str(_MONTHS[parts.pop(named[0])])
        day, year = parts if len(parts[0]) <= 2 else reversed(parts)
        return _day(_whole_year(year, today), month, day)
    first, second, year = parts
    if named or not (first.isdecimal() and second.isdecimal() and len(first) <= 2 and len(second) <= 2):
        return None
    year = _whole_year(year, today)
    return _day(year, second, first) or _day(year, first, second)


def _whole_year(year: str, today: date) -> str:
    if len(year) != 2 or not year.isdecimal():
        return year
    this_century = today.year - today.year % 100 + int(year)
    return str(this_century if this_century <= today.year else this_century - 100)


def _day(year: str | None, month: str | None, day: str | None) -> date | None:
    try:
        return date(int(year or ""), int(month or ""), int(day or "")) if len(year or "") == 4 else None
    except ValueError:
        return None


def day_of(moment: datetime) -> date:
    """The day that a moment falls on in UTC, for comparing birth dates with: a day more or less decides nothing."""
    return moment.astimezone(UTC).date()
