"""The poller under test, and what it says."""

from __future__ import annotations

import threading
from typing import Any

from tests.worker.mailbox.servers import PASSWORD, USER
from worker.config import MailboxSection, Settings
from worker.mailbox import Poller
from worker.steps.runtime import Runtime
from worker.store import deliveries


class Mailroom:
    """The poller under test, in threads of this process, and what it has committed."""

    def __init__(self, runtime: Runtime, port: int) -> None:
        self.runtime = runtime
        self.port = port
        self.rings = 0
        self._running: list[tuple[threading.Event, Poller, threading.Thread]] = []

    def poller(self, *, stop: threading.Event | None = None, name: str = "vendas", **options: Any) -> Poller:
        """A poller for the server, not started."""
        section = MailboxSection(
            **{"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD, "tls": False, **options}
        )
        settings: Settings = self.runtime.settings.model_copy(update={"mailboxes": {name: section}})
        values = {key: getattr(self.runtime, key) for key in self.runtime.__dataclass_fields__}
        runtime = Runtime(**{**values, "settings": settings})
        return Poller(runtime, name, ring=self._ring, stop=stop or threading.Event())

    def _ring(self) -> None:
        self.rings += 1

    def start(self, **options: Any) -> Poller:
        """A poller that runs until the test ends or `stop` is called."""
        stop = threading.Event()
        made = self.poller(stop=stop, **options)
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        self._running.append((stop, made, thread))
        return made

    def stop(self) -> None:
        for stop, made, thread in self._running:
            stop.set()
            made.break_off(busy=True)
            thread.join(10)
            assert not thread.is_alive()
        self._running.clear()

    def taken(self) -> list[dict[str, Any]]:
        """The deliveries, without their bodies."""
        with self.runtime.database.read() as tx:
            return deliveries.summaries(tx, limit=5000)

    def bodies(self) -> list[bytes]:
        with self.runtime.database.read() as tx:
            found = [deliveries.read(tx, each["id"]) for each in deliveries.summaries(tx, limit=5000)]
        return [each.body for each in found if each]


class Log:
    """What the poller says."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.events.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        self.events.append(("warning", event, values))

    def has(self, event: str) -> bool:
        return any(said == event for _, said, _ in self.events)

    def reasons(self) -> list[str]:
        """Why the mailbox could not be read, each time that it was said."""
        return [values["reason"] for _, event, values in self.events if event.startswith("the mailbox cannot be read")]
