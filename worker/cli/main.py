"""The command line. Exit status: 0 all well; 1 something was rejected, quarantined or dead; 2 wrong use; 3 a
connection is missing."""

from __future__ import annotations

import gc
import sys

from worker.cli import (
    approvals,
    dedupe,
    dedupe_model,
    enrichment,
    ingest,
    kommo,
    lists,
    mcp,
    merges,
    model,
    operate,
    outcomes,
    prove,
    replay,
    reviews,
    run,
    sources,
    tokens,
    workflows,
)
from worker.cli.shell import Shell

portaria = Shell(
    name="portaria",
    help="The front desk of a CRM: every contact received once, recognised, scored and announced.",
    no_args_is_help=True,
)
_MODULES = (
    run,
    ingest,
    sources,
    lists,
    replay,
    merges,
    reviews,
    workflows,
    approvals,
    tokens,
    mcp,
    dedupe,
    dedupe_model,
    enrichment,
    model,
    outcomes,
    operate,
    kommo,
    prove,
)
for module in _MODULES:
    module.add_to(portaria)


def main() -> None:
    """The `portaria` command."""
    gc.freeze()  # what is loaded stays: no look for garbage goes through it, and pool processes share it
    sys.exit(portaria.main(standalone_mode=True))
