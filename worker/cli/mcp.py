"""`mcp`: the server that agents talk to."""

from __future__ import annotations

import click

from worker import supervisor
from worker.approvals_page import PATH
from worker.cli.settling import Help
from worker.cli.shell import Shell, open_runtime, settings


def add_to(portaria: Shell) -> None:
    """Add this command to the command line."""
    portaria.add_command(serve)


@click.command("mcp", cls=Shell.command_class)
def serve() -> None:
    """Serve an agent over standard input and output. Over HTTP, /mcp of the web server does."""
    from mcp_bridge.bridge import Bridge  # mcp takes a second to import, which no other command should wait for
    from mcp_bridge.server import address_of, build_server

    chosen = settings()
    runtime = open_runtime(chosen)
    # With nobody to serve the page there is nowhere to send a person to.
    page = f"{address_of(chosen)}{PATH}" if chosen.mcp.url or supervisor.is_up(chosen) else ""
    build_server(Bridge(runtime, Help(runtime).lend, over_stdio=True, page=page)).run("stdio")
