"""What agents wait for: find_duplicates and score_contact over HTTP among so many contacts, and the tool list's size.

    python -m benchmarks.agents [--contacts 100000] [--calls 200]

Everything runs in this process, over loopback: a server thread, one client, one call after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from benchmarks.machine import describe
from benchmarks.people import people
from pipelines.dedupe.blocking import keys_of
from pipelines.dedupe.features import dump_features, features
from pipelines.models import Contact, Email, PersonName, Phone
from worker.config import load_settings
from worker.site import build_site
from worker.steps.runtime import Runtime, build_runtime
from worker.steps.tokens import create_token
from worker.store import contacts
from worker.store.contacts import NewContact
from worker.store.engine import chunks

AT_ONCE = 2000
CHARACTERS_A_TOKEN = 3.5
"""A rule of thumb for JSON in English, on the low side; no tokenizer is asked."""


def fill(runtime: Runtime, told: Iterable[dict[str, str]]) -> None:
    """Put invented people straight into the store: how they got there is measured elsewhere."""
    now = runtime.clock()
    for piece, some in enumerate(chunks(told, AT_ONCE)):
        people = [known(one) for one in some]
        new = [(f"con_bench_{piece * AT_ONCE + place}", one, features(one)) for place, one in enumerate(people)]
        with runtime.database.write() as tx:
            numbers = contacts.add(tx, [NewContact(name, one, dump_features(of)) for name, one, of in new], now)
            contacts.add_keys(tx, ((key.hash, numbers[name]) for name, _, of in new for key in keys_of(of)))
        runtime.database.checkpoint()


def known(told: dict[str, str]) -> Contact:
    """One of them, as the store keeps people."""
    given, _, family = told["nome"].partition(" ")
    return Contact(
        name=PersonName(full=told["nome"], given=given, family=family),
        emails=(Email(address=told["email"], given=told["email"]),),
        phones=(Phone(e164="+55" + re.sub("[^0-9]", "", told["celular"]), given=told["celular"]),),
        company=told["empresa"],
    )


async def measure(url: str, token: str, calls: int, told: list[dict[str, str]]) -> None:
    """One client, one call after the other; the first ten are not counted."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    async with Client(streamable_http_client(url, http_client=http), mode="auto") as client:
        for tool in ("find_duplicates", "score_contact"):
            taken = []
            for number in range(calls + 10):
                fields = told[number * 37 % len(told)]
                started = perf_counter()
                answer = await client.call_tool(tool, {"fields": fields})
                taken.append(perf_counter() - started)
                assert not answer.is_error, answer.content
            taken = sorted(taken[10:])
            p50, p99 = taken[len(taken) // 2], taken[min(int(len(taken) * 0.99), len(taken) - 1)]
            print(f"{tool:<16} p50 {p50 * 1000:6.1f} ms   p99 {p99 * 1000:6.1f} ms   ({len(taken)} calls)")
        tools = (await client.list_tools()).tools
    told_of = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in tools]
    size = len(json.dumps(told_of, ensure_ascii=False))
    print(f"tool list        {len(tools)} tools, {size:,} characters, about {size / CHARACTERS_A_TOKEN:,.0f} tokens")


def main() -> None:
    """Fill a store, serve it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=200)
    given = parser.parse_args()
    describe(contacts=given.contacts, calls=given.calls)
    told = list(people(given.contacts))
    with tempfile.TemporaryDirectory(prefix="portaria-bench-") as folder:
        runtime = build_runtime(load_settings(Path(folder)))
        runtime.database.migrate()
        started = perf_counter()
        fill(runtime, told)
        print(f"{given.contacts:,} contacts in SQLite, put there in {perf_counter() - started:.0f} s")
        _, token = create_token(runtime, "bench", ["read"], by="bench")
        server = uvicorn.Server(uvicorn.Config(build_site(runtime, ring=lambda: None), port=0, log_config=None))
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            pass
        port = server.servers[0].sockets[0].getsockname()[1]
        asyncio.run(measure(f"http://127.0.0.1:{port}/mcp", token, given.calls, told))
        server.should_exit = True


if __name__ == "__main__":
    main()
