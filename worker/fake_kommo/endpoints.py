"""What every group of endpoints has: its routes over one account, and how bodies are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from worker.fake_kommo.account import Account
from worker.fake_kommo.calls import MOST, Answer, Call, Problem, page_of, refused, request_id
from worker.fake_kommo.schema import ENTITIES, WRONG_TYPE, Fault

RECORDS = "|".join(ENTITIES)
Route = tuple[str, str, Callable[..., Answer]]
"""Method, pattern of the path below /api/v4/, and what answers: it takes the call and the pattern's groups."""


class Endpoints:
    """Endpoints over one account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def array(self, call: Call, most: int = MOST) -> list[Any]:
        """The items of a collection's body, whose shape is enforced."""
        if call.body in (None, [], {}):
            raise Problem(400, "Request data can not be empty")
        if not isinstance(call.body, list):
            raise refused([("0", [("", WRONG_TYPE)])])
        if len(call.body) > most:
            raise Problem(400 if most < MOST else 422, f"Limit {most} per request")
        if self.account.slow_batch and len(call.body) > self.account.slow_batch:
            raise Problem(504, "Gateway Time-out")
        return call.body

    def check(self, items: Sequence[Any], check: Callable[[Any], Iterable[Fault]]) -> None:
        """One bad field of one item refuses the whole request."""
        wrong = [(request_id(item, place), faults) for place, item in enumerate(items) if (faults := list(check(item)))]
        if wrong:
            raise refused(wrong)

    def exists(self, entity: str, number: Any) -> bool:
        return isinstance(number, int) and number in self.account.records[entity]

    def page(self, call: Call, name: str, found: Sequence[Any], shown: Callable[[Any], dict[str, Any]]) -> Answer:
        return page_of(call, name, found, shown, self.account.slow_batch)
