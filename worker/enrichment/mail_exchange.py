"""Does a mail domain take mail? Asked of DNS, for validate, where `validation.check_mail_domains` is on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import dns.exception
import dns.resolver

from pipelines.emails import email_domain
from pipelines.models import Contact, Fact
from worker.errors import TransientError

TAKES_MAIL = "takes_mail"
YES, NO = "yes", "no"

PATIENCE_SECONDS = 3.0


class MailExchangeFacts:
    """By its MX records, else its addresses (RFC 5321, section 5.1); a null MX says that it takes none (RFC 7505)."""

    name = "mail_exchange"
    fields: Collection[str] = frozenset({TAKES_MAIL})
    max_age = 24 * 3600.0

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._resolver = resolver

    def key(self, contact: Contact) -> str:
        """The first address's domain."""
        return email_domain(contact.emails[0].address) if contact.emails else ""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """Whether it does. Raises `TransientError` when DNS does not say."""
        takes = self._takes_mail(key)
        return (Fact(field=TAKES_MAIL, value=YES if takes else NO, by=self.name, at=now),)

    def _takes_mail(self, domain: str) -> bool:
        exchanges = self._records(domain, "MX")
        if exchanges:
            return any(str(record.exchange) != "." for record in exchanges)
        return bool(self._records(domain, "A") or self._records(domain, "AAAA"))

    def _records(self, domain: str, kind: str) -> list[Any]:
        resolver = self._resolver or dns.resolver.get_default_resolver()
        try:
            return list(resolver.resolve(f"{domain}.", kind, lifetime=PATIENCE_SECONDS))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.exception.SyntaxError):
            return []
        except dns.exception.DNSException as problem:
            raise TransientError(f"DNS did not answer ({type(problem).__name__})", code="dns") from None
