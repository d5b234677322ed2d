"""A CRM outside the house, for proofs: it makes a record every time it is asked, and loses answers when told to.

Like most CRMs it knows no idempotency: only whoever looks the key up before asking again makes a thing once.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.errors import NO_TARGET, OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.ports import CrmRecord, Problem
from worker.prove.checker import CrmItem
from worker.prove.loopback import Loopback, Quiet

KIND = "proof"
TIMEOUT = 2.0
TAKES = (0.005, 0.05)
"""Seconds that a call takes, from and to."""
LONGEST_PIECE = 4.0
"""Seconds after which no further call of a piece is begun."""

_MADE = {
    WriteKind.CREATE_CONTACT: "contact",
    WriteKind.CREATE_LEAD: "lead",
    WriteKind.CREATE_TASK: "task",
    WriteKind.ADD_NOTE: "note",
}


@dataclass
class Faults:
    """What goes wrong, as shares of the calls."""

    lose_answer: float = 0.0
    """The call is carried out, and the connection is closed without an answer."""
    refuse: float = 0.0
    """503, and nothing is done."""
    slow: float = 0.0
    """Carried out only after longer than the caller waits."""


@dataclass
class _Record:
    kind: str
    key: str
    fields: dict[str, Any] = field(default_factory=dict)


class OutsideCrm:
    """The server, on loopback; its records are in memory and survive whatever happens to its callers."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self._records: list[_Record] = []
        self._lock = threading.Lock()
        outside = self

        class Handler(Quiet):
            def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
                write = json.loads(self.rfile.read(int(self.headers["content-length"])))
                fate = outside._fate()
                outside.calls[fate] += 1
                if fate == "refuse":
                    self.answer(503)
                    return
                time.sleep(TIMEOUT * 1.5 if fate == "slow" else random.uniform(*TAKES))  # noqa: S311 - no secret
                number = outside._carry_out(write)
                if fate == "lose_answer":
                    self.close_connection = True
                    return
                if fate != "slow":
                    self.answer(200 if number else 404, _id(number))

            def do_GET(self) -> None:  # noqa: N802
                key = parse_qs(urlsplit(self.path).query)["key"][0]
                self.answer(200, _id(outside._by_key(key)))

        self._server = Loopback(Handler)

    @property
    def url(self) -> str:
        return self._server.url

    def close(self) -> None:
        self._server.close()

    def items(self) -> list[CrmItem]:
        """All its records."""
        with self._lock:
            return [
                CrmItem(RemoteRef(system=KIND, kind=record.kind, id=str(number)), dict(record.fields))
                for number, record in enumerate(self._records, 1)
            ]

    def _fate(self) -> str:
        chance = random.random()  # noqa: S311 - no secret comes of it
        for name in ("lose_answer", "refuse", "slow"):
            chance -= getattr(self.faults, name)
            if chance < 0:
                return name
        return "well"

    def _carry_out(self, write: Mapping[str, Any]) -> int:
        """Do it; the record's number, 0 where there is no such record."""
        kind = _MADE.get(WriteKind(write["kind"]))
        with self._lock:
            if kind is not None:
                self._records.append(_Record(kind, write["key"], dict(write["fields"])))
                return len(self._records)
            number = int(write["target"]["id"]) if write["target"] else 0
            if not 0 < number <= len(self._records):
                return 0
            held, told = self._records[number - 1].fields, write["fields"]
            if write["kind"] == WriteKind.ADD_TAGS:
                told = {"tags": sorted({*held.get("tags", ()), *told["tags"]})}
            held.update(told)
            return number

    def _by_key(self, key: str) -> int:
        with self._lock:
            return next((number for number, record in enumerate(self._records, 1) if record.key == key), 0)


def _id(number: int) -> bytes:
    return json.dumps({"id": number}).encode()


class OutsideCrmAdapter:
    """`worker.ports.Crm` over that server."""

    name = KIND
    settle_seconds = LONGEST_PIECE + 3 * TIMEOUT
    """The last call of a piece may begin so late, and be carried out after its caller has gone."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT)

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        until = time.monotonic() + LONGEST_PIECE
        late = TransientError("the CRM of the proof is slow; the rest in a moment", retry_after=1.0)
        return [late if time.monotonic() > until else self._perform(write) for write in writes]

    def _perform(self, write: CrmWrite) -> RemoteRef | PortariaError:
        try:
            answer = self._client.post("/", content=write.model_dump_json())
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return TransientError("the CRM of the proof is not there")
        except httpx.TransportError as problem:
            return OutcomeUnknown(f"the CRM of the proof did not answer ({type(problem).__name__})")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return PermanentError(f"{write.kind}: there is no such record", code=NO_TARGET)
        if not answer.is_success:
            return TransientError(f"the CRM of the proof answered {answer.status_code}", retry_after=1.0)
        kind = _MADE.get(write.kind) or (write.target.kind if write.target else "contact")
        return RemoteRef(system=KIND, kind=kind, id=str(answer.json()["id"]))

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        try:
            number = self._client.get("/", params={"key": write.key}).json()["id"]
        except httpx.TransportError as problem:
            raise TransientError(f"the CRM of the proof did not answer ({type(problem).__name__})") from None
        return RemoteRef(system=KIND, kind=_MADE[write.kind], id=str(number)) if number else None

    def read(self, refs: Sequence[RemoteRef]) -> Mapping[RemoteRef, CrmRecord]:
        """Nothing of a proof reads it."""
        return {}

    def search(self, kind: str, text: str, *, limit: int = 50) -> Sequence[CrmRecord]:
        """Nothing of a proof searches it."""
        return ()

    def check(self) -> Sequence[Problem]:
        return ()
