"""The endpoints: each takes a path's parts, the query and the body, and gives a status and a body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from worker.fake_kommo.account import Account, Record
from worker.fake_kommo.calls import (
    EMPTY,
    MOST,
    MOST_COMPLEX,
    MOST_VALUES,
    Answer,
    Call,
    Problem,
    addresses,
    ordered,
    page_of,
    passes,
    refused,
    request_id,
    self_link,
    several,
)
from worker.fake_kommo.schema import ACCOUNT, ENTITIES, LINKABLE, MISSING, NO_CHOICE, WRONG_TYPE, Fault

_RECORDS = "|".join(ENTITIES)


class Api:
    """The endpoints over one account."""

    def __init__(self, account: Account, *, slow_batch: int = 0) -> None:
        self.account = account
        self.slow_batch = slow_batch
        """More entities in one request than this are answered 504, undone; 0: never."""
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(pattern), endpoint)
            for method, pattern, endpoint in (
                ("GET", r"account", self.read_account),
                ("GET", r"users", self.read_users),
                ("GET", r"leads/pipelines", self.read_pipelines),
                ("POST", r"leads/complex", self.add_complex),
                ("GET", r"leads/unsorted", self.list_unsorted),
                ("POST", r"leads/unsorted/(forms|sip)", self.add_unsorted),
                ("POST", r"leads/unsorted/(\w+)/accept", self.accept),
                ("DELETE", r"leads/unsorted/(\w+)/decline", self.decline),
                ("GET", rf"({_RECORDS})/custom_fields", self.read_fields),
                ("POST", rf"({_RECORDS})/custom_fields", self.add_fields),
                ("GET", rf"({_RECORDS})/tags", self.read_tags),
                ("POST", rf"({_RECORDS})/tags", self.add_tags),
                ("POST", rf"({_RECORDS})/notes", self.add_notes),
                ("GET", rf"({_RECORDS})/(\d+)/notes", self.read_notes),
                ("GET", rf"({_RECORDS})/(\d+)/links", self.read_links),
                ("POST", rf"({_RECORDS})/(\d+)/link", self.link),
                ("POST", rf"({_RECORDS})/(\d+)/unlink", self.unlink),
                ("GET", rf"({_RECORDS})", self.list_records),
                ("POST", rf"({_RECORDS})", self.add_records),
                ("PATCH", rf"({_RECORDS})", self.change_records),
                ("GET", rf"({_RECORDS})/(\d+)", self.read_record),
                ("PATCH", rf"({_RECORDS})/(\d+)", self.change_record),
                ("GET", r"tasks", self.list_tasks),
                ("POST", r"tasks", self.add_tasks),
                ("PATCH", r"tasks/(\d+)", self.change_task),
                ("GET", r"webhooks", self.list_webhooks),
                ("POST", r"webhooks", self.add_webhook),
                ("DELETE", r"webhooks", self.drop_webhook),
            )
        ]

    def answer(self, call: Call, path: str) -> Answer:
        """The answer to a call of `path` below /api/v4/. Raises `Problem`."""
        known = False
        for method, pattern, endpoint in self._routes:
            if found := pattern.fullmatch(path):
                known = True
                if method == call.method:
                    with self.account.lock:
                        return endpoint(call, *found.groups())
        raise Problem(405, "Method Not Allowed") if known else Problem(404, f"Cannot {call.method} {call.base}/{path}")

    # --- checks -----------------------------------------------------------------------------------------------------

    def _array(self, call: Call, most: int = MOST) -> list[Any]:
        """The items of a collection's body, whose shape is enforced."""
        if call.body in (None, [], {}):
            raise Problem(400, "Request data can not be empty")
        if not isinstance(call.body, list):
            raise refused([("0", [("", WRONG_TYPE)])])
        if len(call.body) > most:
            raise Problem(400 if most < MOST else 422, f"Limit {most} per request")
        if self.slow_batch and len(call.body) > self.slow_batch:
            raise Problem(504, "Gateway Time-out")
        return call.body

    def _check(self, items: Sequence[Any], check: Callable[[Any], Iterable[Fault]]) -> None:
        """One bad field of one item refuses the whole request."""
        wrong = [(request_id(item, place), faults) for place, item in enumerate(items) if (faults := list(check(item)))]
        if wrong:
            raise refused(wrong)

    def _exists(self, entity: str, number: Any) -> bool:
        return isinstance(number, int) and number in self.account.records[entity]

    # --- the account ------------------------------------------------------------------------------------------------

    def read_account(self, call: Call) -> Answer:
        kinds = [{"id": 1, "name": "Follow-up", "code": "FOLLOW_UP"}, {"id": 2, "name": "Meeting", "code": "MEETING"}]
        return 200, {**ACCOUNT, "is_api_filter_enabled": False, "_embedded": {"task_types": kinds}}

    def read_users(self, call: Call) -> Answer:
        return self._page(call, "users", self.account.schema.users, lambda user: dict(user))

    def read_pipelines(self, call: Call) -> Answer:
        shown = [
            {
                **{name: value for name, value in one.items() if name != "statuses"},
                "_embedded": {"statuses": one["statuses"]},
            }
            for one in self.account.schema.pipelines.values()
        ]
        return 200, {"_total_items": len(shown), "_embedded": {"pipelines": shown}}

    def read_fields(self, call: Call, entity: str) -> Answer:
        return self._page(
            call, "custom_fields", list(self.account.schema.fields[entity].values()), lambda one: dict(one)
        )

    def add_fields(self, call: Call, entity: str) -> Answer:
        made = []
        for item in self._array(call):
            field = {"id": self.account.next_id(), "code": None, "enums": None, "is_api_only": False, **item}
            self.account.schema.fields[entity][field["id"]] = field
            made.append(field)
        return 201, {"_total_items": len(made), "_embedded": {"custom_fields": made}}

    # --- records ----------------------------------------------------------------------------------------------------

    def list_records(self, call: Call, entity: str) -> Answer:
        account, query = self.account, call.query
        found = account.search(entity, query["query"]) if query.get("query") else account.records[entity].values()
        kept = [record for record in found if not record["is_deleted"] and passes(record, query.get("filter") or {})]
        for name, direction in (query.get("order") or {}).items():
            if name in {"id", "updated_at", "created_at"}:
                kept.sort(key=lambda record: (record[name], record["id"]), reverse=direction == "desc")
        return self._page(call, entity, kept, lambda record: self._shown(call, entity, record))

    def read_record(self, call: Call, entity: str, number: str) -> Answer:
        record = self.account.records[entity].get(int(number))
        if record is None or record["is_deleted"]:
            return EMPTY
        return 200, self._shown(call, entity, record)

    def add_records(self, call: Call, entity: str) -> Answer:
        items = self._array(call)
        self._check(items, lambda item: self.account.schema.faults(entity, item, self._exists))
        made = [self.account.add(entity, item) for item in items]
        return 200, self._thin(call, entity, made, items)

    def change_records(self, call: Call, entity: str) -> Answer:
        items = self._array(call)

        def check(item: Any) -> Iterable[Fault]:
            yield from self.account.schema.faults(entity, item, self._exists)
            if isinstance(item, dict) and "id" not in item:
                yield "id", MISSING
            elif isinstance(item, dict) and not self._exists(entity, item["id"]):
                yield "id", NO_CHOICE  # [what Kommo says of an unknown id here is not documented]

        self._check(items, check)
        changed = [self.account.change(entity, item) for item in items]
        return 200, self._thin(call, entity, changed, items, updated=True)

    def change_record(self, call: Call, entity: str, number: str) -> Answer:
        if not isinstance(call.body, dict):
            raise refused([("0", [("", WRONG_TYPE)])])
        if not self._exists(entity, int(number)):
            raise Problem(404, "Not found")
        self._check([call.body], lambda item: self.account.schema.faults(entity, item, self._exists))
        changed = self.account.change(entity, {**call.body, "id": int(number)})
        return 200, self._thin(call, entity, [changed], [call.body], updated=True)

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

    def _thin(
        self, call: Call, entity: str, records: Sequence[Record], items: Sequence[Any], *, updated: bool = False
    ) -> dict[str, Any]:
        """The answer to a write: ids and little else, never the custom fields."""
        shown = []
        for place, (record, item) in enumerate(zip(records, items, strict=True)):
            one: dict[str, Any] = {"id": record["id"]}
            if updated:
                one["updated_at"] = record["updated_at"]
            if not updated or "request_id" in item:
                one["request_id"] = request_id(item, place)
            shown.append({**one, "_links": self_link(call, f"{entity}/{record['id']}")})
        return {"_links": self_link(call, entity), "_embedded": {entity: shown}}

    # --- leads with their contacts, incoming leads --------------------------------------------------------------------

    def add_complex(self, call: Call) -> Answer:
        items = self._array(call, MOST_COMPLEX)
        self._check(items, self._complex_faults)
        known = {entity: dict(self.account.records[entity]) for entity in ENTITIES}  # not checked inside one batch
        return 200, [self._add_complex(item, place, known) for place, item in enumerate(items)]

    def _complex_faults(self, item: Any) -> Iterable[Fault]:
        yield from self.account.schema.faults(
            "leads", {**item, "_embedded": {}} if isinstance(item, dict) else item, self._exists
        )
        embedded = (item.get("_embedded") or {}) if isinstance(item, dict) else {}
        for entity in ("contacts", "companies"):
            given = embedded.get(entity) or []
            if len(given) > 1:
                yield f"_embedded.{entity}", WRONG_TYPE
            for place, each in enumerate(given):
                if "id" in each and not self._exists(entity, each["id"]):
                    yield f"_embedded.{entity}.{place}.id", NO_CHOICE
                if len(each.get("custom_fields_values") or ()) > MOST_VALUES:
                    yield f"_embedded.{entity}.{place}.custom_fields_values", WRONG_TYPE
                for path, code in self.account.schema.faults(entity, each, self._exists):
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
        return self._page(call, "unsorted", list(self.account.unsorted.values()), self._unsorted_shown)

    def add_unsorted(self, call: Call, category: str) -> Answer:
        items = self._array(call)

        def check(item: Any) -> Iterable[Fault]:
            for name in ("source_uid", "source_name", "metadata"):
                if not item.get(name):
                    yield name, MISSING
            for entity in ENTITIES:
                for place, each in enumerate((item.get("_embedded") or {}).get(entity) or ()):
                    for path, code in self.account.schema.faults(entity, each, self._exists):
                        yield f"_embedded.{entity}.{place}.{path}", code

        self._check(items, check)
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

    # --- notes, tasks, tags, links ------------------------------------------------------------------------------------

    def add_notes(self, call: Call, entity: str) -> Answer:
        items = self._array(call)

        def check(item: Any) -> Iterable[Fault]:
            if not self._exists(entity, item.get("entity_id")):
                yield "entity_id", NO_CHOICE if "entity_id" in item else MISSING
            if not item.get("note_type"):
                yield "note_type", MISSING
            if item.get("note_type") in {"common", "service_message"} and not (item.get("params") or {}).get("text"):
                yield "params.text", MISSING

        self._check(items, check)
        made = [self.account.add_note(entity, item) for item in items]
        shown = [
            {"id": note["id"], "entity_id": note["entity_id"], "request_id": request_id(item, place)}
            for place, (note, item) in enumerate(zip(made, items, strict=True))
        ]
        return 200, {"_embedded": {"notes": shown}}

    def read_notes(self, call: Call, entity: str, number: str) -> Answer:
        found = [note for note in self.account.notes[entity].values() if note["entity_id"] == int(number)]
        return self._page(call, "notes", ordered(call, found), lambda note: dict(note))

    def list_tasks(self, call: Call) -> Answer:
        wanted = call.query.get("filter") or {}
        ids = {str(each) for each in several(wanted.get("entity_id"))}
        found = [
            task
            for task in self.account.tasks.values()
            if (not ids or str(task["entity_id"]) in ids) and wanted.get("entity_type") in (None, task["entity_type"])
        ]
        return self._page(call, "tasks", ordered(call, found), lambda task: dict(task))

    def add_tasks(self, call: Call) -> Answer:
        items = self._array(call)

        def check(item: Any) -> Iterable[Fault]:
            if not item.get("text"):
                yield "text", MISSING
            if not isinstance(item.get("complete_till"), int):
                yield "complete_till", WRONG_TYPE if "complete_till" in item else MISSING
            if item.get("entity_id") and not self._exists(str(item.get("entity_type")), item["entity_id"]):
                yield "entity_id", NO_CHOICE
            if item.get("responsible_user_id", self.account.schema.users[0]["id"]) not in [
                user["id"] for user in self.account.schema.users
            ]:
                yield "responsible_user_id", NO_CHOICE

        self._check(items, check)
        made = [self.account.add_task(item) for item in items]
        return 200, self._thin(call, "tasks", made, items)

    def change_task(self, call: Call, number: str) -> Answer:
        task = self.account.tasks.get(int(number))
        if task is None:
            raise Problem(404, "Not found")
        task |= {
            name: value
            for name, value in call.body.items()
            if name in {"text", "is_completed", "complete_till", "result"}
        }
        return 200, self._thin(call, "tasks", [task], [call.body], updated=True)

    def read_tags(self, call: Call, entity: str) -> Answer:
        listed = [{"id": number, "name": name, "color": None} for name, number in self.account.tags[entity].items()]
        return self._page(call, "tags", listed, lambda tag: dict(tag))

    def add_tags(self, call: Call, entity: str) -> Answer:
        items = self._array(call)
        self._check(items, lambda item: [] if item.get("name") else [("name", MISSING)])
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
        links = self.account.links.get((entity, int(number)), {})
        shown = [
            {
                "to_entity_id": to,
                "to_entity_type": kind,
                "metadata": {"main_contact": is_main} if kind == "contacts" else None,
            }
            for (kind, to), is_main in links.items()
        ]
        return self._page(call, "links", shown, lambda link: link)

    def link(self, call: Call, entity: str, number: str) -> Answer:
        items = self._array(call)
        if not self._exists(entity, int(number)):
            raise Problem(404, "Not found")
        for item in items:
            other = (str(item.get("to_entity_type")), item.get("to_entity_id"))
            if other[0] not in ENTITIES or not self._exists(other[0], other[1]):
                raise Problem(400, "Bad Request")
            is_main = bool((item.get("metadata") or {}).get("is_main"))
            if not self.account.link((entity, int(number)), other, is_main=is_main):
                raise Problem(500, "An unknown error occurred.")  # seen of linking an already linked pair
        return 200, {
            "_total_items": len(items),
            "_embedded": {"links": [{"entity_id": int(number), **item} for item in items]},
        }

    def unlink(self, call: Call, entity: str, number: str) -> Answer:
        for item in self._array(call):
            self.account.unlink((entity, int(number)), (item["to_entity_type"], item["to_entity_id"]))
        return EMPTY

    # --- hooks --------------------------------------------------------------------------------------------------------

    def list_webhooks(self, call: Call) -> Answer:
        hooks = list(self.account.webhooks.values())
        return (200, {"_total_items": len(hooks), "_embedded": {"webhooks": hooks}}) if hooks else EMPTY

    def add_webhook(self, call: Call) -> Answer:
        body = call.body if isinstance(call.body, dict) else {}
        if not body.get("destination") or not body.get("settings"):
            raise refused([("0", [("destination" if not body.get("destination") else "settings", MISSING)])])
        hook = {"id": self.account.next_id(), "disabled": False, "account_id": ACCOUNT["id"], "sort": 1, **body}
        self.account.webhooks[body["destination"]] = hook
        return 200, hook

    def drop_webhook(self, call: Call) -> Answer:
        self.account.webhooks.pop((call.body or {}).get("destination", ""), None)
        return EMPTY

    def _page(self, call: Call, name: str, found: Sequence[Any], shown: Callable[[Any], dict[str, Any]]) -> Answer:
        return page_of(call, name, found, shown, self.slow_batch)
