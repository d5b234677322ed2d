"""Whose house does the e-mail address belong to: a company's, a free mail provider's, a throw-away one's?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pipelines.emails import registrable_domain
from pipelines.mailboxes import MailboxKind, mailbox_kind, telling_address
from pipelines.models import Contact, Fact

WEBSITE_CONFIDENCE = 0.6
"""Most companies have their website at the domain of their mail; nobody has looked."""


class EmailDomainFacts:
    """By lists of providers; of several addresses the one that tells most. A company's domain suggests its website."""

    name = "email_domain"
    fields: Collection[str] = frozenset({"email_domain", "email_domain_kind", "website"})
    terms = None

    def key(self, contact: Contact) -> str:
        return telling_address(contact.emails)

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        domain, kind = registrable_domain(key), mailbox_kind(key)
        found = [("email_domain", domain, 1.0), ("email_domain_kind", kind.value, 1.0)]
        if kind in {MailboxKind.CORPORATE, MailboxKind.ROLE}:
            found.append(("website", f"https://{domain}", WEBSITE_CONFIDENCE))
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=confidence)
            for field, value, confidence in found
            if value
        ]
