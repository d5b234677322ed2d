"""Incoming leads: those that a person has yet to accept or to decline."""

from __future__ import annotations

from typing import Any

from worker.errors import TransientError
from worker.kommo.answers import MEND_SECONDS
from worker.kommo.client import KommoClient

NOT_INCOMING = "kommo_not_incoming"
"""Reason code: the lead is in Incoming leads and not in the list of them; somebody may be accepting it now."""


def accept(client: KommoClient, lead: int, status_id: int) -> None:
    """Accept the incoming lead into a stage. Accepting twice is told from not being there. Raises `PortariaError`."""
    body: dict[str, Any] = {"status_id": status_id}
    client.send("POST", f"leads/unsorted/{_uid(client, lead)}/accept", body)


def decline(client: KommoClient, lead: int, user_id: int) -> None:
    """Decline the incoming lead, in the name of a user. Raises `PortariaError`."""
    client.send("DELETE", f"leads/unsorted/{_uid(client, lead)}/decline", {"user_id": user_id})


def _uid(client: KommoClient, lead: int) -> str:
    for _, page in client.pages("leads/unsorted"):
        for one in page:
            if lead in [each.get("id") for each in one.get("_embedded", {}).get("leads") or ()]:
                return str(one["uid"])
    what = "the lead is in Incoming leads, and not in the list of them"
    raise TransientError(what, code=NOT_INCOMING, retry_after=MEND_SECONDS)
