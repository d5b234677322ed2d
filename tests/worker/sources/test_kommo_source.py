"""Kommo's hooks: the shapes to survive, what is a person, and keys that redeliveries share."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote_plus

import pytest

from worker.errors import Unauthorized, Unparsable
from worker.ports import BadRecord, NotContact
from worker.sources import get_source
from worker.sources.reasons import (
    COMPANY,
    DELETED,
    MALFORMED_RECORD,
    MISSING_ID,
    OTHER_ENTITY,
    OUTGOING_MESSAGE,
)

FORM = "application/x-www-form-urlencoded"
ACCOUNT = ["account[subdomain]=acme", "account[id]=321", "account[_links][self]=https://acme.kommo.com"]


def hook(*lines: str, account: list[str] = ACCOUNT) -> bytes:
    """`KEY=value` lines as Kommo sends them: keys and values percent-encoded."""
    pairs = (line.strip().partition("=") for line in [*account, *lines])
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, _, value in pairs).encode()


CONTACT = [
    "contacts[update][0][id]=7001",
    "contacts[update][0][name]=Rita Bastos",
    "contacts[update][0][responsible_user_id]=55",
    "contacts[update][0][company_name]=Padaria Exemplo",
    "contacts[update][0][linked_company_id]=8001",
    "contacts[update][0][custom_fields][0][id]=11",
    "contacts[update][0][custom_fields][0][name]=Cargo",
    "contacts[update][0][custom_fields][0][values][0][value]=Gerente",
    "contacts[update][0][custom_fields][0][code]=POSITION",
    "contacts[update][0][custom_fields][1][id]=12",
    "contacts[update][0][custom_fields][1][name]=Telefone",
    "contacts[update][0][custom_fields][1][values][0][value]=+5511955500101",
    "contacts[update][0][custom_fields][1][values][0][enum]=9",
    "contacts[update][0][custom_fields][1][values][1][value]=+551155500102",
    "contacts[update][0][custom_fields][1][code]=PHONE",
    "contacts[update][0][custom_fields][2][id]=13",
    "contacts[update][0][custom_fields][2][name]=Email",
    "contacts[update][0][custom_fields][2][values][0][value]=rita@example.com.br",
    "contacts[update][0][custom_fields][2][code]=EMAIL",
    "contacts[update][0][custom_fields][3][id]=14",
    "contacts[update][0][custom_fields][3][name]=Aniversário",
    "contacts[update][0][custom_fields][3][values][0]=568252800",
    "contacts[update][0][custom_fields][4][id]=15",
    "contacts[update][0][custom_fields][4][name]=Opção",
    "contacts[update][0][custom_fields][4][values][value]=2",
    "contacts[update][0][custom_fields][4][values][enum]=77",
    "contacts[update][0][custom_fields][5][id]=16",
    "contacts[update][0][custom_fields][5][name]=Endereço",
    "contacts[update][0][custom_fields][5][values][0][value]=Rua A, 1",
    "contacts[update][0][custom_fields][5][values][0][subtype]=address_line_1",
    "contacts[update][0][custom_fields][5][values][1][value]=Natal",
    "contacts[update][0][custom_fields][5][values][1][subtype]=city",
    "contacts[update][0][custom_fields][6][id]=17",
    "contacts[update][0][custom_fields][6][name]=Pessoa jurídica",
    "contacts[update][0][custom_fields][6][values][0][value][name]=Padaria Exemplo Ltda",
    "contacts[update][0][custom_fields][6][values][0][value][vat_id]=00.000.000/0000-00",
    "contacts[update][0][tags][0][id]=1",
    "contacts[update][0][tags][0][name]=vip",
    "contacts[update][0][linked_leads_id][9001][ID]=9001",
    "contacts[update][0][linked_leads_id][9002][ID]=9002",
    "contacts[update][0][created_at]=1795000000",
    "contacts[update][0][updated_at]=1795262400",
    "contacts[update][0][type]=contact",
]


def test_a_contact_has_its_fields_whatever_shape_their_values_have(read, look) -> None:
    (record,) = read("kommo", hook(*CONTACT), FORM)
    seen = look(record)
    assert seen.said["name"] == ["Rita Bastos"]
    assert seen.said["phone"] == ["+5511955500101", "+551155500102"]
    assert seen.said["email"] == ["rita@example.com.br"]
    assert seen.said["job_title"] == ["Gerente"]
    assert seen.said["company"] == ["Padaria Exemplo"]
    assert (seen.said["street"], seen.said["city"]) == (["Rua A, 1"], ["Natal"])
    assert seen.values["custom_fields.14"] == ("1988-01-04",)
    assert (seen.values["custom_fields.14.timestamp"], seen.hints["custom_fields.14.timestamp"]) == (
        ("568252800",),
        "ignore",
    )
    assert seen.values["custom_fields.15"] == ("2",)
    assert seen.values["custom_fields.17.vat_id"] == ("00.000.000/0000-00",)
    assert seen.labels["custom_fields.12"] == "Telefone"
    assert seen.labels["custom_fields.17.vat_id"] == "Pessoa jurídica"
    assert seen.values["tags"] == ("vip",)
    assert seen.values["responsible_user_id"] == ("55",)
    assert seen.remotes == [
        "kommo:acme/contact/7001",
        "kommo:acme/company/8001",
        "kommo:acme/lead/9001",
        "kommo:acme/lead/9002",
    ]
    assert seen.occurred_at == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("1729717200", "2024-10-24"),  # midnight in UTC+3
        ("1729738800", "2024-10-24"),  # midnight in UTC-3
        ("-315608400", "1960-01-01"),
        ("99999999999", "5138-11-16"),
        ("123", "123"),
        ("hoje", "hoje"),
    ],
)
def test_a_bare_date_is_its_day_whatever_the_accounts_zone(sent, day, read, look) -> None:
    field = "contacts[add][0][custom_fields][0]"
    (record,) = read("kommo", hook("contacts[add][0][id]=1", f"{field}[id]=5", f"{field}[values][0]={sent}"), FORM)
    assert look(record).values["custom_fields.5"] == (day,)


@pytest.mark.parametrize("action", ["add", "update", "restore", "responsible"])
def test_a_contact_that_appears_or_changes_is_a_person(action, read, look) -> None:
    lines = [f"contacts[{action}][0][id]=1", f"contacts[{action}][0][name]=Ana", f"contacts[{action}][0][type]=contact"]
    (record,) = read("kommo", hook(*lines), FORM)
    assert look(record).said["name"] == ["Ana"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["contacts[add][0][id]=1", "contacts[add][0][name]=Padaria", "contacts[add][0][type]=company"], COMPANY),
        (["contacts[delete][0][id]=1", "contacts[delete][0][type]=contact"], DELETED),
        (["leads[delete][0][id]=1"], DELETED),
        (["unsorted[delete][0][uid]=a", "unsorted[delete][0][accept_result][leads][0]=5"], DELETED),
        (["contacts[note][0][note][text]=x", "contacts[note][0][type]=contact"], OTHER_ENTITY),
        (["leads[note][0][note][text]=x"], OTHER_ENTITY),
        (["task[add][0][id]=1", "task[add][0][text]=x"], OTHER_ENTITY),
        (["talk[add][0][talk_id]=1"], OTHER_ENTITY),
        (["catalogs[update][0][id]=1"], OTHER_ENTITY),
        (["message[add][0][id]=m", "message[add][0][type]=outgoing", "message[add][0][text]=x"], OUTGOING_MESSAGE),
        (["message[add][0][id]=m", "message[add][0][author][type]=internal"], OUTGOING_MESSAGE),
    ],
)  # fmt: skip
def test_what_is_about_nobody_is_said_to_be(lines, reason, read) -> None:
    (found,) = read("kommo", hook(*lines), FORM)
    assert isinstance(found, NotContact)
    assert found.reason == reason


@pytest.mark.parametrize("action", ["add", "update", "status", "responsible", "restore"])
def test_a_lead_is_a_record_whose_name_is_nobodys(action, read, look) -> None:
    lead = f"leads[{action}][3]"
    lines = [
        f"{lead}[id]=9001", f"{lead}[name]=Reforma Ana", f"{lead}[price]=999", f"{lead}[status_id]=5",
        f"{lead}[old_status_id]=4", f"{lead}[pipeline_id]=6", f"{lead}[custom_fields][0][id]=21",
        f"{lead}[custom_fields][0][name]=CPF", f"{lead}[custom_fields][0][values][0][value]=000",
        f"{lead}[custom_fields][1][id]=22", f"{lead}[custom_fields][1][code]=UTM_SOURCE",
        f"{lead}[custom_fields][1][values][0][value]=ig", f"{lead}[last_modified]=1795262400",
    ]  # fmt: skip
    (record,) = read("kommo", hook(*lines), FORM)
    seen = look(record)
    assert seen.remotes == ["kommo:acme/lead/9001"]
    assert seen.values["lead_name"] == ("Reforma Ana",)
    assert seen.values["lead_old_status_id"] == ("4",)
    assert seen.said["ignore"] == ["Reforma Ana", "ig", "999", "5", "4", "6"]
    assert (seen.values["custom_fields.21"], seen.labels["custom_fields.21"]) == (("000",), "CPF")
    assert set(seen.said) <= {"", "ignore"}
    assert seen.occurred_at == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_digital_pipeline_hook_brings_the_lead_to_be_fetched(read, look) -> None:
    lines = ["leads[status][0][id]=9001", "leads[status][0][status_id]=5", "leads[status][0][old_status_id]=4"]
    body = hook(*lines, "account[id]=321", "account[subdomain]=acme", account=[])
    (record,) = read("kommo", body, FORM)
    assert look(record).remotes == ["kommo:acme/lead/9001"]
    assert look(record).occurred_at is None


def test_a_hook_of_sixty_leads_is_sixty_records_in_order(read, look) -> None:
    lines = [f"leads[add][{n}][{key}]={n}{key}" for n in range(60) for key in ["id", "name", *map(str, range(18))]]
    body = hook(*lines)
    assert body.count(b"&") > 1_200
    records = read("kommo", body, FORM)
    assert [look(record).values["lead_name"] for record in records] == [(f"{n}name",) for n in range(60)]


def test_a_bad_entity_leaves_the_others_alone(read, look) -> None:
    lines = [
        "leads[add][0]=scalar",
        "leads[add][1][name]=no id",
        "leads[add][2][id]=3",
        "contacts=scalar",
        "message[add]=scalar",
        "unsorted[add][0]=scalar",
    ]
    scalar, nameless, good, *others = read("kommo", hook(*lines), FORM)
    assert (scalar.reason, nameless.reason) == (MALFORMED_RECORD, MISSING_ID)
    assert "leads[0]" in scalar.detail
    assert "leads[1]" in nameless.detail
    assert look(good).remotes == ["kommo:acme/lead/3"]
    assert [type(other) for other in others] == [BadRecord] * 3


def test_a_form_in_incoming_leads_is_its_person(read, look) -> None:
    source = "unsorted[add][0][source_data]"
    data = "unsorted[add][0][data]"
    lines = [
        "unsorted[add][0][uid]=u1", "unsorted[add][0][category]=forms", "unsorted[add][0][lead_id]=9001",
        f"{source}[form_name]=Site", f"{source}[origin][ip]=192.0.2.1", f"{source}[date]=1795262400",
        f"{source}[from]=Formulário do site", f"{source}[data][name_1][element_type]=1",
        f"{source}[data][name_1][name]=Seu nome", f"{source}[data][name_1][value]=Sara Neves",
        f"{source}[data][12_1][element_type]=1", f"{source}[data][12_1][type]=multitext",
        f"{source}[data][12_1][name]=Telefone", f"{source}[data][12_1][value][0]=11955500101",
        f"{source}[data][name_2][element_type]=2", f"{source}[data][name_2][value]=Pedido do site",
        f"{source}[data][name_3][element_type]=3", f"{source}[data][name_3][value]=Loja Exemplo",
        f"{data}[contacts][0][id]=7001", f"{data}[contacts][0][name]=Sara N.",
        f"{data}[contacts][0][custom_fields][0][id]=13", f"{data}[contacts][0][custom_fields][0][code]=EMAIL",
        f"{data}[contacts][0][custom_fields][0][values][0][value]=sara@example.com",
        f"{data}[contacts][1][name]=Tomás", f"{data}[leads][0][name]=Pedido", f"{data}[leads][0][id]=9001",
        f"{data}[companies][0][name]=Loja Exemplo Ltda", "unsorted[add][0][created_at]=1795000000",
    ]  # fmt: skip
    first, second = map(look, read("kommo", hook(*lines), FORM))
    assert first.said["name"] == ["Sara N.", "Sara Neves"]
    assert first.said["email"] == ["sara@example.com"]
    assert first.said["company"] == ["Loja Exemplo", "Loja Exemplo Ltda"]
    assert (first.values["form.12_1"], first.labels["form.12_1"]) == (("11955500101",), "Telefone")
    assert first.values["lead_name"] == ("Pedido do site", "Pedido")
    assert first.values["form_name"] == ("Site",)
    assert first.values["origin.ip"] == ("192.0.2.1",)
    assert first.remotes == ["kommo:acme/contact/7001", "kommo:acme/lead/9001"]
    assert first.occurred_at == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert second.said["name"] == ["Tomás"]
    assert second.remotes == ["kommo:acme/lead/9001"]


@pytest.mark.parametrize(
    ("lines", "hint", "value"),
    [
        (["[category]=mail", "[source_data][from][email]=u@example.com"], "email", "u@example.com"),
        (["[category]=mail", "[source_data][from][name]=Ulisses"], "name", "Ulisses"),
        (["[category]=sip", "[source_data][from]=+5511955500101"], "phone", "+5511955500101"),
    ],
)  # fmt: skip
def test_an_incoming_mail_or_call_is_from_its_sender(lines, hint, value, read, look) -> None:
    (record,) = read("kommo", hook(*[f"unsorted[add][0]{line}" for line in ["[uid]=u", *lines]]), FORM)
    assert look(record).said[hint] == [value]


def test_an_incoming_message_is_from_its_author(read, look) -> None:
    message = "message[add][0]"
    lines = [
        f"{message}[id]=m1", f"{message}[talk_id]=191", f"{message}[contact_id]=7001", f"{message}[text]=Olá!",
        f"{message}[created_at]=1795262400", f"{message}[element_type]=2", f"{message}[element_id]=9001",
        f"{message}[type]=incoming", f"{message}[author][name]=Vera", f"{message}[author][type]=external",
        f"{message}[origin]=telegram", f"{message}[attachment][link]=https://files.example.com/a.jpg",
    ]  # fmt: skip
    (record,) = read("kommo", hook(*lines), FORM)
    seen = look(record)
    assert (seen.said["name"], seen.said["message"]) == (["Vera"], ["Olá!"])
    assert (seen.values["channel"], seen.values["attachment.link"]) == (
        ("telegram",),
        ("https://files.example.com/a.jpg",),
    )
    assert seen.remotes == ["kommo:acme/contact/7001", "kommo:acme/lead/9001"]


@pytest.mark.parametrize("body", [b"foo=bar", b"account[id]=1", b"account[id]=1&leads[add]=", b'{"a": 1}', b"[]"])
def test_what_is_no_kommo_hook_is_unparsable(body, read) -> None:
    with pytest.raises(Unparsable):
        read("kommo", body, FORM)


def key(body: bytes, request_of, settings) -> str | None:
    return get_source("kommo").delivery_key(request_of(body, FORM), settings("kommo"))


def lead(number: int, action: str = "update", *, at: str = "updated_at", when: int = 1795262400) -> list[str]:
    return [f"leads[{action}][{number}][id]={number}", f"leads[{action}][{number}][{at}]={when}"]


def test_the_key_is_the_same_at_a_redelivery_and_another_after_a_change(request_of, settings) -> None:
    first = key(hook(*lead(1)), request_of, settings)
    assert first == key(hook(*lead(1), "leads[update][1][price]=5"), request_of, settings)
    others = [
        hook(*lead(2)),
        hook(*lead(1, "status")),
        hook(*lead(1, when=1795262401)),
        hook(*lead(1), account=["account[id]=322"]),
        hook(*lead(1), *lead(2)),
    ]
    keys = {key(body, request_of, settings) for body in others}
    assert None not in keys
    assert len(keys | {first}) == len(others) + 1


def test_the_key_does_not_depend_on_the_order_of_entities(request_of, settings) -> None:
    one, other = hook(*lead(1), *lead(2)), hook(*lead(2), *lead(1))
    assert key(one, request_of, settings) == key(other, request_of, settings)


@pytest.mark.parametrize(
    ("lines", "has_key"),
    [
        (lead(1, "add", at="created_at"), True),
        (lead(1, "update", at="created_at"), False),
        (lead(1, at="last_modified"), True),
        (["leads[status][0][id]=1", "leads[status][0][status_id]=2"], False),
        ([*lead(1), "leads[add][0][id]=1"], False),
        (["contacts[delete][0][id]=1"], False),
        (["message[add][0][id]=m1", "message[add][0][created_at]=1795262400"], True),
        ([], False),
    ],
)
def test_without_a_time_of_change_there_is_no_key(lines, has_key, request_of, settings) -> None:
    assert (key(hook(*lines), request_of, settings) is not None) is has_key


def test_an_enormous_id_still_makes_a_short_key(request_of, settings) -> None:
    found = key(hook("leads[add][0][id]=" + "9" * 5000, "leads[add][0][updated_at]=1"), request_of, settings)
    assert found is not None
    assert len(found) < 200


@pytest.mark.parametrize(
    ("options", "body", "welcome"),
    [
        ({"subdomain": "acme"}, hook(*lead(1)), True),
        ({"subdomain": "ACME", "account_id": 321}, hook(*lead(1)), True),
        ({"account_id": "322"}, hook(*lead(1)), False),
        ({"subdomain": "other"}, hook(*lead(1)), False),
        ({"subdomain": "acme"}, hook(*lead(1), account=[]), False),
        ({"subdomain": "acme"}, b"{", True),
        ({}, hook(*lead(1), account=[]), True),
    ],
)
def test_a_configured_account_must_be_the_hooks(options, body, welcome, request_of, settings, now) -> None:
    sent = request_of(body, FORM, path_secret="correct horse")
    if welcome:
        get_source("kommo").verify(sent, settings("kommo", **options), now)
    else:
        with pytest.raises(Unauthorized, match="account"):
            get_source("kommo").verify(sent, settings("kommo", **options), now)
