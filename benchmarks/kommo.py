"""How near to Kommo's own limit contacts are created: `python -m benchmarks.kommo [--contacts 1000]`.

The fake account keeps Kommo's limit of 7 calls a second; the stages before create are done first and not timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.people import people
from pipelines.states import Stage, tail_from
from worker import steps
from worker.config import load_settings
from worker.fake_kommo.server import TOKEN, Fake, Running
from worker.kommo.client import BATCH, RATE
from worker.ports import Priority
from worker.steps.account_import import import_account
from worker.steps.runtime import build_runtime
from worker.store.sweep import Due


def main() -> None:
    """Print the share of the limit that is reached, and the calls that a contact costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    fake = Fake()
    with Running(fake) as server, tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        text = f'[crm]\nkind = "kommo"\nbase_url = "{server.url}"\ntoken = "{TOKEN}"\ncompanies = false\n'
        # All of them wait before create: none is to be sent again meanwhile.
        text += f"[worker]\nin_flight = {max(given.contacts, 2000)}\nstall_seconds = 86400\n"
        (data / "portaria.toml").write_text(text)
        runtime = build_runtime(load_settings(data))
        runtime.database.migrate()
        list(import_account(runtime))  # an empty account, which is known then
        lines = [json.dumps(person, ensure_ascii=False) for person in people(given.contacts)]
        steps.receive(
            runtime,
            "list",
            "\n".join(lines).encode(),
            content_type="application/x-ndjson",
            priority=Priority.IMPORT,
            name="list.jsonl",
        )
        ready: list[str] = []

        def before_create(due: Due) -> None:
            for stage in tail_from(due.stage):
                if stage is Stage.CREATE:
                    ready.extend(due.ids)
                    return
                steps.STEPS[stage](runtime, due.ids)

        steps.dispatch(runtime, before_create)
        ids = list(dict.fromkeys(ready))
        before, began = len(fake.calls), time.perf_counter()
        cpu_before = time.process_time()
        pieces = [ids[start : start + given.batch] for start in range(0, len(ids), given.batch)]
        with ThreadPoolExecutor(given.workers) as pool:
            list(pool.map(lambda some: steps.create(runtime, some), pieces))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_before
        calls = fake.calls[before:]
        made = len(fake.account.alive("contacts"))
    creating = sum((method, path) == ("POST", "contacts") for method, path, _ in calls)
    describe(contacts=given.contacts, batch=given.batch, workers=given.workers)
    rate = len(calls) / seconds
    each = Counter(f"{method} {path}" for method, path, _ in calls)
    print(f"contacts {made}; limit {RATE.times} calls/s of up to {BATCH}")
    print(f"{seconds:.1f} s ({cpu:.1f} s of CPU, the fake's too), {len(calls)} calls")
    print(f"{rate:.2f} calls/s, {rate / RATE.times:.0%} of the limit; {made / seconds:.0f} contacts/s")
    print(f"{made / creating:.1f} contacts a create, {len(calls) / made:.3f} calls a contact")
    print(f"refused by the limit: {fake.limits.refused}; {dict(each)}")


if __name__ == "__main__":
    main()
