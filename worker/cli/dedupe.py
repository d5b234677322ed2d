"""`portaria dedupe FILE.csv`: clean an existing list, without a server."""

from __future__ import annotations

from worker.cli.shell import Shell


def add_to(portaria: Shell) -> None:
    """Add this command to the command line."""
