from __future__ import annotations

import time
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import emails
from pipelines.emails import (
    MOST_EMAILS,
    canonical_email,
    email_domain,
    find_emails,
    is_disposable,
    is_free_mail,
    is_role_address,
    local_part,
    parse_email,
    registrable_domain,
    suggest_domain,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ana@example.com", "ana@example.com"),
        ("ana@example.com.br", "ana@example.com.br"),
        ("Ana.Souza@Example.COM", "ana.souza@example.com"),
        (" ana@example.com ", "ana@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("mailto:ana%40example.com?subject=oi", "ana@example.com"),
        ("Ana Souza <ana@example.com>", "ana@example.com"),
        ('"Souza, Ana" <ana@example.com>', "ana@example.com"),
        ("<ana@example.com>", "ana@example.com"),
        ("ana@example.com.", "ana@example.com"),
        ("ana@example.com,", "ana@example.com"),
        ("ana@example.com;", "ana@example.com"),
        ("(ana@example.com)", "ana@example.com"),
        ("*ana@example.com*", "ana@example.com"),
        ("ana@example,com", "ana@example.com"),
        ("ana@example,com.br", "ana@example.com.br"),
        ("ana＠example.com", "ana@example.com"),
        ("ana @ example.com", "ana@example.com"),
        ("ana (at) example.com", "ana@example.com"),
        ("ana[arroba]example[ponto]com", "ana@example.com"),
        ("ana\u200b@example.com", "ana@example.com"),
        ("ana+news@example.com", "ana+news@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("josé@exâmple.com.br", "josé@exâmple.com.br"),
        ("ana@xn--exmple-qta.com", "ana@exámple.com"),
    ],
)
def test_an_address_is_read_as_people_write_it(text: str, address: str) -> None:
    email = parse_email(text)
    assert email is not None
    assert email.address == address
    assert parse_email(email.address) == email.model_copy(update={"given": email.address})


@pytest.mark.parametrize(
    "text",
    [
        "", "ana", "ana@", "@example.com", "ana@example", "ana@@example.com", "a@b@example.com", "ana@exam ple.com",
        "ana@example..com", "ana..b@example.com", "ana@-example.com", "não tenho", "ana@example.com bia@example.com",
        "ana@example.com, bia@example.com", "E-mail: ana@example.com", "ana@192.0.2.1", "ana@example.invalid",
        "ana@host.local",
        "bia@example.com <ana@example.com>", "a" * 400 + "@example.com",
        "ana@example.com\nbia", "@" * 50, "<>",
        "a@b.c" * 100,
        "ana@" + "b" * 64 + ".com", "Ana " * 100 + "<ana@example.com>",
    ],
)  # fmt: skip
def test_what_is_not_one_address_is_none(text: str) -> None:
    assert parse_email(text) is None


def test_what_was_typed_is_kept() -> None:
    email = parse_email("Ana <ANA@example.com>")
    assert email is not None
    assert email.given == "Ana <ANA@example.com>"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("ana@example.com; bia@example.com", ["ana@example.com", "bia@example.com"]),
        ("ana@example.com/bia@example.com", ["ana@example.com", "bia@example.com"]),
        ("ana@example.com, ANA@example.com", ["ana@example.com"]),
        ("E-mail:ana@example.com", ["ana@example.com"]),
        ("Ana Souza, ana@example.com, 11 98765-4321", ["ana@example.com"]),
        ("fale com ana@example.com.", ["ana@example.com"]),
        ("Ana <ana@example.com>\nBia <bia@example.com>", ["ana@example.com", "bia@example.com"]),
        ("[ana@example.com](mailto:ana@example.com)", ["ana@example.com"]),
        ("ana (at) example.com", ["ana@example.com"]),
        ("@ana no Instagram", []),
        ("https://example.com/?email=ana@example.com&x=1", ["ana@example.com"]),
        ("", []),
    ],
)
def test_addresses_are_found_in_text(text: str, addresses: list[str]) -> None:
    assert [email.address for email in find_emails(text)] == addresses


def test_no_more_than_a_handful_is_read_out_of_one_text() -> None:
    found = find_emails(" ".join(f"p{i}@example.com" for i in range(500)))
    assert len(found) == MOST_EMAILS


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("A.na.Souza+x@GoogleMail.com", "anasouza@gmail.com"),
        ("ana+loja@example.com", "ana@example.com"),
        ("Ana@Example.com", "ana@example.com"),
        ("+tag@example.com", "+tag@example.com"),
    ],
)
def test_two_spellings_of_a_mailbox_are_one(left: str, right: str) -> None:
    assert canonical_email(left) == right


def test_dots_tell_mailboxes_apart_but_for_gmail() -> None:
    assert canonical_email("ana.souza@example.com") != canonical_email("anasouza@example.com")


@given(st.text(alphabet="aA.+@gmail.com ") | st.text())
def test_the_canonical_form_is_idempotent(text: str) -> None:
    assert canonical_email(canonical_email(text)) == canonical_email(text)


@pytest.mark.parametrize(
    "address",
    [
        "contato@example.com", "vendas2@example.com", "no-reply@example.com", "financeiro.sp@example.com",
        "rh@example.com", "sac+1@example.com", "Fale-Conosco@example.com", "marketing_br@example.com",
    ],
)  # fmt: skip
def test_desks_have_role_addresses(address: str) -> None:
    assert is_role_address(address)


@pytest.mark.parametrize(
    "address", ["ana@example.com", "ti.ana@example.com", "salesio@example.com", "a@example.com", ""]
)
def test_people_have_none(address: str) -> None:
    assert not is_role_address(address)


def test_what_a_domain_says() -> None:
    assert is_free_mail("ana@gmail.com")
    assert is_free_mail("ana@UOL.com.br")
    assert not is_free_mail("ana@example.com")
    assert is_disposable("ana@mailinator.com")
    assert is_disposable("ana@x.mailinator.com")
    assert not is_disposable("ana@example.com")
    assert local_part("ana@example.com") == "ana"
    assert local_part("ana") == "ana"
    assert email_domain("ana@Example.com") == "example.com"
    assert email_domain("ana") == ""


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ana@mail.example.com.br", "example.com.br"),
        ("example.com", "example.com"),
        ("ana@exâmple.com.br", "exâmple.com.br"),
        ("com.br", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_the_registrable_domain_is_told_by_the_bundled_list(address: str, domain: str) -> None:
    with patch("socket.socket.connect", side_effect=AssertionError("no network")):
        assert registrable_domain(address) == domain


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"), ("gamil.com", "gmail.com"), ("gmal.com", "gmail.com"), ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"), ("gmail.con", "gmail.com"), ("gmail.co", "gmail.com"), ("gmail.cm", "gmail.com"),
        ("gmail.com.br", "gmail.com"), ("gmail.comm", "gmail.com"), ("hotmial.com", "hotmail.com"),
        ("hotmai.com", "hotmail.com"), ("hotmail.con", "hotmail.com"), ("hotmail.combr", "hotmail.com.br"),
        ("outlok.com", "outlook.com"), ("yaho.com", "yahoo.com"), ("yahoo.com.b", "yahoo.com.br"),
        ("yahoo.br", "yahoo.com.br"), ("iclod.com", "icloud.com"), ("uol.com.b", "uol.com.br"),
        ("empresa.con", "empresa.com"), ("empresa.combr", "empresa.com.br"),
    ],
)  # fmt: skip
def test_slips_of_well_known_domains_are_seen(domain: str, meant: str) -> None:
    assert suggest_domain(domain) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com", "ymail.com", "mail.com", "hotmail.com.br", "outlook.com.br", "uol.com.br", "bol.com.br",
        "sol.com.br",
        "globe.com", "terra.com.br", "yahoo.com.ar", "hotmail.co.uk", "example.com", "example.com.br", "example.org",
        "acme.co", "example.cm", "google.com", "", "com", "gmail",
    ],
)  # fmt: skip
def test_real_domains_are_left_alone(domain: str) -> None:
    assert suggest_domain(domain) == ""


_PLAIN = st.from_regex(
    r"[a-zA-Z0-9._+-]{1,70}@[a-zA-Z0-9.-]{1,70}\.(com|test|local|br|x|onion|com\.br)", fullmatch=True
)


@given(_PLAIN)
def test_an_address_told_at_a_glance_is_told_as_email_validator_tells_it(text: str) -> None:
    at_a_glance = emails._address(text)
    with patch.object(emails, "_is_plainly_valid", return_value=False):
        assert emails._address(text) == at_a_glance


@given(st.text() | st.text(alphabet="a@. <>(),;:ât-1\"'/?%4") | _PLAIN)
def test_any_text_is_read_without_an_error_and_an_address_reads_as_itself(text: str) -> None:
    email = parse_email(text)
    if email is not None:
        again = parse_email(email.address)
        assert again is not None
        assert again.address == email.address
    find_emails(text)
    suggest_domain(text)
    registrable_domain(text)
    is_role_address(text)


@pytest.mark.parametrize(
    "unit", ["@", "a@", "a@a.com ", "a@a.com/", "(at)", "<", "a.", " @ ", "[", "mailto:", "a", "(dot)", "+"]
)
def test_long_texts_take_bounded_time(unit: str) -> None:
    started = time.process_time()
    text = unit * (20_000 // len(unit))
    find_emails(text)
    parse_email(text)
    canonical_email(text)
    suggest_domain(text)
    assert time.process_time() - started < 1
