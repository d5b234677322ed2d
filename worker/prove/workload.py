"""The deliveries of a proof, with what is true of each: the same for the same seed.

| case | what is sent | what must come of it |
|---|---|---|
| unique | one form | one contact |
| doors | one person at the same instant through two doors, each telling more | one contact with all of it |
| again | the same bytes, two to four times | one delivery, one submission |
| typos | a form, and soon after it another with a mistyped name and a phone typed otherwise | one contact |
| fuzzy | one person at the same instant with two addresses: no e-mail in common | one contact with both |
| update | a form, and later another with a new phone and company | one contact with all of it |
| table | a CSV of people, one of them twice, with a row that cannot be read | one contact each, one rejected |
| junk | placeholders only | rejected |
| broken | JSON that ends in the middle | quarantined |
| nobody | an empty list | about nobody |
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import urlencode

from pipelines.states import DeliveryState
from worker.prove.people import Person, person

REJECTED = "rejected"
"""In place of what a row tells: nobody could use it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one row tells, as it must be found again."""

    person: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    company: str = ""
    job_title: str = ""
    message: str = ""
    """Has a mark in it that no other row has."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Bytes to send, and the truth about them."""

    name: str
    case: str
    after: float
    """Seconds after the case began."""
    source: str
    content_type: str
    body: bytes
    state: DeliveryState = DeliveryState.OPENED
    rows: tuple[Told | None, ...] = ()
    """In the order of its submissions; None: rejected."""
    copies: int = 1
    """How often the same bytes are sent at once."""

    def as_json(self) -> dict[str, Any]:
        """For the history."""
        return {
            "delivery": self.name,
            "case": self.case,
            "source": self.source,
            "content_type": self.content_type,
            "body": self.body.decode(),
            "state": self.state,
            "rows": [asdict(row) if row else REJECTED for row in self.rows],
        }


_SHARES = {
    "unique": 40,
    "doors": 12,
    "again": 8,
    "typos": 10,
    "fuzzy": 8,
    "update": 10,
    "table": 3,
    "junk": 4,
    "broken": 3,
    "nobody": 2,
}
"""Of a hundred cases, how many are which."""

_WISHES = (
    "Preciso de um orçamento para 30 usuários ainda esta semana",
    "Gostaria de uma demonstração",
    "Como funciona?",
    "Quero saber mais",
)


@dataclass
class Workload:
    """An endless stream of cases."""

    seed: int
    _random: Random = field(init=False)
    _people: int = 0
    _deliveries: int = 0

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - no secret comes of it

    def cases(self) -> Iterator[list[Delivery]]:
        """Each case is the deliveries that belong together."""
        makers: dict[str, Callable[[], list[Delivery]]] = {name: getattr(self, f"_{name}") for name in _SHARES}
        while True:
            (name,) = self._random.choices(list(_SHARES), list(_SHARES.values()))
            yield makers[name]()

    def _somebody(self) -> Person:
        self._people += 1
        return person(self._people)

    def _name(self, case: str) -> str:
        self._deliveries += 1
        return f"{case}-{self._deliveries}"

    def _message(self, delivery: str) -> str:
        return f"{self._random.choice(_WISHES)} (nota {delivery})"

    def _form(
        self, case: str, who: Person, told: Mapping[str, str], *, after: float = 0.0, door: str = "site"
    ) -> Delivery:
        """A form of that person, through the JSON door `site` or the urlencoded door `loja`."""
        name = self._name(case)
        fields = {"nome": who.name, **told, "mensagem": self._message(name)}
        row = Told(
            person=who.id,
            emails=(told["email"],),
            phones=(who.second_phone if told["celular"] == who.second_phone else who.phone,),
            company=told.get("empresa", ""),
            job_title=told.get("cargo", ""),
            message=fields["mensagem"],
        )  # fmt: skip
        if door == "site":
            return Delivery(name, case, after, door, "application/json", json.dumps(fields).encode(), rows=(row,))
        body = urlencode(fields).encode()
        return Delivery(name, case, after, door, "application/x-www-form-urlencoded", body, rows=(row,))

    def _whole(self, who: Person) -> dict[str, str]:
        return {"email": who.email, "celular": who.typed_phone(self._random)}

    def _unique(self) -> list[Delivery]:
        who = self._somebody()
        return [self._form("unique", who, {**self._whole(who), "empresa": who.company, "cargo": who.job_title})]

    def _doors(self) -> list[Delivery]:
        who = self._somebody()
        return [
            self._form("doors", who, {**self._whole(who), "empresa": who.company}),
            self._form("doors", who, {**self._whole(who), "cargo": who.job_title}, door="loja"),
        ]

    def _again(self) -> list[Delivery]:
        who = self._somebody()
        once = self._form("again", who, {**self._whole(who), "empresa": who.company})
        return [replace(once, copies=self._random.randint(2, 4))]

    def _typos(self) -> list[Delivery]:
        who = self._somebody()
        first = self._form("typos", who, {**self._whole(who), "empresa": who.company})
        mistyped = {**self._whole(who), "nome": who.mistyped_name(self._random)}
        return [first, self._form("typos", who, mistyped, after=self._random.choice((0.05, 1.0, 4.0)), door="loja")]

    def _fuzzy(self) -> list[Delivery]:
        who = self._somebody()
        phone = who.typed_phone(self._random)
        return [
            self._form("fuzzy", who, {"email": who.email, "celular": phone, "empresa": who.company}),
            self._form(
                "fuzzy", who, {"email": who.second_email, "celular": phone, "cargo": who.job_title}, door="loja"
            ),
        ]

    def _update(self) -> list[Delivery]:
        who = self._somebody()
        first = self._form("update", who, self._whole(who))
        new = {"email": who.email, "celular": who.second_phone, "empresa": who.company, "cargo": who.job_title}
        return [first, self._form("update", who, new, after=self._random.choice((0.5, 3.0, 8.0)))]

    def _table(self) -> list[Delivery]:
        name = self._name("table")
        several = [self._somebody() for _ in range(self._random.randint(5, 25))]
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["nome", "email", "celular", "empresa", "mensagem"])
        rows: list[Told | None] = []
        for number, who in enumerate([*several, several[0]]):
            message = self._message(f"{name}-{number}")
            writer.writerow([who.name, who.email, who.typed_phone(self._random), who.company, message])
            rows.append(Told(who.id, (who.email,), (who.phone,), who.company, message=message))
        writer.writerow(["a row", "with", "more", "cells", "than", "the", "header"])
        body = out.getvalue().encode()
        return [Delivery(name, "table", 0.0, "planilha", "text/csv; charset=utf-8", body, rows=(*rows, None))]

    def _junk(self) -> list[Delivery]:
        name = self._name("junk")
        fields = {
            "nome": "teste",
            "email": "teste@teste.com",
            "celular": "(00) 00000-0000",
            "mensagem": f"teste {name}",
        }
        return [Delivery(name, "junk", 0.0, "site", "application/json", json.dumps(fields).encode(), rows=(None,))]

    def _broken(self) -> list[Delivery]:
        name = self._name("broken")
        body = f'{{"nome": "cut off in {name}'.encode()
        return [Delivery(name, "broken", 0.0, "site", "application/json", body, DeliveryState.QUARANTINED)]

    def _nobody(self) -> list[Delivery]:
        name = self._name("nobody")
        body = f"[{' ' * self._deliveries}]".encode()  # no two of them are the same bytes
        return [Delivery(name, "nobody", 0.0, "site", "application/json", body, DeliveryState.NOT_CONTACT)]
