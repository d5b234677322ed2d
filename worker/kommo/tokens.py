"""How we log in: a long-lived token, or OAuth 2 whose refresh token changes at every use.

A refresh token that was used and whose successor is not known is a lost login, so refreshing is done by one worker at a
time, and its answer is committed before anybody uses it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from pydantic import BaseModel, ValidationError

from worker.errors import ConfigurationError, PortariaError, TransientError
from worker.kommo.address import Address
from worker.kommo.answers import BLOCKED, MEND_SECONDS, NO_ANSWER, TOO_MANY, UNAUTHORIZED, UNREACHABLE, problem_of
from worker.kommo.client import TIMEOUT
from worker.kommo.endpoints import LOG_IN
from worker.ports import Credentials
from worker.rates import Rate, Rates

RENEWING: Final = "kommo_renewing"
"""Reason code: another worker is renewing the token; it goes on in a moment."""
NOT_LOGGED_IN: Final = "kommo_not_logged_in"
"""Reason code: there is no login yet, or it was lost. `portaria kommo login` makes one."""

_LEASE: Final = 60.0
"""Seconds that one renewal may take before another worker tries."""
_EARLY: Final = timedelta(minutes=5)
"""A token is renewed this long before it expires."""
_WAIT: Final = 10.0
_NAP: Final = 0.1


@dataclass(frozen=True, slots=True)
class LongLived:
    """The token of a private integration: valid for days to years, and final when refused."""

    token: str

    def access_token(self) -> str:
        return self.token

    def renew(self, refused: str) -> bool:
        return False


class Login(BaseModel):
    """What is kept of an OAuth 2 login."""

    access_token: str
    refresh_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration as Kommo registered it."""

    client_id: str
    client_secret: str
    redirect_uri: str
    """Exactly as it was registered: Kommo compares it at each refresh."""


class OAuth:
    """The login of an OAuth 2 integration, kept for all workers in the store."""

    def __init__(
        self,
        address: Address,
        integration: Integration,
        credentials: Credentials,
        rates: Rates,
        clock: Callable[[], datetime],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = address
        self._integration = integration
        self._credentials = credentials
        self._rates = rates
        self._clock = clock
        self._sleep = sleep
        self._name = address.system
        self._login: Login | None = None

    def access_token(self) -> str:
        """The token, renewed where it is about to expire. Raises `TransientError`."""
        login = self._login
        if login is None or login.expires_at - _EARLY <= self._clock():
            login = self._renewed(login.access_token if login else "")
        return login.access_token

    def renew(self, refused: str) -> bool:
        """Renew the token that Kommo refused before its time."""
        return self._renewed(refused).access_token != refused

    def log_in(self, code: str) -> None:
        """Exchange an authorization code (valid for 20 minutes, once) for the first tokens. Raises `PortariaError`."""
        with self._alone():
            login = self._ask({"grant_type": "authorization_code", "code": code})
            self._keep(login)

    def _renewed(self, refused: str) -> Login:
        """A login whose token is not `refused` and not about to expire: somebody else's work, or ours."""
        if (login := self._kept(refused)) is not None:
            return login
        with self._alone():
            if (login := self._kept(refused)) is not None:
                return login
            before = self._read()
            login = self._ask({"grant_type": "refresh_token", "refresh_token": before.refresh_token})
            self._keep(login)
            return login

    def _kept(self, refused: str) -> Login | None:
        """What the store has, where it serves."""
        login = self._read()
        if login.access_token == refused or login.expires_at - _EARLY <= self._clock():
            return None
        self._login = login
        return login

    def _read(self) -> Login:
        text = self._credentials.read(self._name)
        if not text:
            raise TransientError(
                "there is no login at Kommo: run `portaria kommo login`", code=NOT_LOGGED_IN, retry_after=MEND_SECONDS
            )
        try:
            return Login.model_validate_json(text)
        except ValidationError:
            raise ConfigurationError("the login at Kommo cannot be read: run `portaria kommo login`") from None

    def _keep(self, login: Login) -> None:
        self._credentials.save(self._name, login.model_dump_json())
        self._login = login

    def _alone(self) -> _Alone:
        return _Alone(self._credentials, self._name, self._sleep)

    def _ask(self, grant: dict[str, str]) -> Login:
        self._rates.wait(Rate(1, 1), "kommo login", self._address.account, patience=_WAIT)
        body = {
            "client_id": self._integration.client_id,
            "client_secret": self._integration.client_secret,
            "redirect_uri": self._integration.redirect_uri,
            **grant,
        }
        try:
            answer = httpx.post(f"{self._address.base_url}/{LOG_IN}", json=body, timeout=TIMEOUT)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise TransientError(f"no connection to Kommo ({type(error).__name__})", code=UNREACHABLE) from None
        except httpx.RequestError as error:
            raise TransientError(f"no answer to our login ({type(error).__name__})", code=NO_ANSWER) from None
        problem = problem_of(answer, answer.content, is_write=False)
        if problem is not None:
            raise problem if problem.code in {TOO_MANY, BLOCKED} or answer.is_server_error else _refused(answer)
        try:
            said: dict[str, Any] = answer.json()
            expires_at = self._clock() + timedelta(seconds=int(said["expires_in"]))
            return Login(access_token=said["access_token"], refresh_token=said["refresh_token"], expires_at=expires_at)
        except (ValueError, KeyError, TypeError):
            raise TransientError("Kommo's answer to our login cannot be read", code=NO_ANSWER) from None


def _refused(answer: httpx.Response) -> PortariaError:
    return TransientError(
        f"Kommo refuses our login ({answer.status_code}): check client_id, client_secret, redirect_uri and base_url"
        " (the account may have moved), then run `portaria kommo login` with a fresh code",
        code=UNAUTHORIZED,
        retry_after=MEND_SECONDS,
    )


class _Alone:
    """Holds the login's lease: one renewal at a time across all workers."""

    def __init__(self, credentials: Credentials, name: str, sleep: Callable[[float], None]) -> None:
        self._credentials = credentials
        self._name = name
        self._sleep = sleep

    def __enter__(self) -> None:
        waited = 0.0
        while not self._credentials.take(self._name, seconds=_LEASE):
            if waited >= _WAIT:
                raise TransientError("another worker is renewing the token", code=RENEWING, retry_after=2.0)
            self._sleep(_NAP)
            waited += _NAP

    def __exit__(self, *_: object) -> None:
        self._credentials.release(self._name)
