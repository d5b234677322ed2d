"""kill -9 at every point of a workflow of three steps and two waits: each effect is there once, on a clock that is set.

A life of a workflow is three processes, one for each step, each killed at its n-th point: after each commit, each call
to the CRM and each message (what dies before a commit leaves what died after the one before it). Whoever comes later
goes on with what the dead left in the database. The lives end with the first in which no process has so many points.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from pipelines.models import CrmWrite, Notification, RemoteRef, WriteKind
from pipelines.run_states import RunState
from pipelines.states import Stage, tail_from
from worker import steps
from worker.config import load_settings
from worker.crm.local import LocalCrm
from worker.errors import PortariaError
from worker.ports import Priority
from worker.steps.runtime import Runtime, build_runtime
from worker.store import local_crm, workflows
from worker.store.engine import Database, Transaction
from worker.store.local_crm import LocalRecordTable
from worker.store.sweep import Due

CONFIGURATION = """
[sources.site]
secret = "invented-secret"
[workflows.follow]
lead = true
notify = "room"
[[workflows.follow.steps]]
after = "2 days"
task = { text = "Ligar", due_in = 60 }
notify = "room"
[[workflows.follow.steps]]
after = "3 days"
note = "Fim"
move = { stage = "Demo" }
"""
BODY = b'{"nome": "Marina Azevedo", "email": "marina@industria.example.com"}'
ARRIVAL = datetime(2026, 11, 21, 12, tzinfo=UTC)
DUE = [ARRIVAL + timedelta(days=days) for days in (1, 4, 8)]
"""When the processes come that are killed: all that waited is due by then."""
AFTER = timedelta(minutes=6)
"""When somebody comes who goes on: leases run out after one."""

MAKES = {
    WriteKind.CREATE_CONTACT: "contact",
    WriteKind.CREATE_LEAD: "lead",
    WriteKind.CREATE_TASK: "task",
    WriteKind.ADD_NOTE: "note",
}
CALLED: Final = (6, 8, 9)
"""Points right after the call that makes the task, the lead and the note (of the second, first and third step)."""
EXPECTED: Final[dict[str, Any]] = {
    "run": (RunState.COMPLETED, 3),
    "made": {"contact": 1, "lead": 1, "task": 1, "note": 2},  # one note is the contact's own
    "stage": "Demo",
    "messages": 2,
}

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
# The child opens a database of its own and leaves by kill or _exit: it waits for nothing of the parent's threads.


class Points:
    """Counts the points that a process passes, and kills it -9 at one of them."""

    def __init__(self, kill_at: int = 0) -> None:
        self.kill_at = kill_at
        self.passed = 0
        self.counts = True

    def __call__(self) -> None:
        self.passed += self.counts
        if self.passed == self.kill_at and self.counts:
            os.kill(os.getpid(), signal.SIGKILL)


class Room:
    """Keeps the keys of what it is told. What dies between the answer and the save is told again, with its key."""

    name = "room"

    def __init__(self, data: Path, point: Points) -> None:
        self.file = data / "told"
        self.point = point

    def send(self, notification: Notification, now: datetime) -> None:
        with self.file.open("a") as file:
            file.write(f"{notification.key}\n")
        self.point()


class Crm(LocalCrm):
    """A CRM that makes whatever it is told as often as it is told; a worker may die after each call."""

    forgets = False
    """It finds nothing again."""

    def __init__(self, runtime: Runtime, point: Points) -> None:
        super().__init__(LocalRecordTable(runtime.database, runtime.clock))
        self.file = runtime.settings.data / "made"
        self.point = point

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        self.point.counts = False  # its own commits are not ours
        made = super().perform(writes)
        with self.file.open("a") as file:
            for write in writes:
                file.write(f"{MAKES[write.kind]}\n" if write.kind in MAKES else "")
        self.point.counts = True
        self.point()
        return made

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        return None if self.forgets else super().look_up(write)


def at(runtime: Runtime, now: datetime, points: Points) -> Runtime:
    """The runtime at that time."""
    then = replace(runtime, clock=lambda: now)
    return replace(then, crm=Crm(then, points), sinks={"room": Room(then.settings.data, points)})


def is_killed(runtime: Runtime, now: datetime, kill_at: int) -> bool:
    """Do what is due at `now` in a process of its own; whether it got as far as the point at which it is killed."""
    child = os.fork()
    if child == 0:
        try:
            points = Points(kill_at)
            own = replace(
                runtime, database=Database(runtime.settings.database_url), owner=f"{runtime.owner}:{os.getpid()}"
            )
            Database.write = counted(points)  # type: ignore[method-assign]
            steps.work_here(at(own, now, points))
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}, f"the process ended by itself with {status}"
    return bool(status)


def counted(point: Points) -> Any:
    """`Database.write` with a point after each commit."""
    write = Database.write

    @contextmanager
    def _write(self: Database, **given: Any) -> Iterator[Transaction]:
        with write(self, **given) as tx:
            yield tx
        point()

    return _write


@pytest.fixture
def begun(tmp_path: Path) -> Callable[[], Runtime]:
    """Begin a life: a contact is all but through, and its workflow is the next thing to start."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "portaria.toml").write_text(CONFIGURATION)
    begun = _begun(data)
    begun.database.close()

    def copied() -> Runtime:
        if not begun.database.is_sqlite:
            return begun
        life = tmp_path / uuid4().hex
        shutil.copytree(data, life)
        return build_runtime(load_settings(life))

    return copied


def _begun(data: Path) -> Runtime:
    runtime = build_runtime(load_settings(data))
    runtime.database.migrate()
    arrival = at(runtime, ARRIVAL, Points())

    def all_but_trigger(due: Due) -> None:
        for stage in tail_from(due.stage):
            if stage is not Stage.TRIGGER:
                steps.STEPS[stage](arrival, due.ids)

    steps.receive(arrival, "site", BODY, content_type="application/json", priority=Priority.LIVE, key="one")
    steps.dispatch(arrival, all_but_trigger)
    return runtime


def live(runtime: Runtime, kill_at: int) -> tuple[dict[str, Any], int]:
    """What one life has done at its end, and how many of its processes were killed."""
    killed = 0
    for due in DUE:
        killed += is_killed(runtime, due, kill_at)
        steps.work_here(at(runtime, due + AFTER, Points()))
    with runtime.database.read() as tx:
        (run,) = workflows.listed(tx)
        (lead,) = local_crm.listed(tx, "lead")
    data = runtime.settings.data
    done = {
        "run": (run["state"], run["position"]),
        "made": dict(Counter((data / "made").read_text().split())),
        "stage": lead.fields.get("stage"),
        "messages": len(set((data / "told").read_text().split())),
    }
    runtime.database.close()
    return done, killed


def test_each_effect_is_there_once_wherever_a_process_dies(begun: Callable[[], Runtime]) -> None:
    lives = 0
    for kill_at in count(1):
        done, killed = live(begun(), kill_at)
        assert done == EXPECTED, f"killed at point {kill_at}"
        if not killed:
            break
        lives += 1
    assert lives > 12


@pytest.fixture
def on_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTARIA_DATABASE__URL", postgres_url)


@pytest.mark.parametrize("kill_at", CALLED)
@pytest.mark.usefixtures("on_postgresql")
def test_on_postgresql(request: pytest.FixtureRequest, kill_at: int) -> None:
    done, killed = live(request.getfixturevalue("begun")(), kill_at)
    assert (done, killed) == (EXPECTED, len(DUE))


def test_without_looking_for_what_the_dead_may_have_made_it_is_made_twice(
    begun: Callable[[], Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crm, "forgets", True)
    doubles = []
    for kill_at in CALLED:
        done, _ = live(begun(), kill_at)
        doubles += [kind for kind, number in done["made"].items() if number > EXPECTED["made"][kind]]
    assert set(doubles) == {"lead", "task", "note"}
