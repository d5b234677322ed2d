"""What a score goes by: the features of a contact as it is now, in the table of `pipelines.scoring`.

Facts speak only where the contact itself is silent, the surest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from pipelines.companies import company_key, has_legal_form
from pipelines.emails import local_part, registrable_domain
from pipelines.firmographics import answered, read_industry, read_revenue, read_size
from pipelines.intents import Intent, read_intents
from pipelines.jobs import Area, Seniority, read_job
from pipelines.mailboxes import is_student_mailbox, mailbox_kind, telling_address
from pipelines.models import Contact, DecisionKind, DocumentKind, Fact, PhoneKind
from pipelines.pages import read_pages
from pipelines.phones import is_valid_phone
from pipelines.scoring import Features
from pipelines.states import Stage
from pipelines.text import fold, is_placeholder, vocabulary, words

OPTED_OUT: Final = "opted_out"
"""Fact: `true` where a source knows that the person wants no messages."""

MOST_EXTRA: Final = 200
LONGEST_EXTRA: Final = 200
"""Free fields that are looked at, and characters of each."""

_TEST_LOCALS: Final = vocabulary("teste testes test tests testing testando prueba pruebas asdf asdfg asd qwerty qwe")
_MOST_PHONES: Final = 20
"""Phones that are looked at: a list of thousands is nobody's."""

Part = tuple[str, str | int | float]


def read_features(
    contact: Contact,
    facts: Sequence[Fact],
    decision_kind: DecisionKind,
    source: str,
    *,
    now: datetime,
    arrivals: int = 1,
    competitors: Collection[str] = (),
) -> Features:
    """The features of a contact that came through `source` for the `arrivals`th time.

    `competitors` are domains and companies' names: nobody there is a lead. Never raises.
    """
    found = {fact.field: fact.value for fact in sorted(facts, key=lambda fact: fact.confidence)}
    parts = [
        *_company(contact, found),
        *_person(contact, found),
        ("source", source),
        *_engagement(contact, decision_kind, arrivals, now),
        *_reachable(contact),
        *_warnings(contact, found, competitors),
        *((f"extra.{label[:LONGEST_EXTRA]}", text[:LONGEST_EXTRA]) for label, text in _extra(contact).items() if text),
    ]
    return dict(parts)


def _extra(contact: Contact) -> dict[str, str]:
    return dict(list(contact.extra.items())[:MOST_EXTRA])


def _company(contact: Contact, found: Mapping[str, str]) -> Iterator[Part]:
    size, revenue, industry = answered(_extra(contact))
    size = size or read_size(found.get("company_size", ""))
    revenue = revenue or read_revenue(found.get("revenue", ""))
    industry = industry or read_industry(found.get("industry_code", "")) or read_industry(found.get("industry", ""))
    for name, value in (("company_size", size), ("revenue", revenue), ("industry", industry)):
        if value:
            yield name, value.value
    if contact.company or has_legal_form(contact.job_title) or has_legal_form(contact.name.full):
        yield "company_named", 1
    if any(document.valid and document.kind is DocumentKind.CNPJ for document in contact.documents):
        yield "cnpj", 1


def _person(contact: Contact, found: Mapping[str, str]) -> Iterator[Part]:
    job = read_job(contact.job_title)
    seniority, area = job.seniority or found.get("seniority", ""), job.area or found.get("area", "")
    if seniority in set(Seniority):
        yield "seniority", str(seniority)
    if area in set(Area):
        yield "area", str(area)
    for name, said in (
        ("job_title", contact.job_title),
        ("city", contact.address.city),
        ("language", contact.language),
    ):
        if text := fold(said)[:LONGEST_EXTRA]:
            yield name, text
    for name in ("country", "region"):
        if place := getattr(contact.address, name) or found.get(name) or found.get(f"phone_{name}"):
            yield name, place[:LONGEST_EXTRA]


def _engagement(contact: Contact, decision_kind: DecisionKind, arrivals: int, now: datetime) -> Iterator[Part]:
    intents = read_intents(contact.message)
    if wants := next((intent for intent in (Intent.BUY, Intent.MEET, Intent.ASK) if intent in intents), None):
        yield "intent", wants.value
    for intent, name in (
        (Intent.URGENT, "urgent"),
        (Intent.JOB_SEEKER, "job_seeker"),
        (Intent.VENDOR, "vendor"),
        (Intent.OPT_OUT, OPTED_OUT),
        (Intent.STUDENT, "student"),
    ):
        if intent in intents:
            yield name, 1
    if length := len(words(contact.message)):
        yield "message_words", length
    page, views = read_pages(_extra(contact))
    if page:
        yield "page", page.value
    if views:
        yield "page_views", views
    # A match came at least once before, whatever the count.
    if earlier := max(arrivals - 1, 1 if decision_kind is DecisionKind.MATCH else 0):
        yield "earlier", earlier
    said = max((origin.at for origin in contact.origins.values() if origin.stage is not Stage.ENRICH), default=now)
    if contact.birth_date:
        yield "age", max(now.year - contact.birth_date.year, 0)
    if (age := round((now - said).total_seconds() / 86_400, 2)) > 0:
        yield "age_days", age


def _reachable(contact: Contact) -> Iterator[Part]:
    if contact.emails:
        address = telling_address(contact.emails)
        yield "mail", 1
        yield "mailbox", "student" if is_student_mailbox(address) else mailbox_kind(address).value
    valid = [phone for phone in contact.phones[:_MOST_PHONES] if is_valid_phone(phone)]
    if valid:
        yield "phone", "mobile" if any(phone.kind is PhoneKind.MOBILE for phone in valid) else "fixed"
    name = contact.name
    if name.given and name.family and not has_legal_form(name.full):  # else it is a company's
        yield "name", "full"
    elif name.full or name.given or name.family:
        yield "name", "part"


def _warnings(contact: Contact, found: Mapping[str, str], competitors: Collection[str]) -> Iterator[Part]:
    address = telling_address(contact.emails) if contact.emails else ""
    if read_job(contact.job_title).seniority is Seniority.STUDENT or (address and is_student_mailbox(address)):
        yield "student", 1
    if fold(found.get(OPTED_OUT, "")) == "true":
        yield OPTED_OUT, 1
    told = [text for text in (contact.name.full, contact.message) if text]
    handles = [fold(local_part(email.address)).rstrip("0123456789") for email in contact.emails]
    if any(map(is_placeholder, told)) or (handles and all(handle in _TEST_LOCALS for handle in handles)):
        yield "test_like", 1
    if competitors and _competes(contact, competitors):
        yield "competitor", 1


def _competes(contact: Contact, competitors: Collection[str]) -> bool:
    host = contact.website.partition("://")[2] or contact.website
    domains = {registrable_domain(email.address) for email in contact.emails} | {registrable_domain(host.split("/")[0])}
    theirs = {company_key(contact.company), *domains} - {""}
    return not theirs.isdisjoint({one.lower() for one in competitors} | set(map(company_key, competitors)))
