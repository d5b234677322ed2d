"""Resource updates, pushed to subscribers of both eras, whichever process made the change.

The history is the truth: while anybody subscribes, it is read on from where it was left whenever the bell rings
(`worker.changes`), and every few seconds in case a ring was lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp.types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from mcp_bridge.resources import APPROVAL, APPROVALS, CONTACT, DUPLICATES, METRICS, PLAN, REVIEWS, SCORE, SUBMISSION
from worker.errors import TransientError
from worker.steps import resources
from worker.steps.runtime import Runtime

log = structlog.get_logger()

PATIENCE_SECONDS: Final = 2.0
"""How long a change stays unseen at most where its ring was lost."""
OVERLAP: Final = 500
"""Moves that are looked at again: of two transactions at once, the one with the lower numbers may commit later."""

_OF: Final = {
    "con": (CONTACT, DUPLICATES, SCORE),
    "sub": (SUBMISSION,),
    "pln": (PLAN,),
    "apr": (APPROVAL,),
}


def uris_of(subjects: Iterable[str]) -> set[str]:
    """The resources that show these subjects of the history."""
    found: set[str] = set()
    for subject in subjects:
        kind = subject.partition("_")[0]
        found.update(template.replace("{id}", subject) for template in _OF.get(kind, ()))
        found.update({"sub": (REVIEWS, METRICS), "del": (METRICS,), "apr": (APPROVALS,)}.get(kind, ()))
    return found


class Updates:
    """A subscription bus that is fed from the history, and the subscribers of the older era beside it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._bus = InMemorySubscriptionBus()
        self._listening = 0
        self._sessions: dict[tuple[int, str], Any] = {}
        self._wanted = anyio.Event()

    async def publish(self, event: ServerEvent) -> None:
        """Deliver an event to everybody who subscribed to it here."""
        await self._bus.publish(event)
        if isinstance(event, ResourceUpdated):
            for (_, uri), session in list(self._sessions.items()):
                if uri == event.uri:
                    with suppress(Exception):  # who is gone hears nothing
                        await session.send_resource_updated(uri)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """For the SDK's `subscriptions/listen`."""
        unsubscribe = self._bus.subscribe(listener)
        self._listening += 1
        self._wanted.set()
        ended = False

        def end() -> None:
            nonlocal ended
            unsubscribe()
            self._listening -= 0 if ended else 1
            ended = True

        return end

    async def on_subscribe(self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        """`resources/subscribe` of the older era."""
        connection = ctx.session._connection  # the SDK has no public name for whom a session is of
        key = (id(connection), params.uri)
        if key not in self._sessions:
            connection.exit_stack.callback(self._sessions.pop, key, None)
        self._sessions[key] = ctx.session
        self._wanted.set()
        return EmptyResult()

    async def on_unsubscribe(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """`resources/unsubscribe` of the older era."""
        self._sessions.pop((id(ctx.session._connection), params.uri), None)
        return EmptyResult()

    @asynccontextmanager
    async def lifespan(self, _server: MCPServer[Any]) -> AsyncIterator[None]:
        """Watches for as long as the server runs."""
        self._wanted = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            yield
            group.cancel_scope.cancel()

    async def _watch(self) -> None:
        """Read the history on while anybody subscribes; nobody pays for it otherwise."""
        bell = self._runtime.changes.listen()
        try:
            while True:
                await self._wanted.wait()
                seen = await self._look(None)
                while self._listening or self._sessions:
                    await anyio.to_thread.run_sync(bell.wait, PATIENCE_SECONDS, abandon_on_cancel=True)
                    seen = await self._look(seen)
                self._wanted = anyio.Event()
        finally:
            bell.close()

    async def _look(self, seen: set[int] | None) -> set[int]:
        """Publish what the history holds beyond what was seen; what has been seen now."""
        try:
            newest = await anyio.to_thread.run_sync(resources.moves_after, self._runtime, max(seen or {0}) - OVERLAP)
        except TransientError as problem:
            log.warning("the history could not be read", reason=problem.code)
            return seen or set()
        numbers = {number for number, _ in newest}
        if seen is not None:
            subjects = {subject for number, subject in newest if number not in seen}
            if subjects:
                told = await anyio.to_thread.run_sync(resources.with_contacts, self._runtime, subjects)
                for uri in sorted(uris_of(told)):
                    await self.publish(ResourceUpdated(uri=uri))
        return {number for number in numbers | (seen or set()) if number > max(numbers or {0}) - 2 * OVERLAP}
