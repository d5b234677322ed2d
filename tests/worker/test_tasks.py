"""The tasks: what fails in one is told without a word of whose data it was."""

from __future__ import annotations

import logging

import pytest

from worker import celery_app, steps, tasks
from worker.steps.runtime import Runtime


def test_a_failed_task_tells_kind_and_place_and_no_data(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("marina@example.com")

    celery_app.use_runtime(runtime)
    monkeypatch.setattr(steps, "dedupe", broken)
    with caplog.at_level(logging.DEBUG):
        result = tasks.dedupe.apply(args=[["sub_x_0"]])
    assert result.failed()
    told = f"{result.result!r} {result.traceback} {caplog.text}"
    assert "ValueError" in told
    assert "test_tasks.py" in told
    assert "marina" not in told
