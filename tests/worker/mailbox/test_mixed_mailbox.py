"""A mailbox as it is, struck while it is read: every person in it is received once, and no robot."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mails import DESK, HOUSE, mixed
from worker import steps
from worker.config import load_settings
from worker.mailbox_session import KEYWORD
from worker.steps.runtime import Runtime, build_runtime
from worker.steps.views import contact_view
from worker.store import contacts, deliveries, submissions

MAILS = int(os.environ.get("PORTARIA_TEST_MAILS", "80"))
"""1000 takes some minutes; what it gave is in benchmarks/README.md."""
FAULTS = "spsps" if MAILS > 200 else "sp"
"""Kills of the server ("s") and of the poller ("p"), spread evenly over the mails."""
CONFIGURATION = f"""
[broker]
url = "redis://127.0.0.1:9"

[locale]
own_domains = ["{HOUSE}"]

[mailboxes.vendas]
host = "127.0.0.1"
port = {{port}}
user = "vendas"
password = "{{password}}"
tls = false
"""


@pytest.fixture
def house(tmp_path: Path, imap: Any) -> Iterator[Runtime]:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "portaria.toml").write_text(CONFIGURATION.format(port=imap.port, password=imap.password))
    made = build_runtime(load_settings(folder))
    made.database.migrate()
    yield made
    made.database.close()


@pytest.fixture
def poller(portaria: list[str], house: Runtime) -> Iterator[Callable[[], None]]:
    """Starts `portaria mailbox`; called again, kills it with -9 and starts it anew."""
    running: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        while running:
            running[-1].send_signal(signal.SIGKILL)
            running.pop().wait(20)

    def start() -> None:
        kill()
        with (house.settings.data / "mailbox.log").open("ab") as log:
            command = [*portaria, "mailbox", "--data", str(house.settings.data)]
            running.append(subprocess.Popen(command, stderr=log, env={**os.environ, "COLUMNS": "300"}))

    yield start
    kill()


@pytest.mark.timeout(1800 if MAILS > 200 else 600)
def test_every_person_once_and_no_robot(imap: Any, house: Runtime, poller: Any, until: Callable[..., None]) -> None:
    mails = mixed(MAILS)
    for start in range(0, len(mails), 50):
        imap.deliver(*(one.mail for one in mails[start : start + 50]))

    def taken() -> int:
        with house.database.read() as tx:
            return sum(deliveries.counts(tx).values())

    poller()
    distinct = len({one.mail.partition(b"From: ")[2] for one in mails})
    for number, fault in enumerate(FAULTS, start=1):
        share = distinct * number // (len(FAULTS) + 1)
        until(lambda share=share: taken() >= share, f"{share} mails", 300)
        if fault == "p":
            poller()
        else:
            imap.kill()
            imap.start()
    until(lambda: taken() == distinct and imap.search(f"UNKEYWORD {KEYWORD}") == [], "every mail marked", 300)
    while steps.work_here(house):
        pass

    assert taken() == distinct, "a copy of a mail is the same mail"
    people = {one.person for one in mails if one.person}
    with house.database.read() as tx:
        found = [contact_view(row) for row in contacts.listed(tx, limit=10_000)]
        of_deliveries, of_submissions = deliveries.counts(tx), submissions.counts(tx)
    received = Counter(address for contact in found for address in contact["emails"])
    assert received == Counter(people), "each person once; nobody else, and no robot"
    assert [contact["emails"] for contact in found if len(contact["emails"]) != 1] == []
    assert set(of_submissions) == {"done"}
    unreadable = sum(not one.readable for one in mails)
    nobody = sum(one.readable and not one.person for one in mails)
    assert (of_deliveries.get("quarantined", 0), of_deliveries["not_contact"]) == (unreadable, nobody)
    assert DESK not in received
    assert not any(address in (house.settings.data / "mailbox.log").read_text() for address in people)
