"""`portaria prove`: deliveries with known truth into a set-up that is struck from all sides, then a reckoning."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from pipelines.run_states import RunState
from pipelines.states import SETTLED, DeliveryState, State
from worker import steps
from worker.errors import TransientError
from worker.patience import GivenTime, Patience
from worker.prove.checker import Finding, Found, Sent, check
from worker.prove.crm import OutsideCrm
from worker.prove.nemesis import Nemesis
from worker.prove.receiver import Receiver
from worker.prove.sender import History, Sender
from worker.prove.setup import SECRET, SetUp
from worker.prove.workload import Workload
from worker.steps.runtime import Runtime, build_runtime
from worker.store import audit, notifications, submissions, sweep

STILL_SECONDS = 90.0
"""Nothing is struck any more, and nothing has changed for so long, in the time that the machine gave the set-up: what
is not over by now hangs."""
LONGEST_END = 3600.0
"""Whatever changes: what is not over by now goes in circles."""
QUIET_SECONDS = 2.0
PATIENT_SECONDS = 15.0
"""What waits for longer than this from now for its next try is tried at once."""


@dataclass(frozen=True)
class Proof:
    """What is to be proven, and on what."""

    store: str
    seconds: float
    rate: float
    """Deliveries a second."""
    seed: int
    ways: tuple[str, ...]
    without: str = ""


@dataclass
class Outcome:
    """What came of it."""

    proof: Proof
    sent: Sequence[Sent]
    findings: Sequence[Finding]
    strikes: dict[str, list[str]]
    settled_after: float
    """Seconds from the last strike until all was over."""
    states: Counter[str] = field(default_factory=Counter)
    contacts: int = 0
    crm_records: int = 0
    gave_up: str = ""
    """Why the end was not waited for."""
    lost: Sequence[tuple[str, str]] = ()
    """(machine, what of it did not come back) in the course of a strike."""
    missing: Sequence[tuple[str, str]] = ()
    """(machine, what should run on it and does not) at the end."""
    set_aside: int = 0
    """Submissions that were dead (their workers were killed too often), and were replayed."""


def run(proof: Proof, folder: Path, tell: Callable[[str], None]) -> Outcome:
    """Prove it in `folder`, which keeps the history, the logs and the data."""
    history = History(folder / "history.jsonl")
    history.note(event="proof", **asdict(proof))
    receiver, crm = Receiver(), OutsideCrm()
    setup = SetUp(proof.store, folder, crm=crm.url, receiver=receiver.url, without=proof.without)
    try:
        setup.start()
        runtime = build_runtime(setup.settings)
        cases = Workload(proof.seed).cases()
        sender = Sender([machine.address for machine in setup.machines], SECRET, history)
        sender.send_first(next(cases))
        _wait_for_first(setup, runtime)
        tell(f"up: {', '.join(machine.address for machine in setup.machines)}; sending for {proof.seconds:.0f} s …")
        nemesis = Nemesis(
            setup, runtime, crm, receiver, history, random.Random(proof.seed), proof.ways  # noqa: S311
        )  # fmt: skip
        if proof.ways:
            nemesis.start()
        try:
            sender.send_for(proof.seconds, proof.rate, cases)
        finally:
            nemesis.stop()
        setup.keep_up()
        tell(f"{len(sender.sent)} deliveries sent; waiting until all is over …")
        outcome = Outcome(proof, sender.sent, (), nemesis.strikes, 0.0, lost=nemesis.lost)
        began = time.monotonic()
        _settle(outcome, setup, runtime, history)
        outcome.settled_after = time.monotonic() - began
        if outcome.gave_up:
            tell(f"not waiting any longer: {outcome.gave_up}")
        _reckon(outcome, runtime, crm, receiver)
        runtime.database.close()
    finally:
        setup.stop()
        receiver.close()
        crm.close()
        history.close()
    _save(outcome, folder)
    return outcome


def _wait_for_first(setup: SetUp, runtime: Runtime) -> None:
    """Nothing is struck before the first case has gone all the way: workers take long to start on a busy machine.

    Raises `TransientError` when it does not.
    """
    patience = Patience(STILL_SECONDS, LONGEST_END, GivenTime(setup.pids))
    while not _is_over(standing := steps.standing(runtime)):
        patience.look(standing)
        if why := patience.is_over():
            raise TransientError(f"the first deliveries did not go through, with nothing struck yet ({why})")
        time.sleep(0.2)


def _settle(outcome: Outcome, setup: SetUp, runtime: Runtime, history: History) -> None:
    """Wait until nothing moves by itself any more, for as long as anything does. What is dead is sent again once, as an
    operator would.

    Runs that failed are run again, and what waits for a later try is tried at once.
    """
    replayed: set[str] = set()
    given = GivenTime(setup.pids)
    patience = Patience(STILL_SECONDS, LONGEST_END, given)
    over_since = given()
    while not (why := patience.is_over()):
        setup.keep_up()
        began = time.monotonic()
        try:
            dead = _dead(runtime) - replayed
            if dead:
                with runtime.database.write() as tx:
                    submissions.replay(tx, dict.fromkeys(dead, State.RECEIVED), by="prove", now=runtime.clock())
                replayed |= dead
            following = _follow_up(runtime)
            _hurry(runtime)
            standing = steps.standing(runtime)
            with runtime.database.read() as tx:
                moved = audit.progress(tx)
        except TransientError:  # it was struck until a moment ago
            time.sleep(1.0)
            continue
        outcome.missing = setup.missing()
        patience.look((moved, tuple(outcome.missing)))
        if dead or following or outcome.missing or not _is_over(standing):
            over_since = given()
            under_way = {state: count for state, count in standing.submissions.items() if state not in SETTLED}
            history.note(event="waiting", submissions=under_way, runs=following, missing=outcome.missing)
        elif given() - over_since > QUIET_SECONDS:
            break
        time.sleep(max(0.5, 9 * (time.monotonic() - began)))  # looking takes a tenth of the time at most
    outcome.gave_up, outcome.set_aside = why, len(replayed)


def _hurry(runtime: Runtime) -> None:
    """Have what waits for a later try tried at once; not what a wrong clock has put off."""
    now = runtime.clock()
    with runtime.database.read() as tx:
        waiting = submissions.listed(tx, state=State.WAITING, limit=100_000)
    later = now + timedelta(seconds=PATIENT_SECONDS)
    if ids := [row["id"] for row in waiting if row["due_at"] and row["due_at"] > later and row["updated_at"] <= now]:
        with runtime.database.write() as tx:
            sweep.make_due(tx, ids, now=now)


def _follow_up(runtime: Runtime) -> bool:
    """Have the runs that failed, and the messages that wait, done now; whether anything is not over."""
    with runtime.database.read() as tx:
        found = [(row["id"], row["state"]) for row in audit.runs(tx)]
    for run_id in [run_id for run_id, state in found if state == RunState.FAILED]:
        steps.rerun(runtime, run_id, by="prove")
    with runtime.database.write() as tx:
        waiting = notifications.send_now(tx, runtime.clock())
    return bool(waiting) or any(state in {RunState.FAILED, RunState.ACTIVE} for _, state in found)


def _is_over(standing: steps.Standing) -> bool:
    under_way = {state for state, count in standing.submissions.items() if count} - SETTLED
    return not under_way and not standing.deliveries.get(DeliveryState.RECEIVED)


def _dead(runtime: Runtime) -> set[str]:
    with runtime.database.read() as tx:
        return {row["id"] for row in submissions.listed(tx, state=State.DEAD, limit=100_000)}


def _reckon(outcome: Outcome, runtime: Runtime, crm: OutsideCrm, receiver: Receiver) -> None:
    with runtime.database.read(in_pieces=True) as tx:
        found = Found(
            deliveries=audit.deliveries(tx),
            submissions=audit.submissions(tx),
            contacts=audit.contacts(tx),
            crm_writes=audit.crm_writes(tx),
            runs=audit.runs(tx),
            notifications=audit.notifications(tx),
            moves=audit.moves(tx),
            crm=crm.items(),
            received=receiver.received,
            missing=[*outcome.lost, *outcome.missing],
        )
        outcome.findings = check(outcome.sent, found)
    outcome.states = Counter(row["state"] for row in found.submissions)
    outcome.contacts = sum(row["merged_into"] is None for row in found.contacts)
    outcome.crm_records = len(found.crm)


def _save(outcome: Outcome, folder: Path) -> None:
    """For a second look."""
    told = {
        "proof": asdict(outcome.proof),
        "findings": [asdict(finding) for finding in outcome.findings],
        "strikes": outcome.strikes,
        "states": outcome.states,
        "settled_after": outcome.settled_after,
        "gave_up": outcome.gave_up,
        "set_aside": outcome.set_aside,
    }
    (folder / "outcome.json").write_text(json.dumps(told, ensure_ascii=False, indent=1))
