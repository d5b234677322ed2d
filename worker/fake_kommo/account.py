"""What an account holds: records, links, notes, tasks, tags, incoming leads. Thread-safe by its one lock."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from worker.fake_kommo.schema import ACCOUNT, ENTITIES, LINKABLE, Schema, first_schema

Record = dict[str, Any]

READ_ONLY: Final = frozenset({"id", "request_id", "_embedded", "_links", "tags_to_add", "tags_to_delete", "metadata"})
_OF_LEAD: Final = {"price": 0, "status_id": 0, "pipeline_id": 0, "loss_reason_id": None, "closed_at": None}


@dataclass
class Account:
    """One account. `now` is in Unix seconds; `index_lag` seconds pass until a search finds what was written."""

    now: Callable[[], float]
    index_lag: float = 0.0
    duplicate_control: bool = False
    slow_batch: int = 0
    """More entities in one request than this are answered 504, undone; 0: never."""
    schema: Schema = field(default_factory=first_schema)
    lock: threading.RLock = field(default_factory=threading.RLock)
    records: dict[str, dict[int, Record]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    notes: dict[str, dict[int, Record]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    tasks: dict[int, Record] = field(default_factory=dict)
    tags: dict[str, dict[str, int]] = field(default_factory=lambda: {entity: {} for entity in ENTITIES})
    links: dict[tuple[str, int], dict[tuple[str, int], bool]] = field(default_factory=lambda: defaultdict(dict))
    unsorted: dict[str, Record] = field(default_factory=dict)
    webhooks: dict[str, Record] = field(default_factory=dict)
    events: list[tuple[str, str, Record]] = field(default_factory=list)
    """What happened, for the hooks: entity, action, record."""
    _indexed: dict[tuple[str, int], list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1_000_001))

    def next_id(self) -> int:
        return next(self._ids)

    # --- records ----------------------------------------------------------------------------------------------------

    def add(self, entity: str, item: Mapping[str, Any], *, is_unsorted: bool = False) -> Record:
        """Make a record of a checked item."""
        with self.lock:
            now = int(self.now())
            record: Record = {"id": self.next_id(), "name": "", "created_by": 0, "group_id": 0}
            record |= {"responsible_user_id": self.schema.users[0]["id"], "closest_task_at": None, "is_deleted": False}
            record |= {"created_at": now, "updated_by": 0, "account_id": ACCOUNT["id"], "tags": []}
            record |= {"custom_fields_values": None}
            if entity == "leads":
                record |= _OF_LEAD
                record["pipeline_id"], record["status_id"] = self.schema.place(item, is_unsorted=is_unsorted)
            elif entity == "contacts":
                record |= {"first_name": "", "last_name": "", "is_unsorted": is_unsorted}
            self.records[entity][record["id"]] = record
            self._set(entity, record, item)
            record["created_at"] = item.get("created_at", now)
            embedded = item.get("_embedded") or {}
            for tag in embedded.get("tags") or ():
                self._tag(entity, record, tag)
            for other in LINKABLE:
                for each in embedded.get(other) or ():
                    self.link((entity, record["id"]), (other, int(each["id"])), is_main=bool(each.get("is_main")))
            self.events.append((entity, "add", record))
            return record

    def change(self, entity: str, item: Mapping[str, Any]) -> Record:
        """Change a record: fields sent replace their values, others stay."""
        with self.lock:
            record = self.records[entity][int(item["id"])]
            before = {"status_id": record.get("status_id"), "responsible_user_id": record["responsible_user_id"]}
            self._set(entity, record, item)
            embedded = item.get("_embedded") or {}
            if "tags" in embedded:  # the whole set is replaced
                record["tags"] = []
                for tag in embedded["tags"] or ():
                    self._tag(entity, record, tag)
            for tag in item.get("tags_to_add") or ():
                self._tag(entity, record, tag)
            gone = [tag.get("name") or tag.get("id") for tag in item.get("tags_to_delete") or ()]
            record["tags"] = [tag for tag in record["tags"] if tag["name"] not in gone and tag["id"] not in gone]
            self.events.append((entity, "update", record))
            if record.get("status_id") != before["status_id"]:
                self.events.append((entity, "status", {**record, "old_status_id": before["status_id"]}))
            return record

    def _set(self, entity: str, record: Record, item: Mapping[str, Any]) -> None:
        for name, value in item.items():
            if name not in READ_ONLY and name != "custom_fields_values" and name in record:
                record[name] = value
        if entity == "leads" and "status_id" in item and "pipeline_id" not in item:
            record["pipeline_id"] = self.schema.pipeline_of(item["status_id"], record["pipeline_id"])
        if entity == "contacts":
            _name(record, item)
        kept = {each["field_id"]: each for each in record["custom_fields_values"] or ()}
        for given in item.get("custom_fields_values") or ():
            stored = self.schema.stored(entity, given)
            kept[stored["field_id"]] = stored
        record["custom_fields_values"] = list(kept.values()) or None
        record["updated_at"] = item.get("updated_at") or int(self.now())
        self._index(entity, record)

    def _tag(self, entity: str, record: Record, tag: Mapping[str, Any]) -> None:
        names = self.tags[entity]
        name = tag.get("name") or next((known for known, number in names.items() if number == tag.get("id")), "")
        if name and all(each["name"] != name for each in record["tags"]):
            number = names.setdefault(name, len(names) + 1 + ENTITIES.index(entity) * 1_000_000)
            record["tags"].append({"id": number, "name": name, "color": None})

    def tag_known(self, entity: str, name: str) -> int:
        """The id of a tag, made where there is none."""
        with self.lock:
            return self.tags[entity].setdefault(name, len(self.tags[entity]) + 1 + ENTITIES.index(entity) * 1_000_000)

    # --- search -----------------------------------------------------------------------------------------------------

    def _index(self, entity: str, record: Record) -> None:
        texts = [
            record["name"],
            *(str(value["value"]) for each in record["custom_fields_values"] or () for value in each["values"]),
        ]
        seen = self._indexed[entity, record["id"]]
        seen.append((self.now() + self.index_lag, "\n".join(texts).lower()))
        del seen[:-3]

    def search(self, entity: str, text: str) -> list[Record]:
        """Records in whose filled fields the text stands, as the index knows them by now."""
        wanted, now = text.lower(), self.now()
        with self.lock:
            found = []
            for record in self.records[entity].values():
                seen = [each for at, each in self._indexed[entity, record["id"]] if at <= now]
                if seen and wanted in seen[-1]:
                    found.append(record)
            return found

    # --- links ------------------------------------------------------------------------------------------------------

    def link(self, one: tuple[str, int], other: tuple[str, int], *, is_main: bool = False) -> bool:
        """Link two records, in both directions; False when they are."""
        with self.lock:
            if other in self.links[one]:
                return False
            if is_main:  # of several there is one
                self.links[one] |= {each: False for each in self.links[one] if each[0] == other[0]}
            self.links[one][other] = is_main
            self.links[other][one] = False
            return True

    def unlink(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        with self.lock:
            self.links[one].pop(other, None)
            self.links[other].pop(one, None)

    def linked(self, one: tuple[str, int], entity: str) -> list[int]:
        """Ids of the records of `entity` that this one is linked to, the main one first."""
        found = [
            (not is_main, number) for (other, number), is_main in self.links.get(one, {}).items() if other == entity
        ]
        return [number for _, number in sorted(found)]

    # --- notes, tasks, incoming leads -------------------------------------------------------------------------------

    def add_note(self, entity: str, item: Mapping[str, Any]) -> Record:
        with self.lock:
            now = int(self.now())
            note = {"id": self.next_id(), "created_at": now, "updated_at": now, "created_by": 0, **item}
            note.pop("request_id", None)
            self.notes[entity][note["id"]] = note
            self.events.append((entity, "note", note))
            return note

    def add_task(self, item: Mapping[str, Any]) -> Record:
        with self.lock:
            now = int(self.now())
            task: Record = {
                "id": self.next_id(),
                "created_at": now,
                "updated_at": now,
                "is_completed": False,
                "task_type_id": 1,
            }
            task |= {"entity_id": 0, "entity_type": "", "result": [], "responsible_user_id": self.schema.users[0]["id"]}
            task |= {name: value for name, value in item.items() if name != "request_id"}
            self.tasks[task["id"]] = task
            self.events.append(("task", "add", task))
            return task

    def add_unsorted(self, item: Mapping[str, Any], category: str) -> Record:
        """An incoming lead: its lead, contacts and companies are there already, and not accepted."""
        with self.lock:
            embedded = item.get("_embedded") or {}
            made: dict[str, list[int]] = {}
            for entity in ("companies", "contacts", "leads"):
                made[entity] = [
                    self.add(entity, {**item, **each}, is_unsorted=True)["id"] for each in embedded.get(entity) or ()
                ]
            if not made["leads"]:
                made["leads"] = [self.add("leads", {"pipeline_id": item.get("pipeline_id", 0)}, is_unsorted=True)["id"]]
            for lead in made["leads"]:
                for entity in ("contacts", "companies"):
                    for number in made[entity]:
                        self.link(("leads", lead), (entity, number), is_main=True)
            return self.await_decision(item, category, made)

    def await_decision(self, item: Mapping[str, Any], category: str, made: Mapping[str, list[int]]) -> Record:
        """Have these leads, contacts and companies wait among the incoming leads."""
        with self.lock:
            uid = secrets.token_hex(30)
            self.unsorted[uid] = {
                "uid": uid, "category": category, "made": made, "created_at": int(self.now()),
                "source_uid": item.get("source_uid"), "source_name": item.get("source_name"),
                "pipeline_id": self.records["leads"][made["leads"][0]]["pipeline_id"], "metadata": item.get("metadata"),
            }  # fmt: skip
            self.events.append(("unsorted", "add", self.unsorted[uid]))
            return self.unsorted[uid]

    def settle_unsorted(self, uid: str, *, accepted: bool, status_id: int = 0) -> Record | None:
        """Accept or decline an incoming lead; None when there is none (any more)."""
        with self.lock:
            entry = self.unsorted.pop(uid, None)
            if entry is None:
                return None
            for lead in entry["made"]["leads"]:
                record = self.records["leads"][lead]
                if accepted:
                    place = {"pipeline_id": entry["pipeline_id"]} | ({"status_id": status_id} if status_id else {})
                    record["pipeline_id"], record["status_id"] = self.schema.place(place)
                else:
                    record["is_deleted"] = True
            for contact in entry["made"]["contacts"]:
                self.records["contacts"][contact]["is_unsorted"] = not accepted
            self.events.append(("unsorted", "delete", {**entry, "action": "accept" if accepted else "decline"}))
            return entry

    # --- for tests and people ---------------------------------------------------------------------------------------

    def alive(self, entity: str) -> list[Record]:
        """The records that are not deleted, oldest first."""
        with self.lock:
            return [record for record in self.records[entity].values() if not record["is_deleted"]]

    def with_texts(self, entity: str, number: int) -> Iterable[str]:
        """The texts of a record's notes, oldest first."""
        with self.lock:
            notes = self.notes[entity].values()
            return [str(note["params"].get("text", "")) for note in notes if note["entity_id"] == number]


def _name(record: Record, item: Mapping[str, Any]) -> None:
    """`name` and its two parts follow each other. [How Kommo splits a name is not documented: at its first space.]"""
    if "first_name" in item or "last_name" in item:
        if "name" not in item:
            record["name"] = f"{record['first_name']} {record['last_name']}".strip()
    elif "name" in item:
        record["first_name"], _, record["last_name"] = str(item["name"]).partition(" ")
