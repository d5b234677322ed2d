"""Records: everything sent is a field, text is storable, noise is left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.sources.records import CONTEXT, context, field, flatten, flatten_context, is_noise, record, remote


def pairs(tree: object) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.key, one.values) for one in flatten(tree)]


def test_nested_values_have_dotted_keys_and_lists_of_values_one() -> None:
    tree = {
        "nome": "Ana",
        "endereco": {"cidade": "Natal", "geo": {"lat": "1"}},
        "tags": ["a", "b"],
        "php": {"0": "x", "1": "y"},
        "sparse": {"3": "x", "7": "y"},
        "itens": [{"sku": "1"}, {"sku": "2"}],
        "mixed": ["a", ["b"]],
        "vazio": None,
        "nada": {},
    }
    assert pairs(tree) == [
        ("nome", ("Ana",)),
        ("endereco.cidade", ("Natal",)),
        ("endereco.geo.lat", ("1",)),
        ("tags", ("a", "b")),
        ("php", ("x", "y")),
        ("sparse.3", ("x",)),
        ("sparse.7", ("y",)),
        ("itens.0.sku", ("1",)),
        ("itens.1.sku", ("2",)),
        ("mixed.0", ("a",)),
        ("mixed.1", ("b",)),
        ("vazio", ()),
    ]


@pytest.mark.parametrize(
    ("key", "noise"),
    [
        ("_wpcf7_unit_tag", True), ("_fluentform_3_fluentformnonce", True), ("g-recaptcha-response", True),
        ("csrf_token", True), ("User-Agent", True), ("_replyto", False), ("utm_source", False), ("ip", False),
        ("page_url", False), ("token_id", False), ("nome", False), ("", False),
    ],
)  # fmt: skip
def test_only_the_noise_of_transport_is_left_out(key: str, noise: bool) -> None:
    assert is_noise(key) is noise
    assert pairs({key: "x", "deep": {key: "y"}}) == (
        [] if noise else [(key or "unnamed", ("x",)), (".".join(filter(None, ("deep", key))), ("y",))]
    )


def test_hints_follow_the_dotted_key() -> None:
    fields = list(flatten({"a": {"mail": "x@example.com"}, "mail": "y"}, hints={"a.mail": "email"}))
    assert [one.hint for one in fields] == ["email", ""]
    assert {one.hint for one in flatten_context({"a": {"b": "1"}})} == {CONTEXT}


def test_fields_of_one_key_become_one_and_nothing_is_lost() -> None:
    made = record([field("a", "1", label="A"), field("b", "2"), field("a", "3")])
    assert [(one.key, one.label, one.values) for one in made.fields] == [("a", "A", ("1", "3")), ("b", "", ("2",))]


def test_an_unanswered_question_stays_and_an_unsent_context_does_not() -> None:
    made = record([field("Cidade", ""), context("ip", None), field("e", " ", hint="email")])
    assert [one.key for one in made.fields] == ["Cidade"]


@given(
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.text(st.characters(exclude_categories=()), max_size=20),
)
@example("\ud800\x00", "\udfff\x00")
def test_whatever_was_sent_can_be_stored(key: str, value: str) -> None:
    made = record([field(key, value, label=key)], remotes=[remote(f"x:{key}", "lead", value)], language=value)
    text = json.dumps(made.model_dump(mode="json"), ensure_ascii=False)
    text.encode("utf-8")
    assert "\\u0000" not in text
    assert "\x00" not in text
