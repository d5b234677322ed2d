"""Our real server with the fixtures that the conformance suite asks for beside it. Test only: it needs no token.

python -m tests.conformance.serve PORT
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import uvicorn

from mcp_bridge.bridge import Bridge
from mcp_bridge.server import build_server, http_app
from tests.conformance.fixtures import add_fixtures
from worker import steps
from worker.config import load_settings
from worker.steps.runtime import build_runtime


def main(port: int) -> None:
    """Serve until stopped."""
    with tempfile.TemporaryDirectory(prefix="portaria-conformance-") as folder:
        runtime = build_runtime(load_settings(Path(folder)))
        runtime.database.migrate()
        server = build_server(Bridge(runtime, lambda: steps.work_here(runtime) and None, over_stdio=True))
        add_fixtures(server)
        uvicorn.run(http_app(server, runtime.settings), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
