"""Reading who is in the Kommo account into the index, so that dedupe knows them from the first day.

Each page becomes a delivery and goes through the stages as everything does; its key is its place, so that a page read
twice is taken in once, and an import that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.crm.kommo import KommoCrm
from worker.errors import ConfigurationError
from worker.kommo.client import Json
from worker.ports import Priority
from worker.sources.kommoaccount import ACCOUNT_SOURCE
from worker.steps.intake import receive
from worker.steps.runtime import Runtime
from worker.store import account_imports
from worker.store.account_imports import Progress

OVERLAP = timedelta(minutes=5)
"""Changes are read anew from so long before the last reading: clocks differ, and lists may lag."""
KNOWN_FOR = timedelta(hours=1)
"""For so long after a reading nobody is looked for in the account before a contact is made there."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was taken in."""

    delivery: str
    contacts: int
    """So many were read so far, in all."""


def kommo_of(runtime: Runtime) -> KommoCrm:
    """The account that `[crm]` names. Raises `ConfigurationError`."""
    if not isinstance(runtime.crm, KommoCrm):
        raise ConfigurationError('[crm] kind is not "kommo": there is no account to read')
    return runtime.crm


def import_account(runtime: Runtime) -> Iterator[Page]:
    """Take in all contacts of the account, page by page; the second time what has changed since. Raises
    `PortariaError`; called again it goes on."""
    crm = kommo_of(runtime)
    began = runtime.clock()
    with runtime.database.read() as tx:
        so_far = account_imports.progress(tx, crm.name)
    if so_far is None:
        so_far = Progress(crm.name, 0, 0, began, False, began)
    if not so_far.complete:
        for start, found in crm.client.pages("contacts", {"order": {"id": "asc"}}, start=so_far.start):
            delivery = _take_in(runtime, crm, found, f"{so_far.read_since.isoformat()}:{so_far.start}")
            so_far = replace(so_far, start=start, contacts=so_far.contacts + len(found), looked_at=runtime.clock())
            _save(runtime, so_far)
            yield Page(delivery, so_far.contacts)
        so_far = replace(so_far, complete=True)
        _save(runtime, so_far)
    for found in crm.client.changed_since("contacts", so_far.read_since - OVERLAP):
        yield Page(_take_in(runtime, crm, found, None), so_far.contacts)
    _save(runtime, replace(so_far, read_since=began, looked_at=runtime.clock()))


def is_known(runtime: Runtime, now: datetime) -> bool:
    """Whether whoever is in the account is in our index, as of a moment ago."""
    with runtime.database.read() as tx:
        so_far = account_imports.progress(tx, runtime.crm.name)
    return so_far is not None and so_far.complete and now - so_far.read_since < KNOWN_FOR


def _take_in(runtime: Runtime, crm: KommoCrm, found: Sequence[Json], key: str | None) -> str:
    body = json.dumps({"system": crm.name, "contacts": found}, ensure_ascii=False, sort_keys=True).encode()
    added = receive(
        runtime,
        ACCOUNT_SOURCE,
        body,
        content_type="application/json",
        priority=Priority.IMPORT,
        key=f"{crm.name}:{key}" if key else None,
    )
    return added.id


def _save(runtime: Runtime, so_far: Progress) -> None:
    with runtime.database.write() as tx:
        account_imports.save(tx, so_far)
