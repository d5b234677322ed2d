from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dates import day_of, parse_birth_date

TODAY = date(2026, 11, 21)
BORN = date(1980, 1, 12)


@pytest.mark.parametrize(
    "text",
    [
        "12/01/1980", "12-01-1980", "12.01.1980", "12 01 1980", "12/1/1980", "12/01/80", "1980-01-12", "1980/01/12",
        "1980-01-12T00:00:00Z", "1980-01-12 03:00:00", "1980-01-12T00:00:00.000-03:00", "12/01/1980 10:30",
        "12 de janeiro de 1980", "12 de Janeiro, 1980", "12 jan 1980", "12/jan/1980", "12 enero 1980",
        "12 de enero del 1980",
        "January 12, 1980", "12th of January 1980", "Jan 12 1980", "19800112", "12011980", "316483200", "316494000",
        "316472400", "316483200000",
    ],
)  # fmt: skip
def test_a_birth_date_is_read_as_people_and_systems_write_it(text: str) -> None:
    assert parse_birth_date(text, today=TODAY) == BORN


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("01/02/1980", date(1980, 2, 1)),
        ("01/25/1980", date(1980, 1, 25)),
        ("05/03/15", date(2015, 3, 5)),
        ("05/03/27", date(1927, 3, 5)),
        ("1º de maio de 1990", date(1990, 5, 1)),
        ("-316483200", date(1959, 12, 22)),
        ("1729717200", date(2024, 10, 24)),
    ],
)
def test_day_first_unless_it_cannot_be(text: str, day: date) -> None:
    assert parse_birth_date(text, today=TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "abc", "ontem", "0", "1", "12/01", "31/02/1980", "25/13/1980", "30/12/1899", "12/01/1800",
        "01/01/2030",
        "22/11/2026", "120180", "1980", "12/01/1980/5", "mar mar mar", "9" * 25, "1/1/1/1", "12 foo 1980", "12/01/198",
    ],
)  # fmt: skip
def test_what_is_no_birth_date_of_anyone_alive_is_none(text: str) -> None:
    assert parse_birth_date(text, today=TODAY) is None


def test_today_is_the_last_day() -> None:
    assert parse_birth_date("21/11/2026", today=TODAY) == TODAY
    assert parse_birth_date("21/11/2026", today=TODAY - timedelta(days=1)) is None


@given(st.dates(date(1900, 1, 1), TODAY))
def test_every_day_reads_as_itself(day: date) -> None:
    for text in (day.isoformat(), f"{day:%d/%m/%Y}", f"{day:%Y%m%d}"):
        assert parse_birth_date(text, today=TODAY) == day


@given(st.text() | st.text(alphabet="0123456789/-. :TZ"))
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_birth_date(text, today=TODAY)
    assert found is None or date(1900, 1, 1) <= found <= TODAY


@pytest.mark.parametrize("unit", ["1", "1/", "jan ", "de ", "º", "-"])
def test_long_texts_cost_nothing(unit: str) -> None:
    started = time.process_time()
    assert parse_birth_date(unit * 10_000, today=TODAY) is None
    assert time.process_time() - started < 0.5


def test_a_moment_falls_on_its_day_in_utc() -> None:
    assert day_of(datetime(2026, 11, 21, 23, 30, tzinfo=UTC)) == TODAY
