"""Incoming leads: those that a person has yet to accept or to decline."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from worker.errors import PermanentError, TransientError
from worker.kommo.answers import MEND_SECONDS
from worker.kommo.batches import send_alone
from worker.kommo.client import KommoClient
from worker.kommo.words import Item

NOT_INCOMING: Final = "kommo_not_incoming"
"""Reason code: the lead is in Incoming leads and not in the list of them; somebody may be accepting it now."""
_AGAIN_SECONDS: Final = 5.0


class IncomingLeads:
    """Settles incoming leads; their list is read once, when the first is asked for."""

    def __init__(self, client: KommoClient) -> None:
        self._client = client
        self._uids: Mapping[str, str] | None = None

    def accept(self, lead: str, status_id: int) -> None:
        """Accept the lead into a stage. Raises `PortariaError`."""
        self._settle("POST", lead, "accept", {"status_id": status_id})

    def decline(self, lead: str, user_id: int) -> None:
        """Decline the lead, in the name of a user. Raises `PortariaError`."""
        self._settle("DELETE", lead, "decline", {"user_id": user_id})

    def _settle(self, method: str, lead: str, how: str, body: Mapping[str, Any]) -> None:
        if self._uids is None:
            self._uids = dict(self._listed())
        if lead not in self._uids:
            what = "the lead is in Incoming leads, and not in the list of them"
            raise TransientError(what, code=NOT_INCOMING, retry_after=MEND_SECONDS)
        try:
            send_alone(self._client, method, f"leads/unsorted/{self._uids[lead]}/{how}", body)
        except PermanentError as problem:
            what = f"the lead was not incoming any more ({problem}): it is looked at anew"
            raise TransientError(what, code=NOT_INCOMING, retry_after=_AGAIN_SECONDS) from None

    def _listed(self) -> Iterable[tuple[str, str]]:
        for _, page in self._client.pages("leads/unsorted"):
            for one in page:
                for lead in one.get("_embedded", {}).get("leads") or ():
                    yield str(lead["id"]), str(one["uid"])


def as_incoming(item: Item, source: str) -> Item:
    """A new lead as one that a person has yet to accept: `leads/complex` with a form's metadata, since it can hang on a
    contact that is there (`leads/unsorted/forms` makes its own)."""
    metadata = {
        "category": "forms",
        "form_id": 1,
        "form_name": source,
        "form_page": source,
        "form_sent_at": int(time.time()),
        "ip": "",
    }
    return {**item, "_embedded": {**item.get("_embedded", {}), "metadata": metadata}}
