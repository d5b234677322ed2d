"""What the generic sources are told in portaria.toml: which of a contact's values to send, and where in the JSON of an
answer the facts are.

`{domain}` and its like stand for a value of the contact; a source is asked only where the contact has all that its
templates name. Paths are JMESPath (jmespath.org): `person.organization.name`, `people[0].title`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field

from pipelines.emails import registrable_domain
from pipelines.mailboxes import MailboxKind, mailbox_kind, telling_address
from pipelines.models import Contact, DocumentKind, Fact
from pipelines.text import tidy_line
from worker.enrichment.terms import LookUpKeys

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_LONGEST: Final = 300
_MOST_VALUES: Final = 20

PLACES: Final = ("email", "domain", "phone", "cnpj", "cpf", "name", "given_name", "family_name", "company", "job_title")


def _path(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError:
        raise ValueError("this is no JMESPath; write organization.name or people[0].title") from None
    return text


def check_template(text: str) -> str:
    """The template, when all its places are known. Raises ValueError."""
    for place in _PLACE.findall(text):
        if place not in PLACES:
            raise ValueError(f"there is no {{{place}}}; there are {', '.join(PLACES)}")
    return text


Template = Annotated[str, AfterValidator(check_template)]


class TemplateKeys(LookUpKeys):
    facts: Annotated[Mapping[str, Annotated[str, AfterValidator(_path)]], Field(min_length=1)]
    """Our field (a name of the table in `pipelines.enrich`, or one of your own) → the path of its value."""
    confidence: Annotated[float, Field(gt=0, le=1)] = 0.8
    """How sure its findings are; from 0.9 they fill what the person left empty."""


def values_of(contact: Contact) -> dict[str, str]:
    """A contact's values by place; empty ones are left out. The domain is that of the website, else of a corporate
    address: a free mailbox says nothing of a company."""
    address = telling_address(contact.emails)
    corporate = bool(address) and mailbox_kind(address) in {MailboxKind.CORPORATE, MailboxKind.ROLE}
    host = (contact.website.partition("://")[2] or contact.website).partition("/")[0].partition(":")[0]
    numbers = {each.kind: each.number for each in reversed(contact.documents) if each.valid}
    values = {
        "email": address,
        "domain": registrable_domain(host) or (registrable_domain(address) if corporate else ""),
        "phone": contact.phones[0].e164 if contact.phones else "",
        "cnpj": numbers.get(DocumentKind.CNPJ, ""),
        "cpf": numbers.get(DocumentKind.CPF, ""),
        "name": contact.name.full,
        "given_name": contact.name.given,
        "family_name": contact.name.family,
        "company": contact.company,
        "job_title": contact.job_title,
    }
    return {place: value[:_LONGEST] for place, value in values.items() if value}


def places_in(template: Any) -> set[str]:
    """The places that a template names, in lists and tables too."""
    if isinstance(template, str):
        return set(_PLACE.findall(template))
    inside: Iterable[Any] = template.values() if isinstance(template, Mapping) else template
    return {place for each in inside for place in places_in(each)} if isinstance(template, Mapping | list) else set()


def key_for(contact: Contact, places: Collection[str]) -> str:
    """The values that are asked with, as one text; empty where one is missing."""
    values = values_of(contact)
    if not set(places) <= values.keys():
        return ""
    return json.dumps({place: values[place] for place in sorted(places)}, ensure_ascii=False)


def filled(template: Any, values: Mapping[str, str], *, in_url: bool = False) -> Any:
    """The template with its places filled; in an address each value is percent-encoded whole."""
    if isinstance(template, str):
        return _PLACE.sub(lambda found: quote(values[found[1]], safe="") if in_url else values[found[1]], template)
    if isinstance(template, Mapping):
        return {key: filled(each, values) for key, each in template.items()}
    return [filled(each, values) for each in template] if isinstance(template, list) else template


def facts_in(answer: Any, keys: TemplateKeys, by: str, now: datetime) -> Sequence[Fact]:
    """What is at the paths: text, numbers, or lists of them joined. Never raises, whatever the answer is."""
    found = []
    for field, path in sorted(keys.facts.items()):
        try:
            value = _text(jmespath.search(path, answer))
        except JMESPathError:  # a function of the path that does not take what is there
            continue
        if value := tidy_line(value)[:_LONGEST]:
            found.append(Fact(field=field, value=value, by=by, at=now, confidence=keys.confidence))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(filter(None, (_text(each) for each in value[:_MOST_VALUES])))
    return str(value)[: _LONGEST * 4] if isinstance(value, str | int | float) else ""
