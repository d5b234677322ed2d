"""Two tellings of one person share a key; junk makes none; hashes never change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedupe.blocking import ALWAYS, MAX_BLOCK, MOST_COMPARED, MOST_KEYS, blocking_keys, key_hash, nearest
from pipelines.models import Contact, Email, Phone

Make = Callable[..., Contact]


def kinds_shared(one: Contact, other: Contact) -> set[str]:
    hashes = {key.hash for key in blocking_keys(other)}
    return {key.kind for key in blocking_keys(one) if key.hash in hashes}


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", {"email": "ana.souza+news@gmail.com"}, {"email": "anasouza@gmail.com"}),
        ("email_local", {"email": "anasouza@hotmail.com"}, {"email": "anasouza@gmail.com"}),
        ("email_half", {"name": "Ana", "email": "anasouza@gmail.com"}, {"name": "Ana", "email": "anasouxa@gmail.com"}),
        ("given_company", {"name": "Luiz", "email": "l1@acme.com.br"}, {"name": "Luís", "email": "ls@acme.com.br"}),
        ("phone8", {"phone": "+5511987654301"}, {"phone": "+5521987654301"}),
        ("phone_half", {"name": "Ana", "phone": "+5511987654301"}, {"name": "Ana", "phone": "+5511987654391"}),
        ("document", {"cpf": "52998224725"}, {"cpf": "52998224725"}),
        ("remote", {"remote": "7"}, {"remote": "7"}),
        ("name_city", {"name": "Luiz Souza", "city": "Recife"}, {"name": "Luís Sousa", "city": "recife"}),
        ("name_birth", {"name": "Ana Souza", "born": "1980-02-03"}, {"name": "Ana Lima", "born": "1980-02-03"}),
        ("name_company", {"name": "J Souza", "company": "Acme Ltda"}, {"name": "José Souza", "company": "Acme"}),
        ("given_company", {"name": "José", "company": "Acme Ltda"}, {"name": "José Souza", "company": "Acme"}),
        ("tokens", {"name": "Ana Souza Lima"}, {"name": "Lima, Ana Souza"}),
        ("name", {"name": "Souza Ana"}, {"name": "Ana Souza"}),
        ("typo", {"name": "Ana Pereira", "city": "Recife"}, {"name": "Ana Perxira", "city": "Recife"}),
        ("typo", {"name": "Leonardo Lima", "city": "Recife"}, {"name": "Lxonardo Lima", "city": "Recife"}),
    ],
)
def test_each_kind_of_key_catches_what_it_is_for(
    person: Make, kind: str, one: dict[str, str], other: dict[str, str]
) -> None:
    assert kind in kinds_shared(person(**one), person(**other))


def test_a_phone_is_found_by_each_of_its_variants(person: Make) -> None:
    old = person("", phone="+551187654301")
    assert "phone" in kinds_shared(old, person("", phone="+5511987654301", variants=("+551187654301",)))


@pytest.mark.parametrize("junk", ["teste", "N/A", "xxx", "", "😀", "\x00"])
def test_junk_makes_no_keys(person: Make, junk: str) -> None:
    assert blocking_keys(person(junk, phone="+550000000000", company=junk, city=junk)) == ()


def test_a_role_mailbox_is_a_key_only_as_a_whole(person: Make) -> None:
    assert {key.kind for key in blocking_keys(person("", email="vendas@acme.com.br"))} == {"email"}


def test_the_number_of_keys_is_bounded() -> None:
    crowd = Contact(
        emails=tuple(Email(address=f"someone{n}@example.com", given="") for n in range(10_000)),
        phones=tuple(Phone(e164=f"+55119876{n:05}", given="") for n in range(10_000)),
    )
    assert len(blocking_keys(crowd)) <= MOST_KEYS


def test_hashes_fit_a_bigint_and_fold_the_kind_in() -> None:
    assert key_hash("email", "a@example.com") != key_hash("phone", "a@example.com")
    assert key_hash("tokens", "ab", "c") != key_hash("tokens", "a", "bc")
    assert -(2**63) <= key_hash("email", "a@example.com") < 2**63


def test_hashes_are_the_same_in_another_process() -> None:
    """A key that changed would lose every contact indexed before."""
    program = "from pipelines.dedupe.blocking import key_hash; print(key_hash('email', 'ana@example.com'))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(told.stdout) == key_hash("email", "ana@example.com") == 8472449330404307021


NAME, MAILBOX, LINE = 1, 2, 3


def test_an_identifier_leads_before_a_name_that_many_bear() -> None:
    bearers = list(range(100, 140))
    assert nearest({NAME: bearers, LINE: [7, 120]}, [NAME, LINE], 1_000_000) == [120, 7, 100]
    found = nearest({NAME: bearers, MAILBOX: [139]}, [NAME, MAILBOX], 1_000_000)
    assert found == [139, 100, 101]
    assert len(found) == ALWAYS  # of who shares the name alone no more than are shown


def test_who_shares_a_rare_name_is_compared_with() -> None:
    few = list(range(ALWAYS + 2))
    assert nearest({NAME: few}, [NAME], 1_000_000) == few


def test_a_crowd_is_bounded_and_a_key_that_all_hold_leads_to_nobody() -> None:
    twice = {NAME: list(range(100)), LINE: list(range(100))}
    assert nearest(twice, [NAME, LINE], 1_000_000) == list(range(MOST_COMPARED))
    assert nearest({NAME: list(range(MAX_BLOCK))}, [NAME, MAILBOX], 1_000_000) == []


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=40)))
def test_in_what_order_the_index_tells_of_contacts_changes_nothing(blocks: dict[int, list[int]]) -> None:
    turned = {key: block[::-1] for key, block in reversed(blocks.items())}
    assert nearest(blocks, blocks, 10_000) == nearest(turned, blocks, 10_000)
