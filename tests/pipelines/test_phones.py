from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import PhoneKind
from pipelines.phones import MOST_PHONES, find_phones, is_valid_phone, parse_phone

MOBILE, WITHOUT_NINTH, FIXED = "+5511987654321", "+551187654321", "+551133334444"


@pytest.mark.parametrize(
    "text",
    [
        "(11) 98765-4321", "11987654321", "11 98765 4321", "11 9 8765-4321", "(11)9.8765.4321", "11-98765-4321",
        "+55 (11) 98765-4321", "+5511987654321", "+55 11 98765–4321", "55 11 98765-4321", "5511987654321",
        "00 55 11 98765-4321", "005511987654321", "+55 (0xx11) 98765-4321", "(0xx11) 98765-4321", "0XX11 98765-4321",
        "011 98765 4321", "+55 011 98765-4321", "0 15 11 98765-4321", "tel:+5511987654321", "Tel.: (11) 98765-4321",
        "Cel: 11 98765-4321", "WhatsApp 11987654321", "11 98765-4321 (WhatsApp)", "https://wa.me/5511987654321",
        "https://api.whatsapp.com/send?phone=5511987654321&text=oi",
        "\u202a+55 11 98765-4321\u202c", "１１９８７６５４３２１",
    ],
)  # fmt: skip
def test_a_brazilian_mobile_is_read_as_people_write_it(text: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert (phone.e164, phone.kind, phone.region, phone.variants) == (MOBILE, PhoneKind.MOBILE, "BR", (WITHOUT_NINTH,))


@pytest.mark.parametrize("text", ["(11) 8765-4321", "1187654321", "551187654321", "+551187654321", "011 8765-4321"])
def test_the_ninth_digit_is_restored_and_the_form_without_kept(text: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert phone.e164 == MOBILE
    assert phone.variants == (WITHOUT_NINTH,)
    assert phone.given == text


@pytest.mark.parametrize(
    ("text", "e164"),
    [("(11) 6765-4321", "+5511967654321"), ("(11) 7765-4321", "+5511977654321"), ("(71) 9765-4321", "+5571997654321")],
)
def test_eight_digits_from_six_to_nine_are_a_mobile_from_before(text: str, e164: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert phone.e164 == e164
    assert phone.kind is PhoneKind.MOBILE


@pytest.mark.parametrize("text", ["11 3333-4444", "(11) 2333-4444", "(11) 5555-4444", "+55 21 4333-4444"])
def test_fixed_lines_never_get_a_ninth_digit(text: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert len(phone.e164) == 13
    assert phone.kind is PhoneKind.FIXED
    assert phone.variants == ()


def test_a_mobile_that_cannot_have_had_eight_digits_has_no_variant() -> None:
    phone = parse_phone("(11) 95555-4444")
    assert phone is not None
    assert phone.variants == ()


@pytest.mark.parametrize(
    ("text", "e164", "kind", "region"),
    [
        ("+1 415 555 2671", "+14155552671", PhoneKind.OTHER, "US"),
        ("14155552671", "+14155552671", PhoneKind.OTHER, "US"),
        ("+351 912 345 678", "+351912345678", PhoneKind.MOBILE, "PT"),
        ("351912345678", "+351912345678", PhoneKind.MOBILE, "PT"),
        ("+34 612 345 678", "+34612345678", PhoneKind.MOBILE, "ES"),
        ("+54 9 11 2345-6789", "+5491123456789", PhoneKind.MOBILE, "AR"),
        ("+49 30 901820", "+4930901820", PhoneKind.FIXED, "DE"),
        ("0800 123 4567", "+558001234567", PhoneKind.OTHER, "BR"),
        ("4004-1234", "+5540041234", PhoneKind.OTHER, "BR"),
        ("55 99123-4567", "+5555991234567", PhoneKind.MOBILE, "BR"),
    ],
)
def test_other_numbers(text: str, e164: str, kind: PhoneKind, region: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert (phone.e164, phone.kind, phone.region) == (e164, kind, region)
    assert is_valid_phone(phone)


def test_dialling_habits_are_those_of_the_region() -> None:
    phone = parse_phone("912 345 678", "PT")
    assert phone is not None
    assert phone.e164 == "+351912345678"


@pytest.mark.parametrize(
    "text",
    [
        "0000-0000", "11111111", "12345678", "99999-9999", "(11) 99999-9999", "(11) 0000-0000", "(11) 12345-6789",
        "1234567890", "(00) 98765-4321", "3333-4444", "98765-4321", "", "abc", "+55", "190", "12/01/1980", "2026-11-21",
        "123.456.789-09", "12.345.678/0001-95", "ana@example.com", "1.1987654321e10", "não tenho",
        "11 98765-4321 / 11 3333-4444", "11 98765-4321 falar com Ana", "9" * 70,
        "11 " + "-" * 60 + " 98765-4321", "+1 (555) 555-5555",
    ],
)  # fmt: skip
def test_what_is_no_number_or_made_up_is_none(text: str) -> None:
    assert parse_phone(text) is None


@pytest.mark.parametrize(("text", "e164"), [("98765-4321", MOBILE), ("8765-4321", MOBILE), ("3333-4444", FIXED)])
def test_the_area_code_can_be_told(text: str, e164: str) -> None:
    phone = parse_phone(text, area_code="11")
    assert phone is not None
    assert phone.e164 == e164
    assert phone.given == text


def test_a_number_its_country_does_not_use_is_kept_and_known_as_such() -> None:
    phone = parse_phone("(10) 98765-4321")
    assert phone is not None
    assert phone.e164 == "+5510987654321"
    assert not is_valid_phone(phone)


@pytest.mark.parametrize(
    "text",
    ["11 3333-4444 ramal 23", "11 3333-4444 r. 23", "11 3333-4444 R 23", "(11) 3333-4444 ext. 23", "1133334444 x23"],
)
def test_extensions_are_told_apart(text: str) -> None:
    phone = parse_phone(text)
    assert phone is not None
    assert (phone.e164, phone.extension) == (FIXED, "23")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("11 3333-4444 / 11 98765-4321", [FIXED, MOBILE]),
        ("11 3333-4444/11 98765-4321", [FIXED, MOBILE]),
        ("11 3333-4444 / 98765-4321", [FIXED, MOBILE]),
        ("(11) 3333-4444 (11) 98765-4321", [FIXED, MOBILE]),
        ("11 3333-4444 11 98765-4321", [FIXED, MOBILE]),
        ("11 3333-4444 - 11 98765-4321", [FIXED, MOBILE]),
        ("1133334444;11987654321", [FIXED, MOBILE]),
        ("11 3333-4444 ou 11 98765-4321", [FIXED, MOBILE]),
        ("ligue 11 3333-4444 ramal 23 e 11 98765-4321 (whatsapp)", [FIXED, MOBILE]),
        ("(0xx11) 3333-4444 e (0xx11) 8765-4321", [FIXED, MOBILE]),
        ("11 98765-4321 11 98765-4321", [MOBILE]),
        ("Ana Souza, ana@example.com, 11 98765-4321", [MOBILE]),
        ("Ana|ana@example.com|(11) 98765-4321|Acme", [MOBILE]),
        ("wa.me/5511987654321?text=oi", [MOBILE]),
        ("+55 11 98765-4321 +1 415 555 2671", [MOBILE, "+14155552671"]),
        ("CPF 529.982.247-25, pedido 12345678901", []),
        ("nasci em 12/01/1980", []),
        ("2026-11-21 10:15:00", []),
        ("https://example.com/11987654321", []),
        ("R$ 11.987.654,32", []),
        ("11987654321@example.com", []),
        ("", []),
    ],
)
def test_numbers_are_found_in_text(text: str, numbers: list[str]) -> None:
    assert [phone.e164 for phone in find_phones(text)] == numbers


def test_what_was_typed_is_kept_for_each_number() -> None:
    assert [phone.given for phone in find_phones("(11) 3333-4444 ramal 23, 11 98765-4321")] == [
        "(11) 3333-4444 ramal 23",
        "11 98765-4321",
    ]


def test_only_so_many_candidates_are_looked_at() -> None:
    assert find_phones("12 3456 78, " * 300 + "11 98765-4321") == ()


def test_no_more_than_a_handful_is_read_out_of_one_text() -> None:
    assert len(find_phones(", ".join(f"(11) 9{8000 + i}-4321" for i in range(500)))) == MOST_PHONES


_TYPED = st.from_regex(r"[+(]?[0-9][0-9 ().\-/x]{5,24}( ramal [0-9]{1,3})?", fullmatch=True)
_BRAZILIAN = st.builds(
    "({}) {}{}-{}".format,
    st.sampled_from(["11", "21", "31", "48", "71", "85", "92"]),
    st.sampled_from(["", "9"]),
    st.integers(2000, 9999),
    st.integers(0, 9999).map("{:04d}".format),
)


@given(_TYPED | _BRAZILIAN | st.text())
def test_a_number_reads_as_itself(text: str) -> None:
    phone = parse_phone(text)
    if phone is not None:
        again = parse_phone(phone.e164)
        assert again is not None
        assert again.model_copy(update={"given": phone.given, "extension": phone.extension}) == phone


@given(_BRAZILIAN)
def test_the_forms_with_and_without_ninth_digit_are_one_line(text: str) -> None:
    phone = parse_phone(text)
    if phone is not None:
        for variant in phone.variants:
            other = parse_phone(variant)
            assert other is not None
            assert other.e164 == phone.e164


@given(st.text() | st.text(alphabet="0123456789+()-. /xXramal,\n") | _TYPED)
def test_any_text_is_searched_without_an_error_for_valid_numbers_only(text: str) -> None:
    assert all(map(is_valid_phone, find_phones(text)))


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "11 ",
        "(11) 98765-4321 ",
        "+",
        "1-",
        "( ",
        "11 3333-4444/",
        "0xx",
        "r 1 ",
        "x",
        "wa.me/",
        "1a",
        "@",
        "tel ",
        "+1 ",
    ],
)
def test_long_texts_take_bounded_time(unit: str) -> None:
    started = time.process_time()
    find_phones(unit * (20_000 // len(unit)))
    parse_phone(unit * (5_000 // len(unit)))
    parse_phone((unit * 60)[:60])
    assert time.process_time() - started < 1
