from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import companies, dates, documents, draft, emails, names, phones, places, text
from pipelines.mixed import TAKEN_APART, take_apart
from pipelines.models import (
    FIELDS,
    Contact,
    Normalized,
    Origin,
    PersonName,
    PostalAddress,
    RemoteRef,
    SourceField,
    SourceRecord,
)
from pipelines.normalize import normalize_record
from pipelines.states import Stage
from pipelines.text import fold, tidy_line, tidy_text, words

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORIGIN = Origin(source="site", delivery="d1", submission="s1", stage=Stage.NORMALIZE, at=NOW)
MOBILE, FIXED = "+5511987654321", "+551133334444"


def _record(fields: Mapping[str, str | list[str]]) -> SourceRecord:
    return SourceRecord(
        fields=tuple(
            SourceField(key=key, values=tuple(value) if isinstance(value, list) else (value,))
            for key, value in fields.items()
        )
    )


def _normalized(
    fields: Mapping[str, str | list[str]] | SourceRecord, mapping: Mapping[str, str] | None = None, **more: object
) -> Normalized:
    record = fields if isinstance(fields, SourceRecord) else _record(fields)
    own = more.get("own_domains", ())
    assert isinstance(own, tuple)
    return normalize_record(
        record, mapping or {}, ORIGIN, now=NOW, region=str(more.get("region", "BR")), own_domains=own
    )


def _told(contact: Contact) -> dict[str, object]:
    """A contact as a person reads it."""
    lists = {
        "name": contact.name.full,
        "emails": [email.address for email in contact.emails],
        "phones": [phone.e164 for phone in contact.phones],
        "documents": [document.number for document in contact.documents],
        "extra": dict(contact.extra),
    }
    kept = ("birth_date", "company", "job_title", "website", "language", "message")
    return {field: said for field, said in (lists | {field: getattr(contact, field) for field in kept}).items() if said}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (  # Contact Form 7
            {"your-name": "Maria Souza", "your-email": "maria@example.com.br", "your-tel": "(11) 98765-4321",
             "your-message": "Quero orçamento", "interesses": ["A", "B"], "form_title": "Contato"},
            {"name": "Maria Souza", "emails": ["maria@example.com.br"], "phones": [MOBILE],
             "message": "Quero orçamento", "extra": {"interesses": "A, B", "form_title": "Contato"}},
        ),
        (  # Gravity Forms
            {"1.3": "Maria", "1.6": "Souza", "3": "(11) 98765-4321", "4": "maria@example.com.br", "source_id": "86"},
            {"name": "Maria Souza", "emails": ["maria@example.com.br"], "phones": [MOBILE],
             "extra": {"source_id": "86"}},
        ),
        (  # Fluent Forms
            {"names.first_name": "Maria", "names.last_name": "Souza", "email": "maria@example.com.br",
             "input_text_1": "x y"},
            {"name": "Maria Souza", "emails": ["maria@example.com.br"], "extra": {"input_text_1": "x y"}},
        ),
        (  # a list from a spreadsheet
            {"Nome": "SILVA, MARIA DA", "DDD": "11", "Telefone": "8765-4321", "CPF": "52998224725",
             "Nascimento": "12/01/1980"},
            {"name": "Silva, Maria da", "phones": [MOBILE], "documents": ["52998224725"],
             "birth_date": date(1980, 1, 12), "extra": {"DDD": "11"}},
        ),
        ({"dados": "Ana Souza, ana@example.com, 11 98765-4321"},
         {"name": "Ana Souza", "emails": ["ana@example.com"], "phones": [MOBILE]}),
        ({"Nome": "Ana Souza, ana@example.com, 11 98765-4321"},
         {"name": "Ana Souza", "emails": ["ana@example.com"], "phones": [MOBILE]}),
        ({"Nome": "ana@example.com"}, {"emails": ["ana@example.com"]}),
        ({"email": "ana.souza@example.com"}, {"emails": ["ana.souza@example.com"]}),
        ({"email": "Ana Souza <ana@example.com>"}, {"name": "Ana Souza", "emails": ["ana@example.com"]}),
        ({"Nome": "Ana", "email": "Ana Souza <ana@example.com>"}, {"name": "Ana Souza", "emails": ["ana@example.com"]}),
        ({"Nome": "Ana", "email": "Bia <bia@example.com>"},
         {"name": "Ana", "emails": ["bia@example.com"], "extra": {"email": "Bia"}}),
        ({"Telefone": "11 3333-4444 / 11 98765-4321"}, {"phones": [FIXED, MOBILE]}),
        ({"Telefone": "11 98765-4321", "Celular": "(11) 8765-4321", "E-mail": "a@example.com",
          "Email 2": "b@example.com"},
         {"phones": [MOBILE], "emails": ["a@example.com", "b@example.com"]}),
        ({"E-mail": "11 98765-4321", "Telefone": "ana@example.com"},
         {"emails": ["ana@example.com"], "phones": [MOBILE]}),
        ({"Telefone": "529.982.247-25"}, {"documents": ["52998224725"]}),
        ({"Empresa": '"Acme Ltda"', "Cargo": "Diretora", "Site": "acme.example"},
         {"company": "Acme Ltda", "job_title": "Diretora", "website": "acme.example"}),
        ({"Empresa": "Acme", "Razão social": "Acme Comércio Ltda"},
         {"company": "Acme", "extra": {"Razão social": "Acme Comércio Ltda"}}),
        ({"Mensagem": "Olá\n\ntudo bem?", "Observações": "até logo"}, {"message": "Olá\n\ntudo bem?\n\naté logo"}),
        ({"Idioma": "Português"}, {"language": "pt"}),
        ({"Site": "não tem"}, {"extra": {"Site": "não tem"}}),
        ({}, {}),
        ({"Nome": ["", "  ", "\u200b"]}, {}),
    ],
)  # fmt: skip
def test_a_record_becomes_the_contact_that_a_reader_expects(
    fields: Mapping[str, str | list[str]], told: dict[str, object]
) -> None:
    assert _told(_normalized(fields).contact) == told


def test_a_name_is_put_together_from_its_fields() -> None:
    contact = _normalized({"Nome": "MARIA CLARA", "Sobrenome": "DE SOUZA NETO"}).contact
    assert contact.name == PersonName(
        full="Maria Clara de Souza Neto", given="Maria Clara", family="de Souza", suffix="Neto"
    )


def test_an_address_is_put_together_from_its_fields() -> None:
    normalized = _normalized(
        {"Endereço": "Av. Paulista", "Número": "1111", "Complemento": "apto 12", "Bairro": "Bela Vista",
         "Cidade": "São Paulo/SP", "CEP": "1310100", "País": "Brasil"}
    )  # fmt: skip
    assert normalized.contact.address == PostalAddress(
        street="Av. Paulista", number="1111", complement="apto 12", district="Bela Vista", city="São Paulo",
        region="SP", postal_code="01310-100", country="BR",
    )  # fmt: skip
    assert not normalized.contact.extra
    assert {change.rule for change in normalized.changes} == {places.CODED}


def test_numbers_are_dialled_as_in_the_record_s_country() -> None:
    contact = _normalized({"Telefone": "912 345 678", "País": "Portugal"}).contact
    assert [phone.e164 for phone in contact.phones] == ["+351912345678"]


# --- whose word counts ---


def test_mapping_beats_hint_beats_guess() -> None:
    record = SourceRecord(
        fields=(
            SourceField(key="email", hint="name", values=("Ana Souza",)),
            SourceField(key="cf_9", label="Coisa", hint="company", values=("Acme",)),
            SourceField(key="Cargo", hint="ignore", values=("Diretora",)),
        )
    )
    assert _told(_normalized(record).contact) == {
        "name": "Ana Souza",
        "company": "Acme",
        "extra": {"Cargo": "Diretora"},
    }
    mapped = _normalized(record, {"cf_9": "job_title", "Cargo": "company", "email": "ignore"}).contact
    assert _told(mapped) == {"job_title": "Acme", "company": "Diretora", "extra": {"email": "Ana Souza"}}


def test_a_mapping_names_fields_by_key_or_label_whatever_their_case_and_accents() -> None:
    record = SourceRecord(fields=(SourceField(key="q1", label="Sua Função", values=("Diretora",)),))
    for name in ("q1", "Q1", "sua funcao"):
        assert _normalized(record, {name: "job_title"}).contact.job_title == "Diretora"


def test_a_mapping_may_point_at_somebody_else_s_field_or_rename_a_free_one() -> None:
    contact = _normalized(
        {"E-mail do indicado": "bia@example.com", "cf_1": "Ouro"}, {"e-mail do indicado": "email", "cf_1": "Plano"}
    )
    assert _told(contact.contact) == {"emails": ["bia@example.com"], "extra": {"Plano": "Ouro"}}


def test_another_person_s_fields_stay_free_whatever_the_source_declares() -> None:
    record = SourceRecord(
        fields=(SourceField(key="a", label="E-mail do indicado", hint="email", values=("b@example.com",)),)
    )
    assert _told(_normalized(record).contact) == {"extra": {"E-mail do indicado": "b@example.com"}}


# --- nothing is thrown away ---


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("Telefone", "3333-4444", draft.UNREADABLE),
        ("Telefone", "(11) 99999-9999", draft.UNREADABLE),
        ("E-mail", "ana@", draft.UNREADABLE),
        ("CPF", "12", draft.UNREADABLE),
        ("Nascimento", "ontem", draft.UNREADABLE),
        ("País", "Atlântida", draft.UNREADABLE),
        ("CEP", "00000-000", draft.UNREADABLE),
        ("Nome", "ana.souza", draft.UNREADABLE),
        ("Idioma", "o de sempre", draft.UNREADABLE),
        ("Site", "ainda em obras", draft.UNREADABLE),
        ("Nome", "teste", draft.PLACEHOLDER),
        ("E-mail", "não tenho", draft.PLACEHOLDER),
        ("Empresa", "-", draft.PLACEHOLDER),
        ("Mensagem", "asdf", draft.PLACEHOLDER),
        ("Telefone", "00000000", draft.PLACEHOLDER),
    ],
)
def test_what_cannot_be_read_is_kept_under_its_label_with_the_reason(field: str, value: str, rule: str) -> None:
    normalized = _normalized(SourceRecord(fields=(SourceField(key="x", label=field, values=(value,)),)))
    assert _told(normalized.contact) == {"extra": {field: value}}
    assert [(change.before, change.after, change.rule) for change in normalized.changes] == [(value, "", rule)]


def test_a_second_name_or_company_is_kept() -> None:
    contact = _normalized({"Nome": "Ana Souza", "Contato": "Bia Lima", "company": ["Acme", "Foo"]}).contact
    assert _told(contact) == {
        "name": "Ana Souza",
        "company": "Acme",
        "extra": {"Contato": "Bia Lima", "company": "Foo"},
    }


def test_a_city_s_state_beside_another_one_is_kept() -> None:
    contact = _normalized({"UF": "RJ", "Cidade": "Itu/SP"}).contact
    assert contact.address == PostalAddress(city="Itu", region="RJ")
    assert _told(contact) == {"extra": {"Cidade": "Itu/SP"}}


def test_a_line_of_address_that_says_otherwise_than_its_fields_is_kept() -> None:
    contact = _normalized({"Rua": "Rua B", "Endereço": "Rua A, 10"}).contact
    assert contact.address == PostalAddress(street="Rua B", number="10")
    assert _told(contact) == {"extra": {"Endereço": "Rua A, 10"}}


@pytest.mark.parametrize("fields", [{"Nome": "Teste x9"}, {"Primeiro nome": "Lorem", "Sobrenome": "Ipsum"}])
def test_what_turns_out_a_placeholder_is_no_name(fields: Mapping[str, str]) -> None:
    contact = _normalized(fields).contact
    assert contact.name == PersonName()
    assert list(contact.extra.values()) == list(fields.values())
    assert _normalized({**fields, "Contato": "Ana Souza"}, {"Contato": "name"}).contact.name.full == "Ana Souza"


def test_what_was_cut_out_of_a_name_is_kept() -> None:
    normalized = _normalized({"Nome": "Ana Souza 123"})
    assert _told(normalized.contact) == {"name": "Ana Souza", "extra": {"Nome": "Ana Souza 123"}}
    assert names.NAME_CLEANED in {change.rule for change in normalized.changes}


def test_what_stands_beside_a_number_is_kept() -> None:
    normalized = _normalized({"Telefone": "11 98765-4321, só depois das 18h"})
    assert _told(normalized.contact) == {"phones": [MOBILE], "extra": {"Telefone": "11 98765-4321, só depois das 18h"}}
    assert TAKEN_APART in {change.rule for change in normalized.changes}


def test_two_free_fields_of_one_label_are_both_kept() -> None:
    record = SourceRecord(
        fields=(
            SourceField(key="a", label="Cor", values=("azul",)),
            SourceField(key="b", label="Cor", values=("verde",)),
        )
    )
    assert dict(_normalized(record).contact.extra) == {"Cor": "azul", "Cor (b)": "verde"}


def test_our_own_address_is_not_the_person_s() -> None:
    normalized = _normalized(
        {"email": "Ana@Example.com; form@acme.example", "de": "no@mail.acme.example"}, own_domains=("Acme.example",)
    )
    assert [email.address for email in normalized.contact.emails] == ["ana@example.com"]
    assert set(normalized.contact.extra) == {"email", "de"}
    assert draft.OWN_ADDRESS in {change.rule for change in normalized.changes}


def test_only_without_any_address_or_number_the_message_is_searched() -> None:
    said = "Me chamem em ana@example.com ou 11 98765-4321"
    normalized = _normalized({"Nome": "Ana Souza", "Mensagem": said})
    assert _told(normalized.contact) == {
        "name": "Ana Souza", "emails": ["ana@example.com"], "phones": [MOBILE], "message": said,
    }  # fmt: skip
    assert draft.FOUND_IN_TEXT in {change.rule for change in normalized.changes}
    reached = _normalized({"E-mail": "bia@example.com", "Mensagem": said}).contact
    assert [email.address for email in reached.emails] == ["bia@example.com"]
    assert not reached.phones


def test_somebody_else_s_address_is_never_searched_for() -> None:
    contact = _normalized(
        {"Nome": "Ana", "E-mail do indicado": "bia@example.com", "form_owner": "x@example.com"}
    ).contact
    assert not contact.emails


def test_no_name_is_made_up_from_an_address() -> None:
    assert _normalized({"email": "ana.souza@example.com"}).contact.name == PersonName()


# --- what changed and where it came from ---


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"Telefone": "(11) 8765-4321"}, ("phones", "(11) 8765-4321", MOBILE, phones.NINTH_DIGIT_RESTORED)),
        ({"Telefone": "(11) 98765-4321"}, ("phones", "(11) 98765-4321", MOBILE, phones.PHONE_E164)),
        ({"E-mail": "Ana@example.com"}, ("emails", "Ana@example.com", "ana@example.com", emails.EMAIL_NORMALIZED)),
        ({"CPF": "529.982.247-25"}, ("documents", "529.982.247-25", "52998224725", documents.DOCUMENT_COMPACTED)),
        ({"Nome": "MARIA DA SILVA"}, ("name", "MARIA DA SILVA", "Maria da Silva", names.CASE_MENDED)),
        ({"Nome": "JoÃ£o"}, ("name", "JoÃ£o", "João", text.TEXT_TIDIED)),
        ({"Empresa": '"Acme"'}, ("company", '"Acme"', "Acme", text.TEXT_TIDIED)),
        ({"Nascimento": "12/01/1980"}, ("birth_date", "12/01/1980", "1980-01-12", dates.DATE_READ)),
        ({"UF": "São Paulo"}, ("address.region", "São Paulo", "SP", places.CODED)),
        ({"Nome": "  Ana   Souza "}, None),
        ({"E-mail": "ana@example.com", "Telefone": MOBILE, "Nome": "Ana Souza", "Empresa": "Acme"}, None),
    ],
)
def test_every_change_is_told_with_its_rule(
    fields: Mapping[str, str | list[str]], change: tuple[str, str, str, str] | None
) -> None:
    told = [(one.field, one.before, one.after, one.rule) for one in _normalized(fields).changes]
    assert told == ([change] if change else [])


def test_zeros_put_back_are_told() -> None:
    (change,) = _normalized({"CPF": "123457840"}).changes
    assert (change.after, change.rule) == ("00123457840", documents.LEADING_ZEROS_RESTORED)


def test_every_value_has_its_origin() -> None:
    ref = RemoteRef(system="kommo:acme", kind="contact", id="7")
    record = _record(
        {"Nome": "Ana", "E-mail": "ana@example.com", "Telefone": MOBILE, "CPF": "52998224725", "UF": "SP",
         "Nascimento": "12/01/1980", "Empresa": "Acme", "Cargo": "Diretora", "Site": "acme.example", "Mensagem": "Olá",
         "Cor": "azul"}
    ).model_copy(update={"remotes": (ref, ref), "language": "pt-BR"})  # fmt: skip
    contact = _normalized(record).contact
    assert contact.remotes == (ref,)
    assert contact.language == "pt-BR"
    assert set(contact.origins) == {
        "name", "birth_date", "company", "job_title", "website", "address", "language", "message",
        "emails:ana@example.com", f"phones:{MOBILE}", "documents:52998224725",
        "remotes:kommo:acme/contact/7", "extra:Cor",
    }  # fmt: skip
    assert set(contact.origins.values()) == {ORIGIN}


def test_normalizing_is_repeatable_and_survives_json() -> None:
    record = _record({"Nome": "Ana Souza", "x": ["\ud800", "\x00a"], "E-mail": "ana@example.com"})
    normalized = _normalized(record)
    assert _normalized(record) == normalized
    assert Normalized.model_validate_json(normalized.model_dump_json()) == normalized


# --- whatever is sent ---

_VALUES = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="aná @.,;-/()+0123456789<>|\n", max_size=60),
    st.sampled_from(
        ["Ana Souza", "ana@example.com", "(11) 8765-4321", "529.982.247-25", "teste", "Ana, ana@example.com",
         "Acme Ltda", "12/01/1980", "São Paulo/SP", "Brasil", "01310-100", "Av. A, 10 - Centro, Itu - SP",
         "acme.example", "11", "11 3333-4444 / 11 98765-4321 recado", "pt-BR", "Dra. Bia", "MARIA DA SILVA 2", "s/n"]
    ),
)  # fmt: skip
_KEYS = st.sampled_from(
    ["Nome", "Sobrenome", "Primeiro nome", "E-mail", "Telefone", "CPF", "Empresa", "Cargo", "Nascimento", "Cidade",
     "UF", "CEP", "País", "Endereço", "Rua", "Número", "Site", "Idioma", "Mensagem", "x", "y", "DDD", "utm_source",
     "1.3", "1.6"]
)  # fmt: skip
_FIELDS = st.lists(
    st.builds(
        SourceField,
        key=_KEYS | st.text(max_size=20),
        label=st.just("") | _KEYS | st.text(max_size=10),
        hint=st.just("") | st.sampled_from(FIELDS),
        values=st.lists(_VALUES, max_size=3).map(tuple),
    ),
    max_size=6,
    unique_by=lambda field: field.key,
)


def _is_kept(value: str, normalized: Normalized) -> bool:
    """Whether a value is in the contact, as what it says, or among the free fields."""
    contact, line = normalized.contact, tidy_line(value)
    held = " ".join(
        [
            *contact.extra.values(), *contact.address.model_dump().values(), *contact.name.model_dump().values(),
            contact.company, contact.job_title, contact.website, contact.message, contact.language,
            *(email.given for email in contact.emails), *(phone.given for phone in contact.phones),
            *(document.given for document in contact.documents),
        ]
    )  # fmt: skip
    if fold(line) in fold(held) or set(words(line)) <= set(words(held)):
        return True
    parts = take_apart(line, contact.address.country or "BR")
    if (
        parts.found
        and set(words(" ".join(parts.rest))) <= set(words(held))
        and {email.address for email in parts.emails} <= {one.address for one in contact.emails}
        and {phone.e164 for phone in parts.phones} <= {one.e164 for one in contact.phones}
        and {document.number for document in parts.documents} <= {one.number for one in contact.documents}
    ):
        return True
    email, phone, document = emails.parse_email(line), phones.parse_phone(line), documents.parse_document(line)
    born = dates.parse_birth_date(line, today=NOW.date())
    return (
        (email is not None and email.address in {one.address for one in contact.emails})
        or (phone is not None and phone.e164 in {one.e164 for one in contact.phones})
        or (document is not None and document.number in {one.number for one in contact.documents})
        or (born is not None and born == contact.birth_date)
        or (places.parse_country(line) or "-") == contact.address.country
        or (places.parse_state(line) or "-") == contact.address.region
        or (places.parse_postal_code(line) or "-") == contact.address.postal_code
        or companies.tidy_company(line) == contact.company
        or (fold(line) == "portugues" and contact.language == "pt")
    )


@given(_FIELDS, st.dictionaries(_KEYS, st.sampled_from([*FIELDS, "ignore", "Livre"]), max_size=3))
def test_nothing_sent_is_lost(fields: list[SourceField], mapping: dict[str, str]) -> None:
    normalized = _normalized(SourceRecord(fields=tuple(fields)), mapping)
    for field in fields:
        for value in field.values:
            if tidy_text(value):
                assert _is_kept(value, normalized), (field, normalized)
    assert Normalized.model_validate_json(normalized.model_dump_json()) == normalized


@given(_FIELDS)
def test_placeholders_never_become_values(fields: list[SourceField]) -> None:
    contact = _normalized(SourceRecord(fields=tuple(fields))).contact
    for value in (contact.name.full, contact.company, contact.job_title, contact.website):
        assert not value or not text.is_placeholder(value)


@pytest.mark.parametrize(
    "unit", ["a", "1 ", "a@a.com ", "(11) 98765-4321 ", "Ana, ", "\u202e", "Ã£", "@", "&amp;", "- "]
)
def test_long_values_in_many_fields_take_bounded_time(unit: str) -> None:
    started = time.process_time()
    long = (unit * 5_000)[:5_000]
    fields = {
        "Nome": long,
        "E-mail": long,
        "Telefone": long,
        "CPF": long,
        "Empresa": long,
        "Endereço": long,
        "Mensagem": long,
    }
    _normalized(fields | {f"k{i}": long for i in range(20)})
    assert time.process_time() - started < 2
