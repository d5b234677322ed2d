"""Names spelled differently and sounding the same have one code; names that sound different have not."""

from __future__ import annotations

import pytest

from pipelines.dedupe.nicknames import are_nicknames
from pipelines.dedupe.phonetics import phonetic


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("luiz", "luis"), ("souza", "sousa"), ("raphael", "rafael"), ("thereza", "tereza"), ("walter", "valter"),
        ("phellipe", "felipe"), ("yara", "iara"), ("helena", "elena"), ("guilherme", "guiliherme"), ("mattos", "matos"),
        ("queiroz", "queiros"), ("geraldo", "jeraldo"), ("schmidt", "xmidt"), ("anna", "ana"), ("catarina", "katarina"),
        ("cristina", "christina"), ("goncalves", "goncallves"), ("moura", "mora"), ("ferreira", "ferrera"),
    ],
)  # fmt: skip
def test_names_that_sound_alike_share_a_code(one: str, other: str) -> None:
    assert phonetic(one) == phonetic(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ana", "ines"), ("paulo", "paula"), ("marcos", "marcio"), ("lima", "lira"), ("rosa", "roxa")]
)
def test_names_that_sound_different_do_not(one: str, other: str) -> None:
    assert phonetic(one) != phonetic(other)


@pytest.mark.parametrize("word", ["", "12", "😀", "\x00", "h", "a" * 5000])
def test_anything_has_a_code_of_bounded_length(word: str) -> None:
    assert len(phonetic(word)) <= 24


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bia", "beatriz"),
        ("ze", "jose"),
        ("bill", "william"),
        ("bob", "rob"),
        ("pepe", "jose"),
        ("carlinhos", "carlos"),
    ],
)
def test_a_nickname_stands_for_its_name(one: str, other: str) -> None:
    assert are_nicknames(one, other)
    assert are_nicknames(other, one)


@pytest.mark.parametrize(("one", "other"), [("alberto", "roberto"), ("maria", "ana"), ("bia", "ze"), ("", "ana")])
def test_two_full_names_are_not_one_though_they_share_a_nickname(one: str, other: str) -> None:
    assert not are_nicknames(one, other)
