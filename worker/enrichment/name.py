"""What may somebody be called who left an e-mail address and no name?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pipelines.mailboxes import MailboxKind, mailbox_kind, owner_name, telling_address
from pipelines.models import Contact, Fact

CORPORATE_CONFIDENCE = 0.5
"""Companies make addresses of names, mostly in this order."""
FREE_CONFIDENCE = 0.3
"""Of a free mailbox anybody makes anything."""


class NameFacts:
    """By the address (`ana.souza@`): a guess for a person to see. It becomes the contact's name only where
    `[enrichment.name] trust = true` says so."""

    name = "name"
    fields: Collection[str] = frozenset({"given_name", "family_name"})
    terms = None

    def key(self, contact: Contact) -> str:
        nameless = not (contact.name.full or contact.name.given or contact.name.family)
        return telling_address(contact.emails) if nameless else ""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        guess = owner_name(key)
        confidence = CORPORATE_CONFIDENCE if mailbox_kind(key) is MailboxKind.CORPORATE else FREE_CONFIDENCE
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=confidence)
            for field, value in (("given_name", guess.given), ("family_name", guess.family))
            if value
        ]
