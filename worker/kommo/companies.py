"""Company records that contacts are linked to: the one of that name, made where there is none."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Final

from pipelines.text import fold
from worker.errors import OutcomeUnknown, PortariaError, TransientError
from worker.kommo.batches import Batches, Job
from worker.kommo.client import BEGIN_WITHIN, KommoClient, begun_within, time_to_begin
from worker.kommo.markers import NEWEST, REREAD_SECONDS, SETTLE_SECONDS
from worker.rates import Rate

MAKING: Final = "kommo_company_being_made"
"""Reason code: the contact's company is being made; the contact follows."""
_ONE_MAKER: Final = Rate(1, int(SETTLE_SECONDS))
"""One worker makes a company of a name; the others find it, once the search does."""
_SOON: Final = 5.0
MOST_KNOWN: Final = 20_000


class Companies:
    """Finds companies by name, and remembers them."""

    def __init__(self, client: KommoClient, batches: Batches) -> None:
        self._client = client
        self._batches = batches
        self._known: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._read_at = float("-inf")

    def ids(self, names: Iterable[str]) -> dict[str, int | PortariaError]:
        """By name as given, the company's id; what went wrong where there is none yet. Raises nothing."""
        found: dict[str, int | PortariaError] = {}
        to_make: dict[str, Job] = {}
        wanted = {name: fold(name) for name in names}
        searched = 0
        for name, folded in wanted.items():
            if folded in to_make:
                continue
            known = self._known.get(folded)
            if not known and searched and time_to_begin() < BEGIN_WITHIN / 2:
                # Time is left for the contacts of those that were found; one at least is each time.
                found[name] = TransientError("its company is looked for", code=MAKING, retry_after=_SOON)
                continue
            searched += not known
            try:
                number = known or self._search(name, folded)
            except PortariaError as problem:
                found[name] = problem
                continue
            if number:
                self._remember(folded, number)
            elif self._client.rates.hit(_ONE_MAKER, "kommo company", self._client.address.account, folded):
                to_make[folded] = Job({"name": name})
            else:
                found[name] = TransientError("its company is being made", code=MAKING, retry_after=_SOON)
        if to_make:
            self._read_at = float("-inf")  # what was read of the newest does not have them
        with begun_within(math.inf):  # there is no record of it that anybody counts from
            self._batches.write("POST", "companies", "companies", list(to_make.values()))
        for folded, job in to_make.items():
            if isinstance(job.result, OutcomeUnknown):
                # The contact itself was not begun, so nothing of it is unknown.
                job.result = TransientError(str(job.result), code=MAKING, retry_after=SETTLE_SECONDS)
            elif not isinstance(job.result, PortariaError) and job.result is not None:
                self._remember(folded, int(job.result["id"]))
        for name, folded in wanted.items():
            if name not in found:
                failed = to_make[folded].result if folded in to_make else None
                nobody = TransientError("its company is being made", code=MAKING, retry_after=_SOON)
                found[name] = self._known.get(folded) or (failed if isinstance(failed, PortariaError) else nobody)
        return found

    def _search(self, name: str, folded: str) -> int | None:
        """The oldest company of exactly this name: by the search, which is over all fields and lags, so among the
        newest too."""
        same = [
            int(record["id"])
            for _, page in self._client.pages("companies", {"query": name})
            for record in page
            if fold(str(record.get("name", ""))) == folded
        ]
        return min(same, default=None) or self._among_newest(folded)

    def _among_newest(self, folded: str) -> int | None:
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            self._read_at = time.monotonic()
            self._newest = {}
            for start, page in self._client.pages("companies", {"order": {"id": "desc"}}):
                self._newest |= {fold(str(record.get("name", ""))): int(record["id"]) for record in page}
                if start >= NEWEST:
                    break
        return self._newest.get(folded)

    def _remember(self, folded: str, number: int) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[folded] = number
