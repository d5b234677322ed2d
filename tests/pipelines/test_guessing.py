from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.guessing import guess_columns, guess_field, guess_fields, is_about_another, is_area_code
from pipelines.models import FIELDS, SourceField

CAPTIONS = {
    "name": """
        Nome|NOME|*Nome|Nome:|Nome completo|Nome Completo do Aluno|Seu nome|your-name|full_name|fullName
        q6_nomeCompleto6|contact.name|Nome e sobrenome|Nombre y apellidos|Nombre|Qual é o seu nome?
        Como você se chama?|Nome do responsável|Name|Nome social|fields[name]|form_fields[name]|profile.name
    """,
    "given_name": "Primeiro nome|First name|first_name|firstName|given_name|names.first_name|What is your first name?",
    "family_name": "Sobrenome|Last name|lastname|last_name|surname|Apellidos|names.last_name|Último nome|family_name",
    "email": """
        E-mail|Email|Seu melhor e-mail|your-email|fields[email]|q7_email7|email_address|Email ID|E-mail corporativo
        E-mail da empresa|Correo electrónico|please give us your email address.|e-mail de contato|Seu nome e e-mail
        Confirme seu e-mail
    """,
    "phone": """
        Telefone|TELEFONE2|Celular com DDD|WhatsApp|WhatsApp (com DDD)|Whats|Teléfono|phone_number|mobile_phone
        your-tel|Fone|q8_telefonecom|Número do WhatsApp|Número de telefone|Telefone da empresa|cellphone
        No Label tel|Tel.|Zap|Móvil
    """,
    "document": "CPF|CNPJ|CPF/CNPJ|RG|CNPJ da empresa|soc_sec_id|DNI|Documento|Número do documento|tax_id",
    "birth_date": "Data de nascimento|Data de Nasc.|Birthday|dob|date_of_birth|Fecha de nacimiento|Aniversário",
    "company": """
        Empresa|Razão social|Nome fantasia|Company|Company name|company.name|Nome da empresa
        Qual o nome da sua empresa?|Organização|companyName|Organization
    """,
    "job_title": "Cargo|Cargo na empresa|job_title|jobTitle|Profissão|Função|Position|Puesto|occupation",
    "website": "Site|website|Site da empresa|Web site|URL do site|Sitio web",
    "street": "Rua|Logradouro|address_1|address1|addr_line1|Address Line 1|Street address|street",
    "number": "Número|Nº número|number|street_number|Número da casa",
    "complement": "Complemento|address_2|Address Line 2|addr_line2",
    "district": "Bairro|suburb|Neighborhood|Barrio",
    "city": "Cidade|City|Ciudad|Cidade/UF|Município|Qual a sua cidade?",
    "region": "UF|Estado|state|Provincia|Estado onde mora|Em qual estado você mora?",
    "postal_code": "CEP|Zip|ZIP Code|postcode|Código postal|postalCode",
    "country": "País|Country",
    "address": "Endereço|Address|Endereço completo|Dirección",
    "language": "Idioma|Language",
    "message": "Mensagem|your-message|Message|Mensaje|Observações|Como podemos ajudar?|How can we help you?|Obs",
}
FREE = """
        input_text_1|interesses|utm_source|utm_medium|gclid|Lead name|Nome do lead|form_name|form_title|username
        user_name|ad_name|campaign_name|page_url|Nome do produto|Nome do evento|funnel.name|Tamanho da empresa
        Número de funcionários|Faturamento|Segmento|E-mail do indicado|Nome da mãe|Nome do pai|contact_owner_email
        Telefone de emergência|Nome do vendedor|Aceito receber e-mails|Melhor horário para contato|phone_type
        Preferred contact method|Estado civil|Local de nascimento|birth_place|Cidade de nascimento|Middle name
        IP address|gender|unique_id|rec_id|cluster|Assunto|subject|Onde você trabalha?|Origem|tags|csrf_token
        form_id|submissionID|timestamp|Nome do pet|Nível de inglês|Cor favorita
    """


def _listed(captions: str) -> list[str]:
    return [caption.strip() for caption in captions.replace("\n", "|").split("|") if caption.strip()]


@pytest.mark.parametrize(
    ("caption", "field"), [(caption, field) for field, captions in CAPTIONS.items() for caption in _listed(captions)]
)
def test_a_field_is_known_by_its_key_or_its_label(caption: str, field: str) -> None:
    assert guess_field(caption, "", []) == field
    assert guess_field("field_4", caption, []) == field


@pytest.mark.parametrize("caption", _listed(FREE))
def test_what_is_not_the_person_s_or_in_doubt_stays_free(caption: str) -> None:
    assert guess_field(caption, "", ["x"]) is None
    assert guess_field("field_4", caption, ["x"]) is None


def test_every_standard_field_has_a_caption() -> None:
    assert set(CAPTIONS) == set(FIELDS)


@pytest.mark.parametrize(
    ("key", "label", "values", "field"),
    [
        ("field_4", "", ["ana@example.com"], "email"),
        ("Nome", "", ["ana@example.com"], "email"),
        ("4", "", ["Ana <ana@example.com>"], "email"),
        ("x", "", ["Ana Souza, ana@example.com, 11 98765-4321"], "email"),
        ("x", "", ["(11) 98765-4321"], "phone"),
        ("x", "", ["11987654321"], "phone"),
        ("x", "", ["+1 415 555 2671"], "phone"),
        ("x", "", ["529.982.247-25"], "document"),
        ("x", "", ["11.222.333/0001-81"], "document"),
        ("x", "", ["01310-100"], "postal_code"),
        ("Número", "", ["(11) 98765-4321"], "phone"),
        ("Número", "", ["1000"], "number"),
        ("Número", "", ["6483681866127454931"], None),
        ("Contato", "", ["Ana Souza"], "name"),
        ("Contato", "", ["(11) 98765-4321"], "phone"),
        ("Contato", "", [], None),
        ("Deseja receber novidades?", "", ["ana@example.com"], "email"),
        ("Deseja receber novidades por e-mail?", "", ["Sim"], None),
        ("E-mail do indicado", "", ["bia@example.com"], None),
        ("id", "", ["11987654321"], None),
        ("lead_id", "", ["11987654321"], None),
        ("utm_source", "E-mail", ["ana@example.com"], None),
        ("x", "", ["1772558985692"], None),
        ("x", "", ["1726573127"], None),
        ("x", "", ["32427762"], None),
        ("x", "", ["2026-11-21"], None),
        ("x", "", ["https://example.com/?p=11987654321"], None),
        ("Mensagem", "", ["ana@example.com"], "message"),
        ("1.3", "", ["Maria"], "given_name"),
        ("1.6", "", ["Souza"], "family_name"),
        ("1.3", "", ["10"], None),
        ("1.3", "Cidade", ["Itu"], "city"),
        ("", "", ["", " "], None),
        ("", "", [], None),
    ],
)
def test_values_say_it_where_words_do_not(key: str, label: str, values: list[str], field: str | None) -> None:
    assert guess_field(key, label, values) == field


def _fields(**values: str) -> list[SourceField]:
    return [SourceField(key=key, values=(value,)) for key, value in values.items()]


def test_beside_a_last_name_a_name_is_the_given_one() -> None:
    assert guess_fields(_fields(Nome="Maria", Sobrenome="Souza")) == {"Nome": "given_name", "Sobrenome": "family_name"}
    told = guess_fields([SourceField(key="Nome completo"), SourceField(key="Sobrenome")])
    assert told == {"Nome completo": "name", "Sobrenome": "family_name"}


def test_the_company_s_and_the_form_s_names_are_not_the_person_s() -> None:
    told = guess_fields(_fields(nome="Ana", company_name="Acme", form_name="Contato", username="acme"))
    assert told == {"nome": "name", "company_name": "company"}


def test_two_addresses_are_both_kept() -> None:
    told = guess_fields(_fields(email="ana@example.com", email_2="ana@example.org", celular="x", telefone="y"))
    assert told == {"email": "email", "email_2": "email", "celular": "phone", "telefone": "phone"}


def test_numbered_parts_are_a_name_or_an_address_by_their_company() -> None:
    parts = {
        "1.3": "Maria", "1.6": "Souza", "2.1": "Rua A, 10", "2.3": "Itu", "2.4": "SP", "2.5": "13300-000",
        "2.6": "Brasil",
    }  # fmt: skip
    told = guess_fields([SourceField(key=key, values=(value,)) for key, value in parts.items()])
    assert told == {
        "1.3": "given_name", "1.6": "family_name", "2.1": "street", "2.3": "city", "2.4": "region",
        "2.5": "postal_code", "2.6": "country",
    }  # fmt: skip


def test_a_hint_stands_unless_the_label_says_it_is_somebody_else_s() -> None:
    told = guess_fields(
        [
            SourceField(key="a", hint="phone", label="Coisa"),
            SourceField(key="b", hint="email", label="E-mail do indicado"),
            SourceField(key="c", hint="ignore", label="E-mail"),
            SourceField(key="d", hint="nonsense", label="Cargo"),
        ]
    )
    assert told == {"a": "phone", "d": "job_title"}


def test_columns_are_known_by_header_and_sample() -> None:
    headers = ["Nome", "Sobrenome", "contato", "col4", "DDD", "Obs."]
    rows = [
        ["Ana", "Souza", "ana@example.com", "529.982.247-25", "11", "x"],
        ["Bia", "Lima", "", "111", "21", ""],
        ["C"],
    ]
    assert guess_columns(headers, rows) == {
        "Nome": "given_name",
        "Sobrenome": "family_name",
        "contato": "email",
        "Obs.": "message",
    }


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (  # Google Contacts
            "First Name|Middle Name|Last Name|E-mail 1 - Label|E-mail 1 - Value|Phone 1 - Label|Phone 1 - Value"
            "|Organization Name|Organization Title|Address 1 - Street|Address 1 - City|Address 1 - Region|Notes",
            "given_name||family_name||email||phone|company|job_title|street|city|region|message",
        ),
        (  # Kommo, in Portuguese
            "ID|Responsável|Nome do contato|Empresa|Telefone comercial|Celular|Email comercial|Cargo|Criado em|Tags",
            "||name|company|phone|phone|email|job_title||",
        ),
        (  # HubSpot
            "Record ID|First Name|Last Name|Email|Phone Number|Contact owner|Company name|Job Title|Lead Status",
            "|given_name|family_name|email|phone||company|job_title|",
        ),
        (  # Outlook
            "First Name|Last Name|E-mail Address|Mobile Phone|Business Street|Business City|Business Postal Code",
            "given_name|family_name|email|phone|street|city|postal_code",
        ),
        (  # the generated people that record linkage is tested with
            "rec_id|given_name|surname|street_number|address_1|address_2|suburb|postcode|state|date_of_birth|soc_sec_id",
            "|given_name|family_name|number|street|complement|district|postal_code|region|birth_date|document",
        ),
    ],
)
def test_the_columns_of_well_known_exports_are_known(headers: str, told: str) -> None:
    named = headers.split("|")
    guessed = guess_columns(named, [["Ana"] * len(named)])
    assert "|".join(guessed.get(header, "") for header in named) == told


def test_area_codes_and_others_people_s_fields_are_known() -> None:
    assert is_area_code("ddd", "")
    assert is_area_code("x", "DDD")
    assert is_area_code("area_code", "")
    assert not is_area_code("Telefone com DDD", "")
    assert is_about_another("friend_email", "")
    assert not is_about_another("email", "")


@given(st.text(), st.text(), st.lists(st.text()))
def test_anything_is_guessed_without_an_error(key: str, label: str, values: list[str]) -> None:
    assert guess_field(key, label, values) in {None, *FIELDS}
    guess_fields([SourceField(key=key, label=label, values=tuple(values))])


def test_a_record_of_many_long_fields_takes_bounded_time() -> None:
    started = time.process_time()
    guess_fields([SourceField(key=f"k{i}" * 50, label="Nome " * 100, values=("a@b 11 " * 700,)) for i in range(300)])
    assert time.process_time() - started < 2
