"""The configuration: `portaria.toml` in the data folder, environment variables on top. The only reader of either.

An environment variable is `PORTARIA_` and the path with double underscores: `PORTARIA_DATABASE__URL`,
`PORTARIA_SOURCES__SITE__SECRET`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from pipelines.doubles import Remedy
from worker.errors import ConfigurationError

FILE_NAME = "portaria.toml"
DEFAULT_DATA = Path("portaria-data")
MIB = 1024 * 1024


class Section(BaseModel):
    """A table of portaria.toml: a key that it does not know is a mistake worth hearing of."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class OpenSection(BaseModel):
    """A table whose adapter reads further keys of its own."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    @property
    def options(self) -> Mapping[str, Any]:
        """The keys that only the adapter knows."""
        return dict(self.__pydantic_extra__ or {})


class SourceSection(OpenSection):
    kind: str = "generic"
    secret: str = ""
    mapping: Mapping[str, str] = Field(default_factory=dict)
    honeypot: str = ""
    """A field of the form that people do not see: what has it filled in is held (names in common use always are)."""
    rate: str = Field(default="", pattern=r"^([1-9]\d{0,5}/(second|minute|hour|day))?$")
    """The most that one address may send, "20/hour": what is over it is held."""
    captcha: Literal["", "turnstile", "hcaptcha", "recaptcha"] = ""
    captcha_secret: str = ""
    captcha_score: float = Field(default=0.5, ge=0, le=1)
    """The least that reCAPTCHA v3 has to say of a person."""
    captcha_url: str = ""
    """Where tokens are verified, in place of the service's own address."""

    @property
    def allowed(self) -> tuple[int, int] | None:
        """`rate` as (times, seconds)."""
        times, _, span = self.rate.partition("/")
        return (int(times), _SECONDS[span]) if times else None

    @model_validator(mode="after")
    def _captcha_has_secret(self) -> Self:
        if self.captcha and not self.captcha_secret:
            raise ValueError("captcha needs captcha_secret, the secret key that belongs to the form's site key")
        return self


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class MailboxSection(Section):
    """A mailbox that is read over IMAP (`worker.mailbox`)."""

    host: str
    port: int = Field(default=993, ge=1, le=65535)
    user: str = ""
    password: str = ""
    tls: bool | Literal["starttls"] = True
    """True: from the first byte (port 993); "starttls": on the plain port, mostly 143; false: loopback alone."""
    folder: str = "INBOX"
    source: str = ""
    """The source that its mails count as; empty: the mailbox's own name."""
    handled: Literal["flag", "move"] = "flag"
    """What becomes of a mail that was taken: flagged (\\Seen and $Portaria), or moved to `move_to`."""
    move_to: str = ""
    poll_seconds: float = Field(default=60, gt=0, le=1500)
    """How often to look where the server does not say by itself that mail has come (IDLE), and at least where it does.
    RFC 2177 has IDLE renewed within 29 minutes."""
    max_mail: int = Field(default=25 * MIB, ge=64 * 1024)
    """Bytes of the largest mail that is read whole; of a larger one only the beginning is."""
    oauth2_token: str = ""
    """An access token, in place of the password (SASL XOAUTH2)."""
    oauth2_token_url: str = ""
    """Where to get a fresh access token at each connection (RFC 6749), with the keys below."""
    oauth2_client_id: str = ""
    oauth2_client_secret: str = ""
    oauth2_refresh_token: str = ""
    """Empty: the client's own credentials are the grant (RFC 6749, 4.4)."""
    oauth2_scope: str = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.tls is False and not _is_loopback(self.host):
            raise ValueError('tls = false would send the password in the clear; use true or "starttls"')
        if self.tls == "starttls" and self.port == 993:
            raise ValueError('tls = "starttls" starts on the plain port: set port = 143, or tls = true for port 993')
        if self.handled == "move" and self.move_to in {"", self.folder}:
            raise ValueError('handled = "move" needs move_to, a folder other than the one that is read')
        if self.oauth2_token and self.oauth2_token_url:
            raise ValueError("set oauth2_token or oauth2_token_url, not both")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class CrmSection(OpenSection):
    kind: str = "local"
    base_url: str = ""
    token: str = ""
    on_merge: tuple[Remedy, ...] = tuple(Remedy)
    """What is done in the CRM about the record that a merge leaves behind there."""


class DatabaseSection(Section):
    url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data folder."""


class BrokerSection(Section):
    url: str = ""
    """Redis or Valkey (or RabbitMQ); empty: a private Valkey in the data folder."""


class WebSection(Section):
    host: str = "127.0.0.1"
    port: int = 8080
    max_body: int = MIB
    """Bytes of the largest request that is accepted."""
    public_url: str = Field(default="", pattern="^(https?://[^/]+(/.*)?)?$")
    """Where others reach the server: `https://portaria.example.com`. The links to unsubscribe lead there."""
    try_form: bool | None = None
    """The form at `/`; by default only where the server listens on loopback alone."""


class WorkerSection(Section):
    processes: int = Field(default=0, ge=0)
    """Pool processes of each worker; 0: as many as cores, from 2 to 4: while one opens an import the other
    works."""
    batch_size: int = Field(default=100, ge=1, le=1000)
    """The most submissions that one chain carries."""
    in_flight: int = Field(default=2000, ge=1)
    """The most submissions under way in the broker at once; the rest wait in the database."""
    lease_seconds: float = Field(default=60, gt=0)
    """For how long a worker owns what it claimed."""
    stall_seconds: float = Field(default=30, gt=0)
    """After how long without a move a submission is sent again."""
    give_up_days: float = Field(default=7, gt=0)
    """For how long a submission waits for something outside before it is dead."""


class LocaleSection(Section):
    region: str = Field(default="BR", pattern="^[A-Z]{2}$")
    """ISO 3166 country whose phone numbers and dates are written without saying so."""
    own_domains: tuple[str, ...] = ()
    """Mail domains of the house itself: nobody there is a lead."""


class ValidationSection(Section):
    check_mail_domains: bool = False
    """Ask DNS whether an address's domain takes mail (needs the network; answers are cached)."""


class ApprovalsSection(Section):
    """When a person is asked before an agent's work is done, and by which ways (`worker.steps.plans`)."""

    budget: int = Field(default=10, ge=0)
    """Single records that one caller may touch unasked within `budget_minutes`; two at once are always asked about."""
    budget_minutes: float = Field(default=10, gt=0)
    expire_minutes: float = Field(default=60, gt=0)
    """For how long a question stays open, and a yes good."""
    form_clients: tuple[str, ...] = ()
    """Names of tokens whose client shows its own person a form (MCP elicitation); over stdio it always may."""
    sampling: bool = False
    """Take a client's model for an answer where there is no person. It is recorded as a model's."""


class McpSection(Section):
    """The server that agents talk to (`mcp_bridge`)."""

    url: str = Field(default="", pattern="^(https?://.+)?$")
    """The web server's address as agents and browsers call it, where it is not loopback: `https://crm.example.com`."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages that may call `/mcp` from a browser, beside `url` and loopback."""


class OutcomesSection(Section):
    secret: str = ""
    """What `POST /outcomes` is sent with, as `Authorization: Bearer SECRET`; empty: it takes nothing."""


class LearningSection(Section):
    deploy: Literal["ask", "automatic"] = "ask"
    """Whether a model that beats the one in force is deployed by `portaria model deploy` alone, or by itself."""
    retrain: Literal["never", "on_drift"] = "never"
    """Whether a new candidate is trained by itself when drift is over its bounds."""
    max_psi: float = Field(default=0.25, gt=0)
    """Population stability index from which contacts are said to have become others."""
    min_hot_precision: float = Field(default=0, ge=0, le=1)
    """The least share of hot contacts to be won; 0: as many as when the model was judged, give or take chance."""
    check_hours: float = Field(default=24, gt=0)
    """How often drift is looked at."""
    leave_out: tuple[str, ...] = ()
    """Features not to learn from: `extra.Sexo`."""
    keep: tuple[str, ...] = ()
    """Features to learn from although they look as if they were written down after the outcome."""


class EnrichmentSection(OpenSection):
    enabled: bool = True


class SinkSection(OpenSection):
    kind: Literal["webhook", "chat", "mail"] = "webhook"
    url: str
    """Of a mail sink: `smtp://host:587` (STARTTLS) or `smtps://host:465`."""
    secret: str = ""
    """Signs a webhook's messages, and a mail sink's links to unsubscribe."""


class Settings(BaseSettings):
    """All that can be set. Every table has defaults that work on one machine."""

    model_config = SettingsConfigDict(
        env_prefix="PORTARIA_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    data: Path = DEFAULT_DATA
    sources: Mapping[str, SourceSection] = Field(default_factory=dict)
    mailboxes: Mapping[str, MailboxSection] = Field(default_factory=dict)
    crm: CrmSection = CrmSection()
    database: DatabaseSection = DatabaseSection()
    broker: BrokerSection = BrokerSection()
    web: WebSection = WebSection()
    worker: WorkerSection = WorkerSection()
    locale: LocaleSection = LocaleSection()
    validation: ValidationSection = ValidationSection()
    scoring: Mapping[str, Any] = Field(default_factory=dict)
    workflows: Mapping[str, Any] = Field(default_factory=dict)
    calendar: Mapping[str, Any] = Field(default_factory=dict)
    sellers: Mapping[str, Any] = Field(default_factory=dict)
    dedupe: Mapping[str, Any] = Field(default_factory=dict)
    approvals: ApprovalsSection = ApprovalsSection()
    mcp: McpSection = McpSection()
    enrichment: Mapping[str, EnrichmentSection] = Field(default_factory=dict)
    outcomes: OutcomesSection = OutcomesSection()
    learning: LearningSection = LearningSection()
    sinks: Mapping[str, SinkSection] = Field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.data / FILE_NAME

    @property
    def template_folder(self) -> Path:
        """The templates of mails: `NAME.txt`, and `NAME.html` where there is one."""
        return self.data / "templates"

    @property
    def reply_sources(self) -> frozenset[str]:
        """Sources through which people write back: the mailboxes, and chats."""
        mailboxes = {section.source or name for name, section in self.mailboxes.items()}
        return frozenset(mailboxes | {name for name, section in self.sources.items() if section.kind == "whatsapp"})

    @property
    def run_folder(self) -> Path:
        """Where the embedded processes leave what they need to find each other."""
        return self.data / "run"

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{(self.data / 'portaria.db').resolve()}"

    @property
    def embedded_broker(self) -> bool:
        return not self.broker.url

    @property
    def processes(self) -> int:
        return self.worker.processes or max(2, min(os.cpu_count() or 1, 4))


def data_folder(given: Path | str | None = None) -> Path:
    """The data folder: as given, else `PORTARIA_DATA`, else `portaria-data` here."""
    return Path(given or os.environ.get("PORTARIA_DATA") or DEFAULT_DATA)


def load_settings(data: Path | str | None = None) -> Settings:
    """Read the folder's portaria.toml (all defaults where there is none) and the environment.

    Raises `ConfigurationError` that names the file or variable, the key and what it should be; never a value, since
    a value may be a secret.
    """
    folder = data_folder(data)
    file = folder / FILE_NAME

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    try:
        return Sourced(data=folder)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{file} is not TOML: {problem}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8 text; save it as UTF-8") from None
    except OSError as problem:
        raise ConfigurationError(f"{file} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        raise ConfigurationError(_explain(problem, file)) from None


def _explain(problem: ValidationError, file: Path) -> str:
    lines = [f"{file} (or a PORTARIA_ variable above it) has {problem.error_count()} mistake(s):"]
    for error in problem.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in error["loc"])
        what = "there is no such key" if error["type"] == "extra_forbidden" else error["msg"]
        lines.append(f"  {place}: {what}")
    return "\n".join(lines)
