"""kill -9 of `portaria up` in the middle of an import, and a second start: every row is there, once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.config import load_settings
from worker.steps.runtime import build_runtime
from worker.store import contacts, local_crm, submissions

ROWS = 1000
GIVEN = "Ana Bruno Carla Diego Elisa Fábio Gina Hugo Iara Joel Kátia Lauro Mara Nilo Olga Pedro Quitéria Rui Sara Túlio"
FAMILY = (
    "Abreu Barros Castro Dantas Esteves Freitas Gomes Horta Iglesias Jardim Klein Lacerda Matos Nunes Otero Pires "
    "Quadros Rocha Sales Teles Uchoa Vidal Xavier Zanetti Amaral Bastos Camargo Duarte Egito Farias Galvão Hahn Inácio "
    "Josué Kruger Leite Mota Neves Osório Paz Queirós Ramos Saldanha Tavares Ulhoa Viana Werneck Ximenes Yamada Zago"
)


def people() -> str:
    """A table of people nobody would take for each other."""
    lines = ["nome,email,celular"]
    names = [f"{given} {family}" for family in FAMILY.split() for given in GIVEN.split()]
    for number, name in enumerate(names[:ROWS]):
        phone = 70000000 + number * 7919 % 29999989
        lines.append(f"{name},pessoa{number}@empresa{number}.example.com,(11) 9{phone}")
    return "\n".join(lines)


@pytest.fixture
def up(tmp_path: Path, portaria: list[str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start `portaria up` on the data folder; whatever is left of it is ended with the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "up.log").open("ab") as log:
            command = [*portaria, "up", "--data", str(tmp_path), "--port", str(port)]
            running.append(subprocess.Popen(command, stdout=log, stderr=log))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(90)


@pytest.mark.timeout(300)
def test_every_row_is_there_once(
    tmp_path: Path,
    portaria: list[str],
    up: Callable[[], subprocess.Popen[bytes]],
    until: Callable[..., None],
) -> None:
    table = tmp_path / "people.csv"
    table.write_text(people())
    killed = up()
    log = tmp_path / "up.log"
    until(lambda: b"is up" in log.read_bytes(), "portaria up", 60)
    command = [*portaria, "ingest", str(table), "--source", "site", "--json", "--data", str(tmp_path)]
    ingest = subprocess.Popen(command, stdout=subprocess.PIPE)

    runtime = build_runtime(load_settings(tmp_path))

    def count(state: str) -> int:
        with runtime.database.read() as tx:
            return submissions.counts(tx).get(state, 0)

    until(lambda: count("done") >= ROWS // 5, "a fifth of the rows", 120)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(10)
    assert count("done") < ROWS
    second = up()
    output, _ = ingest.communicate(timeout=150)
    assert second.poll() is None

    outcome = json.loads(output)
    assert outcome["submissions"] == ROWS
    assert outcome["outcomes"] == {
        "created": ROWS, "matched": 0, "review": 0, "rejected": 0, "waiting": 0, "dead": 0
    }  # fmt: skip
    with runtime.database.read() as tx:
        assert contacts.count(tx) == ROWS
        made = local_crm.listed(tx, "contact", limit=2 * ROWS)
    runtime.database.close()
    assert len(made) == ROWS
    assert len({each.fields["emails"][0] for each in made}) == ROWS
