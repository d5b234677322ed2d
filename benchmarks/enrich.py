"""Scores a second, and look-ups of a batch: cold with answers that take a while, then from the cache.

python -m benchmarks.enrich --contacts 100 --domains 60 --milliseconds 200
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.machine import describe
from pipelines.emails import parse_email
from pipelines.models import Contact, DecisionKind
from pipelines.names import parse_name
from pipelines.phones import parse_phone
from pipelines.score import score_features
from pipelines.scoring_features import read_features
from pipelines.scoring_rules import ScoringRules
from worker.config import EnrichmentSection, load_settings
from worker.enrichment import build_fact_sources
from worker.steps.lookups import look_up
from worker.steps.runtime import Runtime, build_runtime, utc_now


def people(count: int, domains: int) -> dict[str, Contact]:
    """Invented people at that many companies."""
    made = {}
    for number in range(count):
        mail = parse_email(f"pessoa{number}@empresa{number % domains}.com.br")
        phone = parse_phone(f"(11) 9{80000000 + number}")
        if mail is None or phone is None:
            raise ValueError("an invented address or phone is none")
        made[str(number)] = Contact(
            name=parse_name(f"Ana Souza {number}"), emails=(mail,), phones=(phone,), job_title="Gerente de Compras",
            message="Gostaria de um orçamento de cem unidades com entrega em Campinas",
        )  # fmt: skip
    return made


class Slow(ThreadingHTTPServer):
    """A provider whose every answer takes so many seconds."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, seconds: float) -> None:
        body = json.dumps({"size": "11-50", "sector": "Varejo"}).encode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                time.sleep(seconds)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def scoring(contacts: dict[str, Contact]) -> None:
    model, now, started, cpu = ScoringRules(), utc_now(), time.perf_counter(), time.process_time()
    times = max(5000 // len(contacts), 1)
    for _ in range(times):
        for contact in contacts.values():
            score_features(read_features(contact, (), DecisionKind.NEW, "site", now=now), model)
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    count = times * len(contacts)
    print(f"score: {count / took:,.0f} contacts/s in one process, {count / cpu:,.0f} per second of CPU")


def looking(runtime: Runtime, contacts: dict[str, Contact], what: str) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    found = look_up(runtime, contacts, runtime.clock())
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    known = sum(any(fact.field == "company_size" for fact in each.facts) for each in found.values())
    each = took * 1000 / len(contacts)
    spent = cpu * 1000 / len(contacts)
    print(f"enrich, {what}: {took:.3f} s for {len(contacts)} contacts ({known} found)")
    print(f"    {each:.2f} ms a contact, {spent:.2f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contacts", type=int, default=100)
    parser.add_argument("--domains", type=int, default=60)
    parser.add_argument("--milliseconds", type=float, default=200)
    given = parser.parse_args()
    describe(**vars(given))
    contacts = people(given.contacts, given.domains)
    scoring(contacts)
    server = Slow(given.milliseconds / 1000)
    keys = {
        "kind": "http", "url": f"http://127.0.0.1:{server.server_port}/{{domain}}", "per_second": 1000,
        "facts": {"company_size": "size", "industry": "sector"},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        runtime = build_runtime(load_settings(Path(folder)))
        runtime.database.migrate()
        sources = build_fact_sources({"provider": EnrichmentSection.model_validate(keys)})
        runtime = replace(runtime, fact_sources=sources)
        looking(runtime, people(1, 1), "the first of a process")
        look_up(runtime, {"0": Contact()}, runtime.clock())
        with runtime.database.write() as tx:
            tx.exec_driver_sql("DELETE FROM cached_facts")
        looking(runtime, contacts, "cold")
        for _ in range(3):
            looking(runtime, contacts, "warm")
        runtime.database.close()
    server.shutdown()


if __name__ == "__main__":
    main()
