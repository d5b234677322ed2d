"""Asking sources of facts about many contacts at once: a waterfall in rounds, each round's look-ups side by side.

What is missing of each contact is asked of the cheapest source that may know it; what that one does not say is asked of
the next one in the next round. One key is asked once, however many contacts share it (sixty domains of a hundred
people). Nothing here raises because of a source: one that does not answer is told of as put off.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from pipelines.enrich import wanted_facts
from pipelines.models import Contact, Fact
from worker.breaker import Breaker, Patience
from worker.errors import PortariaError, TransientError
from worker.ports import FactSource, Terms
from worker.rates import Rate
from worker.steps.runtime import Runtime
from worker.store import facts, spending
from worker.store.circuits import CircuitTable
from worker.store.spending import Spent

log = structlog.get_logger()

AT_ONCE = 32
"""Look-ups under way at a time."""
ROUND_SECONDS = 20.0
"""The most that a round of look-ups takes: what has not answered by then is put off, so that no lease runs out."""

OVER_BUDGET = "over_budget"
"""Reason code: the source's `daily_budget` is spent; it is asked tomorrow (UTC)."""
REFUSED_SECONDS = 3600.0
"""When to ask a source again that will not answer before somebody mends its configuration."""

TOO_SLOW = "too_slow"
"""Reason code: the others of its batch took all the time there was; it is asked in a moment."""
FAULT = "source_fault"
"""Reason code: the source failed in a way nobody foresaw; the log names the kind of error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said of a key."""

    facts: tuple[Fact, ...] = ()
    asked_at: datetime | None = None
    """When it was asked, where the cache answered; None: just now."""
    problem: str = ""
    """A reason code, where it did not answer."""
    retry_after: float | None = None


@dataclass
class LookedUp:
    """All that the sources said of one contact, in the order they were asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for answer in self.answers.values() for fact in answer.facts)


class AskAll(Protocol):
    """As `ask_all`."""

    def __call__(
        self, runtime: Runtime, wanted: Mapping[str, Collection[str]], now: datetime, /, *, until: float | None = None
    ) -> dict[str, dict[str, Answer]]: ...


def look_up(
    runtime: Runtime, asked: Mapping[str, Contact], now: datetime, ask: AskAll | None = None
) -> dict[str, LookedUp]:
    """Ask about each of these contacts, by any name, what they and their sources do not say; by the same names.

    `ask` answers in place of those who are outside.
    """
    sources = list(runtime.fact_sources.values())
    found = {name: LookedUp() for name in asked}
    until = time.monotonic() + ROUND_SECONDS
    while True:
        wanted: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for name, contact in asked.items():
            for source, key in _questions(contact, sources, found[name], now):
                wanted[source][key].append(name)
        if not wanted:
            return found
        for source, answers in (ask or ask_all)(runtime, wanted, now, until=until).items():
            for key, answer in answers.items():
                for name in wanted[source][key]:
                    found[name].answers[source] = answer
                    found[name].keys[source] = key


def _questions(
    contact: Contact, sources: Sequence[FactSource], so_far: LookedUp, now: datetime
) -> list[tuple[str, str]]:
    """What is to be asked outside next about a contact, after asking everybody who only computes."""
    by_name = {source.name: source for source in sources}
    while True:
        questions = wanted_facts(contact, sources, so_far.facts, so_far.answers)
        here = [question for question in questions if by_name[question.source].terms is None]
        if not here:
            return [(question.source, question.key) for question in questions]
        for question in here:
            so_far.answers[question.source] = Answer(tuple(by_name[question.source].ask(question.key, now)))
            so_far.keys[question.source] = question.key


def ask_one(runtime: Runtime, source: FactSource, key: str, now: datetime) -> Answer:
    """One answer of one source, from the cache while it is good."""
    if source.terms is None:
        return Answer(tuple(source.ask(key, now)))
    return _ask_source(runtime, source, source.terms, [key], time.monotonic() + ROUND_SECONDS, now)[key]


def ask_all(
    runtime: Runtime, wanted: Mapping[str, Collection[str]], now: datetime, *, until: float | None = None
) -> dict[str, dict[str, Answer]]:
    """The answers of several sources to their keys; the sources do not wait for each other."""
    end = time.monotonic() + ROUND_SECONDS if until is None else until
    outside = [(source, source.terms or Terms()) for name in wanted if (source := runtime.fact_sources[name])]
    if len(outside) == 1:
        ((source, terms),) = outside
        return {source.name: _ask_source(runtime, source, terms, list(wanted[source.name]), end, now)}
    with ThreadPoolExecutor(max(len(outside), 1), thread_name_prefix="source") as pool:
        asking = {
            source.name: pool.submit(_ask_source, runtime, source, terms, list(wanted[source.name]), end, now)
            for source, terms in outside
        }
        return {name: future.result() for name, future in asking.items()}


def _ask_source(
    runtime: Runtime, source: FactSource, terms: Terms, keys: Sequence[str], until: float, now: datetime
) -> dict[str, Answer]:
    """The answers of one source: from the cache, the rest side by side."""
    with runtime.database.read() as tx:
        known = facts.cached(tx, source.name, keys, now)
    answers = {key: Answer(one.facts, one.asked_at) for key, one in known.items()}
    missing = [key for key in keys if key not in answers]
    if not missing:
        return answers
    day = now.astimezone(UTC).date()
    with runtime.database.write() as tx:
        granted = spending.reserve(tx, source.name, day, len(missing), cost=terms.cost, budget=terms.daily_budget)
    tomorrow = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    refused = Answer(problem=OVER_BUDGET, retry_after=(tomorrow - now).total_seconds())
    answers |= dict.fromkeys(missing[granted:], refused)
    fresh = _call_all(runtime, source, terms, missing[:granted], until, now)
    _keep(runtime, source.name, terms, fresh, from_cache=len(known), now=now)
    return answers | fresh


def _call_all(
    runtime: Runtime, source: FactSource, terms: Terms, keys: Sequence[str], until: float, now: datetime
) -> dict[str, Answer]:
    breaker = Breaker(
        f"enrichment:{source.name}",
        CircuitTable(runtime.database),
        runtime.clock,
        Patience(trip_after=terms.trip_after),
    )

    def call(key: str) -> Answer:
        if time.monotonic() > until:
            return Answer(problem=TOO_SLOW, retry_after=1.0)
        try:
            runtime.rates.wait(Rate(terms.per_second), "enrichment", source.name, patience=terms.timeout)
            with breaker.attempt():
                return Answer(tuple(source.ask(key, now)))
        except TransientError as problem:
            return Answer(problem=problem.code, retry_after=problem.retry_after)
        except PortariaError as problem:  # a key that it does not take, an account that is not paid
            log.warning("a source of facts refused", source=source.name, reason=problem.code, detail=str(problem))
            return Answer(problem=problem.code, retry_after=REFUSED_SECONDS)
        except Exception as error:
            log.error("a source of facts failed", source=source.name, error=type(error).__name__)
            return Answer(problem=FAULT)

    if len(keys) == 1:
        return {keys[0]: call(keys[0])}
    pool = ThreadPoolExecutor(min(AT_ONCE, max(len(keys), 1)), thread_name_prefix="look-up")
    try:
        asking: dict[str, Future[Answer]] = {key: pool.submit(call, key) for key in keys}
        wait(asking.values(), timeout=max(until - time.monotonic(), 0) + terms.timeout)
        late = Answer(problem=TOO_SLOW, retry_after=1.0)
        return {key: future.result() if future.done() else late for key, future in asking.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _keep(
    runtime: Runtime, source: str, terms: Terms, fresh: Mapping[str, Answer], *, from_cache: int, now: datetime
) -> None:
    """Into the cache, and into the books."""
    told = {key: answer.facts for key, answer in fresh.items() if not answer.problem and answer.facts}
    nothing = {key: answer.facts for key, answer in fresh.items() if not answer.problem and not answer.facts}
    spent = Spent(
        answered=len(told) + len(nothing),
        empty=len(nothing),
        failed=len(fresh) - len(told) - len(nothing),
        from_cache=from_cache,
    )
    spent.found.update(fact.field for some in told.values() for fact in some)
    with runtime.database.write() as tx:
        facts.keep(tx, source, told, now + timedelta(seconds=terms.max_age), now)
        facts.keep(tx, source, nothing, now + timedelta(seconds=terms.nothing_max_age), now)
        spending.settle(tx, source, now.astimezone(UTC).date(), spent, cost=terms.cost)
