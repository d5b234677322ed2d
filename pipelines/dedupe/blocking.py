"""Blocking keys: whom a contact has to be compared with, one contact or a million.

Two contacts are compared when they share a key. Every key is a signed 64-bit hash (BLAKE2b, RFC 7693, so that it is
the same in every process, machine and Python) over its kind and its parts:

| kind | made of | catches |
|---|---|---|
| `email` | canonical address | the same mailbox, however tagged or dotted |
| `email_local` | local part of 6+ characters, no role, without dots | who changed provider or mistyped the domain |
| `email_half` | given name's sound, first or last half of the local part | a typo in the address |
| `email_end` | domain, last half of a local part of 8+ characters | the same of who gave no name |
| `phone` | E.164, and each variant of it | the same line, with and without the ninth digit |
| `phone8` | last 8 digits | the same line with another country or area code |
| `phone_half` | given name's sound, first or last digits of the last 8 | a mistyped number |
| `document` | kind and number | the same document |
| `remote` | system, kind, id | the same record of another system |
| `name_city` | sounds of given and last family name, city | who left a new mail and a new phone |
| `name_postal` | sounds of given and last family name, postal code | the same house, new mail and phone |
| `name_birth` | sound of given or of family name, birth date | a changed or mistyped other name |
| `initial_city` | family name's sound, initial, city | *J. Souza*, and given names mistyped |
| `name_company` | family name's sound, initial, company or its domain | *J. Souza* of Acme |
| `given_company` | given name's sound, company or its domain | who married, gave no family name, or a new address |
| `tokens` | all words of the name, sorted | names in any order, and double family names |
| `name` | sounds of given and family name, sorted | swapped given and family; also counts homonyms |
| `typo` | one name's sound, half of the other's, city or company or birth date | typos that change the sound |

A typo is caught by pigeon-hole: one slip leaves either the first or the last half of a word as it was. Two keys a
word do the work of the eight or so of a one-deletion neighbourhood, and stand two slips on one side.

Who gives no name but an address of two words (`ana.souza@`) has that name's `name` and `name_city` keys too.

Junk (`teste`, `0000-0000`) has no features and so makes no keys. A contact has at most `MOST_KEYS` of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import log2
from struct import Struct
from typing import Final, NamedTuple

from pipelines.dedupe.comparison import domain_label, plain_local
from pipelines.dedupe.features import Features, features
from pipelines.dedupe.nicknames import full_forms
from pipelines.dedupe.phonetics import phonetic
from pipelines.models import Contact

MAX_BLOCK: Final = 150
"""A key held by more contacts than this is not looked up: it names a crowd. The decision says so in its notes."""

MOST_KEYS: Final = 64

MOST_COMPARED: Final = 48
"""Contacts that one arrival is compared with: those who share the most, and the rarest, with it."""

NAMESAKES: Final = 8
"""Who shares no more than so many others do, as a rule a name, is no likelier to be the arrival than each of them."""

ALWAYS: Final = 3
"""So many of the nearest are compared with, whatever they share: the evidence shows who was nearest."""

KEYS_VERSION: Final = "2"
"""Of the keys and of the features that they are made from. Raise it when either changes: contacts that were entered
under earlier ones are found less well until `portaria dedupe rekey` has entered them anew."""


class BlockingKey(NamedTuple):
    kind: str
    hash: int
    """Signed 64 bits: fits a BIGINT."""


def key_hash(kind: str, *parts: str) -> int:
    """The hash of a key of one kind, the same for ever."""
    return _hash((kind, *parts))


def _hash(parts: Iterable[str]) -> int:
    hashed: int = _SIGNED(blake2b("\x1f".join(parts).encode(), digest_size=8).digest())[0]
    return hashed


_SIGNED: Final = Struct(">q").unpack


def blocking_keys(contact: Contact) -> tuple[BlockingKey, ...]:
    """All keys of a contact, without repetition, those that say most first."""
    return keys_of(features(contact))


def keys_of(value: Features) -> tuple[BlockingKey, ...]:
    """All keys of a contact whose features are known already."""
    found: dict[int, str] = {}
    for parts in _parts(value):
        if len(found) >= MOST_KEYS:
            break
        found.setdefault(_hash(parts), parts[0])
    return tuple(map(BlockingKey, found.values(), found))


def name_key(value: Features) -> int | None:
    """The `name` key: how many contacts hold it says how common the whole name is."""
    return _name_key(value.given.partition(" ")[0], value.family.rpartition(" ")[2])


@lru_cache(maxsize=1024)
def _name_key(first: str, last: str) -> int | None:
    given, family = _sounds(first, last)
    return key_hash("name", *sorted((given, family))) if given and family else None


def _sounds(first: str, last: str) -> tuple[str, str]:
    """How the first given name, a nickname in full, and the last family name sound."""
    return sound_of_given(first), phonetic(last)


def sound_of_given(first: str) -> str:
    """How a given name sounds, a nickname in full."""
    return phonetic(min(full_forms(first), default=first))


def nearest(blocks: Mapping[int, Sequence[int]], keys: Iterable[int], population: int) -> list[int]:
    """Whom to compare with: who shares these keys, the likeliest first, at most `MOST_COMPARED`.

    A key that n of a population hold is worth log2(population / n) bits, and what several say is added up. That is too
    much (an address has four keys), but it puts whom an identifier leads to before all who have the name alone. Who
    shares no more than `NAMESAKES` others do would not be likely enough to ask about, and is left out beyond the
    `ALWAYS` nearest. Keys of `MAX_BLOCK` holders lead to nobody. Who is as near as another goes by its number.
    """
    worth: dict[int, float] = {}
    for key in keys:
        block = blocks.get(key, ())
        if block and len(block) < MAX_BLOCK:
            bits = log2(population / len(block))
            for each in block:
                worth[each] = worth.get(each, 0.0) + bits
    crowd = log2(population / NAMESAKES)
    order = sorted(sorted(worth), key=worth.__getitem__, reverse=True)[:MOST_COMPARED]
    return [each for place, each in enumerate(order) if place < ALWAYS or worth[each] > crowd]


def _halves(word: str) -> tuple[str, str]:
    half = max(3, len(word) // 2)
    return f"{word[:half]}-", f"-{word[-half:]}"


def _parts(value: Features) -> Iterator[tuple[str, ...]]:
    given, family = _sounds(value.given.partition(" ")[0], value.family.rpartition(" ")[2])
    yield from _identifiers(value, given)
    yield from _names(value, given, family)
    if value.is_nameless:
        for first, last in filter(None, map(_words_of_mail, value.emails.split())):
            yield "name", *sorted((first, last))
            if value.city:
                yield "name_city", first, last, value.city
                yield "name_city", last, first, value.city


def _words_of_mail(address: str) -> tuple[str, str] | None:
    """How the two words sound that a personal address is made of, `ana.souza82@`; else nothing."""
    words = re.findall(r"[a-z]{3,}", address.rpartition("@")[0])
    return (phonetic(words[0]), phonetic(words[1])) if len(words) == 2 and not address.startswith("!") else None


def _identifiers(value: Features, given: str) -> Iterator[tuple[str, ...]]:
    for document in value.documents.split():
        if not document.startswith("?"):
            yield "document", document
    for remote in value.remotes.split():
        yield "remote", remote
    for address in value.emails.split():
        yield "email", address.lstrip("!")
        local = plain_local(address)
        if address.startswith("!") or len(local) < 6:
            continue
        yield "email_local", local
        if given:
            for half in _halves(local):
                yield "email_half", half, given
        if len(local) >= 8:
            yield "email_end", _halves(local)[1], address.rpartition("@")[2]
    for number in value.phones.split():
        yield "phone", number
    for end in sorted({number[-8:] for number in value.phones.split()}):
        yield "phone8", end
        if given:
            yield "phone_half", f"{end[:5]}-", given
            yield "phone_half", f"-{end[3:]}", given


def _names(value: Features, given: str, family: str) -> Iterator[tuple[str, ...]]:
    companies = {value.company.replace(" ", ""), *map(domain_label, value.domains.split())} - {""}
    for company in sorted(companies):
        if given:
            yield "given_company", given, company
    if given and value.birth:
        yield "name_birth", given, value.birth
    if not family:
        return
    if value.birth:
        yield "name_birth", family, value.birth
    for company in sorted(companies):
        yield "name_company", family, value.given[:1], company
    if not given:
        return
    yield "name", *sorted((given, family))
    words = {phonetic(word) for word in f"{value.given} {value.family}".split()} - {""}
    if len(words) > 2:
        yield "tokens", *sorted(words)
    if value.city:
        yield "name_city", given, family, value.city
        yield "initial_city", family, value.given[:1], value.city
    if value.postal_code:
        yield "name_postal", given, family, value.postal_code
    for scope in (value.city, value.company.replace(" ", ""), value.birth):
        if scope:
            for half in _halves(family):
                yield "typo", f"{given} {half}", scope
            for half in _halves(given):
                yield "typo", f"{half} {family}", scope
