"""Historical people told of about ten times each, with heavy errors; and a small set with a fifth of values missing.

Two labelled generators of lists (header, rows, person of each row), for `portaria dedupe FILE.csv`.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from benchmarks.dedupe.lexicon import (
    BRAZILIAN_GIVEN,
    CITIES,
    ENGLISH_FAMILY,
    ENGLISH_GIVEN,
    EUROPEAN_FAMILY,
    EUROPEAN_GIVEN,
    NICKNAMES,
    SYLLABLES,
    Zipf,
    invented,
    slip,
)  # fmt: skip

Table = tuple[list[str], list[list[str]], list[int]]
_OCCUPATIONS = [
    "politician",
    "writer",
    "painter",
    "soldier",
    "cricketer",
    "actor",
    "cleric",
    "composer",
    "engineer",
    "lawyer",
    "physician",
    "poet",
    "banker",
]
_HEADER = ["first_name", "surname", "dob", "birth_place", "postcode_fake", "gender", "occupation"]


def historical(size: int, seed: int) -> Table:
    """People of past centuries: nicknames, titles for surnames, year-only dates, swapped names, moved postcodes."""
    rng = random.Random(f"{seed} historical")
    given, family = Zipf(ENGLISH_GIVEN, seed, 0.9), Zipf(ENGLISH_FAMILY, seed, 0.5)
    job = Zipf(_OCCUPATIONS, seed, 1.2)
    places = Zipf([invented(rng).lower() for _ in range(400)], seed, 0.9)
    rows: list[list[str]] = []
    labels: list[int] = []
    person = 0
    house: tuple[str, str, tuple[str, str], str] = ("", "", ("", ""), "")
    while len(rows) < size:
        first, last = given.draw(rng).lower(), (family.draw(rng) if rng.random() < 0.55 else invented(rng)).lower()
        title = invented(rng).lower() if rng.random() < 0.35 else ""
        kin = bool(rows) and rng.random() < 0.3
        if kin:  # a son, a brother: the same house and name
            last, title = house[0], house[1]
        born = date(1600, 1, 1) + timedelta(days=rng.randrange(365 * 330))
        dates = [f"{born.year}-01-01" if rng.random() < 0.12 else born.isoformat()]
        place = house[2] if kin else (places.draw(rng), places.draw(rng))
        outward = house[3] if kin else f"{rng.choice(SYLLABLES)[:2]}{rng.randrange(1, 40)}"
        house = (last, title, place, outward)
        ends = ["".join(rng.choices("abdefghjln", k=2)) for _ in range(6)]
        codes = [f"{outward} {rng.randrange(1, 10)}{end}" for end in ends]
        gender, work = rng.choice(("male", "male", "male", "female")), [job.draw(rng), job.draw(rng)]
        for _ in range(min(1 + int(rng.expovariate(1 / 9)), 40)):
            rows.append(_told(first, last, title, dates[0], place, codes, gender, work, rng))
            labels.append(person)
        person += 1
    order = list(range(size))
    rng.shuffle(order)
    return _HEADER, [rows[at] for at in order], [labels[at] for at in order]


def _told(
    first: str, last: str, title: str, born: str, places: tuple[str, str], codes: list[str], gender: str,
    work: list[str], rng: random.Random,
) -> list[str]:  # fmt: skip
    chance = rng.random
    place = places[0] if chance() < 0.7 else places[1]
    nick = NICKNAMES.get(first.capitalize(), "").lower()
    if nick and chance() < 0.2:
        first = nick
    elif chance() < 0.03:
        first = first[0]
    elif chance() < 0.02:
        first = f"{first} {rng.choice(('henry', 'john', 'george', 'william'))}"
    if title and chance() < 0.4:
        last = title
    if chance() < 0.06:
        first = rng.choice(("henry", "john", "george", "william", "mary", "anne"))
    if chance() < 0.10:
        first = slip(first, rng)
    if chance() < 0.12:
        last = slip(last, rng)
    if chance() < 0.03:
        first, last = last, first
    if chance() < 0.2:
        born = _misdated(born, rng)
    code = codes[0] if chance() < 0.55 else rng.choice(codes)
    if chance() < 0.08:
        code = slip(code, rng)
    if chance() < 0.04:
        place = slip(place, rng)
    job = work[0] if chance() < 0.85 else work[1]
    values = [first, last, born, place, code, gender, job]
    missing = (0.04, 0.08, 0.28, 0.20, 0.20, 0.35, 0.42)
    return ["" if chance() < share else value for value, share in zip(values, missing, strict=True)]


def _misdated(born: str, rng: random.Random) -> str:
    year, month, day = born.split("-")
    match rng.randrange(4):
        case 0:
            return f"{year}-01-01"
        case 1:
            return f"{year}-{int(day) % 12 + 1:02d}-{min(int(month) + 10, 28):02d}"
        case 2:
            return f"{int(year) + rng.choice((-1, 1, 10, -10)):04d}-{month}-{day}"
        case _:
            return f"{year}-{month}-{rng.randrange(1, 29):02d}"


def fifth_missing(size: int, seed: int) -> Table:
    """A thousand records of some 250 people, about a fifth of the values missing, and many wrong."""
    rng = random.Random(f"{seed} missing")
    names = [*BRAZILIAN_GIVEN[:20], *ENGLISH_GIVEN[:90], *EUROPEAN_GIVEN[:20]]
    given = Zipf(names, seed, 0.5)
    family = Zipf([*ENGLISH_FAMILY, *EUROPEAN_FAMILY[:20]], seed, 0.5)
    city = Zipf(CITIES["EU"] + CITIES["US"], seed, 1.2)
    rows: list[list[str]] = []
    labels: list[int] = []
    person = 0
    while len(rows) < size:
        first, last, home = given.draw(rng), family.draw(rng), city.draw(rng)
        born = (date(1940, 1, 1) + timedelta(days=rng.randrange(365 * 80))).isoformat()
        local = f"{first.lower()}{rng.choice(('.', '', '_'))}{last.lower()}{rng.randrange(100)}"
        mail = f"{local}@{invented(rng).lower()}.example"
        for _ in range(rng.choice((1, 2, 3, 4, 5, 6, 7))):
            chance = rng.random
            values = [first, last, born, home, mail]
            if chance() < 0.12:
                values[0] = NICKNAMES.get(first, first[:3])
            if chance() < 0.06:
                values[0], values[1] = values[1], values[0]
            if chance() < 0.15:
                values[2] = _misdated(born, rng)
            for at, share in ((0, 0.15), (1, 0.18), (3, 0.2), (4, 0.2)):
                while chance() < share:
                    values[at] = slip(values[at], rng)
            rows.append(["" if chance() < 0.2 else value for value in values])
            labels.append(person)
        person += 1
    order = list(range(size))
    rng.shuffle(order)
    return ["first_name", "surname", "dob", "city", "email"], [rows[at] for at in order], [labels[at] for at in order]
