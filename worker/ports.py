"""What the adapters promise: sources, CRMs, sources of facts and sinks. One Protocol each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

from pipelines.lead_outcomes import Outcome
from pipelines.models import Contact, CrmWrite, Fact, Notification, RemoteRef, SourceRecord
from worker.errors import PortariaError


class Priority(IntEnum):
    """Who is served first when all are waiting."""

    LIVE = 0
    """Somebody has just filled in a form, or an agent waits for the answer."""
    MAIL = 1
    IMPORT = 2
    """A file: nobody waits for one of its rows."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One `[sources.NAME]` of portaria.toml, as its adapter sees it."""

    name: str
    kind: str = "generic"
    secret: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Source's field key or label → standard field (a name in `pipelines.models.FIELDS`)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the section holds, for the kind to read: `subdomain`, `account_id`, `verify_token`, ..."""


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """An HTTP request at a door, whole: nothing of it has been believed yet."""

    method: str
    url: str
    """As the sender called it, scheme, host and query included (some signatures cover it)."""
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]
    body: bytes
    path_secret: str = ""
    """The `{secret}` of `/hooks/{source}/{secret}`, when there was one."""
    remote_address: str = ""

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One raw thing received, byte for byte, as the store keeps it."""

    id: str
    source: str
    body: bytes
    content_type: str
    """With its parameters (charset, boundary)."""
    received_at: datetime
    name: str = ""
    """The file's name, where it came as one."""
    priority: int = Priority.LIVE
    kind: str = ""
    """The kind that its source had in portaria.toml when it came; empty where the source was not named there."""
    suspicion: str = ""
    """Reason code: why the door held it for a robot's; what is in it is held until a person looks."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record of a delivery that could not be read; the others go on. Becomes a rejected submission."""

    reason: str
    """A reason code, a constant in `worker.sources`."""
    detail: str
    """Where and how to mend it: row, entity, column. Never the value."""


@dataclass(frozen=True, slots=True)
class NotContact:
    """The delivery, or one part of it, is readable and about nobody."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeTold(NotContact):
    """The delivery tells what became of a lead: kept as its outcome, and nobody's submission."""

    outcome: Outcome = Outcome.OPEN
    remote: RemoteRef | None = None
    """The lead."""
    at: datetime | None = None
    """None: when it was received."""
    value: float | None = None


class Source(Protocol):
    """A kind of source. Stateless; one file in `worker/sources/`, one line in its registry."""

    kind: str

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        """Raise `Unauthorized`, and nothing else, unless the request proves it comes from the source; constant time."""

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The source's own id of this delivery, the same at each redelivery; None: the body's hash stands in."""

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        """Each person in the delivery, lazily and always in the same order. Raises `Unparsable` for the whole of it."""


@runtime_checkable
class Handshaking(Protocol):
    """A source whose provider checks the address by GET before it sends anything."""

    def handshake(self, request: InboundRequest, settings: SourceSettings) -> str:
        """The text to answer. Raises `Unauthorized`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something `portaria check` found."""

    what: str
    mend: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """A record of the CRM, as it is there."""

    ref: RemoteRef
    fields: Mapping[str, Any]
    """In the words of `pipelines.crm_fields`, as far as the CRM has them."""
    parent: RemoteRef | None = None
    """What it is attached to: a lead's contact, a task's or note's contact or lead."""
    version: str = ""
    """Changes whenever the record does: what was decided on another version is stale."""


class Crm(Protocol):
    """A CRM. Its adapter translates our words into its calls; `worker.steps` decides when."""

    name: str
    """The `system` of the `RemoteRef`s it returns."""
    settle_seconds: float
    """For how long after a call a create may still land that nobody has heard of; it is not made again before."""

    def perform(self, writes: Sequence[CrmWrite]) -> Sequence[RemoteRef | PortariaError]:
        """Make the calls, leaving each `key` as a marker on what it creates; for each, in order, the record created
        or changed, or what went wrong: `OutcomeUnknown` when it may have happened, `TransientError` when it did not,
        `PermanentError` when it cannot. Raises nothing else."""

    def look_up(self, write: CrmWrite) -> RemoteRef | None:
        """The record that `write` (a create) made if it did happen, found by its marker; None when it is not there."""

    def read(self, refs: Sequence[RemoteRef]) -> Mapping[RemoteRef, CrmRecord]:
        """These records as the CRM has them now; those that are not there (any more) are left out. Raises
        `PortariaError`."""

    def search(self, kind: str, text: str, *, limit: int = 50) -> Sequence[CrmRecord]:
        """The `contact`s or `lead`s that `text` (a name, an address, a number) is found in, newest first; the CRM's
        own idea of a match, so whoever acts on one looks at its fields first. Raises `PortariaError`."""

    def check(self) -> Sequence[Problem]:
        """What stands between us and a working connection; empty when all is well."""


@dataclass(frozen=True, slots=True)
class NewLocalRecord:
    """A record to keep, once for each marker."""

    kind: str
    marker: str
    fields: Mapping[str, Any]
    parent: RemoteRef | None = None


@runtime_checkable
class HoldsOthers(Protocol):
    """A CRM in which people are that did not come through us."""

    def find_people(self, addresses: Sequence[str]) -> Sequence[CrmRecord]:
        """The contacts that have one of these phones (E.164) or mail addresses, however it is written there. Raises
        `PortariaError`."""


@runtime_checkable
class HoldsLeads(Protocol):
    """A CRM whose leads hang on contacts, and can be given to another one (`WriteKind.MOVE_LEAD`)."""

    def leads_of(self, contacts: Sequence[RemoteRef]) -> Mapping[RemoteRef, Sequence[RemoteRef]]:
        """The leads that hang on each of these contacts, the oldest first. Raises `PortariaError`."""


class LocalRecords(Protocol):
    """Where the built-in CRM keeps its records; the store implements it."""

    def together(self) -> AbstractContextManager[None]:
        """Everything in the block is kept together or not at all."""

    def add(self, new: Sequence[NewLocalRecord]) -> Sequence[RemoteRef]:
        """Keep new records; of one whose marker is there already, that one."""

    def change(self, ref: RemoteRef, fields: Mapping[str, Any]) -> bool:
        """Set these fields, leave the others; False when there is no such record."""

    def attach(self, ref: RemoteRef, parent: RemoteRef) -> None:
        """Have it hang on `parent`."""

    def attached(self, kind: str, parent: RemoteRef) -> Sequence[RemoteRef]:
        """The records of a kind that hang on `parent`, the oldest first."""

    def by_marker(self, marker: str) -> RemoteRef | None:
        """The record that carries this marker."""

    def read(self, refs: Sequence[RemoteRef]) -> Mapping[RemoteRef, CrmRecord]:
        """Those of these records that there are."""

    def search(self, kind: str, text: str, *, limit: int = 50) -> Sequence[CrmRecord]:
        """The records of a kind whose fields hold `text`, whatever its capitals; newest first."""


class Credentials(Protocol):
    """Secrets that all processes share: logins that change by themselves, and keys; the store implements it."""

    def read(self, name: str) -> str:
        """What is kept under this name; empty: nothing."""

    def read_or_keep(self, name: str, fresh: str) -> str:
        """What is kept under this name; where nothing is, `fresh`, which is kept."""

    def take(self, name: str, *, seconds: float) -> bool:
        """Lease it to this worker, so that nobody else renews it for so long; False: somebody else has it."""

    def save(self, name: str, secret: str) -> None:
        """Keep it; committed when this returns."""

    def release(self, name: str) -> None:
        """End this worker's lease."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a source outside is asked; seconds."""

    max_age: float = 30 * 86_400.0
    """For how long an answer stays good."""
    nothing_max_age: float = 3 * 86_400.0
    """For how long the answer that it knows nothing does."""
    timeout: float = 5.0
    """The most that one call may take."""
    per_second: int = 10
    """Calls of all workers together."""
    trip_after: int = 5
    """Failures in a row after which it is left in peace for a while."""
    cost: float = 0.0
    """Of one answered call, in whichever currency."""
    daily_budget: float | None = None
    """The most to spend in a day (UTC); None: as much as it takes."""


class FactSource(Protocol):
    """A source of facts for enrich. One file in `worker/enrichment/`, one line in its registry."""

    name: str
    fields: Collection[str]
    """The facts it may find."""

    @property
    def terms(self) -> Terms | None:
        """None for one that only computes: it is asked here and now, and its answers are not worth keeping."""

    def key(self, contact: Contact) -> str:
        """What this source would be asked (a domain, a document), which is the cache's key; empty: nothing to ask."""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """What it says; empty for a known nothing. Raises `TransientError` or `PermanentError`."""


class Sink(Protocol):
    """Where notifications leave the house. One file in `worker/sinks/`, one line in its registry."""

    name: str

    def send(self, notification: Notification, now: datetime) -> None:
        """Deliver it, its key as the idempotency key. Raises `OutcomeUnknown`, `TransientError` or `PermanentError`."""
