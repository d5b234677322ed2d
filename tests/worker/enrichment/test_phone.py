"""Where a phone number is at home."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.models import Fact

Values = Callable[..., dict[str, str]]


@pytest.mark.parametrize(
    ("phone", "country", "region", "zone", "kind"),
    [
        ("(11) 98765-4301", "BR", "SP", "America/Sao_Paulo", "mobile"),
        ("(11) 3333-4444", "BR", "SP", "America/Sao_Paulo", "fixed"),
        ("(61) 98765-4301", "BR", "DF", "America/Sao_Paulo", "mobile"),
        ("(92) 98765-4301", "BR", "AM", "America/Manaus", "mobile"),
        ("(68) 98765-4301", "BR", "AC", "America/Rio_Branco", "mobile"),
        ("(98) 3333-4444", "BR", "MA", "America/Sao_Paulo", "fixed"),
        ("+1 202 555 0143", "US", "", "America/New_York", "other"),
        ("+351 912 345 678", "PT", "", "", "mobile"),
    ],
)
def test_country_state_time_zone_and_kind(
    values_of: Values, phone: str, country: str, region: str, zone: str, kind: str
) -> None:
    found = values_of("phone", phone=phone)
    assert (found["phone_country"], found["phone_kind"]) == (country, kind)
    assert (found.get("phone_region", ""), found.get("phone_time_zone", "")) == (region, zone)


AREA_CODES = {
    "SP": "11 12 13 14 15 16 17 18 19", "RJ": "21 22 24", "ES": "27 28", "MG": "31 32 33 34 35 37 38",
    "PR": "41 42 43 44 45 46", "SC": "47 48 49", "RS": "51 53 54 55", "DF": "61", "GO": "62 64", "TO": "63",
    "MT": "65 66", "MS": "67", "AC": "68", "RO": "69", "BA": "71 73 74 75 77", "SE": "79", "PE": "81 87", "AL": "82",
    "PB": "83", "RN": "84", "CE": "85 88", "PI": "86 89", "PA": "91 93 94", "AM": "92 97", "RR": "95", "AP": "96",
    "MA": "98 99",
}  # fmt: skip
"""Anatel's numbering plan: the area codes of each state."""


@pytest.mark.parametrize("state", AREA_CODES)
def test_every_brazilian_area_code_has_its_state(values_of: Values, state: str) -> None:
    for area_code in AREA_CODES[state].split():
        for number in ("98765-4301", "3333-4444"):
            assert values_of("phone", phone=f"({area_code}) {number}")["phone_region"] == state, area_code


def test_the_carrier_is_only_the_first_one(facts_of: Callable[..., dict[str, Fact]]) -> None:
    carrier = facts_of("phone", phone="(11) 98765-4301")["phone_carrier"]
    assert carrier.confidence < 0.9


def test_the_first_valid_phone_is_looked_at(values_of: Values) -> None:
    assert values_of("phone", phone="(10) 98765-4301,(92) 98765-4301")["phone_region"] == "AM"


@pytest.mark.parametrize("phone", ["", "(10) 98765-4301"])
def test_without_a_valid_phone_there_is_nothing_to_ask(values_of: Values, phone: str) -> None:
    assert values_of("phone", phone=phone) == {}
