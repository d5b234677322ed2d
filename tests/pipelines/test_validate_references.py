"""A hook that holds an id and nothing of the person creates nobody, and says what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines import validate
from pipelines.models import Contact, PersonName, RemoteRef
from pipelines.validate import is_rejected, validate_contact

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["contact", "lead", "leadgen"])
def test_an_id_alone_is_only_a_reference(kind: str) -> None:
    contact = Contact(remotes=(RemoteRef(system="kommo:acme", kind=kind, id="1"),), extra={"price": "999"})
    findings = validate_contact(contact, now=NOW)
    assert is_rejected(findings)
    assert findings[0].code == validate.ONLY_REFERENCE


def test_a_contacts_id_with_a_name_is_somebody() -> None:
    remote = RemoteRef(system="kommo:acme", kind="contact", id="1")
    contact = Contact(name=PersonName(full="Ana", given="Ana"), remotes=(remote,))
    assert not is_rejected(validate_contact(contact, now=NOW))
