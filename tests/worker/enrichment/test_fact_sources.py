"""The registry of sources, and what every one of them promises."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrich import merge_facts, wanted_facts
from pipelines.models import Contact, Email, Origin, Phone
from pipelines.states import Stage
from worker.config import EnrichmentSection
from worker.enrichment import FACT_SOURCES, build_fact_sources, trusted_sources
from worker.errors import ConfigurationError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def section(**keys: object) -> EnrichmentSection:
    return EnrichmentSection.model_validate(keys)


def test_all_are_on_unless_switched_off() -> None:
    assert list(build_fact_sources({})) == list(FACT_SOURCES)
    built = build_fact_sources({"phone": section(enabled=False), "name": section()})
    assert list(built) == [name for name in FACT_SOURCES if name != "phone"]


def test_only_who_is_named_is_trusted() -> None:
    sections = {"name": section(trust=True), "phone": section(trust=False), "document": section()}
    build_fact_sources(sections)
    assert trusted_sources(sections) == {"name"}


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        ("fone", {}, r"\[enrichment.fone\].*document, job_title"),
        ("name", {"trusted": True}, r"\[enrichment.name\] trusted: there is no such key"),
        ("name", {"trust": "yes"}, r"\[enrichment.name\] trust is true or false"),
    ],
)
def test_a_mistake_is_told_by_its_key(name: str, keys: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_fact_sources({name: section(**keys)})


def test_no_two_sources_find_the_same() -> None:
    fields = [field for source in FACT_SOURCES.values() for field in source.fields]
    assert len(fields) == len(set(fields))


def test_one_round_asks_them_all_and_the_next_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", None)  # none of them needs the network
    contact = Contact(
        emails=(Email(address="ana.souza@example.com", given=""),),
        phones=(Phone(e164="+5511987654301", given=""),),
        job_title="Diretora",
        message="Gostaria de saber o preço para a minha empresa",
    )
    sources = list(FACT_SOURCES.values())
    questions = wanted_facts(contact, sources)
    asked = [question.source for question in questions]
    assert asked == ["job_title", "email_domain", "name", "phone", "language"]
    facts = [fact for each in questions for fact in FACT_SOURCES[each.source].ask(each.key, NOW)]
    assert wanted_facts(contact, sources, facts, asked) == ()
    origin = Origin(source="site", delivery="d1", submission="s1", stage=Stage.ENRICH, at=NOW)
    enriched, kept = merge_facts(contact, facts, origin)
    assert enriched.language == "pt"
    assert enriched.name == contact.name
    assert kept == tuple(facts)


@pytest.mark.parametrize("name", list(FACT_SOURCES))
@given(key=st.one_of(st.text(max_size=100), st.sampled_from(("\x00", "x" * 5000, "+", "a@b", "9" * 50, "😀"))))
def test_whatever_it_is_asked_it_answers(name: str, key: str) -> None:
    source = FACT_SOURCES[name]
    for fact in source.ask(key, NOW):
        assert fact.field in source.fields
        assert fact.value
        assert 0 < fact.confidence <= 1
