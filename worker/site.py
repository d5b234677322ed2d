"""Everything that the web process serves: the hooks' door, the approvals page, and `/mcp` for agents."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Route

from mcp_bridge.bridge import Bridge
from mcp_bridge.server import address_of, build_server, http_app
from worker import tasks
from worker.approvals_page import PATH, approval_routes
from worker.steps.runtime import Runtime
from worker.unsubscribe import unsubscribe_routes
from worker.webhook import build_web

LOOK_SECONDS = 0.2
"""Between two looks at whether the workers have done what an agent waits for."""


def build_site(runtime: Runtime, *, ring: Callable[[], None] = tasks.ring) -> Starlette:
    """The web application, whole; `ring` tells the workers that something has come."""

    def lend() -> None:
        site.state.doorbell.press()
        time.sleep(LOOK_SECONDS)

    address = address_of(runtime.settings)
    bridge = Bridge(runtime, lend, over_stdio=False, page=f"{address}{PATH}")
    server = build_server(bridge)
    agents = http_app(server, runtime.settings)

    @asynccontextmanager
    async def serving(_site: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    names = (urlsplit(address).netloc, runtime.settings.web.host, "127.0.0.1", "localhost", "::1")
    site = build_web(
        runtime,
        ring=ring,
        more=[*approval_routes(runtime, names), *unsubscribe_routes(runtime), Route("/mcp", agents)],
        lifespan=serving,
    )
    return site
