"""The golden record: one contact from all that is told of a person.

`merge_contacts` is a function of the set of its members, whatever their order or grouping: associative, commutative and
idempotent. So a merge is undone by merging again without one member, and nothing has to be taken apart.

Which value survives, field by field, the first rule that decides:

1. said by the person before found by enrichment (`Origin.by`);
2. `verified`: valid before invalid (documents), whole before part (a name with given and family name before one with
   only one, then the one with more words, then the one with its accents);
3. `recent`: later before earlier (`Origin.at`);
4. `longest`: longer before shorter;
5. a total order over the value and its origin, so that the outcome never depends on chance.

The order of the three that have a name can be set for each field (`Survivorship`).

Names are taken as a unit, never mixed from two; so is the address. E-mails, phones, documents and remotes are united.
Free fields are united too; where two differ under one key the later survives, the others stay in their members, from
which the record is made again at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from pipelines.models import Contact, Document, Email, Origin, PersonName, Phone, PostalAddress, RemoteRef, Value

_V = TypeVar("_V")
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)

_PLAIN: Final = ("birth_date", "company", "job_title", "website", "language", "message")
SURVIVORSHIP: Final = ("verified", "recent", "longest")
"""The rules by name, in the order in which they decide unless another is set."""
MERGED_FIELDS: Final = ("name", *_PLAIN, "address", "emails", "phones", "documents", "remotes", "extra")


@dataclasses.dataclass(frozen=True, slots=True)
class Survivorship:
    """Which rule decides first which value of a field survives, by field; `default` stands for the fields not named.

    A rule that an order leaves out comes after those it names. Raises ValueError for a field or a rule that there is
    not.
    """

    orders: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, order in self.orders.items():
            if name not in (*MERGED_FIELDS, "default"):
                raise ValueError(f"no field is called {name}: one of {', '.join(MERGED_FIELDS)}, default")
            wrong = [order] if isinstance(order, str) else [rule for rule in order if rule not in SURVIVORSHIP]
            if wrong:
                raise ValueError(f"{name} = {wrong[0]!r} is no list of rules: some of {', '.join(SURVIVORSHIP)}")

    def order_of(self, name: str) -> tuple[str, ...]:
        """All rules, in the order in which they decide for this field."""
        first = tuple(dict.fromkeys(self.orders.get(name, self.orders.get("default", ()))))
        return (*first, *(rule for rule in SURVIVORSHIP if rule not in first))


_Candidate = tuple[_V, Origin | None]


def _standing(origin: Origin | None) -> tuple[bool, datetime, str]:
    """How good a claim is by where it comes from; what has no origin yields to what has one."""
    if origin is None:
        return False, _EPOCH, ""
    return not origin.by, origin.at, origin.model_dump_json()


def _rank(value: object, quality: int, origin: Origin | None, order: Sequence[str]) -> tuple[object, ...]:
    said, at, whole_origin = _standing(origin)
    text = value.model_dump_json() if isinstance(value, Value) else str(value)
    ranks = {"verified": quality, "recent": at, "longest": len(text)}
    return said, *(ranks[rule] for rule in order), text, whole_origin


def _best(
    claims: Iterable[_Candidate[_V]], order: Sequence[str], quality: Callable[[_V], int] = lambda _: 0
) -> _Candidate[_V] | None:
    best: _Candidate[_V] | None = max(
        claims, key=lambda claim: _rank(claim[0], quality(claim[0]), claim[1], order), default=None
    )
    return best


def merge_contacts(members: Sequence[Contact], rules: Survivorship = Survivorship()) -> Contact:
    """One contact from several tellings of one person, by the rules of this module, in the order that `rules` sets.

    `origins` of the result says for each surviving value which member it came from. Raises ValueError when there is no
    member.
    """
    if not members:
        raise ValueError("a contact is merged from at least one member")
    origins: dict[str, Origin] = {}

    def survivor(field: str, empty: _V, quality: Callable[[_V], int] = lambda _: 0) -> _V:
        claims = [(getattr(member, field), member.origins.get(field)) for member in members]
        best = _best((claim for claim in claims if claim[0] != empty and claim[0]), rules.order_of(field), quality)
        if best is None:
            return empty
        if best[1] is not None:
            origins[field] = best[1]
        value: _V = best[0]
        return value

    def united(field: str, identity: Callable[[_V], str], quality: Callable[[_V], int] = lambda _: 0) -> tuple[_V, ...]:
        claims: dict[str, list[_Candidate[_V]]] = {}
        for member in members:
            for value in getattr(member, field):
                key = identity(value)
                claims.setdefault(key, []).append((value, member.origins.get(f"{field}:{key}")))
        order = rules.order_of(field)
        best = {key: _best(values, order, quality) for key, values in claims.items()}
        kept = sorted(
            ((key, claim) for key, claim in best.items() if claim is not None),
            key=lambda item: _rank(item[1][0], quality(item[1][0]), item[1][1], order),
            reverse=True,
        )
        for key, (_, origin) in kept:
            if origin is not None:
                origins[f"{field}:{key}"] = origin
        return tuple(value for _, (value, _) in kept)

    name = survivor("name", PersonName(), _wholeness)
    plain = {field: survivor(field, None if field == "birth_date" else "") for field in _PLAIN}
    address = survivor("address", PostalAddress(), _filled)
    emails: tuple[Email, ...] = united("emails", lambda email: email.address)
    phones: tuple[Phone, ...] = united("phones", lambda phone: phone.e164)
    documents: tuple[Document, ...] = united("documents", lambda document: document.number, lambda d: int(d.valid))
    remotes: tuple[RemoteRef, ...] = united("remotes", remote_key)
    extra = _united_extra(members, origins, rules.order_of("extra"))
    return Contact(
        name=name, emails=emails, phones=phones, documents=documents, address=address, extra=extra, remotes=remotes,
        origins=dict(sorted(origins.items())), **plain,
    )  # fmt: skip


def remote_key(remote: RemoteRef) -> str:
    """How a remote record is named in `origins`: `remotes:kommo:acme/contact/42`."""
    return f"{remote.system}/{remote.kind}/{remote.id}"


def _wholeness(name: PersonName) -> int:
    """A name with both its parts, none an initial, before one with less; then more words, then more accents.

    Who writes again in a hurry (*JOAO SAURO*) has not changed the name that was given in full.
    """
    parts = (len(name.given) > 1) + (len(name.family) > 1)
    words = sum(len(word) > 1 for word in f"{name.given} {name.family} {name.suffix}".split())
    accents = sum(not letter.isascii() for letter in name.full)
    return parts * 10_000 + min(words, 99) * 100 + min(accents, 99)


def _filled(address: PostalAddress) -> int:
    return sum(bool(part) for part in address.model_dump().values())


def _united_extra(members: Sequence[Contact], origins: dict[str, Origin], order: Sequence[str]) -> Mapping[str, str]:
    claims: dict[str, list[_Candidate[str]]] = {}
    for member in members:
        for key, value in member.extra.items():
            claims.setdefault(key, []).append((value, member.origins.get(f"extra:{key}")))
    kept: dict[str, str] = {}
    for key in sorted(claims):
        best = _best(claims[key], order)
        assert best is not None
        kept[key] = best[0]
        if best[1] is not None:
            origins[f"extra:{key}"] = best[1]
    return kept
