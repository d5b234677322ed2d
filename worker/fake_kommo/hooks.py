"""The account's webhooks: urlencoded with PHP's brackets, two seconds for an answer, and Kommo's retries."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from worker.fake_kommo.account import Account, Record
from worker.fake_kommo.schema import ACCOUNT

ANSWER_SECONDS: Final = 2.0
RETRIES: Final = (300.0, 900.0, 900.0, 3600.0)
"""Seconds before the second to the fifth try; the last two are for 499 and 5xx alone."""
_LOOK: Final = 0.02
_ALIAS: Final = {"contacts": "contact", "companies": "company", "leads": "lead", "task": "task", "unsorted": "unsorted"}


class Sender:
    """Sends what happened to whom subscribed. `scale`: how many of its seconds pass in one of ours."""

    def __init__(self, account: Account, *, scale: float = 1.0) -> None:
        self._account = account
        self.scale = scale
        self.sent = 0
        self.failed = 0

    async def run(self) -> None:
        """Send for ever."""
        seen = 0
        tasks: set[asyncio.Task[None]] = set()
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            while True:
                events, seen = self._account.events[seen:], len(self._account.events)
                for entity, action, record in events:
                    for hook in list(self._account.webhooks.values()):
                        if not hook["disabled"] and f"{action}_{_ALIAS.get(entity, entity)}" in hook["settings"]:
                            body = hook_body(self._account, entity, action, record)
                            task = asyncio.create_task(self._send(client, hook["destination"], body))
                            tasks.add(task)
                            task.add_done_callback(tasks.discard)
                await asyncio.sleep(_LOOK)

    async def _send(self, client: httpx.AsyncClient, url: str, body: str) -> None:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "amoCRM-Webhooks/3.0",
            "x-amocrm-requestid": str(uuid.uuid4()),
        }
        for tries in range(len(RETRIES) + 1):
            try:
                status = (await client.post(url, content=body, headers=headers)).status_code
            except httpx.HTTPError:
                status = 0
            if 100 <= status < 300:
                self.sent += 1
                return
            is_server_error = status == 499 or status >= 500
            if tries == len(RETRIES) or (tries >= 2 and not is_server_error):
                break
            await asyncio.sleep(RETRIES[tries] / self.scale)
        self.failed += 1


def hook_body(account: Account, entity: str, action: str, record: Record) -> str:
    """The body of a hook about one record, as captured ones are."""
    said = _said(account, entity, action, record)
    name = "contacts" if entity == "companies" else entity
    tree = {
        "account": {"subdomain": ACCOUNT["subdomain"], "id": ACCOUNT["id"]},
        name: {action: [said]},
    }
    return urlencode(list(_flat("", tree)))


def _said(account: Account, entity: str, action: str, record: Record) -> dict[str, Any]:
    if entity == "unsorted":
        leads = [{"id": n, "name": account.records["leads"][n]["name"]} for n in record["made"]["leads"]]
        contacts = [_record("contacts", account.records["contacts"][n]) for n in record["made"]["contacts"]]
        kept = {name: record[name] for name in ("uid", "category", "created_at") if record.get(name)}
        return {
            **kept,
            **(
                {"action": record["action"]} if action == "delete" else {"data": {"leads": leads, "contacts": contacts}}
            ),
        }
    if entity == "task":
        return {name: value for name, value in record.items() if name != "result"}
    if action == "note":
        return {
            "note": {"text": record["params"].get("text", ""), "element_id": record["entity_id"], "id": record["id"]}
        }
    return _record(entity, record)


def _record(entity: str, record: Record) -> dict[str, Any]:
    said = {
        name: record[name] for name in ("id", "name", "responsible_user_id", "created_at", "updated_at", "account_id")
    }
    said |= {"date_create": record["created_at"], "last_modified": record["updated_at"]}
    said |= {name: record[name] for name in ("price", "status_id", "old_status_id", "pipeline_id") if name in record}
    if record["custom_fields_values"]:
        said["custom_fields"] = [
            {
                "id": each["field_id"],
                "name": each["field_name"],
                "values": [
                    {"value": value["value"], **({"enum": value["enum_id"]} if "enum_id" in value else {})}
                    for value in each["values"]
                ],
                **({"code": each["field_code"]} if each["field_code"] else {}),
            }
            for each in record["custom_fields_values"]
        ]
    if entity in {"contacts", "companies"}:
        said["type"] = "contact" if entity == "contacts" else "company"
    return said


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    pairs: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = list(enumerate(value))
    else:
        yield name, "" if value is None else str(value)
    for key, each in pairs:
        yield from _flat(f"{name}[{key}]" if name else str(key), each)
