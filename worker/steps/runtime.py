"""What a step works with: the settings, the store, the adapters and the clock, put together once a process."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psutil

from pipelines.business_time import Calendar, calendar_of
from pipelines.dedupe.decision import Policy
from pipelines.dedupe.merge import Survivorship
from pipelines.opt_outs import unsubscribe_token
from pipelines.scoring_rules import ScoringRules, read_scoring
from pipelines.sections import read_section
from pipelines.sellers import Seller, read_sellers
from pipelines.templates import MailTemplate, read_mail_template
from pipelines.workflow_rules import WorkflowRule, read_rules
from worker import crm, embedded, enrichment, sinks, sources
from worker.asking import Around
from worker.changes import Changes
from worker.config import Settings
from worker.enrichment.mail_exchange import MailExchangeFacts
from worker.errors import ConfigurationError, TransientError
from worker.ports import Crm, FactSource, Sink, Source, SourceSettings
from worker.rates import Rates
from worker.store.circuits import CircuitTable
from worker.store.credentials import CredentialTable
from worker.store.engine import Database
from worker.store.local_crm import LocalRecordTable
from worker.store.submissions import Claimed

Clock = Callable[[], datetime]

WAIT = "wait"
"""`[dedupe] while_in_review`: a submission in review goes on when a person has said who it is."""
CREATE = "create"
"""The same: it goes on at once as a contact of its own, and is merged when a person says so."""

UNKNOWN_SOURCE = "unknown_source"
"""Reason code: the source of what came is no longer in portaria.toml."""

FILE_SOURCE = "generic"
"""The kind of a source that files are read as when portaria.toml does not name it."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class SharedClock:
    """The database server's clock, so that all machines agree on who holds a lease, whatever their own clocks say.

    It is asked now and then; in between, time goes on by a clock that nobody sets.
    """

    ASK_SECONDS = 60.0

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: tuple[float, datetime] | None = None

    def __call__(self) -> datetime:
        asked = self._asked
        if asked is None or time.monotonic() - asked[0] > self.ASK_SECONDS:
            asked = self._ask(asked)
        return asked[1] + timedelta(seconds=time.monotonic() - asked[0])

    def _ask(self, before: tuple[float, datetime] | None) -> tuple[float, datetime]:
        try:
            said = self._database.now()
        except TransientError:
            if before is None:
                raise
            said = before[1] + timedelta(seconds=time.monotonic() - before[0])  # asked again later
        self._asked = time.monotonic(), said
        return self._asked


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    database: Database
    around: Around
    crm: Crm
    fact_sources: Mapping[str, FactSource]
    trusted_sources: Collection[str]
    """Whose findings fill empty fields however unsure they are."""
    mail_exchange: FactSource | None
    """Asked whether a mail domain takes mail; None: validate does without."""
    sinks: Mapping[str, Sink]
    scoring: ScoringRules
    """The rules of portaria.toml: what scores until a learned model is deployed."""
    competitors: Collection[str]
    """Domains and names of companies: nobody there is a lead."""
    rules: Sequence[WorkflowRule]
    calendar: Calendar
    sellers: Sequence[Seller]
    policy: Policy
    creates_in_review: bool
    """Whether who may be somebody known is a contact of their own until a person has said so; else they wait."""
    survivorship: Survivorship
    """Which value of a field survives where contacts are merged."""
    rates: Rates
    """Rates that all workers keep together."""
    changes: Changes
    """A bell that rings in every process when something has changed."""
    owner: str
    """Who holds the leases taken here: `host:pid:start`."""
    clock: Clock
    owed: list[Claimed] = field(default_factory=list)
    """Submissions whose leases could not be given back because the store was away; the next claim does."""

    @property
    def reply_sources(self) -> Collection[str]:
        """Sources through which people write back."""
        return self.settings.reply_sources

    def responsible(self, seller: str) -> str:
        """A seller as the CRM knows them; empty for nobody, and for one who is not in portaria.toml any more."""
        return next((one.responsible for one in self.sellers if one.name == seller), "")

    def mail_templates(self, names: Iterable[str]) -> dict[str, MailTemplate]:
        """Those of these templates that are in the data folder, as they are now. Raises ValueError that names the one
        that is wrong."""
        found = {}
        for name in names:
            file = self.settings.template_folder / f"{name}.txt"
            if file.resolve().parent != self.settings.template_folder.resolve() or not file.is_file():
                continue
            html = file.with_suffix(".html")
            try:
                text = file.read_text(encoding="utf-8")
                found[name] = read_mail_template(text, html.read_text(encoding="utf-8") if html.is_file() else "")
            except (OSError, UnicodeDecodeError) as problem:
                raise ValueError(f"template {name}: it cannot be read ({type(problem).__name__})") from None
            except ValueError as problem:
                raise ValueError(f"template {name}: {problem}") from None
        return found

    def unsubscribe_url(self, sink: str, address: str) -> str:
        """Where whoever has this address says that they want no more mail. Raises ValueError where the link could lead
        nowhere."""
        section = self.settings.sinks.get(sink)
        if not self.settings.web.public_url:
            raise ValueError("mails need [web] public_url, so that their readers can unsubscribe")
        if section is None or not section.secret:
            raise ValueError(f"mails need [sinks.{sink}] with a secret, which signs the links to unsubscribe")
        token = unsubscribe_token(address, section.secret)
        return f"{self.settings.web.public_url.rstrip('/')}/unsubscribe/{quote(sink, safe='')}/{token}"

    def source(self, name: str) -> tuple[Source, SourceSettings]:
        """The adapter and the settings of a configured source, or of a file's. Raises `ConfigurationError`."""
        section = self.settings.sources.get(name)
        ours = {"own_domains": self.settings.locale.own_domains, "crm": self.settings.crm}
        if section is None:
            kind = name if name == sources.ACCOUNT_SOURCE else FILE_SOURCE
            return sources.get_source(kind), SourceSettings(name=name, options=ours)
        settings = SourceSettings(
            name=name,
            kind=section.kind,
            secret=section.secret,
            mapping=section.mapping,
            options={**ours, **section.options},
        )
        try:
            return sources.get_source(section.kind), settings
        except ConfigurationError as problem:
            raise ConfigurationError(f"[sources.{name}] {problem}") from None


def build_runtime(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """Open the store and the adapters that the settings name. Raises `ConfigurationError`."""
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        scoring, rules = read_scoring(settings.scoring), read_rules(settings.workflows)
        calendar = read_section(Calendar, {**calendar_of(settings.locale.region), **settings.calendar}, "calendar")
        sellers = read_sellers(settings.sellers)
        dedupe = dict(settings.dedupe)
        survivorship = Survivorship(dedupe.pop("survivorship", {}))
        creates_in_review = _creates_in_review(dedupe.pop("while_in_review", WAIT))
        policy = Policy(**dedupe)
    except TypeError:
        raise ConfigurationError(
            f"{settings.file}: [dedupe] knows {', '.join((*Policy.__slots__, 'while_in_review', 'survivorship'))}"
        ) from None
    except ValueError as problem:
        raise ConfigurationError(f"{settings.file}: {problem}") from None
    database = Database(settings.database_url)
    rates = Rates(lambda: embedded.broker_url(settings))
    clock = clock or (utc_now if database.is_sqlite else SharedClock(database))
    circuits, credentials = CircuitTable(database), CredentialTable(database, clock)
    around = Around(LocalRecordTable(database, clock), credentials, circuits, rates, clock)
    return Runtime(
        settings=settings,
        database=database,
        around=around,
        crm=crm.build_crm(settings.crm, around),
        fact_sources=enrichment.build_fact_sources(settings.enrichment),
        trusted_sources=enrichment.trusted_sources(settings.enrichment),
        mail_exchange=MailExchangeFacts() if settings.validation.check_mail_domains else None,
        sinks=sinks.build_sinks(settings.sinks),
        scoring=scoring,
        competitors=scoring.competitors,
        rules=rules,
        calendar=calendar,
        sellers=sellers,
        policy=policy,
        creates_in_review=creates_in_review,
        survivorship=survivorship,
        rates=rates,
        changes=Changes(lambda: embedded.broker_url(settings)),
        owner=owner_of(os.getpid()),
        clock=clock,
    )


def _creates_in_review(said: object) -> bool:
    if said not in (WAIT, CREATE):
        raise ValueError(f"[dedupe] while_in_review is {WAIT!r} or {CREATE!r}, not {said!r}")
    return said == CREATE


def owner_of(pid: int) -> str:
    """The owner that a process of this host writes into its leases; a later process of the same pid is another."""
    return f"{socket.gethostname()}:{pid}:{int(psutil.Process(pid).create_time() * 1000)}"


def living_owners() -> list[str]:
    """Owners for every process of this host that is alive."""
    alive = []
    for process in psutil.process_iter():
        try:
            alive.append(owner_of(process.pid))
        except psutil.Error:
            continue
    return alive
