"""`portaria mailbox`: killed and started again, stopped, and without a mailbox."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from worker.cli.main import portaria as portaria_command
from worker.config import load_settings
from worker.mailbox_session import KEYWORD
from worker.steps.runtime import build_runtime
from worker.store import deliveries
from worker.supervisor import Supervisor

Until = Callable[..., None]
CONFIGURATION = """
[broker]
url = "redis://127.0.0.1:9"

[mailboxes.vendas]
host = "127.0.0.1"
port = {port}
user = "vendas"
password = "{password}"
tls = false
"""


class Process:
    """`portaria mailbox` on a data folder, whose broker is down: a doorbell that nobody hears costs a second."""

    def __init__(self, command: list[str], data: Path) -> None:
        self._command = [*command, "mailbox", "--data", str(data)]
        self.log = data / "mailbox.log"
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(self._command, stderr=log, env={**os.environ, "COLUMNS": "300"})

    def end(self, number: signal.Signals) -> int:
        if self._running is None:
            return 0
        self._running.send_signal(number)
        status = self._running.wait(20)
        self._running = None
        return status


@pytest.fixture
def data(tmp_path: Path, imap: Any) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "portaria.toml").write_text(CONFIGURATION.format(port=imap.port, password=imap.password))
    return folder


@pytest.fixture
def process(portaria: list[str], data: Path) -> Iterator[Process]:
    made = Process(portaria, data)
    yield made
    made.end(signal.SIGKILL)


@pytest.fixture
def count(data: Path) -> Iterator[Callable[[], int]]:
    """How many deliveries there are."""
    runtime = build_runtime(load_settings(data))
    runtime.database.migrate()

    def counted() -> int:
        with runtime.database.read() as tx:
            return sum(deliveries.counts(tx).values())

    yield counted
    runtime.database.close()


def disturbed(
    imap: Any, process: Process, count: Callable[[], int], until: Until, mails: list[bytes], faults: str, people: int
) -> None:
    """Read these mails while the poller ("p") and the server ("s") are killed, evenly spread over the mails."""
    for start in range(0, len(mails), 50):
        imap.deliver(*mails[start : start + 50])
    process.start()
    for number, fault in enumerate(faults, start=1):
        share = len(mails) * number // (len(faults) + 1)
        until(lambda share=share: count() >= share, f"{share} mails", 60)
        if fault == "p":
            process.end(signal.SIGKILL)
            process.start()
        else:
            imap.kill()
            imap.start()
    until(lambda: count() == people and imap.search(f"UNKEYWORD {KEYWORD}") == [], "every mail marked", 100)


def test_kill_9_of_poller_and_server_brings_each_mail_once(
    imap: Any, process: Process, count: Callable[[], int], until: Until, mail: Any
) -> None:
    disturbed(imap, process, count, until, [mail(number) for number in range(60)], "ps", 60)
    assert count() == 60
    began = time.monotonic()
    assert process.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    said = process.log.read_text()
    assert "empresa" not in said
    assert "invented" not in said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("imap", [pytest.param("dovecot", marks=pytest.mark.servers)], indirect=True)
def test_a_thousand_mails_with_three_server_and_two_poller_kills(
    imap: Any, process: Process, count: Callable[[], int], until: Until, mail: Any
) -> None:
    copies = [b"Received: from relay.example.com\r\n" + mail(number) for number in range(0, 100, 10)]
    disturbed(imap, process, count, until, [mail(number) for number in range(990)] + copies, "spsps", 990)
    assert count() == 990


def test_without_a_mailbox_it_says_what_to_write(tmp_path: Path) -> None:
    done = CliRunner().invoke(portaria_command, ["mailbox", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "[mailboxes.NAME]" in done.stderr


def test_up_reads_the_mailboxes_that_there_are(data: Path) -> None:
    with_mailbox = [name for name, _ in Supervisor(load_settings(data), None)._commands()]
    without = [name for name, _ in Supervisor(load_settings(data / "none"), None)._commands()]
    assert set(with_mailbox) - set(without) == {"mailbox"}
