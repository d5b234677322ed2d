"""Does a mail domain take mail, and who runs its mailboxes? Asked of DNS: for validate, where
`validation.check_mail_domains` is on, and for enrich, where there is an `[enrichment.mail_exchange]`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import dns.exception
import dns.resolver

from pipelines.emails import email_domain, registrable_domain
from pipelines.mailboxes import telling_address
from pipelines.models import Contact, Fact
from worker.errors import TransientError
from worker.ports import Terms

TAKES_MAIL = "takes_mail"
YES, NO = "yes", "no"
MAIL_PROVIDER = "mail_provider"

TERMS = Terms(max_age=7 * 86_400.0, nothing_max_age=86_400.0, timeout=3.0, per_second=50)

_PROVIDERS = {
    "google.com": "google", "googlemail.com": "google", "outlook.com": "microsoft", "zoho.com": "zoho",
    "zohomail.com": "zoho", "locaweb.com.br": "locaweb", "kinghost.net": "kinghost", "uhserver.com": "uolhost",
    "umbler.com": "umbler", "hostinger.com": "hostinger", "titan.email": "titan", "secureserver.net": "godaddy",
    "hostgator.com.br": "hostgator", "skymail.net.br": "skymail", "amazonaws.com": "amazon", "icloud.com": "apple",
    "protonmail.ch": "proton", "yandex.net": "yandex", "mimecast.com": "mimecast", "pphosted.com": "proofpoint",
}  # fmt: skip


class MailExchangeFacts:
    """By its MX records, else its addresses (RFC 5321, section 5.1); a null MX says that it takes none (RFC 7505)."""

    name = "mail_exchange"
    fields: Collection[str] = frozenset({TAKES_MAIL, MAIL_PROVIDER})

    def __init__(self, resolver: dns.resolver.Resolver | None = None, terms: Terms = TERMS) -> None:
        self._resolver = resolver
        self.terms: Terms | None = terms
        self._timeout = terms.timeout

    def key(self, contact: Contact) -> str:
        """The domain of the address that tells most."""
        return email_domain(telling_address(contact.emails))

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """Whether it does, and who runs it: by name where we know them, else the domain of its mail server. Raises
        `TransientError` when DNS does not say."""
        exchanges = sorted(self._records(key, "MX"), key=lambda record: record.preference)
        hosts = [host for record in exchanges if (host := str(record.exchange).rstrip(".").lower())]
        if exchanges:
            takes = bool(hosts)
        else:
            takes = bool(self._records(key, "A") or self._records(key, "AAAA"))
        found = [(TAKES_MAIL, YES if takes else NO)]
        if hosts and (domain := registrable_domain(hosts[0])):
            found.append((MAIL_PROVIDER, _PROVIDERS.get(domain, domain)))
        return [Fact(field=field, value=value, by=self.name, at=now) for field, value in found]

    def _records(self, domain: str, kind: str) -> list[Any]:
        resolver = self._resolver or dns.resolver.get_default_resolver()
        try:
            return list(resolver.resolve(f"{domain}.", kind, lifetime=self._timeout))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.exception.SyntaxError):
            return []
        except dns.exception.DNSException as problem:
            raise TransientError(f"DNS did not answer ({type(problem).__name__})", code="dns") from None


def takes_mail(facts: Iterable[Fact]) -> bool | None:
    """Whether the domain takes mail; None when nobody could say."""
    return next((fact.value == YES for fact in facts if fact.field == TAKES_MAIL), None)
