"""Receives the notifications of a set-up under proof, and counts them."""

from __future__ import annotations

import json
import threading
from collections import Counter

from worker.prove.loopback import Loopback, Quiet


class Receiver:
    """A webhook receiver on loopback."""

    def __init__(self) -> None:
        self.received: Counter[tuple[str, str]] = Counter()
        """(workflow, submission) → how often it was told."""
        self.is_down = False
        """It answers 503 while this is true."""
        receiver = self

        class Handler(Quiet):
            def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver.is_down:
                    self.answer(503)
                    return
                data = json.loads(body)["data"]
                with receiver._lock:
                    receiver.received[data["workflow"], data["submission_id"]] += 1
                self.answer(204)

        self._lock = threading.Lock()
        self._server = Loopback(Handler)

    @property
    def url(self) -> str:
        return f"{self._server.url}/"

    def close(self) -> None:
        self._server.close()
