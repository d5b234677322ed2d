"""Where no broker server can run, `portaria up` is one process and does the same work."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from worker.config import load_settings
from worker.steps.runtime import build_runtime
from worker.store import submissions


@pytest.mark.timeout(120)
def test_a_contact_goes_through_in_one_process(
    tmp_path: Path, portaria: list[str], until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "portaria.toml").write_text('[sources.site]\nsecret = "invented"\n[broker]\nurl = "memory://"\n')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "up.log"
    with log.open("wb") as out:
        command = [*portaria, "up", "--data", str(tmp_path), "--port", str(port)]
        up = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: b"is up" in log.read_bytes(), "portaria up", 60)
        body = {"nome": "Olga Prates", "email": "olga@example.com"}
        answer = httpx.post(f"http://127.0.0.1:{port}/hooks/site/invented", json=body)
        assert answer.status_code == 202
        runtime = build_runtime(load_settings(tmp_path))

        def done() -> bool:
            with runtime.database.read() as tx:
                return submissions.counts(tx) == {"done": 1}

        until(done, "the contact", 30)
        runtime.database.close()
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 2
        assert "another `portaria up`" in second.stderr
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0


def test_a_port_in_use_is_told(tmp_path: Path, portaria: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*portaria, "up", "--data", str(tmp_path), "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr.replace("\n", " ")
