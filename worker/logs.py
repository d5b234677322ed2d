"""Logs: events with ids and reason codes, one JSON object a line (or plain text on a terminal). No personal data."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import PurePath

import structlog


def kind_and_place(error: BaseException) -> str:
    """What an unforeseen error may tell: its kind and where it was raised. Its text may hold personal data."""
    places = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {places[-1] if places else 'an unknown place'}"


def set_up(*, level: int = logging.INFO) -> None:
    """Send everything that is logged, ours and the libraries', to standard error in one shape."""
    on_terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    renderer = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Their INFO lines tell of each request or message, URLs (which may hold a secret path) included.
    for noisy in (
        "httpx",
        "httpcore",
        "httpx2",
        "httpcore2",
        "mcp",
        "uvicorn.access",
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.beat",
        "kombu",
        "alembic",
        "mcp",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
