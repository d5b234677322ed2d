"""Sends deliveries over HTTP as providers do: at their own pace, and again until they are answered."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import httpx

from worker.prove.checker import Sent
from worker.prove.workload import Delivery

PATIENCE_SECONDS = 60.0
"""For so long a delivery that is not acknowledged is sent again, and for as long as others are."""
AGAIN_SECONDS = 0.5
ANSWER_SECONDS = 20.0
"""For how long an answer is waited for before the delivery is sent again."""


class History:
    """Everything that was sent, answered and done to the set-up, in the order it happened, one JSON object a line."""

    def __init__(self, file: Path) -> None:
        self._out: IO[str] = file.open("w", encoding="utf-8")
        self._began = time.monotonic()

    def note(self, **what: Any) -> None:
        """Append one event."""
        at = round(time.monotonic() - self._began, 3)
        self._out.write(json.dumps({"at": at, **what}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._out.close()


class Sender:
    """Keeps count of what was sent and how it was answered."""

    def __init__(self, doors: Sequence[str], secret: str, history: History) -> None:
        """`doors` are the addresses of the web processes, taken in turns."""
        self.sent: list[Sent] = []
        self._doors = itertools.cycle(doors)
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._history = history
        self._acknowledged_at = time.monotonic()
        """The last one, whichever it was."""

    def send_first(self, case: Sequence[Delivery]) -> None:
        """Send one case, and wait until it is answered."""
        asyncio.run(self._send_first(case))

    def send_for(self, seconds: float, rate: float, cases: Iterator[list[Delivery]]) -> None:
        """Begin deliveries at `rate` a second for so long (an open loop), and wait until each is answered."""
        asyncio.run(self._send_for(seconds, rate, cases))

    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=200)
        return httpx.AsyncClient(headers=self._headers, timeout=ANSWER_SECONDS, limits=limits)

    async def _send_first(self, case: Sequence[Delivery]) -> None:
        async with self._client() as client:
            await asyncio.gather(*(each for delivery in case for each in self._deliveries(client, delivery)))

    def _deliveries(self, client: httpx.AsyncClient, delivery: Delivery) -> Iterator[Coroutine[None, None, None]]:
        """To be awaited, one for each copy."""
        one = Sent(delivery)
        self.sent.append(one)
        self._history.note(event="sending", **delivery.as_json())
        for _ in range(delivery.copies):
            yield self._deliver(client, one)

    async def _send_for(self, seconds: float, rate: float, cases: Iterator[list[Delivery]]) -> None:
        async with self._client() as client:
            under_way: set[asyncio.Task[None]] = set()
            began = time.monotonic()
            begun = 0
            while (passed := time.monotonic() - began) < seconds:
                if begun > passed * rate:
                    await asyncio.sleep(min((begun / rate) - passed, seconds - passed))
                    continue
                for delivery in next(cases):
                    begun += delivery.copies
                    for each in self._deliveries(client, delivery):
                        task = asyncio.create_task(each)
                        under_way.add(task)
                        task.add_done_callback(under_way.discard)
            await asyncio.gather(*under_way)

    async def _deliver(self, client: httpx.AsyncClient, one: Sent) -> None:
        await asyncio.sleep(one.delivery.after)
        began = time.monotonic()
        while time.monotonic() - max(began, self._acknowledged_at) < PATIENCE_SECONDS:
            what = await self._try(client, one)
            if what == "202":
                return
            one.refused[what] += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _try(self, client: httpx.AsyncClient, one: Sent) -> str:
        address = f"{next(self._doors)}/hooks/{one.delivery.source}"
        try:
            answer = await client.post(
                address, content=one.delivery.body, headers={"Content-Type": one.delivery.content_type}
            )
        except httpx.TransportError as problem:
            what, kept = type(problem).__name__, ""
        else:
            what = str(answer.status_code)
            kept = answer.json()["delivery"] if answer.status_code == httpx.codes.ACCEPTED else ""
        if kept:
            one.ids.append(kept)
            self._acknowledged_at = time.monotonic()
        self._history.note(event="answer", delivery=one.delivery.name, answer=what, id=kept)
        return what
