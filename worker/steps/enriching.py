"""The enrich stage, and what is done about a source that did not answer.

A source that is down holds nobody up: the contact goes on without, and what was to be found is put off. The scheduler
asks again, and when the answer has come, the newest submission that wanted it goes through the rest of its stages once
more: the cache has the answer, the score is made anew, and the CRM is told what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from pydantic import TypeAdapter

from pipelines.dedupe.features import dump_features, features
from pipelines.enrich import merge_facts, wanted_facts
from pipelines.models import Contact, Fact, Origin
from pipelines.states import Stage
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.lookups import Answer, LookedUp, ask_all, look_up
from worker.steps.runtime import Runtime
from worker.store import contacts, due_lookups, facts, history, submissions
from worker.store.contacts import Golden
from worker.store.due_lookups import DueLookup
from worker.store.engine import Transaction
from worker.store.submissions import Claimed, Outcome

log = structlog.get_logger()

FACTS = TypeAdapter(tuple[Fact, ...])

FIRST_WAIT = 60.0
LONGEST_WAIT = 6 * 3600.0
"""Seconds before a source is asked again, doubled at each try, and the most between two; unless the source or its
breaker says otherwise."""

GAVE_UP_LOOKING = "gave_up_looking"
"""Event: a source did not answer within `worker.give_up_days`; the contact stays without what it may have known."""

FOUND_LATER = "found_later"
"""Event: a source that did not answer at first has answered, and the submission goes through its stages once more."""

TAKEN_TOGETHER = 100


def enrich(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Find what the person did not say. A source that is down is done without: it never holds a contact up."""
    with claims.claimed(runtime, Stage.ENRICH, ids) as claimed:
        return _enrich(runtime, claimed)


def _enrich(runtime: Runtime, claimed: Sequence[Claimed]) -> Report:
    now = runtime.clock()
    with runtime.database.read() as tx:
        golden = contacts.golden(tx, [item.contact_id for item in claimed if item.contact_id])
    found, outcomes = _look_up(runtime, claimed, {known.id: known.contact for known in golden.values()}, now)
    with runtime.database.write() as tx:
        ours = submissions.still_ours(tx, claimed)
        told = [item for item in claimed if item.id in found and item.id in ours]
        held = contacts.golden(tx, [item.contact_id for item in told if item.contact_id], locked=True)
        for item in told:
            known = held[item.contact_id or ""]
            origin = Origin(
                source=item.source, delivery=item.delivery_id, submission=item.id, stage=Stage.ENRICH, at=now
            )
            contact, kept = merge_facts(known.contact, found[item.id].facts, origin, trusted=runtime.trusted_sources)
            if contact != known.contact:
                contacts.change(tx, known, contact, dump_features(features(contact)), now=now)
                held[known.id] = replace(known, contact=contact)
            due = claims.next_look(runtime, now)
            outcomes.append(submissions.reached(item, due_at=due, facts=FACTS.dump_json(kept).decode()))
        _put_off(runtime, tx, told, held, found, now)
        saved = submissions.save(tx, outcomes, now=now, by=runtime.owner)
    return claims.report(Stage.ENRICH, saved, len(claimed))


def _look_up(
    runtime: Runtime, claimed: Sequence[Claimed], known: Mapping[str, Contact], now: datetime
) -> tuple[dict[str, LookedUp], list[Outcome]]:
    """What was found for each submission; a fault of ours is the outcome of the one that it happened at."""
    asked = {item.id: known[item.contact_id or ""] for item in claimed}
    try:
        return look_up(runtime, asked, now), []
    except Exception:
        log.warning("a batch failed at its look-ups; each is asked alone")
    found: dict[str, LookedUp] = {}
    outcomes = []
    for item in claimed:
        try:
            found |= look_up(runtime, {item.id: asked[item.id]}, now)
        except Exception as error:
            outcomes.append(claims.failed(runtime, item, error, now))
    return found, outcomes


def _put_off(
    runtime: Runtime,
    tx: Transaction,
    told: Sequence[Claimed],
    held: Mapping[str, Golden],
    found: Mapping[str, LookedUp],
    now: datetime,
) -> None:
    """Remember which sources did not answer, where nobody else did; forget it where they have by now."""
    due = []
    for item in told:
        contact_id = item.contact_id or ""
        looked_up = found[item.id]
        for name, answer in looked_up.answers.items():
            source = runtime.fact_sources[name]
            if answer.problem and wanted_facts(held[contact_id].contact, [source], looked_up.facts):
                at = now + timedelta(seconds=_wait(answer, tries=0))
                due.append(DueLookup(contact_id, name, item.id, 0, answer.problem, now, at))
    waiting = {(one.contact_id, one.source) for one in due_lookups.of_contacts(tx, held)}
    due_lookups.forget(tx, waiting - {(one.contact_id, one.source) for one in due})
    due_lookups.put_off(tx, due)


def _wait(answer: Answer, *, tries: int) -> float:
    if answer.retry_after is not None:
        return max(answer.retry_after, 1.0)
    return min(FIRST_WAIT * 2.0 ** min(tries, 20), LONGEST_WAIT)


def look_again(runtime: Runtime) -> int:
    """Ask the sources that are due again; how many answered. Done twice at once, each look-up is made by one."""
    with runtime.database.read() as tx:
        if not due_lookups.is_due(tx, runtime.clock()):
            return 0
    answered = 0
    while True:
        now = runtime.clock()
        with runtime.database.write() as tx:
            taken = due_lookups.take(tx, now, TAKEN_TOGETHER)
        if not taken:
            break
        answered += _look_again(runtime, taken, now)
    with runtime.database.write() as tx:
        facts.forget_expired(tx, runtime.clock())
    return answered


def _look_again(runtime: Runtime, taken: Sequence[DueLookup], now: datetime) -> int:
    with runtime.database.read() as tx:
        living = contacts.surviving(tx, {one.contact_id for one in taken})
        golden = contacts.golden(tx, living.values())
    keys = {one: _key(runtime, one, golden.get(living[one.contact_id])) for one in taken}
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for one, key in keys.items():
        if key:
            wanted[one.source].add(key)
    answers = ask_all(runtime, wanted, now)
    settled = {one: answers[one.source][key] for one, key in keys.items() if key}
    with runtime.database.write() as tx:
        over = [one for one, key in keys.items() if not key]  # neither the source nor the question is there any more
        over += [one for one, answer in settled.items() if _is_over(runtime, tx, one, answer, now)]
        due_lookups.forget(tx, [(one.contact_id, one.source) for one in over])
    return sum(not answer.problem for answer in settled.values())


def _key(runtime: Runtime, one: DueLookup, known: Golden | None) -> str:
    source = runtime.fact_sources.get(one.source)
    return source.key(known.contact) if source and known else ""


def _is_over(runtime: Runtime, tx: Transaction, one: DueLookup, answer: Answer, now: datetime) -> bool:
    """Whether nothing is left to do about a look-up; else it is put off once more."""
    if not answer.problem:
        if not answer.facts or submissions.send_back(tx, one.submission_id, Stage.ENRICH, why=FOUND_LATER, now=now):
            return True
        if not submissions.is_under_way(tx, one.submission_id):
            return True
        due_lookups.try_again(tx, one, at=now + timedelta(seconds=FIRST_WAIT), reason=one.reason)
        return False
    if now - one.since > timedelta(days=runtime.settings.worker.give_up_days):
        history.record(tx, [history.Move(one.submission_id, GAVE_UP_LOOKING, reason=answer.problem)], now)
        return True
    at = now + timedelta(seconds=_wait(answer, tries=one.tries + 1))
    due_lookups.try_again(tx, one, at=at, reason=answer.problem)
    return False
