"""The keys of `[crm]` that are Kommo's, and a client made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.breaker import Breaker, Circuits, Patience
from worker.config import CrmSection
from worker.errors import ConfigurationError
from worker.kommo.address import Address, read_address
from worker.kommo.answers import BLOCK_SECONDS
from worker.kommo.client import RATE, KommoClient
from worker.kommo.tokens import Integration, LongLived, OAuth
from worker.ports import Credentials
from worker.rates import Rate, Rates

MARKER: Final = "Portaria"
"""The custom field that our markers are in, where `[crm] marker` names no other."""


class KommoSettings(BaseModel):
    """What `[crm]` may hold beside `kind`, `base_url` and `token`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    subdomain: str = ""
    """The account's name, where base_url is a server on this machine."""
    client_id: str = ""
    client_secret: str = ""
    redirect_uri: str = ""
    marker: str = MARKER
    """Text field of contacts and leads that our markers are in: its name, code or id."""
    fields: Mapping[str, int | str] = {}
    """Our field → the contact's custom field: its name, code or id."""
    lead_fields: Mapping[str, int | str] = {}
    """Our field (`score`, `temperature`, `source`) → the lead's custom field."""
    pipeline: int | str = ""
    """Where new leads go, by name or id; empty: the account's main pipeline."""
    stage: int | str = ""
    responsible: int | str = ""
    companies: bool = True
    """Link each contact to a company record of Kommo, making those that are missing."""
    requests_per_second: int = Field(default=RATE.times, ge=1, le=50)
    """Kommo's limit of an account and of an address; more only where Kommo's support has said so."""
    incoming: bool = False
    """New leads go to Incoming leads, where a person accepts or declines them."""


def read_settings(section: CrmSection) -> KommoSettings:
    """The keys of `[crm]`. Raises `ConfigurationError` that names each mistake."""
    try:
        return KommoSettings.model_validate(section.options)
    except ValidationError as problem:
        lines = []
        for error in problem.errors(include_input=False, include_url=False):
            place = ".".join(str(part) for part in error["loc"])
            lines.append(
                f"[crm] {place}: {'there is no such key' if error['type'] == 'extra_forbidden' else error['msg']}"
            )
        raise ConfigurationError("\n".join(lines)) from None


def open_client(
    section: CrmSection,
    *,
    credentials: Credentials,
    circuits: Circuits,
    rates: Rates,
    clock: Callable[[], datetime],
) -> KommoClient:
    """A client of the account that `[crm]` names. Raises `ConfigurationError`; calls nobody yet."""
    settings = read_settings(section)
    address = read_address(section.base_url, settings.subdomain)
    if section.token:
        tokens: LongLived | OAuth = LongLived(section.token)
    else:
        tokens = open_login(address, settings, credentials=credentials, rates=rates, clock=clock)
    breaker = Breaker(address.system, circuits, clock, Patience(longest_pause=BLOCK_SECONDS))
    return KommoClient(address, tokens, rates, breaker, rate=Rate(settings.requests_per_second))


def open_login(
    address: Address,
    settings: KommoSettings,
    *,
    credentials: Credentials,
    rates: Rates,
    clock: Callable[[], datetime],
) -> OAuth:
    """The OAuth 2 login that `[crm]` describes. Raises `ConfigurationError`."""
    integration = Integration(settings.client_id, settings.client_secret, settings.redirect_uri)
    if not (integration.client_id and integration.client_secret and integration.redirect_uri):
        raise ConfigurationError(
            "[crm] Kommo needs a token (a long-lived one of a private integration), or client_id, client_secret and"
            " redirect_uri of an integration and then `portaria kommo login`"
        )
    return OAuth(address, integration, credentials, rates, clock)
