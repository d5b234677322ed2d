"""What the doors ask besides receiving: handshakes, how things stand, the story of a delivery."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.learning.drift import Drift
from pipelines.states import State
from worker.errors import PortariaError
from worker.ports import Handshaking, InboundRequest
from worker.steps.runtime import Runtime
from worker.steps.views import contact_view
from worker.store import contacts, deliveries, lead_outcomes, models, notifications, submissions, sweep, workflows


class NoHandshake(PortariaError):
    """The source's kind has no handshake: send POST."""

    code = "no_handshake"


def handshake(runtime: Runtime, name: str, request: InboundRequest) -> str:
    """The answer to a provider that checks the address by GET. Raises `NoHandshake` or `Unauthorized`."""
    source, settings = runtime.source(name)
    if not isinstance(source, Handshaking):
        raise NoHandshake(f"{name!r} takes POST; a source of kind {settings.kind} has no handshake")
    return source.handshake(request, settings)


def fresh_key(runtime: Runtime) -> str:
    """A delivery key that nothing else has: for a form that may be sent twice on purpose."""
    return f"{int(runtime.clock().timestamp() * 1000)}-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Standing:
    deliveries: Mapping[str, int]
    submissions: Mapping[str, int]
    contacts: int
    outcomes: Mapping[str, int]
    drift: Drift | None
    """As it was last looked at."""


def standing(runtime: Runtime) -> Standing:
    """How many deliveries, submissions and contacts there are."""
    with runtime.database.read() as tx:
        checked = models.last_check(tx)
        return Standing(
            deliveries=deliveries.counts(tx),
            submissions=submissions.counts(tx),
            contacts=contacts.count(tx),
            outcomes=lead_outcomes.counts(tx),
            drift=checked[0] if checked else None,
        )


LONGEST_STORY = 500
"""The most submissions of a delivery that its story holds; an import has a million."""


@dataclass(frozen=True, slots=True)
class Story:
    """A delivery and what became of each submission in it, the first `LONGEST_STORY` of them."""

    delivery: Mapping[str, Any]
    states: Collection[str]
    """Those that its submissions are in, all of them."""
    submissions: Sequence[Mapping[str, Any]]
    contacts: Mapping[str, Mapping[str, Any]]

    @property
    def settled(self) -> bool:
        """Whether nothing happens by itself any more, or only after a wait."""
        still = {state for state in State if submissions.moves_by_itself(state)}
        return self.delivery["state"] != "received" and still.isdisjoint(self.states)


def story(runtime: Runtime, delivery_id: str) -> Story | None:
    """What became of a delivery; None when there is none such."""
    with runtime.database.read() as tx:
        delivery = deliveries.summary(tx, delivery_id)
        if delivery is None:
            return None
        held = submissions.listed(tx, delivery_id=delivery_id, limit=LONGEST_STORY)
        states = {state for state, _, _ in submissions.tally(tx, [delivery_id])}
        ids = {row["contact_id"] for row in held if row["contact_id"]}
        known = {each: contact_view(row) for each in sorted(ids) if (row := contacts.read(tx, each))}
    return Story(delivery, states, held, known)


def recover(runtime: Runtime, *, host: str, alive: Sequence[str]) -> int:
    """After this machine was switched off or killed: free what its dead processes held and make all of it due now."""
    now = runtime.clock()
    with runtime.database.write() as tx:
        submissions.release_dead_owners(tx, alive, host=host, now=now)
        for leased in (workflows.leased, notifications.leased):
            gone = [owner for owner in leased.owners(tx) if owner.startswith(f"{host}:") and owner not in set(alive)]
            leased.release(tx, gone, now)
        return sweep.send_again(tx, now=now)
