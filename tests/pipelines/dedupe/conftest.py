"""People to compare: short to write, and random ones for properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import strategies as st

from pipelines.dedupe.features import Features
from pipelines.models import (
    Contact,
    Document,
    DocumentKind,
    Email,
    PersonName,
    Phone,
    PhoneKind,
    PostalAddress,
    RemoteRef,
)  # fmt: skip

Make = Callable[..., Contact]


def _person(
    name: str = "", *, email: str = "", phone: str = "", company: str = "", city: str = "", born: str = "",
    cpf: str = "", suffix: str = "", remote: str = "", variants: tuple[str, ...] = (),
) -> Contact:  # fmt: skip
    given, _, family = name.partition(" ")
    return Contact(
        name=PersonName(full=name, given=given, family=family, suffix=suffix),
        emails=tuple(Email(address=one, given=one) for one in email.split()),
        phones=tuple(Phone(e164=one, given=one, kind=PhoneKind.MOBILE, variants=variants) for one in phone.split()),
        documents=(Document(kind=DocumentKind.CPF, number=cpf, given=cpf, valid=True),) if cpf else (),
        birth_date=date.fromisoformat(born) if born else None,
        company=company,
        address=PostalAddress(city=city),
        remotes=(RemoteRef(system="kommo:acme", kind="contact", id=remote),) if remote else (),
    )


@pytest.fixture(scope="session")
def person() -> Make:
    """Builds a contact from a few words."""
    return _person


_FEW = {
    "given": ("", "ana", "ana maria", "bruno", "beatriz", "bia", "j", "silva", "rafael", "raphael"),
    "family": ("", "silva", "souza", "souza lima", "lima", "xystouris", "ana", "s"),
    "generation": ("", "junior", "neto"),
    "emails": ("", "ana.souza@example.com", "ana.sousa@example.com", "!vendas@example.com", "a@b.example c@d.example"),
    "phones": ("", "+5511987654301", "+551187654301", "+5511987654302", "+12025550143"),
    "documents": ("", "cpf:52998224725", "cpf:11144477735", "?cpf:52998224724"),
    "birth": ("", "1980-02-03", "1980-03-02", "1980-02-04", "1991-12-30"),
    "company": ("", "acme", "acme tecnologia", "globex"),
    "domains": ("", "example.com", "d.example"),
    "city": ("", "recife", "olinda", "recif"),
    "postal_code": ("", "50000000"),
    "street": ("", "rua do sol 10"),
    "remotes": ("", "kommo:acme/contact/1", "kommo:acme/contact/2"),
}


def feature_values() -> st.SearchStrategy[Features]:
    """Features drawn from few values, so that every level comes up."""
    return st.builds(Features, **{name: st.sampled_from(values) for name, values in _FEW.items()})


@pytest.fixture(scope="session")
def any_features() -> st.SearchStrategy[Features]:
    return feature_values()
