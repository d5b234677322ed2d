"""Enrich: which sources of facts to ask, and how what they found goes with what the person said.

A fact's field is a standard field (a name in `FIELDS`) or one of its own:

| field | value | found by |
|---|---|---|
| `email_domain`, `email_domain_kind` | registrable domain; a `MailboxKind` | `email_domain` |
| `phone_country`, `phone_region` | ISO 3166 country; Brazilian state of the area code | `phone` |
| `phone_time_zone`, `phone_carrier`, `phone_kind` | IANA zone; the number's first carrier; a `PhoneKind` | `phone` |
| `document_kind`, `document_valid`, `cnpj_root` | a `DocumentKind`; `true` or `false`; eight places | `document` |
| `seniority`, `area` | a `Seniority`; an `Area` | `job_title` |
| `takes_mail`, `mail_provider` | `yes` or `no`; who runs the mailboxes | `mail_exchange` |
| `company_size`, `revenue` | as `firmographics` reads it: `11-50`, `EPP`, `R$ 5 milhões` | `cnpj`, `website`, any |
| `industry`, `industry_code` | in words; a CNAE code | `cnpj`, any |
| `company_legal_name`, `company_partners`, `company_status`, `company_founded`, `company_capital` | text | `cnpj` |
| `company_description`, `website_title`, `company_phone`, `company_email`, `company_cnpj` | text | `website` |
| `social_linkedin`, `social_instagram`, ... | the company's profile | `website` |
| `opted_out` | `true` | any |

The person always has the last word: a finding fills only what they left empty, with an origin that says who found it,
and where the two differ the finding stays a fact beside it (`conflicts` names those). E-mails, phones, documents and
birth dates that a source found stay facts altogether: people are recognised by them, so a wrong one would merge two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from pipelines.companies import company_key
from pipelines.emails import registrable_domain
from pipelines.fields import ADDRESS_PARTS, field_values
from pipelines.models import FIELDS, Contact, Fact, Origin, PostalAddress, Value
from pipelines.names import parse_name
from pipelines.states import Stage
from pipelines.text import fold, tidy_line

FILL_FROM: Final = 0.9
"""The confidence from which a finding fills an empty field; what is less sure stays a fact."""
LONGEST_FACT: Final = 1000
"""Characters of a finding that are kept."""

_PLAIN: Final = ("company", "job_title", "website", "language")
_NAME: Final = ("name", "given_name", "family_name")


class Offer(Protocol):
    """A source of facts as far as planning needs to know it; `worker.ports.FactSource` is one."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> Collection[str]:
        """What it may find."""

    def key(self, contact: Contact) -> str:
        """What it would be asked; empty: nothing to ask."""


class Question(Value):
    source: str
    key: str


def wanted_facts(
    contact: Contact, sources: Sequence[Offer], facts: Sequence[Fact] = (), asked: Collection[str] = ()
) -> tuple[Question, ...]:
    """The sources to ask next, a waterfall: for each field that neither the contact nor `facts` holds, the first of
    `sources` (cheapest first) that offers it, has something to go by and is not among `asked`.

    Call it again with what was found and the names asked so far; empty means that all is known or nobody is left.
    """
    known = {fact.field for fact in facts}
    taken: set[str] = set()
    questions = []
    for source in sources:
        missing = {field for field in source.fields if field not in known | taken and not _holds(contact, field)}
        if source.name in asked or not missing or not (key := source.key(contact)):
            continue
        questions.append(Question(source=source.name, key=key))
        taken |= missing
    return tuple(questions)


def _holds(contact: Contact, field: str) -> bool:
    return field in FIELDS and bool(field_values(contact, field))


def merge_facts(
    contact: Contact, facts: Sequence[Fact], origin: Origin, *, trusted: Collection[str] = ()
) -> tuple[Contact, tuple[Fact, ...]]:
    """The contact with its empty fields filled from `facts`, and the facts to keep: all of them, tidied, none twice.

    `origin` is the submission's; each field filled carries it with `stage` enrich, `by` the source and `at` the time of
    the finding. Only findings of at least `FILL_FROM` fill, or any of a source in `trusted`: of each source the latest,
    of several sources the surest, then the first in `facts`. Name and address are filled as a unit, from one source. A
    field that the same source filled before is refreshed. Applying it again with the same facts changes nothing.
    """
    kept = _tidied(facts)
    latest: dict[tuple[str, str], Fact] = {}
    for fact in kept:
        if fact.confidence >= FILL_FROM or fact.by in trusted:
            latest[fact.by, fact.field] = max(latest.get((fact.by, fact.field), fact), fact, key=lambda one: one.at)
    sure = sorted(latest.values(), key=lambda fact: -fact.confidence)
    filled: dict[str, object] = {}
    origins: dict[str, Origin] = {}

    def fill(field: str, value: object, fact: Fact) -> None:
        filled[field] = value
        origins[field] = origin.model_copy(update={"stage": Stage.ENRICH, "by": fact.by, "at": fact.at})

    for fact in sure:
        if fact.field in _PLAIN and fact.field not in filled and _yields(contact, fact):
            fill(fact.field, fact.value, fact)
        elif fact.field in _NAME and "name" not in filled and not any(contact.name.model_dump().values()):
            parts = _of_source(sure, fact.by, _NAME)
            name = parse_name(*(parts.get(part, "") for part in _NAME))
            if name.full:
                fill("name", name, fact)
        elif fact.field in ADDRESS_PARTS and "address" not in filled and contact.address == PostalAddress():
            fill("address", PostalAddress(**_of_source(sure, fact.by, ADDRESS_PARTS)), fact)
    if not filled:
        return contact, kept
    return contact.model_copy(update={**filled, "origins": {**contact.origins, **origins}}), kept


def _yields(contact: Contact, fact: Fact) -> bool:
    """Whether the contact's value makes way: there is none, or the same source found it earlier."""
    if not field_values(contact, fact.field):
        return True
    present = contact.origins.get(fact.field)
    return present is not None and present.by == fact.by and present.stage is Stage.ENRICH and present.at < fact.at


def _of_source(facts: Sequence[Fact], by: str, fields: Collection[str]) -> dict[str, str]:
    return {fact.field: fact.value for fact in facts if fact.by == by and fact.field in fields}


def _tidied(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Each finding once, the latest of the same words from the same source, in the order first found."""
    kept: dict[tuple[str, str, str], Fact] = {}
    for fact in facts:
        value = tidy_line(fact.value[:LONGEST_FACT])
        if not value:
            continue
        same = (fact.field, value, fact.by)
        if same not in kept or kept[same].at < fact.at:
            kept[same] = fact if fact.value == value else fact.model_copy(update={"value": value})
    return tuple(kept.values())


_COMPARED: Final[Mapping[str, Callable[[str], str]]] = {
    "company": company_key,
    "website": lambda value: registrable_domain(value.partition("://")[2] or value),
    "language": lambda value: value.lower().partition("-")[0],
}
"""Where two spellings mean one thing; everywhere else they are compared without accents and capitals."""


def conflicts(contact: Contact, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts that say something else than the contact does, for a person to see. Of e-mails, phones and documents
    everybody may have several, so they never conflict; a missing value does not either."""
    return tuple(fact for fact in facts if _conflicts(contact, fact))


def _conflicts(contact: Contact, fact: Fact) -> bool:
    if fact.field not in FIELDS or fact.field in {"email", "phone", "document", "message"}:
        return False
    alike = _COMPARED.get(fact.field, fold)
    said = field_values(contact, fact.field)
    return bool(said) and all(alike(value) != alike(fact.value) for value in said)
