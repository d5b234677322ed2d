"""A submission that kills its worker: set aside after the second, with its reason; the rest of its batch goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from worker import steps
from worker.config import load_settings
from worker.ports import Priority
from worker.steps.runtime import build_runtime
from worker.store import submissions
from worker.store.submissions import KILLED_WORKER, MAX_CRASHES

LATER = 3600
"""Seconds by which each worker starts after the one before it: its leases have run out."""

WORKER = """
import os, signal, sys
from datetime import timedelta
from worker import steps
from worker.config import load_settings
from worker.steps import stages
from worker.steps.runtime import build_runtime, utc_now

normalize_record = stages.normalize_record

def deadly(record, *arguments, **keywords):
    if any("Veneno" in value for field in record.fields for value in field.values):
        os.kill(os.getpid(), signal.SIGKILL)
    return normalize_record(record, *arguments, **keywords)

stages.normalize_record = deadly
runtime = build_runtime(load_settings(sys.argv[1]), clock=lambda: utc_now() + timedelta(seconds=int(sys.argv[2])))
steps.work_here(runtime)
"""


@pytest.mark.timeout(120)
def test_it_takes_two_workers_and_nobody_else_with_it(tmp_path: Path) -> None:
    names = ["Ana Abreu", "Bruno Barros", "Veneno Castro", "Diego Dantas", "Elisa Esteves"]
    rows = [f"{name},pessoa{number}@empresa{number}.example.com" for number, name in enumerate(names)]
    runtime = build_runtime(load_settings(tmp_path))
    runtime.database.migrate()
    body = "\n".join(["nome,email", *rows]).encode()
    added = steps.receive(runtime, "lista", body, content_type="text/csv", priority=Priority.IMPORT)
    ends = []
    while not ends or (ends[-1] != 0 and len(ends) < 5):
        command = [sys.executable, "-c", WORKER, str(tmp_path), str(len(ends) * LATER)]
        ends.append(subprocess.run(command, check=False, timeout=60).returncode)
    assert ends == [-signal.SIGKILL] * MAX_CRASHES + [0]
    with runtime.database.read() as tx:
        found = submissions.listed(tx, delivery_id=added.id)
    runtime.database.close()
    assert [row["state"] for row in found] == ["done", "done", "dead", "done", "done"]
    assert found[2]["reason"] == KILLED_WORKER
    assert "replay" in found[2]["detail"]
