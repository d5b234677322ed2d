from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import validate
from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import Contact, Document, Email, PersonName, Phone, RemoteRef, Severity
from pipelines.names import parse_name
from pipelines.phones import parse_phone
from pipelines.validate import is_rejected, validate_contact

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _contact(
    name: str = "",
    email: str = "",
    phone: str = "",
    document: str = "",
    remotes: tuple[RemoteRef, ...] = (),
    **more: object,
) -> Contact:
    found: tuple[Email | None, Phone | None, Document | None] = (
        parse_email(email),
        parse_phone(phone),
        parse_document(document),
    )
    emails, phones, documents = ((value,) if value else () for value in found)
    values = {"name": parse_name(name), "emails": emails, "phones": phones, "documents": documents, "remotes": remotes}
    return Contact.model_validate(values | more)


def _codes(contact: Contact, mail_domains: Mapping[str, bool | None] | None = None) -> list[str]:
    return [finding.code for finding in validate_contact(contact, now=NOW, mail_domains=mail_domains)]


@pytest.mark.parametrize(
    "contact",
    [
        _contact("Ana Souza", email="ana@example.com"),
        _contact("Ana Souza", phone="11 98765-4321"),
        _contact("Ana Souza", document="529.982.247-25"),
        _contact("Ana Souza", document="AB123456"),
        _contact("Ana Souza", company="Acme"),
        _contact("Ana", remotes=(RemoteRef(system="kommo:acme", kind="contact", id="1"),)),
        _contact("Ana", email="teste@teste.com", phone="11 98765-4321"),
        _contact("Ana", email="teste@gmail.com"),
    ],
)
def test_whoever_can_be_reached_or_recognised_is_let_in(contact: Contact) -> None:
    assert not is_rejected(validate_contact(contact, now=NOW))


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        (Contact(), validate.NO_IDENTITY),
        (_contact("Ana Souza"), validate.NO_IDENTITY),
        (_contact("Ana", company="Acme"), validate.NO_IDENTITY),
        (_contact("Ana Souza", document="529.982.247-24"), validate.NO_IDENTITY),
        (_contact("Ana", remotes=(RemoteRef(system="kommo:acme", kind="lead", id="1"),)), validate.NO_IDENTITY),
        (Contact(message="Olá"), validate.NO_IDENTITY),
        (Contact(extra={"Telefone": "3333-4444"}), validate.NO_IDENTITY),
        (Contact(extra={"Nome": "teste", "E-mail": "não tenho"}), validate.TEST_DATA),
        (_contact("Ana Souza", email="teste@teste.com"), validate.TEST_DATA),
        (_contact("Ana Souza", email="a@a.com"), validate.TEST_DATA),
        (_contact("Ana Souza", email="asdf@asdf.com.br"), validate.TEST_DATA),
        (_contact(email="teste@gmail.com"), validate.TEST_DATA),
    ],
)
def test_what_nobody_could_use_is_rejected(contact: Contact, code: str) -> None:
    findings = validate_contact(contact, now=NOW)
    assert is_rejected(findings)
    assert (findings[0].code, findings[0].severity) == (code, Severity.REJECT)


@pytest.mark.parametrize(
    ("contact", "codes"),
    [
        (_contact("Ana Souza", email="ana@example.com"), []),
        (_contact("Ana Souza", email="ana@gmial.com"), [validate.MAIL_TYPO]),
        (_contact("Ana Souza", email="ana@mailinator.com"), [validate.MAIL_DISPOSABLE]),
        (_contact("Ana Souza", email="contato@example.com"), [validate.MAIL_ROLE]),
        (_contact("Ana Souza", phone="(10) 98765-4321"), [validate.PHONE_INVALID]),
        (_contact("Ana Souza", phone="(11) 8765-4321"), []),
        (_contact("Ana Souza", phone="11 98765-4321", document="529.982.247-24"), [validate.DOCUMENT_INVALID]),
        (_contact("Ana Souza", document="AB123456"), []),
        (_contact(email="ana@example.com"), [validate.NAME_MISSING]),
        (_contact("Acme Ltda", email="ana@example.com"), [validate.NAME_IS_COMPANY]),
        (_contact("Acme", email="ana@example.com", company="ACME"), [validate.NAME_IS_COMPANY]),
        (_contact("A", email="ana@example.com"), [validate.NAME_TOO_SHORT]),
        (_contact("A. S.", email="ana@example.com"), [validate.NAME_TOO_SHORT]),
        (_contact("李", email="ana@example.com"), []),
        (_contact("Ana", email="ana@example.com", birth_date=date(2025, 1, 1)), [validate.BIRTH_DATE_IMPLAUSIBLE]),
        (_contact("Ana", email="ana@example.com", birth_date=date(1901, 1, 1)), [validate.BIRTH_DATE_IMPLAUSIBLE]),
        (_contact("Ana", email="ana@example.com", birth_date=date(2027, 1, 1)), [validate.BIRTH_DATE_IMPLAUSIBLE]),
        (_contact("Ana", email="ana@example.com", birth_date=date(1980, 1, 12)), []),
        (_contact("Ana", email="ana@example.com", message="[url=https://x.example]x[/url]"), [validate.MESSAGE_SPAM]),
        (_contact("Ana", email="ana@example.com", message="https://a.example " * 4), [validate.MESSAGE_SPAM]),
        (_contact("Ana", email="ana@example.com", message="Vi em https://a.example, quero um orçamento"), []),
    ],
)
def test_what_is_odd_is_warned_of(contact: Contact, codes: list[str]) -> None:
    assert _codes(contact) == codes
    assert not is_rejected(validate_contact(contact, now=NOW))


@pytest.mark.parametrize(("takes_mail", "codes"), [(False, [validate.MAIL_DOMAIN_DEAD]), (True, []), (None, [])])
def test_a_domain_that_takes_no_mail_is_warned_of_when_somebody_looked(
    takes_mail: bool | None, codes: list[str]
) -> None:
    assert _codes(_contact("Ana", email="ana@example.com"), {"example.com": takes_mail}) == codes
    assert _codes(_contact("Ana", email="ana@example.com"), {"example.org": False}) == []


def test_rejections_come_first() -> None:
    findings = validate_contact(_contact("A", email="teste@teste.com"), now=NOW)
    assert [finding.severity for finding in findings] == [Severity.REJECT, Severity.WARN]


def test_the_suggested_domain_is_told() -> None:
    (finding,) = validate_contact(_contact("Ana", email="ana@hotmial.com"), now=NOW)
    assert "hotmail.com" in finding.detail


_NAMES = st.builds(PersonName, full=st.text(max_size=40))


@given(
    _NAMES,
    st.sampled_from(["", "zyxw@gmial.com", "vendas77@example.com", "teste@teste.com"]),
    st.sampled_from(["", "(10) 98765-4321"]),
    st.sampled_from(["", "529.982.247-24"]),
    st.text(),
)
def test_any_contact_is_judged_and_no_finding_tells_a_value(
    name: PersonName, email: str, phone: str, document: str, message: str
) -> None:
    contact = _contact(email=email, phone=phone, document=document, message=message).model_copy(update={"name": name})
    for finding in validate_contact(contact, now=NOW):
        assert finding.detail.endswith(".")
        for value in (email, email.partition("@")[2], "98765", "52998224724"):
            assert not value or value not in finding.detail
