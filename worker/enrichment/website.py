"""What does the company's website say of it? Looked at by its domain, as robots.txt allows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from protego import Protego

from pipelines.emails import registrable_domain
from pipelines.mailboxes import MailboxKind, mailbox_kind, telling_address
from pipelines.models import Contact, Fact
from worker.config import EnrichmentSection
from worker.enrichment.public_web import NO_SUCH_HOST, USER_AGENT, Page, PublicWeb
from worker.enrichment.terms import LookUpKeys, read_keys
from worker.enrichment.webpage import read_webpage
from worker.errors import PermanentError, TransientError
from worker.ports import Terms

# Each domain is another server, so some that are down say nothing of the source; twenty in a row are the network.
TERMS: Final = Terms(timeout=6.0, per_second=40, trip_after=20)

WEBSITE_DOWN: Final = "website_down"
"""Reason code: the website answered with a fault of its own."""
NO_ROBOTS: Final = "no_robots"
"""Reason code: robots.txt wants no visit of ours."""

_CHARSETS: Final = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "windows-1252": "cp1252", "us-ascii": "cp1252",
    "iso-8859-15": "iso-8859-15", "utf-16": "utf-16",
}  # fmt: skip
"""What pages are written in besides UTF-8 (WHATWG, Encoding: the first five are one)."""
_MOST_ROBOTS: Final = 500 * 1024
"""Bytes of robots.txt that are read (RFC 9309, section 2.5)."""


class WebsiteFacts:
    """By the front page of the company's domain: that of the website given, else of a corporate e-mail address."""

    name = "website"
    fields: Collection[str] = frozenset(
        {
            "company", "company_legal_name", "company_description", "company_size", "company_phone", "company_email",
            "company_founded", "company_cnpj", "website_title", "city", "region", "social_linkedin",
            "social_instagram", "social_facebook", "social_youtube", "social_x", "social_tiktok",
        }
    )  # fmt: skip

    def __init__(self, terms: Terms = TERMS, *, web: PublicWeb | None = None) -> None:
        self.terms: Terms | None = terms
        self._web = web or PublicWeb(timeout=terms.timeout)

    def key(self, contact: Contact) -> str:
        """The domain."""
        host = (contact.website.partition("://")[2] or contact.website).partition("/")[0].partition(":")[0]
        if domain := registrable_domain(host):
            return domain
        address = telling_address(contact.emails)
        kind = mailbox_kind(address) if address else None
        return registrable_domain(address) if kind in {MailboxKind.CORPORATE, MailboxKind.ROLE} else ""

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """What the front page says; nothing where there is no website, or where robots.txt wants no visit. Raises
        `TransientError` when it does not answer now."""
        until = self._web.deadline()
        page = self._front_page(key, until)
        if page is None:
            return ()
        text = page.body.decode(_CHARSETS.get(page.charset.lower(), "utf-8"), "replace")
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=confidence)
            for field, value, confidence in read_webpage(text)
        ]

    def _front_page(self, domain: str, until: float) -> Page | None:
        """The page at https://domain/, else with www before it, else without TLS; None: there is none to be read."""
        away: TransientError | None = None
        for origin in (f"https://{domain}", f"https://www.{domain}", f"http://{domain}"):

            def permit(other: str) -> None:
                self._may_visit(other, until)

            try:
                self._may_visit(origin, until)
                page = self._web.get(f"{origin}/", until, permit=permit)
            except PermanentError as problem:
                if problem.code != NO_SUCH_HOST:
                    return None
            except TransientError as problem:
                away = away or problem
            else:
                if page.status >= 500:
                    away = TransientError(f"the website answered {page.status}", code=WEBSITE_DOWN)
                    continue
                readable = page.status == 200 and page.media_type in {"text/html", "application/xhtml+xml", ""}
                return page if readable else None
        if away is not None:
            raise away
        return None

    def _may_visit(self, origin: str, until: float) -> None:
        """What robots.txt says (RFC 9309): where there is none, we may; where it fails, not now. Raises
        `PermanentError` where we may not."""
        page = self._web.get(f"{origin}/robots.txt", until, accept="text/plain")
        if page.status >= 500:
            raise TransientError("robots.txt cannot be had now", code=WEBSITE_DOWN)
        if page.status != 200 or page.media_type == "text/html":
            return
        rules = Protego.parse(page.body[:_MOST_ROBOTS].decode("utf-8", "replace"))
        if not rules.can_fetch(f"{origin}/", USER_AGENT):
            raise PermanentError("robots.txt wants no visit", code=NO_ROBOTS)


def build(name: str, section: EnrichmentSection) -> WebsiteFacts:
    """From `[enrichment.website]`."""
    return WebsiteFacts(read_keys(LookUpKeys, name, section).terms(TERMS))
