"""What became of deliveries, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.models import DecisionKind
from pipelines.states import DeliveryState, State
from worker.steps.replaying import Replayed
from worker.steps.runtime import Runtime
from worker.store import deliveries, submissions, workflows

OUTCOMES = ("created", "matched", "review", "held", "rejected", "waiting", "dead")


@dataclass(frozen=True)
class Outcomes:
    """Deliveries and their submissions, by what became of them."""

    deliveries: int
    submissions: int
    settled: int
    """Submissions that do not move by themselves any more, or only after a wait."""
    unopened: int
    counts: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    not_contacts: int = 0
    runs_due: int = 0
    """Runs of workflows that have something to do right now."""
    runs_failed: int = 0
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    """(outcome, reason code) → how many, for those that have a reason."""

    @property
    def is_settled(self) -> bool:
        return self.unopened == 0 and self.settled == self.submissions and self.runs_due == 0

    @property
    def all_well(self) -> bool:
        """Nothing was rejected, quarantined or dead, and no workflow failed."""
        return not (self.counts["rejected"] or self.counts["dead"] or self.quarantined or self.runs_failed)

    def as_json(self) -> dict[str, object]:
        # Files are never held, so that what `ingest` counts stays as it was.
        counts = {name: count for name, count in self.counts.items() if count or name != State.HELD}
        return {
            "deliveries": self.deliveries,
            "submissions": self.submissions,
            "outcomes": counts,
            "quarantined": self.quarantined,
            "not_contacts": self.not_contacts,
        }

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"{self.deliveries} deliveries, {self.submissions} submissions"
        for outcome in OUTCOMES:
            if self.counts[outcome]:
                yield f"  {outcome:<12} {self.counts[outcome]:>8,}"
                for (which, reason), count in sorted(self.reasons.items()):
                    if which == outcome:
                        yield f"    {reason:<24} {count:>6,}"
        if self.quarantined:
            yield f"  quarantined  {self.quarantined:>8,}   see: portaria deliveries list --state quarantined"
        if self.runs_failed:
            yield f"  runs failed  {self.runs_failed:>8,}   see: portaria workflows list --state failed"
        if self.not_contacts:
            yield f"  about nobody {self.not_contacts:>8,}   see: portaria deliveries list --state not_contact"


def outcomes_of(runtime: Runtime, delivery_ids: Sequence[str], replayed: Replayed | None = None) -> Outcomes:
    """What has become so far of these deliveries, and of what was replayed."""
    whole = {*delivery_ids, *(replayed.deliveries if replayed else ())}
    ids = sorted({*whole, *(replayed.reread if replayed else ())})
    with runtime.database.read() as tx:
        of_deliveries = Counter(deliveries.states(tx, ids).values())
        tallied = submissions.tally(tx, sorted(whole), replayed.submissions if replayed else ())
        runs_due, runs_failed = workflows.standing(tx, sorted(whole), runtime.clock())
    counts = dict.fromkeys(OUTCOMES, 0)
    reasons: Counter[tuple[str, str]] = Counter()
    settled = total = 0
    for (state, decision, reason), count in tallied.items():
        total += count
        outcome = outcome_name(state, decision)
        if outcome is None:
            continue
        settled += count
        counts[outcome] += count
        if reason:
            reasons[outcome, reason] += count
    return Outcomes(
        deliveries=len(ids),
        submissions=total,
        settled=settled,
        unopened=of_deliveries[DeliveryState.RECEIVED],
        counts=counts,
        quarantined=of_deliveries[DeliveryState.QUARANTINED],
        runs_due=runs_due,
        runs_failed=runs_failed,
        not_contacts=of_deliveries[DeliveryState.NOT_CONTACT],
        reasons=dict(reasons),
    )


def outcome_name(state: str, decision: str | None) -> str | None:
    """The word for what became of a submission; None while it is on its way."""
    if state == State.DONE:
        return "created" if decision == DecisionKind.NEW else "matched"
    return None if submissions.moves_by_itself(State(state)) else state
