"""The golden record is a function of the set of its members."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dedupe.merge import MERGED_FIELDS, SURVIVORSHIP, Survivorship, merge_contacts
from pipelines.models import Contact, Document, DocumentKind, Email, Origin, PersonName, Phone, PostalAddress
from pipelines.states import Stage

START = datetime(2026, 1, 1, tzinfo=UTC)


def origin(day: int = 0, *, by: str = "", submission: str = "s") -> Origin:
    at = START + timedelta(days=day)
    return Origin(source="site", delivery="d", submission=submission, stage=Stage.NORMALIZE, at=at, by=by)


NAMES = (PersonName(), PersonName(full="Ana", given="Ana"), PersonName(full="Ana S", given="Ana", family="S"))
ADDRESSES = (PostalAddress(), PostalAddress(city="Recife"), PostalAddress(city="Olinda", street="Rua do Sol"))
KEYS = ("name", "company", "address", "emails:a@x.example", "phones:+5511900000001", "extra:cor")


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    addresses = draw(st.sets(st.sampled_from(["a@x.example", "b@x.example"])))
    numbers = draw(st.sets(st.sampled_from(["+5511900000001", "+5511900000002"])))
    return Contact(
        name=draw(st.sampled_from(NAMES)),
        company=draw(st.sampled_from(["", "Acme", "Globex"])),
        emails=tuple(Email(address=one, given=draw(st.sampled_from([one, one.upper()]))) for one in addresses),
        phones=tuple(Phone(e164=one, given=one) for one in numbers),
        address=draw(st.sampled_from(ADDRESSES)),
        extra=draw(st.dictionaries(st.sampled_from(["cor", "time"]), st.sampled_from(["azul", "verde"]))),
        origins={
            key: origin(
                draw(st.integers(0, 3)),
                by=draw(st.sampled_from(["", "registry"])),
                submission=draw(st.sampled_from("pq")),
            )
            for key in draw(st.sets(st.sampled_from(KEYS)))
        },
    )


@given(contacts(), contacts(), contacts())
def test_merging_is_associative_commutative_and_idempotent(one: Contact, two: Contact, three: Contact) -> None:
    whole = merge_contacts([one, two, three])
    assert merge_contacts([three, one, two]) == whole
    assert merge_contacts([merge_contacts([one, two]), three]) == whole
    assert merge_contacts([one, merge_contacts([two, three])]) == whole
    assert merge_contacts([whole, whole]) == whole


@given(contacts(), contacts())
def test_merge_then_undo_is_identity(one: Contact, two: Contact) -> None:
    """What was there before a member joined is what its members make without it."""
    before = merge_contacts([one])
    members = [one, two]
    merge_contacts(members)
    members.remove(two)
    assert merge_contacts(members) == before


@given(st.lists(contacts(), min_size=1, max_size=4))
def test_nothing_that_is_united_is_lost(members: list[Contact]) -> None:
    merged = merge_contacts(members)
    assert {e.address for e in merged.emails} == {e.address for m in members for e in m.emails}
    assert set(merged.extra) == {key for m in members for key in m.extra}


def test_what_the_person_said_beats_what_was_found() -> None:
    said = Contact(company="Acme", origins={"company": origin(0)})
    found = Contact(company="Acme Holding International", origins={"company": origin(9, by="registry")})
    merged = merge_contacts([found, said])
    assert merged.company == "Acme"
    assert merged.origins["company"] == origin(0)


def test_a_hurried_name_does_not_replace_the_full_one() -> None:
    full = Contact(
        name=PersonName(full="João da Silva Sauro Neto", given="João", family="da Silva Sauro", suffix="Neto"),
        origins={"name": origin(0)},
    )
    for hurried in ("Joao da Silva Sauro", "Joao Sauro", "Joao"):
        given, _, family = hurried.partition(" ")
        later = Contact(name=PersonName(full=hurried, given=given, family=family), origins={"name": origin(1)})
        assert merge_contacts([full, later]).name.full == "João da Silva Sauro Neto"
    renamed = Contact(name=PersonName(full="Ana Lima", given="Ana", family="Lima"), origins={"name": origin(1)})
    before = Contact(name=PersonName(full="Ana Reis", given="Ana", family="Reis"), origins={"name": origin(0)})
    assert merge_contacts([before, renamed]).name.full == "Ana Lima"


def test_later_beats_earlier_and_whole_beats_part() -> None:
    early = Contact(company="Acme Ltda", name=PersonName(full="Ana Souza", given="Ana", family="Souza"),
                    origins={"company": origin(0), "name": origin(0)})  # fmt: skip
    late = Contact(company="Globex", name=PersonName(full="Ana", given="Ana"),
                   origins={"company": origin(1), "name": origin(1)})  # fmt: skip
    merged = merge_contacts([early, late])
    assert (merged.company, merged.name.full) == ("Globex", "Ana Souza")


def test_an_empty_record_wins_nothing() -> None:
    full = Contact(company="Acme", origins={"company": origin(0)})
    assert merge_contacts([Contact(origins={"company": origin(9)}), full]).company == "Acme"


def test_a_valid_document_stands_first() -> None:
    wrong = Document(kind=DocumentKind.CPF, number="1", given="1")
    right = Document(kind=DocumentKind.CPF, number="52998224725", given="", valid=True)
    assert merge_contacts([Contact(documents=(wrong,)), Contact(documents=(right,))]).documents == (right, wrong)


def test_nobody_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="at least one"):
        merge_contacts([])


ORDERS = st.dictionaries(st.sampled_from([*MERGED_FIELDS, "default"]), st.permutations(SURVIVORSHIP).map(tuple))


@given(contacts(), contacts(), contacts(), ORDERS)
def test_it_stays_so_whatever_rule_comes_first(
    one: Contact, two: Contact, three: Contact, orders: dict[str, tuple[str, ...]]
) -> None:
    rules = Survivorship(orders)
    whole = merge_contacts([one, two, three], rules)
    assert merge_contacts([merge_contacts([two, three], rules), one], rules) == whole
    assert merge_contacts([whole, whole], rules) == whole


@pytest.mark.parametrize(
    ("orders", "company", "name"),
    [
        ({}, "Acme", "Ana S"),
        ({"company": ["longest"]}, "Globex Brasil", "Ana S"),
        ({"default": ["longest", "recent"]}, "Globex Brasil", "Ana Maria Helena"),
        ({"default": ["longest"], "company": ["recent"]}, "Acme", "Ana Maria Helena"),
        ({"name": ["recent"]}, "Acme", "Ana"),
    ],
)
def test_which_value_survives_can_be_set_for_each_field(orders: dict[str, list[str]], company: str, name: str) -> None:
    whole = PersonName(full="Ana S", given="Ana", family="Souza")
    long = PersonName(full="Ana Maria Helena", given="Ana Maria Helena Vitória Aparecida")
    told = [
        Contact(name=whole, company="Globex Brasil", origins={"company": origin(0), "name": origin(0)}),
        Contact(name=long, origins={"name": origin(1)}),
        Contact(
            name=PersonName(full="Ana", given="Ana"), company="Acme", origins={"company": origin(2), "name": origin(2)}
        ),
    ]
    merged = merge_contacts(told, Survivorship(orders))
    assert (merged.company, merged.name.full) == (company, name)


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        ({"shoes": ["recent"]}, "no field is called shoes"),
        ({"company": ["newest"]}, "company = 'newest' is no list of rules: some of verified, recent, longest"),
        ({"company": "recent"}, "company = 'recent' is no list of rules"),
    ],
)
def test_rules_that_there_are_not(orders: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Survivorship(orders)
