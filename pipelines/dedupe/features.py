"""The compact comparable form of a contact: what of it is compared, folded once and kept beside it.

All of a contact that dedupe looks at fits into one line of text (`dump_features`), so that the store can keep it
beside the contact and read forty candidates in less time than one query takes. `load_features` is one split.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple
from unicodedata import category

from pipelines.companies import company_key
from pipelines.emails import canonical_email, is_free_mail, is_role_address, registrable_domain
from pipelines.models import Contact, Document, DocumentKind, Email, PersonName, Phone
from pipelines.text import is_placeholder, tidy_line, words

VERSION: Final = "1"
"""Of the line's layout; a line of another version is refused, and its contact's features are computed again."""

LONGEST_TEXT: Final = 120
"""Characters of a name, a company or a street that are compared."""
MOST_VALUES: Final = 12
"""E-mails, phones, documents and remotes of one contact that are compared; ten thousand in one form are noise."""

_FIELD: Final = "\x1f"
_PARTICLES: Final = frozenset(
    [
        "de",
        "da",
        "do",
        "das",
        "dos",
        "di",
        "du",
        "e",
        "del",
        "della",
        "la",
        "las",
        "los",
        "van",
        "von",
        "der",
        "den",
        "le",
        "y",
    ]
)
_GENERATIONS: Final = {
    "junior": "junior", "jr": "junior", "jnr": "junior", "filho": "filho", "neto": "neto", "netto": "neto",
    "sobrinho": "sobrinho", "segundo": "ii", "ii": "ii", "iii": "iii", "iv": "iv", "senior": "senior", "sr": "senior",
}  # fmt: skip
"""Endings that tell a father from his son; *filha* and *neta* are not in use."""

# Typed when asked for a number one will not give. 8765-4321 is not among them: there are lines of that number, and
# forms and manuals use it for people.
_RUNS: Final = frozenset({"12345678", "23456789", "34567890"})
_UNKNOWN_BIRTHS: Final = frozenset({"0001-01-01", "1899-12-30", "1900-01-01", "1901-01-01", "1970-01-01", "2000-01-01"})


class Features(NamedTuple):
    """One contact, folded for comparison; several values of one field are separated by spaces. Empty means missing."""

    given: str = ""
    """All given names: `ana maria`."""
    family: str = ""
    """Family names without particles: `souza lima`."""
    generation: str = ""
    """`junior`, `filho`, `neto`, ...: who of the bearers of one name."""
    emails: str = ""
    """Canonical addresses; a role mailbox (`vendas@`) starts with `!`."""
    phones: str = ""
    """E.164, with the variants that the same line is known by."""
    documents: str = ""
    """`cpf:52998224725`; one whose check digits are wrong starts with `?`."""
    birth: str = ""
    """ISO date."""
    company: str = ""
    """The company's key: its name without legal form."""
    domains: str = ""
    """Registrable corporate domains of the e-mails; free mail has none."""
    city: str = ""
    postal_code: str = ""
    street: str = ""
    """Street and number, folded."""
    remotes: str = ""
    """`kommo:acme/contact/42`."""

    @property
    def is_nameless(self) -> bool:
        return not (self.given or self.family)


def compared_words(text: str) -> tuple[str, ...]:
    """The words of a text for comparing: *D'Ávila* and *Davila* are one word, and an emoji is none."""
    text = tidy_line(text[:LONGEST_TEXT]).replace("'", "").replace("’", "")
    if not text.isascii():
        text = "".join(" " if category(character)[0] == "S" else character for character in text)
    return words(text)


def is_lone_letters(*names: str) -> bool:
    """Whether there is no word of two letters among them: initials alone, or nothing, are nobody's name."""
    return all(len(name) < 2 for name in names)


def person_of(name: PersonName) -> tuple[str, str, str]:
    """Given names, family names and generation, folded; junk and single letters alone are nobody's name."""
    given, family = name.given, name.family
    if not (given or family):
        given, _, family = name.full.strip().partition(" ")
    if is_placeholder(f"{given} {family}"):
        return "", "", ""
    givens = [word for word in compared_words(given) if word not in _PARTICLES]
    families = [word for word in compared_words(family) if word not in _PARTICLES]
    generation = _GENERATIONS.get("".join(compared_words(name.suffix)), "")
    if len(families) > 1 and families[-1] in _GENERATIONS:
        generation = generation or _GENERATIONS[families[-1]]
        families.pop()
    if not givens and families:
        givens, families = families[:1], families[1:]
    if is_lone_letters(*givens, *families):
        return "", "", ""
    return " ".join(givens[:4]), " ".join(families[:5]), generation


def _united(values: Iterable[str]) -> str:
    """Values in one line, in one order; what holds a space or a control character is no identifier."""
    return " ".join(sorted({value for value in values if value.split() == [value]})[:MOST_VALUES])


def is_plausible_phone(number: str) -> bool:
    """Whether the number may be somebody's: not 0000-0000, 1234-5678, or too short to be dialled."""
    digits = number.lstrip("+")
    end = digits[-8:]
    return 8 <= len(digits) <= 15 and digits.isdigit() and len(set(end)) > 2 and end not in _RUNS


def _company_domain(address: str) -> str:
    """The domain that an employer registered. `example` (RFC 2606) is nobody's: everybody's test data is there, so only
    what stands below it tells one company from another."""
    host = address.rpartition("@")[2]
    domain = registrable_domain(address) or host
    if domain.partition(".")[0] != "example":
        return domain
    return "" if host == domain else host


def birth_of(day: date | None) -> str:
    """The date, unless it is one that forms and exports write for "unknown"."""
    text = day.isoformat() if day else ""
    return "" if text in _UNKNOWN_BIRTHS else text


def mailboxes_of(emails: Iterable[Email]) -> tuple[str, str]:
    """What is compared of mail addresses: `Features.emails` and `Features.domains`."""
    addresses, domains = [], []
    for email in emails:
        address = canonical_email(email.address)
        if "@" not in address or len(address) > LONGEST_TEXT:
            continue
        is_role = is_role_address(address)
        if not is_role and is_placeholder(address.partition("@")[0]):
            continue  # teste@teste.com
        addresses.append(f"!{address}" if is_role else address)
        if not is_free_mail(address):
            domains.append(_company_domain(address))
    return _united(addresses), _united(domains)


def lines_of(phones: Iterable[Phone]) -> str:
    """What is compared of telephones: `Features.phones`."""
    return _united(form for phone in phones for form in (phone.e164, *phone.variants) if is_plausible_phone(form))


def documents_of(documents: Iterable[Document]) -> str:
    """What is compared of documents: `Features.documents`."""
    return _united(
        f"{'' if document.valid or document.kind is DocumentKind.OTHER else '?'}{document.kind}:{document.number}"
        for document in documents
        if document.number and not is_placeholder(document.number)
    )


def company_of(name: str) -> str:
    """What is compared of a company's name: `Features.company`."""
    return "" if is_placeholder(name) else company_key(name[:LONGEST_TEXT])


def city_of(name: str) -> str:
    """What is compared of a city's name: `Features.city`."""
    return "" if is_placeholder(name) else "".join(compared_words(name))


def postal_code_of(code: str) -> str:
    """What is compared of a postal code: `Features.postal_code`."""
    return "".join(compared_words(code))


def street_of(street: str, number: str) -> str:
    """What is compared of a street and a house number: `Features.street`."""
    return "" if is_placeholder(street) else " ".join(compared_words(f"{street} {number}"))


def features(contact: Contact) -> Features:
    """What of a contact is compared. Junk (`teste`, `N/A`, `0000-0000`) is left out: it is nobody's.

    The order of a contact's values does not matter. Never raises, whatever the fields hold.
    """
    given, family, generation = person_of(contact.name)
    emails, domains = mailboxes_of(contact.emails)
    home = contact.address
    return Features(
        given=given,
        family=family,
        generation=generation,
        emails=emails,
        phones=lines_of(contact.phones),
        documents=documents_of(contact.documents),
        birth=birth_of(contact.birth_date),
        company=company_of(contact.company),
        domains=domains,
        city=city_of(home.city),
        postal_code=postal_code_of(home.postal_code),
        street=street_of(home.street, home.number),
        remotes=_united("/".join((ref.system, ref.kind, ref.id)).replace(" ", "_") for ref in contact.remotes),
    )


def dump_features(value: Features) -> str:
    """One line of text, to be kept beside the contact."""
    return _FIELD.join((VERSION, *value))


def load_features(line: str) -> Features:
    """The features that `dump_features` wrote. Raises ValueError for a line of another version."""
    version, *values = line.split(_FIELD)
    if version != VERSION or len(values) != len(Features._fields):
        raise ValueError("these features were written by another version: compute them again")
    return Features._make(values)
