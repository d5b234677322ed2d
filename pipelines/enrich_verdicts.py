"""What became of each finding, and why: for a person who asks."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from pipelines.enrich import FILL_FROM, conflicts
from pipelines.fields import ADDRESS_PARTS, field_values
from pipelines.models import FIELDS, Contact, Fact, PersonName, PostalAddress
from pipelines.states import Stage


class Verdict(StrEnum):
    """What became of a finding."""

    TAKEN = "taken"
    """It fills what the person left empty."""
    AGREES = "agrees"
    """The contact says the same."""
    CONFLICT = "conflict"
    """The contact says something else, and the person has the last word."""
    UNSURE = "unsure"
    """Not sure enough to fill anything: a fact beside the contact."""
    BESIDE = "beside"
    """No field of a contact: a fact beside it, which the score and workflows may go by."""
    IDENTITY = "identity"
    """People are recognised by it, so a source never fills it."""


_IDENTITY: Final = frozenset({"email", "phone", "document", "birth_date"})
_FILLED: Final = ("company", "job_title", "website", "language")
_NAME: Final = frozenset({"name", "given_name", "family_name"})


def verdict_on(contact: Contact, fact: Fact, trusted: Collection[str] = ()) -> Verdict:
    """What became of a finding about `contact`, which is as it is after enrichment."""
    if fact.field not in FIELDS:
        return Verdict.BESIDE
    if fact.field in _IDENTITY:
        return Verdict.IDENTITY
    if conflicts(contact, [fact]):
        return Verdict.CONFLICT
    if not field_values(contact, fact.field):
        return Verdict.UNSURE if fact.confidence < FILL_FROM and fact.by not in trusted else Verdict.BESIDE
    unit = "name" if fact.field in _NAME else "address" if fact.field in ADDRESS_PARTS else fact.field
    origin = contact.origins.get(unit)
    return Verdict.TAKEN if origin and origin.stage is Stage.ENRICH and origin.by == fact.by else Verdict.AGREES


def as_said(contact: Contact) -> Contact:
    """The contact without what sources of facts filled in."""
    found = {field for field, origin in contact.origins.items() if origin.stage is Stage.ENRICH and origin.by}
    empty: dict[str, object] = {field: "" for field in _FILLED if field in found}
    if "name" in found:
        empty["name"] = PersonName()
    if "address" in found:
        empty["address"] = PostalAddress()
    origins = {field: origin for field, origin in contact.origins.items() if field not in found}
    return contact.model_copy(update={**empty, "origins": origins}) if found else contact
