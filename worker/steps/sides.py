"""What some submissions make together: the golden record, its keys, and what enrichment found for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.dedupe.blocking import blocking_keys
from pipelines.dedupe.merge import Survivorship, merge_contacts
from pipelines.models import Contact, PersonName, PostalAddress
from pipelines.states import Stage
from worker.store.merges import Journal, Member, Side


def side_of(
    members: Sequence[Member], journals: Sequence[Journal], goldens: Iterable[Contact], rules: Survivorship
) -> Side:
    """What these submissions make together: the golden record and its keys.

    Keys and findings that the tellings do not give come from the goldens and from the journals: what was known of some
    of these submissions before others came.
    """
    ids = {member.id for member in members}
    sides = [side for journal in journals for side in (journal.kept, journal.other)]
    known = [side for side in sides if side.members and ids.issuperset(side.members)]
    covered = {member for side in known for member in side.members}
    new = [member.told for member in members if member.id not in covered]
    found = [_found(golden, ids) for golden in (*goldens, *(side.contact for side in sides))]
    contact = _filled([member.told for member in members], found, rules)
    keys = {key for side in known for key in side.keys}
    keys |= {key.hash for told in (*new, *([contact] if new else ())) for key in blocking_keys(told)}
    return Side(contact=contact, keys=in_order(keys), members=sorted(ids))


_FOUND: dict[str, object] = {
    "name": PersonName(), "company": "", "job_title": "", "website": "", "language": "", "address": PostalAddress(),
}  # fmt: skip
"""The fields that enrichment fills, and what they are when they are empty."""


def _found(golden: Contact, members: Iterable[str]) -> Contact:
    """The part of a golden record that enrichment found for one of these submissions."""
    origins = {
        field: origin
        for field, origin in golden.origins.items()
        if field in _FOUND and origin.stage is Stage.ENRICH and origin.submission in members
    }
    return Contact.model_validate({**{field: getattr(golden, field) for field in origins}, "origins": origins})


def _filled(told: Sequence[Contact], found: Sequence[Contact], rules: Survivorship) -> Contact:
    """The golden record of these tellings, what they leave empty filled with what was found."""
    # One telling alone is as it was told: merging would put its values in another order.
    golden = told[0] if len(told) == 1 else merge_contacts(told, rules)
    best = merge_contacts(found, rules)
    fields = [field for field, empty in _FOUND.items() if getattr(golden, field) == empty and field in best.origins]
    origins = {**golden.origins, **{field: best.origins[field] for field in fields}}
    return golden.model_copy(update={**{field: getattr(best, field) for field in fields}, "origins": origins})


def in_order(keys: Iterable[int]) -> tuple[int, ...]:
    """Keys as a journal holds them."""
    return tuple(sorted(keys))
