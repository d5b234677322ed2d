"""Contacts for the stages behind dedupe: short to write, and random ones for properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import strategies as st

from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import (
    Contact,
    Contribution,
    Document,
    DocumentKind,
    Email,
    Origin,
    PersonName,
    Phone,
    PhoneKind,
    PostalAddress,
    RemoteRef,
    Score,
    Temperature,
)
from pipelines.names import parse_name
from pipelines.phones import parse_phone
from pipelines.states import Stage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

Make = Callable[..., Contact]


def origin(source: str = "site", submission: str = "s1", *, by: str = "", days_ago: float = 0) -> Origin:
    stage = Stage.ENRICH if by else Stage.NORMALIZE
    at = NOW - timedelta(days=days_ago)
    return Origin(source=source, delivery="d1", submission=submission, stage=stage, at=at, by=by)


def _contact(
    name: str = "", *, mail: str = "", phone: str = "", document: str = "", company: str = "", job_title: str = "",
    message: str = "", website: str = "", language: str = "", city: str = "", extra: dict[str, str] | None = None,
    remotes: Sequence[RemoteRef] = (), told: Origin | None = None,
) -> Contact:  # fmt: skip
    """A contact all of whose values were told by `told`, or have no origin."""
    contact = Contact(
        name=parse_name(name),
        emails=tuple(email for one in mail.split() if (email := parse_email(one))),
        phones=tuple(found for one in filter(None, phone.split(",")) if (found := parse_phone(one))),
        documents=tuple(found for one in document.split() if (found := parse_document(one))),
        company=company, job_title=job_title, message=message, website=website, language=language,
        address=PostalAddress(city=city), extra=extra or {}, remotes=tuple(remotes),
    )  # fmt: skip
    if told is None:
        return contact
    empty = Contact()
    plain = ("name", "company", "job_title", "message", "website", "language", "address")
    keys = [field for field in plain if getattr(contact, field) != getattr(empty, field)]
    keys += [f"emails:{email.address}" for email in contact.emails]
    keys += [f"phones:{each.e164}" for each in contact.phones]
    keys += [f"documents:{each.number}" for each in contact.documents]
    keys += [f"extra:{label}" for label in contact.extra]
    keys += [f"remotes:{ref.system}/{ref.kind}/{ref.id}" for ref in contact.remotes]
    return contact.model_copy(update={"origins": dict.fromkeys(keys, told)})


@pytest.fixture(scope="session")
def contact_of() -> Make:
    """Builds a contact from what is typed into a form."""
    return _contact


@pytest.fixture(scope="session")
def origin_of() -> Callable[..., Origin]:
    return origin


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def hot_score() -> Score:
    parts = (
        Contribution(feature="base", points=15, reason="every contact starts here"),
        Contribution(feature="intent_buy", points=60, reason="asks for a price or wants to buy"),
        Contribution(feature="company", points=20, reason="company named"),
        Contribution(feature="no_name", points=-5, reason="no name"),
    )
    return Score(value=90, temperature=Temperature.HOT, contributions=parts, model="rules-1-test")


_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        (
            "", "\x00", "Ana Souza", "teste", "Diretora de Compras", "Padaria Invenção Ltda", "x" * 200, "😀",
            "\u202eabc", "Quero um orçamento urgente", "a@b", "1" * 40, "{0}%s${x}", "https://example.com", "pt-BR",
        )
    ),
)  # fmt: skip
_ADDRESS = st.sampled_from(
    ("ana.souza@example.com", "contato@example.com.br", "inventada@gmail.com", "x@mailinator.com", "@", "a", "é@\x00")
)
_NUMBER = st.sampled_from(("+5511987654301", "+551133334444", "+12025550143", "+1", "", "abc", "+999999999999999"))
_REMOTE = st.builds(
    RemoteRef,
    system=st.sampled_from(("local", "kommo:acme")),
    kind=st.sampled_from(("contact", "lead")),
    id=st.sampled_from(("1", "2")),
)


@pytest.fixture(scope="session")
def any_contact() -> st.SearchStrategy[Contact]:
    """Contacts of all kinds: sensible ones, empty ones, and such as nobody should send."""
    contacts = st.builds(
        Contact,
        name=st.builds(PersonName, full=_TEXT, given=_TEXT, family=_TEXT),
        emails=st.lists(st.builds(Email, address=_ADDRESS, given=_ADDRESS), max_size=3).map(tuple),
        phones=st.lists(
            st.builds(Phone, e164=_NUMBER, given=_NUMBER, kind=st.sampled_from(PhoneKind)), max_size=3
        ).map(tuple),
        documents=st.lists(
            st.builds(
                Document, kind=st.sampled_from(DocumentKind), number=st.sampled_from(("", "11222333000181", "x")),
                given=_TEXT, valid=st.booleans(),
            ),
            max_size=2,
        ).map(tuple),
        birth_date=st.sampled_from((None, date(1980, 2, 3), date.min)),
        company=_TEXT, job_title=_TEXT, website=_TEXT, language=_TEXT, message=_TEXT,
        address=st.builds(PostalAddress, city=_TEXT, region=_TEXT),
        extra=st.dictionaries(_TEXT, _TEXT, max_size=3),
        remotes=st.lists(_REMOTE, max_size=2).map(tuple),
    )  # fmt: skip
    return contacts.flatmap(
        lambda contact: st.dictionaries(
            st.sampled_from(("name", "company", "message", "remotes:local/contact/1", "emails:ana.souza@example.com")),
            st.sampled_from((origin(), origin("kommo", "s2"), origin(by="registry"), origin(days_ago=400))),
        ).map(lambda origins: contact.model_copy(update={"origins": origins}))
    )
