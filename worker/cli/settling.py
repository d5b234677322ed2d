"""Waiting until deliveries are settled, and getting the work done where nobody else does it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from worker import celery_app, embedded, steps, supervisor, tasks
from worker.cli.shell import errors
from worker.steps.outcomes import Outcomes, outcomes_of
from worker.steps.replaying import Replayed
from worker.steps.runtime import Runtime

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 5.0
"""Without any `portaria up` for so long, the work is done here."""


def settle(runtime: Runtime, ids: Sequence[str], *, quiet: bool, replayed: Replayed | None = None) -> Outcomes:
    """Until these deliveries and what was replayed are settled: by the workers where there are some, else by doing the
    work here."""
    helped = Help(runtime)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=quiet) as progress:
        bar = progress.add_task("taking in", total=None)
        while True:
            began = time.monotonic()
            outcomes = outcomes_of(runtime, ids, replayed)
            took = time.monotonic() - began
            progress.update(bar, total=outcomes.submissions or None, completed=outcomes.settled)
            if outcomes.is_settled:
                return outcomes
            helped.lend()
            if took * 9 > LOOK_SECONDS:  # looking at a million takes a tenth of the time at most
                time.sleep(min(took * 9, 30.0))


class Help:
    """Gets the work done: rings for the workers, or does it here when there are none."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._rung = ""
        self._alone_since: float | None = None
        self._seen_up = False

    def lend(self) -> None:
        """Do what can be done now, or wait a little."""
        chosen = self._runtime.settings
        if not chosen.embedded_broker or supervisor.is_up(chosen):
            self._seen_up, self._alone_since = True, None
            self._ring()
            time.sleep(LOOK_SECONDS)
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if self._seen_up and now - self._alone_since < PATIENCE_SECONDS:  # it may be restarting
            time.sleep(LOOK_SECONDS)
            return
        steps.work_here(self._runtime)
        time.sleep(LOOK_SECONDS / 10)

    def _ring(self) -> None:
        url = embedded.broker_url(self._runtime.settings)
        if url is None or url == self._rung:
            return
        celery_app.configure(self._runtime.settings, url)
        try:
            tasks.ring()
            self._rung = url
        except Exception as problem:  # the scheduler finds it; a person waiting should know why it is slow
            errors.print(f"[dim]the broker did not answer ({type(problem).__name__}); waiting for the scheduler[/dim]")
