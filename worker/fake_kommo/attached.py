"""What hangs on records: notes, tasks, tags and links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.fake_kommo.calls import EMPTY, Answer, Call, Problem, ordered, request_id, several, thin
from worker.fake_kommo.endpoints import RECORDS, Endpoints, Route
from worker.fake_kommo.schema import ENTITIES, MISSING, NO_CHOICE, WRONG_TYPE, Fault


class AttachedEndpoints(Endpoints):
    """Notes, tasks, tags and links."""

    def routes(self) -> tuple[Route, ...]:
        return (
            ("GET", rf"({RECORDS})/tags", self.read_tags),
            ("POST", rf"({RECORDS})/tags", self.add_tags),
            ("POST", rf"({RECORDS})/notes", self.add_notes),
            ("GET", rf"({RECORDS})/(\d+)/notes", self.read_notes),
            ("GET", rf"({RECORDS})/(\d+)/links", self.read_links),
            ("POST", rf"({RECORDS})/(\d+)/link", self.link),
            ("POST", rf"({RECORDS})/(\d+)/unlink", self.unlink),
            ("GET", r"tasks", self.list_tasks),
            ("POST", r"tasks", self.add_tasks),
            ("PATCH", r"tasks/(\d+)", self.change_task),
        )

    def add_notes(self, call: Call, entity: str) -> Answer:
        items = self.array(call)

        def check(item: Any) -> Iterable[Fault]:
            if not self.exists(entity, item.get("entity_id")):
                yield "entity_id", NO_CHOICE if "entity_id" in item else MISSING
            if not item.get("note_type"):
                yield "note_type", MISSING
            if item.get("note_type") in {"common", "service_message"} and not (item.get("params") or {}).get("text"):
                yield "params.text", MISSING

        self.check(items, check)
        made = [self.account.add_note(entity, item) for item in items]
        shown = [
            {"id": note["id"], "entity_id": note["entity_id"], "request_id": request_id(item, place)}
            for place, (note, item) in enumerate(zip(made, items, strict=True))
        ]
        return 200, {"_embedded": {"notes": shown}}

    def read_notes(self, call: Call, entity: str, number: str) -> Answer:
        found = [note for note in self.account.notes[entity].values() if note["entity_id"] == int(number)]
        return self.page(call, "notes", ordered(call, found), lambda note: dict(note))

    def list_tasks(self, call: Call) -> Answer:
        wanted = call.query.get("filter") or {}
        ids = {str(each) for each in several(wanted.get("entity_id"))}
        found = [
            task
            for task in self.account.tasks.values()
            if (not ids or str(task["entity_id"]) in ids) and wanted.get("entity_type") in (None, task["entity_type"])
        ]
        return self.page(call, "tasks", ordered(call, found), lambda task: dict(task))

    def add_tasks(self, call: Call) -> Answer:
        items = self.array(call)

        def check(item: Any) -> Iterable[Fault]:
            if not item.get("text"):
                yield "text", MISSING
            if not isinstance(item.get("complete_till"), int):
                yield "complete_till", WRONG_TYPE if "complete_till" in item else MISSING
            if item.get("entity_id") and not self.exists(str(item.get("entity_type")), item["entity_id"]):
                yield "entity_id", NO_CHOICE
            if item.get("responsible_user_id", self.account.schema.users[0]["id"]) not in [
                user["id"] for user in self.account.schema.users
            ]:
                yield "responsible_user_id", NO_CHOICE

        self.check(items, check)
        made = [self.account.add_task(item) for item in items]
        return 200, thin(call, "tasks", made, items)

    def change_task(self, call: Call, number: str) -> Answer:
        task = self.account.tasks.get(int(number))
        if task is None:
            raise Problem(404, "Not found")
        task |= {
            name: value
            for name, value in call.body.items()
            if name in {"text", "is_completed", "complete_till", "result"}
        }
        return 200, thin(call, "tasks", [task], [call.body], updated=True)

    def read_tags(self, call: Call, entity: str) -> Answer:
        listed = [{"id": number, "name": name, "color": None} for name, number in self.account.tags[entity].items()]
        return self.page(call, "tags", listed, lambda tag: dict(tag))

    def add_tags(self, call: Call, entity: str) -> Answer:
        items = self.array(call)
        self.check(items, lambda item: [] if item.get("name") else [("name", MISSING)])
        shown = [
            {
                "id": self.account.tag_known(entity, item["name"]),
                "name": item["name"],
                "color": None,
                "request_id": request_id(item, place),
            }
            for place, item in enumerate(items)
        ]
        return 200, {"_total_items": len(shown), "_embedded": {"tags": shown}}

    def read_links(self, call: Call, entity: str, number: str) -> Answer:
        one = (entity, int(number))
        main = self.account.linked(one, "contacts")[:1]
        shown = [
            {
                "to_entity_id": to,
                "to_entity_type": kind,
                "metadata": {"main_contact": [to] == main} if kind == "contacts" else None,
            }
            for kind, to in self.account.links.get(one, {})
        ]
        return self.page(call, "links", shown, lambda link: link)

    def link(self, call: Call, entity: str, number: str) -> Answer:
        items = self.array(call)
        if not self.exists(entity, int(number)):
            raise Problem(404, "Not found")
        for item in items:
            other = (str(item.get("to_entity_type")), item.get("to_entity_id"))
            if other[0] not in ENTITIES or not self.exists(other[0], other[1]):
                raise Problem(400, "Bad Request")
            is_main = bool((item.get("metadata") or {}).get("is_main"))
            if not self.account.link((entity, int(number)), other, is_main=is_main):
                raise Problem(500, "An unknown error occurred.")  # seen of linking an already linked pair
        return 200, {
            "_total_items": len(items),
            "_embedded": {"links": [{"entity_id": int(number), **item} for item in items]},
        }

    def unlink(self, call: Call, entity: str, number: str) -> Answer:
        for item in self.array(call):
            self.account.unlink((entity, int(number)), (item["to_entity_type"], item["to_entity_id"]))
        return EMPTY
