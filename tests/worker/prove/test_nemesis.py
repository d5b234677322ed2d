"""Whom a strike hits."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from worker.prove.nemesis import _lives, _process_of
from worker.steps.runtime import owner_of


def test_only_whoever_holds_the_lease_is_struck_not_who_has_its_number_by_now() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        owner = owner_of(other.pid)
        assert _process_of(owner).pid == other.pid
        assert _lives(owner)
        host, pid, start = owner.split(":")
        for gone in (f"{host}:{pid}:{int(start) - 60_000}", owner_of(os.getpid())):
            with pytest.raises(psutil.NoSuchProcess):
                _process_of(gone)
            assert not _lives(gone)
        other.kill()
