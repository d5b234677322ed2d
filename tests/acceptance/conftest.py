"""A real worker on a real broker, and the real web application, over either database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery.contrib.testing.worker import start_worker
from starlette.testclient import TestClient

from worker import celery_app, tasks
from worker.config import Settings
from worker.steps.runtime import Runtime, build_runtime
from worker.webhook import build_web


@pytest.fixture
def live(settings: Settings) -> Iterator[Runtime]:
    """A runtime on the real clock, for a worker that runs beside the test."""
    made = build_runtime(settings)
    made.database.migrate()
    yield made
    made.database.close()


@pytest.fixture
def worker(live: Runtime, broker: str) -> Iterator[None]:
    """A Celery worker in a thread of this process, on every queue of a real broker that starts empty."""
    celery_app.configure(live.settings, broker)
    celery_app.use_runtime(live)
    with celery_app.app.connection_for_write() as connection:
        connection.default_channel.client.flushdb()
    with start_worker(
        celery_app.app, pool="threads", concurrency=4, perform_ping_check=False, queues=list(celery_app.QUEUES)
    ):
        yield


@pytest.fixture
def web(live: Runtime, worker: None) -> Iterator[TestClient]:
    """The door, whose bell rings for that worker."""
    with TestClient(build_web(live, ring=tasks.ring), base_url="http://127.0.0.1") as client:
        yield client
