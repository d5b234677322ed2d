"""Reconcile: ask providers what changed, since hooks get lost; what no hook brought becomes a delivery like theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from worker.asking import Change, Polling
from worker.errors import ConfigurationError, PortariaError
from worker.ports import Priority, SourceSettings
from worker.steps.runtime import Runtime
from worker.store import deliveries, polls

log = structlog.get_logger()

INTERVAL = timedelta(minutes=15)
"""Between two looks at one source."""
OVERLAP = timedelta(minutes=10)
"""How far back each look begins before the last one's end: clocks differ, and changes show late in a list."""
BUDGET = timedelta(seconds=60)
"""For how long one look reads pages; the next goes on from there."""


def reconcile(runtime: Runtime) -> int:
    """Look at every source that is due; how many deliveries that brought. One that is down is tried again later."""
    found = 0
    for name in runtime.settings.sources:
        try:
            source, settings = runtime.source(name)
        except ConfigurationError:
            continue  # said at every start, and by `portaria check`
        if isinstance(source, Polling):
            for entity in source.polled(settings):
                found += _poll(runtime, source, settings, entity)
    return found


def _poll(runtime: Runtime, source: Polling, settings: SourceSettings, entity: str) -> int:
    began = runtime.clock()
    with runtime.database.write() as tx:
        since = polls.take(tx, settings.name, entity, now=began, again=began + INTERVAL)
    if since is None:
        return 0
    found = 0
    try:
        for page in source.changes(entity, since - OVERLAP, settings, runtime.around):
            found += _keep(runtime, settings, entity, page)
            if runtime.clock() > began + BUDGET:
                with runtime.database.write() as tx:
                    polls.hurry(tx, settings.name, entity, runtime.clock())
                break
    except PortariaError as problem:
        log.warning("what changed could not be asked for", source=settings.name, entity=entity, reason=problem.code)
    if found:
        log.info("hooks that were lost were made up for", source=settings.name, entity=entity, found=found)
    return found


def _keep(runtime: Runtime, settings: SourceSettings, entity: str, page: Sequence[Change]) -> int:
    """Keep what no hook brought, and how far we are, together."""
    now = runtime.clock()
    with runtime.database.write() as tx:
        known = deliveries.known(tx, settings.name, [key for change in page for key in change.keys])
        lost = [change for change in page if not known.intersection(change.keys)]
        for change in lost:
            deliveries.add(
                tx,
                source=settings.name,
                key=change.keys[0],
                body=change.body,
                content_type=change.content_type,
                kind=settings.kind,
                priority=Priority.MAIL,
                now=now,
            )
        if page:
            polls.reach(tx, settings.name, entity, max(change.at for change in page))
    return len(lost)
