"""What adapters that ask others may need of the house, and what sources promise that ask their providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pipelines.models import SourceRecord
from worker.breaker import Circuits
from worker.errors import PortariaError
from worker.ports import Credentials, LocalRecords, NotContact, SourceSettings
from worker.rates import Rates


@dataclass(frozen=True, slots=True)
class Around:
    """What an adapter may need of the house."""

    records: LocalRecords
    credentials: Credentials
    circuits: Circuits
    rates: Rates
    clock: Callable[[], datetime]


@runtime_checkable
class Fetching(Protocol):
    """A source some of whose deliveries name a record and tell little or nothing of it: the rest is fetched through the
    provider's API. `token` and `base_url` of the source's section say how."""

    def can_fetch(self, settings: SourceSettings) -> bool:
        """Whether the settings say how to ask the provider."""

    def is_reference(self, record: SourceRecord, settings: SourceSettings) -> bool:
        """Whether the record is to be fetched first; never without a token to fetch it with, nor one that was."""

    def fetch(
        self, references: Sequence[SourceRecord], settings: SourceSettings, around: Around
    ) -> Iterator[SourceRecord | NotContact | PortariaError]:
        """What the provider has of each, in order and lazily, so that the caller may stop between two calls. Only
        reads there. Yields `NotContact` where it is nobody, `TransientError` where it has to be asked again, and
        `PermanentError`; raises nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed at a provider, as a delivery that a hook might have brought."""

    at: datetime
    keys: Sequence[str]
    """Its delivery key first, then those under which another hook of the same change would have come."""
    body: bytes
    content_type: str


@runtime_checkable
class Polling(Protocol):
    """A source whose provider can be asked what changed, since its hooks get lost."""

    def polled(self, settings: SourceSettings) -> Sequence[str]:
        """What to ask for, each by itself; empty where there is no token to ask with, or it is switched off."""

    def changes(
        self, entity: str, since: datetime, settings: SourceSettings, around: Around
    ) -> Iterator[Sequence[Change]]:
        """What changed at `since` or later, the oldest first, a page at a time. Raises `PortariaError`."""
