"""What the server is made with, who calls it, and how errors are told."""

from __future__ import annotations

import functools
import getpass
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import structlog
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from worker.errors import PortariaError, TransientError
from worker.logs import kind_and_place
from worker.steps.runtime import Runtime

log = structlog.get_logger()

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Bridge:
    """One process's server."""

    runtime: Runtime
    lend: Callable[[], None]
    """Gets what was just asked for done, or waits a moment for those who do it."""
    over_stdio: bool
    """One caller on this machine, who started us and may do what they may do here anyway."""
    page: str = ""
    """Address of the approvals page, to send a person to; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    """Who plans are of."""
    client: str
    """Name of the token, as `[approvals] form_clients` lists it; empty over stdio."""


def caller_of(bridge: Bridge, scope: str) -> Caller:
    """Who calls. Raises `ToolError` unless they may."""
    if bridge.over_stdio:
        return Caller(f"stdio:{getpass.getuser()}", "")
    token = get_access_token()
    if token is None or scope not in token.scopes:
        raise ToolError(
            f"this token has not the scope {scope!r}; ask whoever runs Portaria for one:"
            f" portaria tokens create NAME --scope read --scope {scope}"
        )
    return Caller(f"{token.subject} ({token.client_id})", token.subject or "")


def told(work: _F) -> _F:
    """The tool with its errors told to the model: ours by their text, all others by nothing but that they happened.

    A text that nobody wrote for the model may hold somebody's data, so it reaches neither the model nor the log.
    """

    def tell(error: Exception) -> NoReturn:
        if isinstance(error, TransientError):
            raise ToolError(f"{error}; nothing is lost, try again in a moment") from None
        if isinstance(error, PortariaError):
            raise ToolError(str(error)) from None
        log.error("a tool failed", tool=work.__name__, error=kind_and_place(error))
        raise ToolError("this went wrong inside Portaria; its log tells where. Tell whoever runs it") from None

    if inspect.iscoroutinefunction(work):

        @functools.wraps(work)
        async def awaited(*arguments: Any, **keywords: Any) -> Any:
            try:
                return await work(*arguments, **keywords)
            except (ToolError, MCPError):
                raise
            except Exception as error:
                tell(error)

        return awaited  # type: ignore[return-value]

    @functools.wraps(work)
    def called(*arguments: Any, **keywords: Any) -> Any:
        try:
            return work(*arguments, **keywords)
        except (ToolError, MCPError):
            raise
        except Exception as error:
            tell(error)

    return called  # type: ignore[return-value]
