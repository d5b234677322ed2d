"""Who of the sellers takes a contact: by rule, in turn, and with room. Deterministic, and it says why.

Those whose rules name the contact's region, source or language come before those without rules; of equals, whoever had
a contact the longest ago has the next. A contact stays with its seller.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import Field

from pipelines.models import Contact, Value
from pipelines.sections import read_section
from pipelines.text import fold
from pipelines.workflow_steps import OneOrMore, Text


class Seller(Value):
    """`[sellers.NAME]`: who they are in the CRM, and what they take. Rules that are not given let everything pass."""

    name: str
    crm_user: Annotated[str, Field(max_length=200, coerce_numbers_to_str=True)] = ""
    """Their name or id in the CRM; empty: NAME."""
    capacity: Annotated[int, Field(ge=0)] | None = None
    """The most contacts that they get in a day (on the house's calendar); None: any number."""
    regions: OneOrMore[Text] = ()
    """States or provinces (`SP`), or countries (`PT`)."""
    sources: OneOrMore[Text] = ()
    languages: OneOrMore[Text] = ()
    """BCP 47; `pt` is `pt-BR` as well."""

    @property
    def responsible(self) -> str:
        """Whom the CRM knows them as."""
        return self.crm_user or self.name


class Turn(NamedTuple):
    """How a seller stands in the round."""

    last: int
    """The number of their last turn; 0 before the first."""
    day: date | None
    taken: int
    """How many contacts they got on `day`."""


class Assigned(NamedTuple):
    """Who takes a contact; nobody where `seller` is empty."""

    seller: str
    reason: str


def read_sellers(section: Mapping[str, object]) -> tuple[Seller, ...]:
    """The sellers of `[sellers]`, in the order written there. Raises ValueError that names the key of a mistake."""
    sellers = []
    for name, given in section.items():
        if not isinstance(given, Mapping):
            raise ValueError(f"[sellers] {name}: a seller is a table, [sellers.{name}]")  # noqa: TRY004
        sellers.append(read_section(Seller, {**given, "name": name}, f"sellers.{name}"))
    return tuple(sellers)


def choose_seller(
    sellers: Sequence[Seller],
    turns: Mapping[str, Turn],
    contact: Contact,
    *,
    source: str,
    region: str = "",
    today: date,
) -> Assigned:
    """Whose turn it is for this contact. `region` stands in for an address that names none (the phone's, say)."""
    fitting: list[tuple[int, int, int, Seller, str]] = []
    full: list[str] = []
    places = {fold(place) for place in (contact.address.region or region, contact.address.country) if place}
    for position, seller in enumerate(sellers):
        why = _rules_met(seller, places, source, contact.language)
        if why is None:
            continue
        turn = turns.get(seller.name, Turn(0, None, 0))
        taken = turn.taken if turn.day == today else 0
        if seller.capacity is not None and taken >= seller.capacity:
            full.append(f"{seller.name} has {taken} of {seller.capacity} today")
            continue
        room = f", {taken + 1} of {seller.capacity} today" if seller.capacity is not None else ""
        fitting.append((-len(why), turn.last, position, seller, f"{' and '.join(why) or 'takes all'}{room}"))
    if not fitting:
        return Assigned("", "; ".join(full) or ("no seller's rules fit" if sellers else "there are no sellers"))
    rank, _, _, chosen, reason = min(fitting, key=lambda one: one[:3])
    equals = sum(one[0] == rank for one in fitting)
    return Assigned(chosen.name, f"{reason}, next of {equals} in turn" if equals > 1 else reason)


def _rules_met(seller: Seller, places: Collection[str], source: str, language: str) -> list[str] | None:
    """What of the contact the seller's rules name; None where they do not want it."""
    why = []
    if seller.regions:
        met = [region for region in seller.regions if fold(region) in places]
        if not met:
            return None
        why.append(f"region {met[0]}")
    if seller.sources:
        if source not in seller.sources:
            return None
        why.append(f"source {source}")
    if seller.languages:
        met = [one for one in seller.languages if _speaks(one, language)]
        if not met:
            return None
        why.append(f"language {met[0]}")
    return why


def _speaks(wanted: str, language: str) -> bool:
    return f"{language.lower()}-".startswith(f"{wanted.lower()}-")
