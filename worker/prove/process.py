"""A process of a set-up under proof: Portaria's own command line, with what cannot be done to it from outside.

    python -m worker.prove.process --data DIR web

is `portaria --data DIR web` where, by environment variables that only a proof sets,

- `PORTARIA_PROVE_CLOCK` names a file: the clock is wrong by as many seconds as are written in it;
- `PORTARIA_PROVE_VERSION` names the migrations of a later version (`worker.prove.upgrade`): it is that version;
- `PORTARIA_PROVE_WITHOUT` names a guard of `worker.prove.guards` that is switched off, to show that the proof sees it.

`[crm] kind = "proof"` is the CRM of `worker.prove.crm`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker import crm, supervisor
from worker.prove import guards, upgrade
from worker.prove.crm import KIND, OutsideCrmAdapter
from worker.prove.setup import CLOCK, COMMAND, SQLITE_WAIT, VERSION, WITHOUT
from worker.steps import runtime
from worker.store import engine


def wrong_clock(file: Path) -> runtime.Clock:
    """The clock of a machine that is set wrong."""

    def clock() -> datetime:
        try:
            wrong_by = float(file.read_text() or 0)
        except OSError:
            wrong_by = 0.0
        return datetime.now(UTC) + timedelta(seconds=wrong_by)

    return clock


def set_up() -> None:
    """Change this process as its environment says."""
    supervisor.COMMAND = COMMAND
    engine._SQLITE_WAIT = SQLITE_WAIT
    crm.CRMS = {**crm.CRMS, KIND: lambda section, _records: OutsideCrmAdapter(section.base_url)}
    if file := os.environ.get(CLOCK):
        runtime.utc_now = wrong_clock(Path(file))
    if migrations := os.environ.get(VERSION):
        upgrade.become(Path(migrations))
    if guard := os.environ.get(WITHOUT):
        guards.switch_off(guard)


if __name__ == "__main__":
    from worker.cli.main import main

    set_up()
    main()
