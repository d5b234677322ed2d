"""What every source's tests begin with: a request, a delivery, and a look at what was read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.models import SourceRecord
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources import get_source, parse

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """A provider's body, re-authored with invented people."""
    return lambda name: (PAYLOADS / name).read_bytes()


@pytest.fixture
def settings() -> Callable[..., SourceSettings]:
    def settings_of(kind: str = "generic", secret: str = "correct horse", **options: object) -> SourceSettings:
        return SourceSettings(name="site", kind=kind, secret=secret, options=options)

    return settings_of


@pytest.fixture
def request_of() -> Callable[..., InboundRequest]:
    def build(
        body: bytes = b"{}",
        content_type: str = "application/json",
        *,
        headers: Mapping[str, str] | None = None,
        url: str = "https://example.com/hooks/site",
        **others: object,
    ) -> InboundRequest:
        everything = {"content-type": content_type, **(headers or {})}
        return InboundRequest(
            **{"method": "POST", "url": url, "headers": everything, "query": {}, "body": body, **others}
        )

    return build


@pytest.fixture
def read(settings: Callable[..., SourceSettings]) -> Callable[..., list[SourceRecord | BadRecord | NotContact]]:
    """Everything that a kind finds in a body."""

    def read_all(
        kind: str, body: bytes, content_type: str = "application/json", name: str = "", **options: object
    ) -> list[SourceRecord | BadRecord | NotContact]:
        delivery = Delivery(id="d", source="site", body=body, content_type=content_type, received_at=NOW, name=name)
        return list(parse(get_source(kind), delivery, settings(kind, **options)))

    return read_all


@pytest.fixture
def look() -> Callable[[SourceRecord], SimpleNamespace]:
    """A record's fields by key and by hint, and its remotes as text."""

    def view(record: SourceRecord) -> SimpleNamespace:
        assert isinstance(record, SourceRecord), record
        by_hint: dict[str, list[str]] = {}
        for one in record.fields:
            by_hint.setdefault(one.hint, []).extend(one.values)
        return SimpleNamespace(
            values={one.key: one.values for one in record.fields},
            labels={one.key: one.label for one in record.fields},
            hints={one.key: one.hint for one in record.fields},
            said=by_hint,
            remotes=[f"{ref.system}/{ref.kind}/{ref.id}" for ref in record.remotes],
            occurred_at=record.occurred_at,
            language=record.language,
        )

    return view
