"""The promise, put to a short proof: a set-up is struck a few times, and nothing is lost or done twice.

Embedded alone: the processes of two machines take half a minute of a core to start. `make prove` proves both.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest


@pytest.mark.timeout(1800)
def test_nothing_is_lost_and_nothing_done_twice(tmp_path: Path, portaria: list[str]) -> None:
    ways = "child,broker_wiped,crm_answers_lost"
    command = [*portaria, "prove", "--minutes", "0.15", "--rate", "5", "--seed", "1"]
    command += ["--nemesis", ways, "--folder", "proof"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"keptin{tmp_path}" in "".join(done.stdout.split()), "its processes run in folders of their own"
    outcome = json.loads((tmp_path / "proof" / "outcome.json").read_text())
    assert outcome["findings"] == []
    assert outcome["states"]["done"] > 20
    assert outcome["strikes"]


def test_a_way_to_strike_that_there_is_not_is_told(portaria: list[str]) -> None:
    done = subprocess.run([*portaria, "prove", "--nemesis", "database"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such way to strike on sqlite: database" in done.stderr.replace("\n", " ")
