"""End to end: contacts/s of two workers over Valkey beside a filled index, the share of each stage, and the bound."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.agents import fill
from benchmarks.installation import Servers, receive, runtime_of, servers, table_of, tree_cpu, until_settled, workers
from benchmarks.people import people
from benchmarks.speed.bound import bound
from benchmarks.speed.rivals import naive_loop, prepare_loop
from pipelines.states import tail_from
from worker import steps
from worker.steps.runtime import Runtime
from worker.store.sweep import Due

CORES = 2
WARM_UP = 300
RETURNING = 5
"""Every so many is somebody whom the index holds already."""


def arriving(count: int, index: int, seed: int) -> Iterator[dict[str, str]]:
    """`count` people, a fifth of them from among the first of those in the index."""
    known = people(max(index, 1))
    for number, new in enumerate(people(count, seed=seed)):
        returning = next(known, None) if index and number % RETURNING == 0 else None
        yield returning or {**new, "email": f"{seed}.{new['email']}"}


def measure(folder: Path, index: int, count: int, *, rivals: bool) -> None:
    """Print it all."""
    with servers("postgresql", folder, ["filled"]) as beside:
        runtime = runtime_of(folder, beside.urls[0], beside.broker)
        started = time.perf_counter()
        fill(runtime, people(index))
        with runtime.database.write() as tx:
            tx.exec_driver_sql("ANALYZE")
        print(f"{index:,} contacts in the index, put there in {time.perf_counter() - started:.0f} s")
        least = _bound(runtime, beside, list(arriving(count, index, 2)))
        _stages(runtime, beside, arriving(WARM_UP, 0, 3), arriving(count, index, 4))
        ours = _workers(runtime, beside, folder, count, index, seed=5)
        print(f"of the bound: {least / ours:.0%} (aim: 50%)\n")
        if rivals:
            _rivals(runtime, beside, folder, count, index, ours)
        runtime.database.close()


def _bound(runtime: Runtime, beside: Servers, told: Sequence[dict[str, str]]) -> float:
    server = beside.cpu()
    spent = bound(runtime, told)
    spent["database server"] = beside.cpu() - server
    total = sum(spent.values()) / len(told)
    shares = ", ".join(f"{name} {1000 * seconds / len(told):.2f}" for name, seconds in spent.items())
    print(f"what cannot be done without: {_told(total)} ({shares})")
    return total


def _stages(runtime: Runtime, beside: Servers, warm: Iterator[dict[str, str]], told: Iterator[dict[str, str]]) -> None:
    """One process without a broker: CPU by stage."""
    receive(runtime, table_of(warm))
    steps.work_here(runtime)
    spent = defaultdict[str, float](float)
    count = 0

    def do(due: Due) -> None:
        nonlocal count
        for stage in tail_from(due.stage):
            at = time.process_time()
            steps.STEPS[stage](runtime, due.ids)
            spent[stage] += time.process_time() - at
        count += len(due.ids)

    receive(runtime, table_of(told))
    server, cpu, wall = beside.cpu(), time.process_time(), time.perf_counter()
    steps.dispatch(runtime, do)
    cpu, wall, server = time.process_time() - cpu, time.perf_counter() - wall, beside.cpu() - server
    spent["opening, sending"] = cpu - sum(spent.values())
    each = 1000 / count
    print(
        f"one process, no broker: {count / wall:.0f} contacts/s by the clock, {_told((cpu + server) / count)};"
        f" {cpu * each:.2f} ms ours, {server * each:.2f} ms the database's"
    )
    for name, seconds in spent.items():
        print(f"  {name:<18} {seconds * each:6.2f} ms {seconds / cpu:6.1%}")


def _workers(
    runtime: Runtime, beside: Servers, folder: Path, count: int, index: int, *, seed: int, name: str = "two workers"
) -> float:
    """CPU seconds a contact, all processes together."""
    with workers(folder, CORES) as processes:
        until_settled(runtime, receive(runtime, table_of(arriving(WARM_UP, 0, seed + 100))))
        cpu, server, wall = sum(map(tree_cpu, processes)), beside.cpu(), time.perf_counter()
        until_settled(runtime, receive(runtime, table_of(arriving(count, index, seed))))
        wall = time.perf_counter() - wall
        cpu, server = sum(map(tree_cpu, processes)) - cpu, beside.cpu() - server
    each = 1000 / count
    print(
        f"{name}: {count / wall:.0f} contacts/s by the clock, {_told((cpu + server) / count)};"
        f" {cpu * each:.2f} ms ours, {server * each:.2f} ms the servers'"
    )
    return (cpu + server) / count


def _rivals(runtime: Runtime, beside: Servers, folder: Path, count: int, index: int, ours: float) -> None:
    few = max(count // 5, 1)
    os.environ["PORTARIA_WORKER__BATCH_SIZE"] = "1"
    one_each = _workers(runtime, beside, folder, few, index, seed=6, name="one task a contact and stage")
    del os.environ["PORTARIA_WORKER__BATCH_SIZE"]
    print(f"  {one_each / ours:.1f} times the CPU of ours")
    url = beside.urls[0]
    prepare_loop(url, people(index))
    at, server, wall = time.process_time(), beside.cpu(), time.perf_counter()
    made, updated = naive_loop(url, arriving(count, index, 7))
    loop = (time.process_time() - at + beside.cpu() - server) / count
    print(
        f"a loop with an exact match: {count / (time.perf_counter() - wall):.0f} contacts/s by the clock,"
        f" {_told(loop)}; {loop / ours:.2f} times the CPU of ours; {made} made, {updated} found again"
    )


def _told(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms CPU a contact = {CORES / seconds:.0f} contacts/s on {CORES} cores"
