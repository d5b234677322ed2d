"""`portaria up` stops in order however it is told to, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from worker import celery_app, embedded, supervisor
from worker.config import Settings
from worker.errors import ConfigurationError


@pytest.fixture
def hang_up_is_heard() -> Iterator[list[int]]:
    """Who hears of SIGHUP outside the block, so that the test does not end with it."""
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda *_: heard.append(0))
    yield heard
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_of_ending_stops_in_order(number: signal.Signals, hang_up_is_heard: list[int]) -> None:
    told: list[int] = []
    with supervisor._on_signals(lambda *_: told.append(number)):
        os.kill(os.getpid(), number)
    assert (told, hang_up_is_heard) == ([number], [])


def test_under_nohup_a_closed_terminal_stops_nothing(hang_up_is_heard: list[int]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told: list[int] = []
    with supervisor._on_signals(lambda *_: told.append(1)):
        os.kill(os.getpid(), signal.SIGHUP)
    assert told == []


def test_a_broker_that_does_not_come_up_is_not_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mute-server"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(embedded, "START_SECONDS", 0.3)
    monkeypatch.setattr(supervisor, "prepare", lambda _: None)
    monkeypatch.setattr(supervisor, "_need_free_port", lambda *_: None)
    settings = Settings(data=tmp_path)
    before = set(psutil.Process().children())
    with pytest.raises(ConfigurationError, match="did not start"):
        supervisor.Supervisor(settings, str(program)).run(ready=lambda: None)
    left = [child for child in set(psutil.Process().children()) - before if child.status() != psutil.STATUS_ZOMBIE]
    assert left == []


def test_one_process_ends_when_a_part_of_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lasting = threading.Event()
    stopped: list[str] = []

    class Web:
        should_exit = False

        def __init__(self, _config: object) -> None:
            self.run = lasting.wait

    monkeypatch.setattr(supervisor.uvicorn, "Server", Web)
    part = SimpleNamespace(start=lambda: None, stop=lambda: stopped.append("worker"))
    monkeypatch.setattr(celery_app.app, "Worker", lambda **_: part)
    beat = SimpleNamespace(run=lasting.wait, stop=lambda: stopped.append("beat"))
    monkeypatch.setattr(supervisor, "EmbeddedService", lambda *_, **__: beat)
    monkeypatch.setattr(supervisor, "_need_free_port", lambda *_: None)
    with pytest.raises(supervisor.PartEnded, match="worker ended"):
        supervisor.run_in_one_process(Settings(data=tmp_path), ready=lambda: None)
    assert sorted(stopped) == ["beat", "worker"]
    lasting.set()


@pytest.mark.parametrize(("lived", "pause"), [(2.0, 4.0), (120.0, 1.0)])
def test_the_pause_before_a_restart_begins_anew_once_a_process_was_steady(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lived: float, pause: float
) -> None:
    now = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    child = supervisor._Child("web", [], SimpleNamespace(poll=lambda: -9), deaths=2, started=now[0])  # type: ignore[arg-type]
    now[0] += lived
    supervisor.Supervisor(Settings(data=tmp_path), None)._keep_alive(child)
    assert child.start_at - now[0] == pause
