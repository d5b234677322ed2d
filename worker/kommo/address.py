"""Which account of Kommo: its address, and the name that our references to its records have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import httpx

from worker.errors import ConfigurationError

_DOMAINS: Final = ("kommo.com", "amocrm.com", "amocrm.ru")
"""Where accounts live; an answer that names any other host is not believed."""
_SUBDOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
FAKE: Final = "fake"
"""The account of a server on this machine (`portaria fake-kommo`) that says no other name."""


@dataclass(frozen=True, slots=True)
class Address:
    """An account: `https://acme.kommo.com` is the account `acme`."""

    base_url: str
    """Without a slash at the end."""
    account: str
    """The subdomain, as hooks of the account name it too."""

    @property
    def system(self) -> str:
        """The `system` of references to its records."""
        return f"kommo:{self.account}"


def read_address(base_url: str, subdomain: str = "") -> Address:
    """The account at `base_url`. Raises `ConfigurationError` that says what to write."""
    try:
        url = httpx.URL(base_url.strip().rstrip("/"))
    except httpx.InvalidURL:
        url = httpx.URL("")
    host = url.host.lower()
    if url.scheme == "http" and _is_loopback(host):
        return Address(str(url), subdomain or FAKE)
    account, _, domain = host.partition(".")
    if url.scheme == "https" and domain in _DOMAINS and account != "www" and _SUBDOMAIN.fullmatch(account):
        return Address(f"https://{host}", account)
    raise ConfigurationError(
        "[crm] base_url: write the address of your account, https://YOURNAME.kommo.com, as the browser shows it"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
