"""Which sources are asked, and how findings go with what the person said."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrich import FILL_FROM, LONGEST_FACT, conflicts, merge_facts, wanted_facts
from pipelines.fields import field_values
from pipelines.models import FIELDS, Contact, Fact, Origin, PostalAddress
from pipelines.states import Stage

Make = Callable[..., Contact]


@dataclass(frozen=True)
class Listed:
    """A source that knows what it is told to know."""

    name: str
    fields: Collection[str]
    asked_with: str = "acme"
    answers: dict[str, str] = field(default_factory=dict)

    def key(self, contact: Contact) -> str:
        return self.asked_with


@pytest.fixture
def fact(now: datetime) -> Callable[..., Fact]:
    def make(field: str, value: str, by: str = "registry", confidence: float = 1.0, at: datetime = now) -> Fact:
        return Fact(field=field, value=value, by=by, at=at, confidence=confidence)

    return make


# --- which sources to ask


def asked(contact: Contact, *sources: Listed, facts: Collection[Fact] = (), before: Collection[str] = ()) -> list[str]:
    return [question.source for question in wanted_facts(contact, sources, list(facts), before)]


def test_the_first_source_of_each_missing_field_is_asked() -> None:
    free, paid = Listed("free", {"company", "website"}), Listed("paid", {"company", "company_size"})
    other = Listed("other", {"company"})
    assert asked(Contact(), free, paid, other) == ["free", "paid"]
    assert asked(Contact(), paid, free, other) == ["paid", "free"]


def test_the_next_source_is_asked_for_what_the_first_did_not_find(fact: Callable[..., Fact]) -> None:
    free, paid = Listed("free", {"company"}), Listed("paid", {"company"})
    assert asked(Contact(), free, paid, before={"free"}) == ["paid"]
    assert asked(Contact(), free, paid, before={"free"}, facts=[fact("company", "Invenção")]) == []
    assert asked(Contact(), free, paid, before={"free", "paid"}) == []


def test_nobody_is_asked_for_what_is_known(contact_of: Make) -> None:
    contact = contact_of("Ana Souza", company="Invenção")
    assert asked(contact, Listed("registry", {"company", "given_name"})) == []
    assert asked(contact, Listed("registry", {"company", "city"})) == ["registry"]


def test_a_source_with_nothing_to_go_by_leaves_its_turn_to_the_next() -> None:
    assert asked(Contact(), Listed("blind", {"company"}, asked_with=""), Listed("paid", {"company"})) == ["paid"]


def test_the_question_holds_what_the_source_is_asked_with() -> None:
    (question,) = wanted_facts(Contact(), [Listed("registry", {"company"}, asked_with="11222333000181")])
    assert (question.source, question.key) == ("registry", "11222333000181")


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))))
def test_the_waterfall_ends_and_asks_nobody_twice(sources: list[tuple[set[str], set[str]]]) -> None:
    offers = [Listed(str(number), offered) for number, (offered, _) in enumerate(sources)]
    known: list[Fact] = []
    done: list[str] = []
    while questions := wanted_facts(Contact(), offers, known, done):
        for question in questions:
            done.append(question.source)
            offered, found = sources[int(question.source)]
            at = datetime.fromisoformat("2026-11-21T12:00Z")
            known += [Fact(field=name, value="x", by=question.source, at=at) for name in sorted(found & offered)]
    assert len(done) == len(set(done))
    reachable = set().union(*(offered & found for offered, found in sources))
    assert {one.field for one in known} == reachable


# --- how findings go with what was said


def test_an_empty_field_is_filled_with_an_origin_that_says_who_found_it(
    contact_of: Make, origin_of: Callable[..., Origin], fact: Callable[..., Fact], now: datetime
) -> None:
    told = contact_of("Ana Souza", told=origin_of())
    found = fact("company", "Invenção Ltda", at=now - timedelta(days=2))
    contact, kept = merge_facts(told, [found], origin_of(submission="s9"))
    assert contact.company == "Invenção Ltda"
    origin = contact.origins["company"]
    assert (origin.by, origin.stage, origin.at) == ("registry", Stage.ENRICH, found.at)
    assert origin.submission == "s9"
    assert contact.origins["name"] == told.origins["name"]
    assert kept == (found,)


def test_what_was_said_stays_and_the_finding_is_kept_as_a_conflict(
    contact_of: Make, origin_of: Callable[..., Origin], fact: Callable[..., Fact]
) -> None:
    told = contact_of("Ana Souza", company="Invenção", website="https://example.com", told=origin_of())
    found = [fact("company", "Globex"), fact("website", "https://www.example.com/contato"), fact("seniority", "owner")]
    contact, kept = merge_facts(told, found, origin_of())
    assert contact == told
    assert kept == tuple(found)
    assert conflicts(contact, kept) == (found[0],)


@pytest.mark.parametrize(
    ("field", "said", "found"),
    [
        ("company", "Invenção", "INVENCAO LTDA."),
        ("job_title", "Diretora Comercial", "diretora  comercial"),
        ("website", "example.com.br", "https://www.example.com.br/"),
        ("language", "pt", "pt-BR"),
    ],
)
def test_another_spelling_is_no_conflict(
    contact_of: Make, fact: Callable[..., Fact], field: str, said: str, found: str
) -> None:
    assert not conflicts(contact_of(**{field: said}), [fact(field, found)])


def test_several_addresses_and_phones_never_conflict(contact_of: Make, fact: Callable[..., Fact]) -> None:
    contact = contact_of(mail="ana@example.com", phone="(11) 98765-4301")
    assert not conflicts(contact, [fact("email", "ana@example.com.br"), fact("phone", "+551133334444")])


def test_an_unsure_finding_fills_nothing_unless_its_source_is_trusted(
    fact: Callable[..., Fact], origin_of: Callable[..., Origin]
) -> None:
    guesses = [
        fact("given_name", "Ana", by="name", confidence=0.5),
        fact("family_name", "Souza", by="name", confidence=0.5),
        fact("website", "https://example.com", by="email_domain", confidence=FILL_FROM - 0.01),
    ]
    contact, kept = merge_facts(Contact(), guesses, origin_of())
    assert contact == Contact()
    assert kept == tuple(guesses)
    trusting, _ = merge_facts(Contact(), guesses, origin_of(), trusted={"name"})
    assert (trusting.name.full, trusting.name.given, trusting.name.family) == ("Ana Souza", "Ana", "Souza")
    assert trusting.website == ""


def test_a_name_is_never_completed_from_another(
    contact_of: Make, fact: Callable[..., Fact], origin_of: Callable[..., Origin]
) -> None:
    told = contact_of("Ana")
    contact, _ = merge_facts(told, [fact("family_name", "Lima")], origin_of())
    assert contact.name == told.name


def test_an_address_is_filled_whole_and_from_one_source(
    contact_of: Make, fact: Callable[..., Fact], origin_of: Callable[..., Origin]
) -> None:
    found = [
        fact("city", "Recife", by="registry"),
        fact("region", "PE", by="registry"),
        fact("street", "Rua Inventada", by="website"),
    ]
    contact, _ = merge_facts(Contact(), found, origin_of())
    assert contact.address == PostalAddress(city="Recife", region="PE")
    assert contact.origins["address"].by == "registry"
    there = contact_of(city="Olinda")
    assert merge_facts(there, found, origin_of())[0].address == there.address


def test_the_surest_finding_fills(fact: Callable[..., Fact], origin_of: Callable[..., Origin]) -> None:
    found = [fact("company", "Invenção", by="website", confidence=0.91), fact("company", "Globex", confidence=0.95)]
    assert merge_facts(Contact(), found, origin_of())[0].company == "Globex"


def test_a_source_may_refresh_what_it_found_itself_and_nobody_else(
    fact: Callable[..., Fact], origin_of: Callable[..., Origin], now: datetime
) -> None:
    first, _ = merge_facts(Contact(), [fact("company", "Invenção")], origin_of())
    later = now + timedelta(days=1)
    assert merge_facts(first, [fact("company", "Invenção SA", at=later)], origin_of())[0].company == "Invenção SA"
    assert merge_facts(first, [fact("company", "Globex", by="website", at=later)], origin_of())[0] == first
    both = [fact("company", "Invenção"), fact("company", "Invenção SA", at=later)]
    assert merge_facts(Contact(), both, origin_of())[0].company == "Invenção SA"


def test_e_mails_phones_documents_and_birth_dates_of_others_stay_facts(
    fact: Callable[..., Fact], origin_of: Callable[..., Origin]
) -> None:
    found = [
        fact("email", "ana@example.com"), fact("phone", "+5511987654301"), fact("document", "11222333000181"),
        fact("birth_date", "1980-02-03"), fact("message", "Quero comprar"),
    ]  # fmt: skip
    contact, kept = merge_facts(Contact(), found, origin_of())
    assert contact == Contact()
    assert kept == tuple(found)


def test_findings_are_tidied_and_kept_once(
    fact: Callable[..., Fact], origin_of: Callable[..., Origin], now: datetime
) -> None:
    later = now + timedelta(hours=1)
    found = [
        fact("company_size", " 50\x00 "),
        fact("company_size", "50", at=later),
        fact("company_size", "\x00"),
        fact("industry", "x" * 5000),
    ]
    _, kept = merge_facts(Contact(), found, origin_of())
    assert [(one.field, len(one.value), one.at) for one in kept] == [
        ("company_size", 2, later), ("industry", LONGEST_FACT, now),
    ]  # fmt: skip


@given(st.data())
def test_no_finding_ever_overwrites_what_was_said(
    any_contact: st.SearchStrategy[Contact], origin_of: Callable[..., Origin], now: datetime, data: st.DataObject
) -> None:
    told = data.draw(any_contact)
    facts = data.draw(
        st.lists(
            st.builds(
                Fact,
                field=st.sampled_from((*FIELDS, "seniority")),
                value=st.one_of(st.text(max_size=20), st.sampled_from(("Ana Souza", "Globex", "2026-02-30"))),
                by=st.sampled_from(("registry", "website")),
                at=st.sampled_from((now, now + timedelta(days=1))),
                confidence=st.sampled_from((0.0, 0.5, 0.9, 1.0)),
            ),
            max_size=6,
        )
    )
    contact, kept = merge_facts(told, facts, origin_of(), trusted=data.draw(st.sets(st.just("website"))))
    for name in FIELDS:
        found_before = told.origins.get(name, origin_of()).by
        if field_values(told, name) and not found_before:
            assert field_values(contact, name) == field_values(told, name)
    changed = {name for name in Contact.model_fields if getattr(contact, name) != getattr(told, name)}
    assert changed <= {"name", "company", "job_title", "website", "language", "address", "origins"}
    assert all(contact.origins[name].by for name in changed - {"origins"})
    assert merge_facts(contact, kept, origin_of()) == (contact, kept)
    conflicts(contact, kept)
