"""Validate: what speaks against a contact. Some findings reject it, the others only warn; each says how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pipelines.companies import has_legal_form
from pipelines.dates import day_of
from pipelines.emails import (
    email_domain,
    is_disposable,
    is_role_address,
    local_part,
    registrable_domain,
    suggest_domain,
)
from pipelines.models import RECORD, Contact, DocumentKind, Email, Finding, Severity
from pipelines.phones import is_valid_phone
from pipelines.text import is_placeholder

NO_IDENTITY = "no_identity"
"""Reject: nobody could be reached or recognised. It takes an e-mail, a phone, a document, a name with the contact's id
in the system that sent it, a full name (given and family) with a company, or the id of a row of a list."""
ONLY_REFERENCE = "only_reference"
"""Reject: the hook names a record of another system (an id) and tells nothing of the person; the record would have to
be fetched there."""
TEST_DATA = "test_data"
"""Reject: all that would identify somebody is made up (teste@teste.com), or every field only held a placeholder."""
MAIL_DOMAIN_DEAD = "mail_domain_dead"
"""Warn: the e-mail's domain takes no mail: DNS has no MX and no address for it (RFC 5321, section 5.1)."""
MAIL_DISPOSABLE = "mail_disposable"
"""Warn: the e-mail is at a provider of throw-away mailboxes."""
MAIL_ROLE = "mail_role"
"""Warn: the e-mail belongs to a desk (contato@, vendas@), which several people read and share."""
MAIL_TYPO = "mail_typo"
"""Warn: the e-mail's domain is one slip away from a well-known one."""
PHONE_INVALID = "phone_invalid"
"""Warn: the phone's country does not use such a number: area code or length is not in its numbering plan."""
DOCUMENT_INVALID = "document_invalid"
"""Warn: the check digits of a CPF or CNPJ are wrong."""
NAME_MISSING = "name_missing"
"""Warn: nobody knows how to address this person."""
NAME_IS_COMPANY = "name_is_company"
"""Warn: the name ends in a company's legal form, or is the company's name."""
NAME_TOO_SHORT = "name_too_short"
"""Warn: the name is a single letter or a row of initials."""
BIRTH_DATE_IMPLAUSIBLE = "birth_date_implausible"
"""Warn: the person would be a small child, older than anybody, or not born yet."""
MESSAGE_SPAM = "message_spam"
"""Warn: the message is full of links, or of the mark-up that link spammers write."""

_YOUNGEST, _OLDEST = 5, 115
"""Years of age that people who fill in forms have."""
_MOST_LINKS = 3
_LINK = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
_SPAM_MARKS = ("[url=", "[/url]", "<a href", "[link=")
_TEST_LABELS = frozenset(
    {"teste", "test", "testes", "testing", "asdf", "abc", "xxx", "aaa", "email", "dominio", "domain"}
)


def validate_contact(
    contact: Contact, *, now: datetime, mail_domains: Mapping[str, bool | None] | None = None
) -> tuple[Finding, ...]:
    """What there is to say of a contact, rejections first.

    `mail_domains` says of an e-mail's domain whether it takes mail, as far as somebody looked it up: None, or a domain
    that is not in it, says nothing. No finding's text holds a value of the contact.
    """
    found = (
        *_identity(contact),
        *_emails(contact.emails, mail_domains or {}),
        *_numbers(contact),
        *_name(contact),
        *_birth_date(contact, now),
        *_message(contact),
    )
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.REJECT))


def is_rejected(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings rejects."""
    return any(finding.severity is Severity.REJECT for finding in findings)


def _warn(code: str, field: str, detail: str) -> Finding:
    return Finding(code=code, severity=Severity.WARN, field=field, detail=detail)


def _identity(contact: Contact) -> Iterator[Finding]:
    known = bool(
        contact.phones
        or any(document.valid or document.kind is DocumentKind.OTHER for document in contact.documents)
        or (contact.name.full and any(remote.kind == "contact" for remote in contact.remotes))
        or any(remote.kind == RECORD for remote in contact.remotes)
        or (contact.name.given and contact.name.family and contact.company)
    )
    made_up = [_is_made_up(email, named=bool(contact.name.full)) for email in contact.emails]
    if known or not all(made_up):
        return
    nothing_told = not (contact.name.full or contact.company or contact.message)
    if nothing_told and not made_up and contact.remotes:
        detail = (
            "The hook holds an id and nothing of the person. Set `token` of the source, so that the rest is fetched, "
            "and replay the delivery; or let the sender include the contact's fields."
        )
        yield Finding(code=ONLY_REFERENCE, severity=Severity.REJECT, detail=detail)
    elif made_up:
        detail = "The e-mail address is test data and nothing else identifies anybody: send it again with real data."
        yield Finding(code=TEST_DATA, severity=Severity.REJECT, field="emails", detail=detail)
    elif contact.extra and not contact.name.full and all(map(is_placeholder, contact.extra.values())):
        detail = "Every field holds only a placeholder: send it again with real data."
        yield Finding(code=TEST_DATA, severity=Severity.REJECT, detail=detail)
    else:
        detail = (
            "There is no readable e-mail, phone or document, and no full name with a company. Look at the free fields: "
            "if one of them holds it, name that field in the source's mapping and replay the delivery. A list of "
            "nameless rows is taken where it has a column id."
        )
        yield Finding(code=NO_IDENTITY, severity=Severity.REJECT, detail=detail)


def _is_made_up(email: Email, *, named: bool) -> bool:
    """teste@teste.com and a@a.com whoever says so; teste@gmail.com where there is not even a name beside it."""
    local, domain = local_part(email.address), registrable_domain(email.address).partition(".")[0]
    if len(set(local)) == 1 and domain == local:
        return True
    return is_placeholder(local) and (domain in _TEST_LABELS or domain == local or not named)


def _emails(emails: Iterable[Email], mail_domains: Mapping[str, bool | None]) -> Iterator[Finding]:
    for email in emails:
        domain = email_domain(email.address)
        meant = suggest_domain(domain)
        if meant:
            detail = f"The e-mail's domain looks like a slip of {meant}: ask the person, then correct the address."
            yield _warn(MAIL_TYPO, "emails", detail)
        if mail_domains.get(domain) is False:
            detail = "The e-mail's domain takes no mail: ask the person by phone for the right address."
            yield _warn(MAIL_DOMAIN_DEAD, "emails", detail)
        if is_disposable(email.address) and not meant:
            detail = "The e-mail is a throw-away mailbox that soon ends: ask for a lasting address."
            yield _warn(MAIL_DISPOSABLE, "emails", detail)
        if is_role_address(email.address):
            detail = "The e-mail belongs to a desk, not to a person: ask for the person's own address."
            yield _warn(MAIL_ROLE, "emails", detail)


def _numbers(contact: Contact) -> Iterator[Finding]:
    for phone in contact.phones:
        if not is_valid_phone(phone):
            detail = "The phone's country has no such number: check its area code and the count of its digits."
            yield _warn(PHONE_INVALID, "phones", detail)
    for document in contact.documents:
        if document.kind is not DocumentKind.OTHER and not document.valid:
            detail = f"The check digits of the {document.kind.value.upper()} are wrong: ask for the number again."
            yield _warn(DOCUMENT_INVALID, "documents", detail)


def _name(contact: Contact) -> Iterator[Finding]:
    name = contact.name
    if not name.full:
        yield _warn(NAME_MISSING, "name", "There is no name: ask for it, or map the source's field that holds it.")
    elif has_legal_form(name.full) or (contact.company and name.full.casefold() == contact.company.casefold()):
        detail = "The name is a company's: map the source's field to company, or ask who the person is."
        yield _warn(NAME_IS_COMPANY, "name", detail)
    elif name.full.isascii() and max(map(len, re.findall(r"[A-Za-z]+", name.full)), default=0) < 2:
        yield _warn(NAME_TOO_SHORT, "name", "The name is only initials: ask for the whole name.")


def _birth_date(contact: Contact, now: datetime) -> Iterator[Finding]:
    born, today = contact.birth_date, day_of(now)
    if born is None:
        return
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if not _YOUNGEST <= age <= _OLDEST:
        detail = f"At this birth date the person would be {age} years old: check the year, and day before month."
        yield _warn(BIRTH_DATE_IMPLAUSIBLE, "birth_date", detail if age >= 0 else "The birth date is in the future.")


def _message(contact: Contact) -> Iterator[Finding]:
    lowered = contact.message.lower()
    if any(mark in lowered for mark in _SPAM_MARKS) or len(_LINK.findall(contact.message)) > _MOST_LINKS:
        detail = "The message is made of links, as spam is: put a captcha or a hidden field on the form."
        yield _warn(MESSAGE_SPAM, "message", detail)
