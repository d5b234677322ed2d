"""A request as an endpoint sees it, answers that are no success, and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from worker.fake_kommo.account import Record
from worker.fake_kommo.schema import Fault, told

Answer = tuple[int, Any]
EMPTY: Final[Answer] = (204, None)
MOST: Final = 250
MOST_COMPLEX: Final = 50
MOST_VALUES: Final = 40
"""Custom field values of one entity of leads/complex."""


@dataclass(frozen=True)
class Call:
    """One request, as an endpoint sees it."""

    method: str
    base: str
    """Scheme, host and port, for `_links`."""
    query: Mapping[str, Any]
    body: Any

    @property
    def items(self) -> list[Any]:
        assert isinstance(self.body, list)
        return self.body


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, detail: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        titles = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 422: "Unprocessable Entity"}
        title = titles.get(status, "Internal Server Error")
        self.body = {
            **more,
            "title": title,
            "type": f"https://httpstatus.es/{status}",
            "status": status,
            "detail": detail,
        }


def page_of(
    call: Call, name: str, found: Sequence[Any], shown: Callable[[Any], dict[str, Any]], slow_batch: int
) -> Answer:
    """A page of what was found; 204 where there is nothing on it."""
    page, limit = int(call.query.get("page", 1)), int(call.query.get("limit", 50))
    if not 1 <= limit <= MOST:
        raise Problem(422, f"Limit {MOST} per page")
    if slow_batch and limit > slow_batch:
        raise Problem(504, "Gateway Time-out")
    start = (page - 1) * limit
    some = found[start : start + limit]
    if not some:
        return EMPTY
    links = {"self": {"href": f"{call.base}/{name}?page={page}&limit={limit}"}}
    if len(found) > start + limit:
        links["next"] = {"href": f"{call.base}/{name}?page={page + 1}&limit={limit}"}
    return 200, {"_page": page, "_links": links, "_embedded": {name: [shown(each) for each in some]}}


def refused(wrong: Sequence[tuple[str, Sequence[Fault]]]) -> Problem:
    listed = [{"request_id": name, "errors": [told(fault) for fault in faults]} for name, faults in wrong]
    return Problem(400, "Request validation failed", **{"validation-errors": listed})


def request_id(item: Any, place: int) -> str:
    return str(item["request_id"]) if isinstance(item, dict) and "request_id" in item else str(place)


def self_link(call: Call, path: str) -> dict[str, Any]:
    return {"self": {"href": f"{call.base}/api/v4/{path}"}}


def thin(
    call: Call, entity: str, records: Sequence[Record], items: Sequence[Any], *, updated: bool = False
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


def several(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [] if value is None else [value]


def ordered(call: Call, found: list[Record]) -> list[Record]:
    for name, direction in (call.query.get("order") or {}).items():
        found.sort(key=lambda one: one.get(name, 0), reverse=direction == "desc")
    return found


def passes(record: Record, wanted: Mapping[str, Any]) -> bool:
    """Whether a record passes the filters that Kommo has; others are ignored, as Kommo ignores them."""
    for name in ("id", "created_by", "updated_by", "responsible_user_id", "pipeline_id"):
        if name in wanted and str(record.get(name)) not in {str(each) for each in several(wanted[name])}:
            return False
    if "name" in wanted and record["name"] not in several(wanted["name"]):
        return False
    for name in ("updated_at", "created_at", "closed_at"):
        if name in wanted:
            span = wanted[name] if isinstance(wanted[name], dict) else {"from": wanted[name], "to": wanted[name]}
            at = record.get(name) or 0
            if at < int(span.get("from", 0)) or at > int(span.get("to", 10**12)):
                return False
    return True


def addresses(values: Any) -> set[str]:
    """Phones and mail addresses among custom field values, as duplicate control compares them."""
    return {
        str(value["value"]).lower()
        for each in values or ()
        if each.get("field_code") in {"PHONE", "EMAIL"} or each.get("field_id") in {178382, 178384}
        for value in each["values"]
    }
