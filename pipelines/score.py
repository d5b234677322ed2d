"""Score: how promising a contact is, 0 to 100, as a sum of named contributions that anyone can read.

The sum is exact: where it leaves 0 to 100, a contribution `clamp` holds the difference. Facts speak only where the
contact itself is silent (its seniority, its area, that it opted out).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from pipelines.companies import has_legal_form
from pipelines.emails import local_part
from pipelines.intents import Intent, read_intents
from pipelines.jobs import Area, Job, Seniority, read_job
from pipelines.mailboxes import MailboxKind, is_student_mailbox, mailbox_kind, telling_address
from pipelines.models import Contact, Contribution, DecisionKind, DocumentKind, Fact, PhoneKind, Score
from pipelines.phones import is_valid_phone
from pipelines.reasons import BASE, CLAMP
from pipelines.scoring import Points, ScoringModel
from pipelines.states import Stage
from pipelines.text import fold, is_placeholder, vocabulary, words

OPTED_OUT: Final = "opted_out"
"""Fact: `true` where a source knows that the person wants no messages."""

_SHORT_MESSAGE: Final = 5
_MONTH: Final = timedelta(days=30)
_HALF_YEAR: Final = timedelta(days=180)
_TEST_LOCALS: Final = vocabulary("teste testes test tests testing testando prueba pruebas asdf asdfg asd qwerty qwe")
_MOST_PHONES: Final = 20
"""Phones that are looked at: a list of thousands is nobody's."""

Parts = Iterator[tuple[str, int, str]]
"""Feature, points, reason."""


def score_contact(
    contact: Contact,
    facts: Sequence[Fact],
    decision_kind: DecisionKind,
    source: str,
    model: ScoringModel,
    *,
    now: datetime,
    arrivals: int = 1,
) -> Score:
    """The score of a contact that came through `source` for the `arrivals`th time, with its reasons.

    Contributions of 0 points are left out; the rest sum to `value` exactly. The reasons are short, stable texts without
    personal data.
    """
    intents = read_intents(contact.message)
    job = _job(contact, facts)
    points = model.points
    parts = [
        (BASE, points.base, "every contact starts here"),
        *_fit(contact, job, model),
        *_origin(source, model),
        *_engagement(contact, intents, _earlier(decision_kind, arrivals), model),
        *_quality(contact, points),
        *_negatives(contact, facts, intents, job, points),
        *_age(contact, points, now),
    ]
    total = sum(worth for _, worth, _ in parts)
    value = min(max(total, 0), 100)
    parts.append((CLAMP, value - total, "held within 0 to 100"))
    return Score(
        value=value,
        temperature=model.temperature(value),
        contributions=tuple(
            Contribution(feature=feature, points=worth, reason=reason) for feature, worth, reason in parts if worth
        ),
        model=model.version,
    )


def _job(contact: Contact, facts: Sequence[Fact]) -> Job:
    """What the title says, else what a source found."""
    said = read_job(contact.job_title)
    found = {fact.field: fact.value for fact in sorted(facts, key=lambda fact: fact.confidence)}
    seniority, area = found.get("seniority", ""), found.get("area", "")
    return Job(
        seniority=said.seniority or (Seniority(seniority) if seniority in set(Seniority) else None),
        area=said.area or (Area(area) if area in set(Area) else None),
    )


def _earlier(decision_kind: DecisionKind, arrivals: int) -> int:
    """How often they came before; a match came at least once."""
    return max(arrivals - 1, 1 if decision_kind is DecisionKind.MATCH else 0)


def _fit(contact: Contact, job: Job, model: ScoringModel) -> Parts:
    points = model.points
    if job.seniority and job.seniority is not Seniority.STUDENT:
        yield "seniority", getattr(model.seniority, job.seniority), f"seniority: {job.seniority.replace('_', ' ')}"
    if job.area:
        yield "area", getattr(model.area, job.area), f"area: {job.area.replace('_', ' ')}"
    address = telling_address(contact.emails)
    match mailbox_kind(address) if address else None:
        case MailboxKind.CORPORATE if not is_student_mailbox(address):
            yield "corporate_mail", points.corporate_mail, "corporate e-mail"
        case MailboxKind.ROLE:
            yield "role_mail", points.role_mail, "e-mail of a company's desk"
    if contact.company:
        yield "company", points.company, "company named"
    elif has_legal_form(contact.job_title):
        yield "company", points.company, "company named as the job title"
    if any(document.valid and document.kind is DocumentKind.CNPJ for document in contact.documents):
        yield "cnpj", points.cnpj, "valid CNPJ"


def _origin(source: str, model: ScoringModel) -> Parts:
    yield "source", model.sources.get(source, 0), f"came through {source}"


def _engagement(contact: Contact, intents: Collection[Intent], earlier: int, model: ScoringModel) -> Parts:
    points = model.points
    for intent, feature, worth, wants in (
        (Intent.BUY, "intent_buy", points.intent_buy, "asks for a price or wants to buy"),
        (Intent.MEET, "intent_meet", points.intent_meet, "wants to meet or a demonstration"),
        (Intent.ASK, "intent_ask", points.intent_ask, "wants to know more"),
    ):
        if intent in intents:
            yield feature, worth, wants
            break
    if Intent.URGENT in intents:
        yield "urgent", points.urgent, "urgent"
    length = len(words(contact.message))
    if length >= model.long_message:
        yield "message_long", points.message_long, "detailed message"
    elif length >= _SHORT_MESSAGE:
        yield "message_short", points.message_short, "wrote a message"
    if earlier > 0:
        yield "returning", points.returning * min(earlier, model.most_returns), "came back"


def _quality(contact: Contact, points: Points) -> Parts:
    valid = [phone for phone in contact.phones[:_MOST_PHONES] if is_valid_phone(phone)]
    if any(phone.kind is PhoneKind.MOBILE for phone in valid):
        yield "mobile_phone", points.mobile_phone, "valid mobile phone"
    elif valid:
        yield "fixed_phone", points.fixed_phone, "valid phone"
    if contact.name.given and contact.name.family:
        yield "full_name", points.full_name, "given and family name"
    if contact.emails and valid:
        yield "mail_and_phone", points.mail_and_phone, "e-mail and phone"
    if not contact.emails and not valid:
        yield "unreachable", points.unreachable, "no e-mail and no valid phone"


def _negatives(contact: Contact, facts: Sequence[Fact], intents: Collection[Intent], job: Job, points: Points) -> Parts:
    address = telling_address(contact.emails)
    if not (contact.name.full or contact.name.given or contact.name.family):
        yield "no_name", points.no_name, "no name"
    if address and mailbox_kind(address) is MailboxKind.DISPOSABLE:
        yield "disposable_mail", points.disposable_mail, "throw-away e-mail"
    if Intent.STUDENT in intents or job.seniority is Seniority.STUDENT or (address and is_student_mailbox(address)):
        yield "student", points.student, "student"
    if Intent.JOB_SEEKER in intents:
        yield "job_seeker", points.job_seeker, "looks for work"
    if Intent.VENDOR in intents:
        yield "vendor", points.vendor, "wants to sell to us"
    if _is_test(contact):
        yield "test_like", points.test_like, "looks like a test"
    if Intent.OPT_OUT in intents or any(fact.field == OPTED_OUT and fold(fact.value) == "true" for fact in facts):
        yield "opted_out", points.opted_out, "wants no messages"


def _is_test(contact: Contact) -> bool:
    told = [text for text in (contact.name.full, contact.message) if text]
    handles = [fold(local_part(email.address)).rstrip("0123456789") for email in contact.emails]
    return any(map(is_placeholder, told)) or bool(handles and all(handle in _TEST_LOCALS for handle in handles))


def _age(contact: Contact, points: Points, now: datetime) -> Parts:
    """How long ago the person last said anything: an old list is not a queue at the counter."""
    said = max((origin.at for origin in contact.origins.values() if origin.stage is not Stage.ENRICH), default=now)
    if now - said > _HALF_YEAR:
        yield "half_year_old", points.half_year_old, "last heard of over 180 days ago"
    elif now - said > _MONTH:
        yield "month_old", points.month_old, "last heard of over 30 days ago"
