"""The official conformance suite against our real server: all that either revision requires.

Needs Node's packages beside it, which `.ci/run` installs where npm can: npm ci --prefix tests/conformance
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"

pytestmark = pytest.mark.skipif(
    not (BIN / "conformance").exists(), reason="no conformance suite: npm ci --prefix tests/conformance"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our server with the suite's fixtures beside our tools."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path_factory.mktemp("conformance") / "log").open("wb") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.serve", str(port)], cwd=HERE.parents[1], stdout=log, stderr=log
        )
        yield f"http://127.0.0.1:{port}/mcp"
        serving.terminate()
        serving.wait(20)


def is_listening(url: str) -> bool:
    port = int(url.rpartition(":")[2].partition("/")[0])
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_all_that_a_revision_requires(url: str, revision: str, until: Callable[..., Any], tmp_path: Path) -> None:
    until(lambda: is_listening(url), "the server")
    command = [str(BIN / "conformance"), "server", "--url", url, "--requirements", revision]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=110)
    summary = ran.stdout.partition("=== SUMMARY ===")[2]
    assert ran.returncode == 0, summary or ran.stderr
    assert len(re.findall(r"^✓ ", summary, re.MULTILINE)) >= 28, "it did run"
