"""What Kommo's answers mean (its "HTTP codes", and what its users have seen): well, later, never, or nobody knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from worker.errors import NO_TARGET, OutcomeUnknown, PermanentError, PortariaError, TransientError

UNREACHABLE: Final = "kommo_unreachable"
"""Reason code: no connection to Kommo; nothing was sent."""
NO_ANSWER: Final = "kommo_no_answer"
"""Reason code: sent, and no whole answer came."""
NOT_BEGUN: Final = "kommo_not_begun"
"""Reason code: what is read before a call took Kommo so long that the call was not begun; it is made in a moment."""
SERVER_ERROR: Final = "kommo_server_error"
"""Reason code: Kommo answered 5xx."""
TOO_LONG: Final = "kommo_too_long"
"""Reason code: Kommo answered 504, the batch took it too long; smaller ones follow."""
TOO_MANY: Final = "kommo_too_many"
"""Reason code: Kommo answered 429; all workers wait for as long as it says."""
BLOCKED: Final = "kommo_blocked"
"""Reason code: Kommo has blocked this address (a 403 page that is no JSON). Nobody calls while it lasts; write to
Kommo's support from the account's chat to have it lifted."""
UNAUTHORIZED: Final = "kommo_unauthorized"
"""Reason code: Kommo does not take the token (401): it is wrong, expired or withdrawn. Set a fresh one."""
UNPAID: Final = "kommo_unpaid"
"""Reason code: the account's plan or trial is over (402). Everything waits, and goes on once it is paid."""
FORBIDDEN: Final = "kommo_forbidden"
"""Reason code: the user behind the token may not do this (403). Give the rights back."""
REFUSED: Final = "kommo_refused"
"""Reason code: Kommo found fault with what was sent (400, 422), and not with one field of it."""
NO_SUCH_ADDRESS: Final = "kommo_no_such_address"
"""Reason code: Kommo does not know the address that was called (404, 405, a redirect): is base_url right?"""

MEND_SECONDS: Final = 300.0
"""How long to wait where a person has to mend something at Kommo."""
BLOCK_SECONDS: Final = 3600.0
"""How long nobody calls after an address block: each call during it may make it last longer."""
LONGEST_DETAIL: Final = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that Kommo's validation says of one item."""

    item: str
    """The item's `request_id`; its position where none was sent."""
    code: str
    """`NotSupportedChoice`, `InvalidType`, `FieldMissing`, ..."""
    path: str
    """Where in the item: `custom_fields_values.0.field_id`."""


class Refused(PermanentError):
    """Kommo's validation refused the request as a whole (400); nothing of it was done."""

    code = REFUSED

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


def read_body(answer: httpx.Response, content: bytes, *, is_write: bool) -> Any:
    """The JSON of a good answer; None for an empty one (204: nothing found). Raises for one that is cut off."""
    if answer.status_code == httpx.codes.NO_CONTENT or not content.strip():
        return None
    try:
        return json.loads(content)
    except ValueError:
        kind = OutcomeUnknown if is_write else TransientError
        raise kind("Kommo's answer is cut off or no JSON", code=NO_ANSWER) from None


def problem_of(answer: httpx.Response, content: bytes, *, is_write: bool) -> PortariaError | None:
    """What is wrong by this answer; None when nothing is. Texts never hold what was sent."""
    status = answer.status_code
    if 200 <= status < 300:
        return None
    said = _object(content)
    if status == 429:
        return TransientError("Kommo asks us to slow down (429)", code=TOO_MANY, retry_after=_retry_after(said))
    if status == 401:
        return _to_mend(
            "Kommo refuses the token (401): set a fresh [crm] token, or log in anew with `portaria kommo login`",
            UNAUTHORIZED,
        )
    if status == 402:
        return _to_mend("the Kommo account is not paid for or its trial is over (402): pay it at Kommo", UNPAID)
    if status == 403 and said is None:
        return TransientError(
            "Kommo has blocked this machine's address (403): ask Kommo's support to lift it; nobody calls meanwhile",
            code=BLOCKED,
            retry_after=BLOCK_SECONDS,
        )
    if status == 403:
        return _to_mend("the token's user may not do this (403): give it the rights in Kommo's settings", FORBIDDEN)
    if status in {400, 422} and not is_write:
        return _to_mend(f"Kommo refused a reading ({status}): {_detail(said)}", REFUSED)
    if status in {400, 422}:
        faults = faults_of(said)
        told = "; ".join(f"{fault.path}: {fault.code}" for fault in faults[:5]) or _detail(said)
        return Refused(f"Kommo refused what was sent ({status}): {told}", faults)
    if status == 404 and is_write:
        return PermanentError("Kommo has no such record (404)", code=NO_TARGET)
    if status in {404, 405} or 300 <= status < 400:
        return _to_mend(f"Kommo answered {status}: is [crm] base_url right?", NO_SUCH_ADDRESS)
    code = TOO_LONG if status == 504 else SERVER_ERROR
    kind = OutcomeUnknown if is_write else TransientError
    return kind(f"Kommo answered {status}", code=code)


def faults_of(said: Mapping[str, Any] | None) -> tuple[Fault, ...]:
    """The faults in the body of a 400."""
    found = []
    for item in _list((said or {}).get("validation-errors")):
        for error in _list(item.get("errors")):
            fault = Fault(str(item.get("request_id", "")), str(error.get("code", "")), str(error.get("path", "")))
            found.append(fault)
    return tuple(found)


def _to_mend(message: str, code: str) -> TransientError:
    return TransientError(message, code=code, retry_after=MEND_SECONDS)


def _object(content: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(content)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _retry_after(said: Mapping[str, Any] | None) -> float:
    """Seconds, from the body (there is no header); one minute where it does not say."""
    value = (said or {}).get("retry_after")
    return float(value) if isinstance(value, int | float) and value > 0 else 60.0


def _detail(said: Mapping[str, Any] | None) -> str:
    """Kommo's own words, which tell of the request's form and not of what was in it."""
    return str((said or {}).get("detail", ""))[:LONGEST_DETAIL]
