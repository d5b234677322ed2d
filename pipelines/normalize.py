"""Normalize: a source's fields become the standard contact, with what changed and why; nothing sent is thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from pipelines.dates import day_of
from pipelines.draft import PLACEHOLDER, Draft
from pipelines.guessing import IGNORE, RECORD_ID, guess_fields, is_about_another, is_area_code
from pipelines.models import FIELDS, RECORD, Normalized, Origin, RemoteRef, SourceField, SourceRecord
from pipelines.text import fold, is_placeholder, tidy_line

_LONGEST_ID = 100
_MAY_LOOK_EMPTY = frozenset({"number", "postal_code"})
"""House number 1111 is nobody's joke; a CEP is judged by its own rule."""


def normalize_record(
    record: SourceRecord,
    mapping: Mapping[str, str],
    origin: Origin,
    *,
    now: datetime,
    region: str = "BR",
    own_domains: Iterable[str] = (),
) -> Normalized:
    """The contact that a source's record tells of.

    A field's meaning is what `mapping` says (by key, then by label, case and accents folded), else what the source
    declares (`hint`), else a guess (`pipelines.guessing`). A mapping's target is a name in `models.FIELDS`, `ignore`
    (keep as a free field), or any other name, under which the value is then kept as a free field. `region` is the
    country whose dialling habits apply where neither number nor record says; `own_domains` are the receiver's mail
    domains. Values that cannot be read, are placeholders or too many stay in `extra` under the field's label or key.
    A row of a list that tells nobody's name, address, number or document but has an id of its own is known by that id:
    `remotes` then holds it, of kind `record` in the system of the source's name.
    What changed and why is told by the rules documented in `pipelines.draft` and in the module of each kind of value.
    Every value gets `origin`; keys as in `models.Contact.origins`, with `remotes:SYSTEM/KIND/ID` and `extra:LABEL`.
    Pure; never raises on any text.
    """
    targets = _targets(record.fields, mapping)
    draft = Draft(region, frozenset(domain.lower() for domain in own_domains), day_of(now))
    waiting: list[tuple[str, str, SourceField]] = []
    for field in sorted(record.fields, key=lambda field: targets.get(field.key) != "country"):
        target = targets.get(field.key, "")
        for raw in field.values:
            value = draft.tidied(target if target in FIELDS else "", raw)
            if not value:
                continue
            if not target and is_area_code(field.key, field.label) and re.fullmatch(r"0?[1-9]\d", value):
                draft.area_code = value[-2:]
            if target not in FIELDS:
                draft.keep(field, value, name="" if target in {"", IGNORE} else target)
            elif is_placeholder(value) and target not in _MAY_LOOK_EMPTY:
                draft.keep(field, value, target, PLACEHOLDER)
            else:
                waiting.append((target, value, field))
    for target, value, field in waiting:
        draft.read(target, value, field)
    if not draft.emails and not draft.phones:
        draft.search(field for field in record.fields if _may_be_searched(field, targets))
    if draft.is_nobody():
        ids = (value for field in record.fields if field.hint == RECORD_ID for value in field.values)
        if row_id := next((text for text in map(tidy_line, ids) if text and not is_placeholder(text)), ""):
            ref = RemoteRef(system=origin.source, kind=RECORD, id=row_id[:_LONGEST_ID])
            record = record.model_copy(update={"remotes": (*record.remotes, ref)})
    return draft.normalized(record, origin)


def _targets(fields: Iterable[SourceField], mapping: Mapping[str, str]) -> dict[str, str]:
    folded = {fold(name): target for name, target in mapping.items()}
    mapped: dict[str, str] = {}
    told: list[SourceField] = []
    for field in fields:
        target = (
            mapping.get(field.key) or folded.get(fold(field.key)) or (field.label and folded.get(fold(field.label)))
        )
        if target:
            mapped[field.key] = target
            field = SourceField(key=field.key, hint=target, values=field.values)  # its own label judges it no more
        told.append(field)
    return {field.key: IGNORE for field in told if field.hint == IGNORE} | guess_fields(told) | mapped


def _may_be_searched(field: SourceField, targets: Mapping[str, str]) -> bool:
    return targets.get(field.key, "") in {"", "message"} and not is_about_another(field.key, field.label)
