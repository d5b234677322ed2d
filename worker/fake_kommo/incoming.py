"""Leads made together with their contacts, and incoming leads until somebody accepts or declines them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from worker.fake_kommo.account import Record
from worker.fake_kommo.calls import (
    MOST_COMPLEX,
    MOST_VALUES,
    Answer,
    Call,
    Problem,
    addresses,
    request_id,
)
from worker.fake_kommo.endpoints import Endpoints, Route
from worker.fake_kommo.schema import ACCOUNT, ENTITIES, MISSING, NO_CHOICE, WRONG_TYPE, Fault


class IncomingEndpoints(Endpoints):
    """leads/complex and leads/unsorted."""

    def routes(self) -> tuple[Route, ...]:
        return (
            ("POST", r"leads/complex", self.add_complex),
            ("GET", r"leads/unsorted", self.list_unsorted),
            ("POST", r"leads/unsorted/(forms|sip)", self.add_unsorted),
            ("POST", r"leads/unsorted/(\w+)/accept", self.accept),
            ("DELETE", r"leads/unsorted/(\w+)/decline", self.decline),
        )

    def add_complex(self, call: Call) -> Answer:
        items = self.array(call, MOST_COMPLEX)
        self.check(items, self._complex_faults)
        known = {entity: dict(self.account.records[entity]) for entity in ENTITIES}  # not checked inside one batch
        return 200, [self._add_complex(item, place, known) for place, item in enumerate(items)]

    def _complex_faults(self, item: Any) -> Iterable[Fault]:
        yield from self.account.schema.faults(
            "leads", {**item, "_embedded": {}} if isinstance(item, dict) else item, self.exists
        )
        embedded = (item.get("_embedded") or {}) if isinstance(item, dict) else {}
        for entity in ("contacts", "companies"):
            given = embedded.get(entity) or []
            if len(given) > 1:
                yield f"_embedded.{entity}", WRONG_TYPE
            for place, each in enumerate(given):
                if "id" in each and not self.exists(entity, each["id"]):
                    yield f"_embedded.{entity}.{place}.id", NO_CHOICE
                if len(each.get("custom_fields_values") or ()) > MOST_VALUES:
                    yield f"_embedded.{entity}.{place}.custom_fields_values", WRONG_TYPE
                for path, code in self.account.schema.faults(entity, each, self.exists):
                    yield f"_embedded.{entity}.{place}.{path}", code

    def _add_complex(
        self, item: Mapping[str, Any], place: int, known: Mapping[str, Mapping[int, Record]]
    ) -> dict[str, Any]:
        embedded = item.get("_embedded") or {}
        made: dict[str, int | None] = {"contacts": None, "companies": None}
        merged = False
        for entity in made:
            for each in embedded.get(entity) or ():
                same = self._duplicate(each, known[entity]) if entity == "contacts" and "id" not in each else None
                merged = merged or same is not None
                made[entity] = each.get("id") or same or self.account.add(entity, each)["id"]
        is_unsorted = (embedded.get("metadata") or {}).get("category") in {"forms", "sip"}
        own = {**item, "_embedded": {"tags": embedded.get("tags") or []}}
        lead = self.account.add("leads", own, is_unsorted=is_unsorted)
        for entity, number in made.items():
            if number:
                self.account.link(("leads", lead["id"]), (entity, number), is_main=True)
        if is_unsorted:
            # [Whether declining such a lead takes away a contact that was there before is not documented: it stays.]
            waiting = {"leads": [lead["id"]], "contacts": [], "companies": []}
            self.account.await_decision(item, embedded["metadata"]["category"], waiting)
        return {
            "id": lead["id"], "contact_id": made["contacts"], "company_id": made["companies"],
            "request_id": [request_id(item, place)], "merged": merged,
        }  # fmt: skip

    def _duplicate(self, contact: Mapping[str, Any], known: Mapping[int, Record]) -> int | None:
        if not self.account.duplicate_control:
            return None
        wanted = addresses(contact.get("custom_fields_values"))
        return next((n for n, one in known.items() if wanted & addresses(one["custom_fields_values"])), None)

    def list_unsorted(self, call: Call) -> Answer:
        return self.page(call, "unsorted", list(self.account.unsorted.values()), self._unsorted_shown)

    def add_unsorted(self, call: Call, category: str) -> Answer:
        items = self.array(call)

        def check(item: Any) -> Iterable[Fault]:
            for name in ("source_uid", "source_name", "metadata"):
                if not item.get(name):
                    yield name, MISSING
            for entity in ENTITIES:
                for place, each in enumerate((item.get("_embedded") or {}).get(entity) or ()):
                    for path, code in self.account.schema.faults(entity, each, self.exists):
                        yield f"_embedded.{entity}.{place}.{path}", code

        self.check(items, check)
        made = [self.account.add_unsorted(item, category) for item in items]
        shown = [
            {**self._unsorted_shown(one), "account_id": ACCOUNT["id"], "request_id": request_id(item, place)}
            for place, (one, item) in enumerate(zip(made, items, strict=True))
        ]
        return 200, {"_total_items": len(shown), "_embedded": {"unsorted": shown}}

    def _unsorted_shown(self, entry: Record) -> dict[str, Any]:
        shown = {name: value for name, value in entry.items() if name != "made"}
        embedded = {entity: [{"id": number} for number in numbers] for entity, numbers in entry["made"].items()}
        return {**shown, "_embedded": embedded}

    def accept(self, call: Call, uid: str) -> Answer:
        body = call.body if isinstance(call.body, dict) else {}
        entry = self.account.settle_unsorted(uid, accepted=True, status_id=body.get("status_id", 0))
        if entry is None:
            raise Problem(404, "Not found")
        return 200, self._unsorted_shown(entry)

    def decline(self, call: Call, uid: str) -> Answer:
        entry = self.account.settle_unsorted(uid, accepted=False)
        if entry is None:
            raise Problem(404, "Not found")
        return 200, self._unsorted_shown(entry)
