"""Whatever Kommo does to our calls, each record is there once and nothing is missing.

`PORTARIA_LONG=1` sends a thousand people through a Kommo that never answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from worker.kommo.markers import SETTLE_SECONDS

Build = Callable[..., Any]
LONG = bool(os.environ.get("PORTARIA_LONG"))

OLGA = {"Nome": "Olga Prates Lima", "E-mail": "olga.prates@example.com", "Mensagem": "Quero um orçamento urgente"}
RUI = {"Nome": "Rui Sá", "E-mail": "rui.sa@example.com", "Mensagem": "Sou estudante, é para meu TCC"}


def people(count: int) -> list[dict[str, str]]:
    """Invented people, no two of whom could be taken for one."""
    parts = ("ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "tu", "va", "ze", "xi", "jo", "ru", "sa")

    def word(number: int) -> str:
        digits = [number * 2654435761 % 2**32 >> shift & 15 for shift in (0, 7, 14, 21)]
        return "".join(parts[digit] for digit in digits).capitalize()

    return [
        {
            "Nome": f"{word(3 * n + 1)} {word(3 * n + 2)} {word(3 * n + 3)}",
            "E-mail": f"{word(3 * n + 1)}.{word(3 * n + 3)}{n}@example.com".lower(),
            "Telefone": f"({11 + n % 9}) 9{6000_0000 + n * 7919 % 3999_9999:08}",
            "Mensagem": "Quero um orçamento urgente",
        }
        for n in range(count)
    ]


@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("at_once", [True, False], ids=["in batches", "one by one"])
def test_a_kommo_that_never_answers_a_write_makes_each_record_once(build_house: Build, at_once: bool) -> None:
    count = 1000 if LONG else 12
    house = build_house()
    house.fake.faults.add(kind="drop_after", method="POST", times=0)
    house.send(*people(count), at_once=at_once)
    house.settle()
    records = house.records()
    assert house.states() == {"done": count}
    assert len(records["contacts"]) == len({one[0:2] for one in records["contacts"]}) == count
    assert len(records["leads"]) == len(records["tasks"]) == count
    assert len({(one["entity_id"]) for one in house.fake.account.tasks.values()}) == count
    notes = [(note["entity_id"], note["params"]["text"]) for note in house.fake.account.notes["contacts"].values()]
    assert len(notes) == len(set(notes)) == 2 * count


def test_every_second_write_is_lost_before_it_is_done(build_house: Build) -> None:
    count = 300 if LONG else 12
    house = build_house()
    house.fake.faults.add(kind="drop_before", method="POST", times=0, every=2)
    house.send(*people(count))
    house.settle(step=300)
    records = house.records()
    assert len(records["contacts"]) == len(records["leads"]) == len(records["tasks"]) == count
    assert len(house.fake.account.notes["contacts"]) == 2 * count


def test_a_search_that_lags_makes_no_double(build_house: Build) -> None:
    house = build_house()
    house.fake.account.index_lag = 3600
    house.fake.faults.add(kind="drop_after", method="POST", times=0)
    house.send(OLGA, RUI)
    house.settle()
    assert len(house.records()["contacts"]) == 2


def test_what_lands_late_is_not_made_again(build_house: Build) -> None:
    """The guard is the wait before a call is made again: without it this makes two."""
    house = build_house()
    house.fake.faults.add(kind="late", seconds=SETTLE_SECONDS - 5, method="POST", path="contacts")
    house.send(RUI)
    house.settle()
    assert len(house.records()["contacts"]) == 1
