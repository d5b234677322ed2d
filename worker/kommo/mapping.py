"""Whether the account has everything that `[crm]` names, with a word for each thing that it has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from worker.errors import PortariaError
from worker.kommo.client import KommoClient
from worker.kommo.directory import Directory
from worker.kommo.settings import KommoSettings
from worker.kommo.words import LEAD_WORDS, WORDS
from worker.ports import Problem

_HOLDS_TEXT = frozenset({"text", "textarea"})


def problems_of(settings: KommoSettings, directory: Directory, client: KommoClient) -> Sequence[Problem]:
    """What does not fit. Raises `PortariaError` where the account does not answer."""
    return [
        *_fields("fields", "contacts", settings.fields, WORDS, directory),
        *_fields("lead_fields", "leads", settings.lead_fields, LEAD_WORDS, directory),
        *_marker(settings, directory),
        *_names(settings, directory),
    ]


def _fields(
    section: str, entity: str, mapping: Mapping[str, int | str], words: frozenset[str], directory: Directory
) -> Iterator[Problem]:
    for word, named in mapping.items():
        place = f"[crm.{section}] {word}"
        if word not in words and not word.startswith("extra."):
            yield Problem(f"{place}: we have no such field", f"there are {', '.join(sorted(words))} and extra.LABEL")
        elif directory.field(entity, named) is None:
            names = ", ".join(repr(one.name) for one in directory.fields(entity))
            yield Problem(
                f"{place} = {named!r}: the account's {entity} have no such custom field",
                f"make it at Kommo, or write one of {names}; until then its values go into a note",
                fatal=False,
            )


def _marker(settings: KommoSettings, directory: Directory) -> Iterator[Problem]:
    for entity in ("contacts", "leads"):
        field = directory.field(entity, settings.marker)
        if field is None:
            yield Problem(
                f"the account's {entity} have no text field {settings.marker!r} for our markers; tags are used instead",
                "`portaria kommo setup` makes the field",
                fatal=False,
            )
        elif field.type not in _HOLDS_TEXT:
            yield Problem(f"[crm] marker: the field {field.name!r} of {entity} is no text field", "name another")


def _names(settings: KommoSettings, directory: Directory) -> Iterator[Problem]:
    try:
        directory.place(settings.pipeline, settings.stage)
    except PortariaError as problem:
        yield Problem(f"[crm] {problem}", "new leads wait until it is there, or [crm] names another")
    try:
        if settings.responsible:
            directory.user(settings.responsible)
    except PortariaError as problem:
        yield Problem(f"[crm] responsible: {problem}", "new leads and tasks wait until [crm] names another")
