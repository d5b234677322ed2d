"""Contacts, companies and leads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.fake_kommo.account import Record
from worker.fake_kommo.calls import EMPTY, Answer, Call, Problem, passes, refused, self_link, thin
from worker.fake_kommo.endpoints import RECORDS, Endpoints, Route
from worker.fake_kommo.schema import LINKABLE, MISSING, NO_CHOICE, WRONG_TYPE, Fault


class RecordEndpoints(Endpoints):
    """Lists, reads, makes and changes records."""

    def routes(self) -> tuple[Route, ...]:
        return (
            ("GET", rf"({RECORDS})", self.list_records),
            ("POST", rf"({RECORDS})", self.add_records),
            ("PATCH", rf"({RECORDS})", self.change_records),
            ("GET", rf"({RECORDS})/(\d+)", self.read_record),
            ("PATCH", rf"({RECORDS})/(\d+)", self.change_record),
        )

    def list_records(self, call: Call, entity: str) -> Answer:
        account, query = self.account, call.query
        found = account.search(entity, query["query"]) if query.get("query") else account.records[entity].values()
        kept = [record for record in found if not record["is_deleted"] and passes(record, query.get("filter") or {})]
        for name, direction in (query.get("order") or {}).items():
            if name in {"id", "updated_at", "created_at"}:
                kept.sort(key=lambda record: (record[name], record["id"]), reverse=direction == "desc")
        return self.page(call, entity, kept, lambda record: self._shown(call, entity, record))

    def read_record(self, call: Call, entity: str, number: str) -> Answer:
        record = self.account.records[entity].get(int(number))
        if record is None or record["is_deleted"]:
            return EMPTY
        return 200, self._shown(call, entity, record)

    def add_records(self, call: Call, entity: str) -> Answer:
        items = self.array(call)
        self.check(items, lambda item: self.account.schema.faults(entity, item, self.exists))
        made = [self.account.add(entity, item) for item in items]
        return 200, thin(call, entity, made, items)

    def change_records(self, call: Call, entity: str) -> Answer:
        items = self.array(call)

        def check(item: Any) -> Iterable[Fault]:
            yield from self.account.schema.faults(entity, item, self.exists)
            if isinstance(item, dict) and "id" not in item:
                yield "id", MISSING
            elif isinstance(item, dict) and not self.exists(entity, item["id"]):
                yield "id", NO_CHOICE  # [what Kommo says of an unknown id here is not documented]

        self.check(items, check)
        changed = [self.account.change(entity, item) for item in items]
        return 200, thin(call, entity, changed, items, updated=True)

    def change_record(self, call: Call, entity: str, number: str) -> Answer:
        if not isinstance(call.body, dict):
            raise refused([("0", [("", WRONG_TYPE)])])
        if not self.exists(entity, int(number)):
            raise Problem(404, "Not found")
        self.check([call.body], lambda item: self.account.schema.faults(entity, item, self.exists))
        changed = self.account.change(entity, {**call.body, "id": int(number)})
        return 200, thin(call, entity, [changed], [call.body], updated=True)

    def _shown(self, call: Call, entity: str, record: Record) -> dict[str, Any]:
        """A record in full, with what `with` asks for."""
        one = (entity, record["id"])
        asked = str(call.query.get("with", "")).split(",")
        shown = {name: value for name, value in record.items() if name != "tags"}
        embedded: dict[str, Any] = {"tags": record["tags"]}
        for other in LINKABLE:
            if other != entity and (other == "companies" or other in asked):
                linked = self.account.linked(one, other)
                embedded[other] = [{"id": number, "is_main": place == 0} for place, number in enumerate(linked)]
        return {**shown, "_links": self_link(call, f"{entity}/{record['id']}"), "_embedded": embedded}
