"""What a score goes by."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import Contact, DecisionKind, Fact
from pipelines.scoring_features import read_features

Make = Callable[..., Contact]


@pytest.fixture
def features_of(now: datetime) -> Callable[..., dict[str, Any]]:
    def read(contact: Contact, *facts: Fact, **given: Any) -> dict[str, Any]:
        values = {"decision_kind": DecisionKind.NEW, "source": "site", "now": now, **given}
        return dict(read_features(contact, facts, **values))

    return read


def test_what_is_not_known_is_not_there(contact_of: Make, features_of: Callable[..., dict[str, Any]]) -> None:
    assert features_of(contact_of()) == {"source": "site"}


def test_what_is_found_is_told_where_the_person_is_silent(
    contact_of: Make, features_of: Callable[..., dict[str, Any]], now: datetime
) -> None:
    def fact(field: str, value: str, confidence: float = 0.9) -> Fact:
        return Fact(field=field, value=value, by="registry", at=now, confidence=confidence)

    facts = [
        fact("company_size", "EPP"), fact("company_size", "Demais", 0.5), fact("industry_code", "6201501"),
        fact("phone_region", "RJ"), fact("revenue", "R$ 6 milhões"),
    ]  # fmt: skip
    contact = contact_of("Ana Souza", mail="ana@example.com.br")
    found = features_of(contact, *facts)
    assert (found["company_size"], found["industry"], found["region"]) == ("small", "information", "RJ")
    assert found["revenue"] == "medium"
    said = contact.model_copy(update={"extra": {"Nº de funcionários": "300"}})
    assert features_of(said, *facts)["company_size"] == "large"


@pytest.mark.parametrize("competitor", ["example.com.br", "Concorrência S.A.", "concorrencia"])
def test_a_competitor_is_known_by_domain_or_name(
    contact_of: Make, features_of: Callable[..., dict[str, Any]], competitor: str
) -> None:
    contact = contact_of("Ana", mail="ana@mail.example.com.br", company="Concorrência Ltda")
    assert features_of(contact, competitors=[competitor])["competitor"] == 1
    assert "competitor" not in features_of(contact, competitors=["example.com", "corrência"])


@given(st.data())
def test_features_are_json_of_text_and_numbers(
    any_contact: st.SearchStrategy[Contact], now: datetime, data: st.DataObject
) -> None:
    found = read_features(data.draw(any_contact), (), DecisionKind.MATCH, "site", now=now)
    assert json.loads(json.dumps(found)) == found
    assert all(isinstance(value, str | int | float) and value for value in found.values())
