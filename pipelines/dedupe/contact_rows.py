"""The rows of a list of contacts as the stage sees a contact: the features of each, made when they are first asked for.

A list of contacts has columns of names, of mail addresses and of telephones, as a CRM exports them. Its rows are read
by the rules of normalize, each distinct value once, and compared by the model of the stage (`contact_scores`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from pipelines.dedupe.columns import Column, Kind, RawColumn, tidy
from pipelines.dedupe.features import (
    Features,
    birth_of,
    city_of,
    company_of,
    documents_of,
    lines_of,
    mailboxes_of,
    person_of,
    postal_code_of,
    street_of,
)
from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import PersonName, Phone
from pipelines.phones import parse_phone

_Part = Mapping[str, str]
"""What one value says: names of features and what they hold."""


def _email(text: str) -> _Part:
    email = parse_email(text)
    addresses, domains = mailboxes_of((email,) if email else ())
    return {"emails": addresses, "domains": domains}


def _phone(text: str) -> _Part:
    """A number that no dialling plan knows is still a number: its digits, as they are."""
    phone = parse_phone(text)
    if phone is None:
        phone = Phone(e164=f"+{tidy(text, Kind.PHONE)}", given=text)
    return {"phones": lines_of((phone,))}


def _document(text: str) -> _Part:
    document = parse_document(text)
    return {"documents": documents_of((document,) if document else ())}


def _birth_date(text: str) -> _Part:
    try:
        return {"birth": birth_of(date.fromisoformat(tidy(text, Kind.DATE)))}
    except ValueError:
        return {}


_READ: Final[Mapping[str, Callable[[str], _Part]]] = {
    "email": _email,
    "phone": _phone,
    "document": _document,
    "birth_date": _birth_date,
    "company": lambda text: {"company": company_of(text)},
    "city": lambda text: {"city": city_of(text)},
    "postal_code": lambda text: {"postal_code": postal_code_of(text)},
}
_COMPARED: Final = frozenset({*_READ, "street", "number"})
_SEVERAL: Final = ("emails", "phones", "documents", "domains")


def are_contacts(raw: Sequence[RawColumn], columns: Sequence[Column]) -> bool:
    """Whether a list is one of contacts: names of persons, and both mail addresses and telephones."""
    fields, kinds = {column.field for column in raw}, {column.kind for column in columns}
    return {"email", "phone"} <= fields and {Kind.GIVEN, Kind.FAMILY, Kind.EMAIL, Kind.PHONE} <= kinds


class ContactRows:
    """The rows of a list, by number."""

    def __init__(self, raw: Sequence[RawColumn], columns: Sequence[Column]) -> None:
        """`columns` are the same tidied, whole names taken apart. The list is one of contacts (`are_contacts`)."""
        self._given = next(column for column in columns if column.kind is Kind.GIVEN)
        self._family = next(column for column in columns if column.kind is Kind.FAMILY)
        self._streets = [[column for column in raw if column.field == field][:1] for field in ("street", "number")]
        self._others = [column for column in raw if column.field in _READ]
        self._compared = {column.name for column in raw if column.field in _COMPARED}
        self._parts: dict[tuple[int, int], _Part] = {}
        self._people: dict[tuple[int, int], tuple[str, str, str]] = {}

    def compares(self, column: Column) -> bool:
        """Whether the features hold what a column says."""
        return column.kind in (Kind.GIVEN, Kind.FAMILY) or column.name in self._compared

    def features(self, row: int) -> Features:
        """What of a row is compared; of several columns of one thing the first, of addresses and numbers all."""
        found: dict[str, str] = {}
        for at, column in enumerate(self._others):
            code = int(column.codes[row])
            if not code:
                continue
            for name, value in self._part(at, code).items():
                if name in _SEVERAL and found.get(name) and value:
                    found[name] = " ".join(sorted({*found[name].split(), *value.split()}))
                elif value:
                    found.setdefault(name, value)
        given, family, generation = self._person(int(self._given.codes[row]), int(self._family.codes[row]))
        street, number = ("".join(each.values[each.codes[row]] for each in some) for some in self._streets)
        home = street_of(street, number) if street else ""
        return Features(
            given=given,
            family=family,
            generation=generation,
            street=home,
            **found,
        )

    def _part(self, at: int, code: int) -> _Part:
        known = self._parts.get((at, code))
        if known is None:
            column = self._others[at]
            known = self._parts[at, code] = _READ[column.field](column.values[code])
        return known

    def _person(self, given: int, family: int) -> tuple[str, str, str]:
        known = self._people.get((given, family))
        if known is None:
            name = PersonName(given=self._given.values[given], family=self._family.values[family])
            known = self._people[given, family] = person_of(name)
        return known
