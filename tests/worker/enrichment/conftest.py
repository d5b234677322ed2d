"""Asking a source of facts as enrich does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import Contact, Fact
from pipelines.names import parse_name
from pipelines.phones import parse_phone
from worker.enrichment import FACT_SOURCES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _facts(
    source: str, *, name: str = "", mail: str = "", phone: str = "", document: str = "", job_title: str = "",
    message: str = "",
) -> dict[str, Fact]:  # fmt: skip
    contact = Contact(
        name=parse_name(name),
        emails=tuple(email for one in mail.split() if (email := parse_email(one))),
        phones=tuple(found for one in filter(None, phone.split(",")) if (found := parse_phone(one))),
        documents=tuple(found for one in document.split() if (found := parse_document(one))),
        job_title=job_title,
        message=message,
    )
    asked = FACT_SOURCES[source]
    key = asked.key(contact)
    found = asked.ask(key, NOW) if key else ()
    assert {fact.field for fact in found} <= set(asked.fields)
    assert all(fact.by == source and fact.at == NOW and fact.value for fact in found)
    return {fact.field: fact for fact in found}


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., dict[str, Fact]]:
    """What one source says of somebody who typed this, by field."""
    return _facts


@pytest.fixture(scope="session")
def values_of() -> Callable[..., dict[str, str]]:
    return lambda source, **typed: {field: fact.value for field, fact in _facts(source, **typed).items()}
