"""A list's people: columns guessed, levels in batches, groups judged as groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedupe.candidate_pairs import all_pairs, candidate_pairs, pack, unpack
from pipelines.dedupe.column_levels import LEVEL_NAMES, Comparator
from pipelines.dedupe.columns import Column, Kind, RawColumn, guess_kind, make_columns, tidy, without_repetition
from pipelines.dedupe.profiles import blocks, divide
from pipelines.dedupe.table import dedupe_table


def raw(name: str, values: list[str], field: str = "") -> RawColumn:
    numbers: dict[str, int] = {"": 0}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int32)
    return RawColumn(name, field, tuple(numbers), codes)


def column(kind: Kind, *values: str) -> Column:
    made = raw("x", list(values))
    return Column("x", kind, made.codes, tuple(made.values))


def level(kind: Kind, one: str, other: str) -> str:
    compared = Comparator(column(kind, one, other))
    got = compared.levels(np.array([0], dtype=np.int32), np.array([1], dtype=np.int32))
    back = compared.levels(np.array([1], dtype=np.int32), np.array([0], dtype=np.int32))
    assert got.tolist() == back.tolist()
    return LEVEL_NAMES[kind][int(got[0])]


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        (Kind.GIVEN, "ana", "ana", "exact"),
        (Kind.GIVEN, "bia", "beatriz", "nickname"),
        (Kind.GIVEN, "b", "beatriz", "initial"),
        (Kind.GIVEN, "leonardo", "leonrado", "slip"),
        (Kind.GIVEN, "thomas", "harriet", "different"),
        (Kind.GIVEN, "", "ana", "missing"),
        (Kind.FAMILY, "sousa", "souza", "sound"),
        (Kind.FAMILY, "souza lima", "lima", "part"),
        (Kind.EMAIL, "ana@a.example", "ana@a.example", "exact"),
        (Kind.EMAIL, "!vendas@a.example", "!vendas@a.example", "role"),
        (Kind.EMAIL, "anasouza83@a.example", "anasouza83@other.example", "local"),
        (Kind.EMAIL, "anasouza@a.example", "anasouza@other.example", "plain local"),
        (Kind.EMAIL, "anasouza@a.example", "anasouxa@a.example", "slip"),
        (Kind.PHONE, "1187654301", "2187654301", "last digits"),
        (Kind.PHONE, "1187654301", "1187654302", "slip"),
        (Kind.DATE, "1980-02-03", "1980-03-02", "slip"),
        (Kind.DATE, "1980-02-03", "1980-01-01", "year only"),
        (Kind.DATE, "1980-02-03", "1980-02-28", "two parts"),
        (Kind.DATE, "1980-02-03", "1991-12-30", "different"),
        (Kind.CODE, "va10 8ng", "va10 5hh", "beginning"),
        (Kind.CATEGORY, "m", "f", "different"),
        (Kind.TEXT, "435 la cienega blv", "435 la cienega blvd", "same words"),
        (Kind.TEXT, "the garden", "another place altogether", "different"),
    ],
)
def test_levels(kind: Kind, one: str, other: str, expected: str) -> None:
    assert level(kind, one, other) == expected


def test_digits_tell_people_at_a_large_provider_apart() -> None:
    """At a domain of their own the same two addresses are one and a slip."""
    crowd = [f"person{number}@large.example" for number in range(20)]
    emails = column(
        Kind.EMAIL, "lima83@large.example", "lima84@large.example", "lima83@a.example", "lima84@a.example", *crowd
    )
    got = Comparator(emails).levels(np.array([0, 2], dtype=np.int32), np.array([1, 3], dtype=np.int32))
    assert [LEVEL_NAMES[Kind.EMAIL][number] for number in got] == ["different", "slip"]


def test_given_and_family_name_exchanged() -> None:
    given_names, families = column(Kind.GIVEN, "ana", "souza"), column(Kind.FAMILY, "souza", "ana")
    first, second = np.array([0], dtype=np.int32), np.array([1], dtype=np.int32)
    for one, other in ((given_names, families), (families, given_names)):
        compared = Comparator(one, other)
        assert compared.names[int(compared.levels(first, second)[0])] == "swapped"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("e", ["a@x.example", "b@x.example", "c@x.example"], Kind.EMAIL),
        ("when", ["1980-01-02", "02/03/1981", "19820304"], Kind.DATE),
        ("zip", ["12345", "12346", "ab1 2cd"], Kind.CODE),
        ("notes", ["the quick brown fox", "jumps over a lazy dog"], Kind.TEXT),
        ("empty", [], Kind.IGNORED),
        ("same everywhere", ["yes"], Kind.IGNORED),
    ],
)
def test_kinds_are_guessed_by_content(name: str, values: list[str], kind: Kind) -> None:
    assert guess_kind(name, values, [1] * len(values), len(values)) is kind


def test_row_numbers_are_not_compared() -> None:
    values = [f"r{number}" for number in range(50)]
    assert guess_kind("rec_id", values, [1] * 50, 50) is Kind.IGNORED


def test_few_values_held_by_many_are_a_category() -> None:
    assert guess_kind("gender", ["male", "female"], [30, 20], 50) is Kind.CATEGORY


def test_a_column_that_repeats_others_is_left_out() -> None:
    made = [
        column(Kind.GIVEN, "ana", "bruno", "carla"),
        column(Kind.FAMILY, "souza", "lima", "prado"),
        column(Kind.TEXT, "ana souza", "bruno lima", "carla prado"),
    ]
    assert [each.kind for each in without_repetition(made)] == [Kind.GIVEN, Kind.FAMILY]


def test_a_long_column_is_kept_though_a_longer_one_holds_its_words() -> None:
    """A product's title says more than the description that repeats it."""
    made = [
        column(Kind.TEXT, "acme x1 camera", "acme z9 printer"),
        column(Kind.TEXT, "the x1 camera by acme takes pictures", "the z9 printer by acme prints them"),
        column(Kind.TEXT, "acme", "acme"),
    ]
    assert len(without_repetition(made)) == 3


def test_names_of_things_are_not_taken_apart() -> None:
    [made] = make_columns([raw("name", ["golden xubra", "the tovir grill", "zelda palace hotel"], "name")])
    assert made.kind is Kind.TEXT


def test_whole_names_are_taken_apart_and_fill_what_is_missing() -> None:
    made = make_columns(
        [
            raw("nome completo", ["Ana Souza", "", "Bruno Lima", ""], "name"),
            raw("first", ["", "Carla", "", "Diego"], "given_name"),
        ]
    )
    [given_name] = [each for each in made if each.kind is Kind.GIVEN]
    assert [given_name.values[code] for code in given_name.codes] == ["ana", "carla", "bruno", "diego"]


@pytest.mark.parametrize("junk", ["teste", "N/A", "asdf", "xxx", "0000-0000", "-", ""])
@pytest.mark.parametrize("kind", [Kind.GIVEN, Kind.EMAIL, Kind.PHONE, Kind.COMPANY, Kind.TEXT])
def test_junk_is_missing(kind: Kind, junk: str) -> None:
    assert tidy(junk, kind) == ""


def test_pairs_are_packed_lower_row_first() -> None:
    left, right = unpack(pack(np.array([5, 1]), np.array([2, 9])))
    assert (left.tolist(), right.tolist()) == ([2, 1], [5, 9])
    assert len(all_pairs(5)) == 10


def test_one_value_held_by_all_makes_no_square() -> None:
    """20,000 rows with one e-mail: neighbours only, not two hundred million pairs."""
    rows = 20_000
    emails = column(Kind.EMAIL, *["crowd@x.example"] * rows)
    names = column(Kind.FAMILY, *[f"n{number}" for number in range(rows)])
    assert len(candidate_pairs([emails, names])) <= 60 * rows


def test_rows_that_share_two_halves_are_candidates() -> None:
    rows = 3000
    families = [f"family{number}" for number in range(rows)]
    dates = [f"{1900 + number % 90}-{number % 12 + 1:02d}-{number % 28 + 1:02d}" for number in range(rows)]
    families[2999], dates[2999] = "famiyl7", dates[7]
    found = candidate_pairs([column(Kind.FAMILY, *families), column(Kind.DATE, *dates)])
    assert int(pack(np.array([7]), np.array([2999]))[0]) in set(found.tolist())


def _divided(size: int, evidence: dict[tuple[int, int], list[float | None]]) -> list[int]:
    pairs = list(combinations(range(size), 2))
    bits = np.array([[each or 0.0 for each in evidence[pair]] for pair in pairs], dtype=np.float32)
    present = np.array([[each is not None for each in evidence[pair]] for pair in pairs])
    weights = np.ones(size, dtype=np.int64)
    return divide(size, bits, present, weights, prior=-8.0, join_at=0.0).tolist()


def test_what_is_missing_neither_speaks_for_nor_against() -> None:
    """The second row has little in common with the third, but both fit the first: the three are one."""
    assert _divided(3, {(0, 1): [6.0, 6.0], (0, 2): [6.0, 6.0], (1, 2): [None, 6.0]}) == [0, 0, 0]


def test_what_differs_counts_in_full() -> None:
    """A birth date that differs is not diluted by rows without any."""
    assert _divided(3, {(0, 1): [12.0, None], (0, 2): [12.0, -9.0], (1, 2): [12.0, None]})[2] != 0


def test_blocks_are_parted_at_weak_links() -> None:
    size = 400
    left = np.arange(size - 1, dtype=np.int32)
    bits = np.full(size - 1, 20.0, dtype=np.float32)
    bits[199] = 1.0
    found = list(blocks(size, left, left + 1, bits))
    assert sorted(len(block) for block in found) == [200, 200]


def _people(count: int) -> tuple[list[RawColumn], list[int]]:
    """Each person told of three times: as they are, with a typo, and with a value missing."""
    syllables = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru"]
    rows, labels = [], []
    for number in range(count):
        digits = [number // 10**place % 10 for place in range(3)]
        family = "".join(syllables[(digit * 3 + place) % 10] for place, digit in enumerate(digits)) + "nte"
        first = ["ana", "bruno", "carla", "diego", "elisa", "fabio", "gilda", "heitor"][number * 5 % 8]
        born = f"{1950 + number * 7 % 50}-{number * 5 % 12 + 1:02d}-{number * 11 % 28 + 1:02d}"
        mail = f"{first}{family}{number}@x.example"
        rows += [
            (first, family, born, mail),
            (first, f"{family[:2]}{family[3:]}", born, mail),
            (first, family, "", mail if number % 2 else f"{mail[:-8]}@y.example"),
        ]
        labels += [number] * 3
    names = ("given_name", "family_name", "birth_date", "email")
    return [raw(name, [row[at] for row in rows], name) for at, name in enumerate(names)], labels


def _partition(contacts: list[int]) -> set[frozenset[int]]:
    groups: dict[int, set[int]] = {}
    for row, contact in enumerate(contacts):
        groups.setdefault(contact, set()).add(row)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize("count", [60, 1000])
def test_people_told_of_three_times_are_found_without_labels(count: int) -> None:
    """Under and over the size up to which every pair is compared."""
    columns, labels = _people(count)
    found = _partition(dedupe_table(make_columns(columns)).contacts.tolist())
    expected = _partition(labels)
    assert len(found & expected) > 0.97 * len(expected)


def test_order_of_rows_changes_no_group() -> None:
    columns, _ = _people(60)
    order = np.random.default_rng(1).permutation(180)
    shuffled = [RawColumn(each.name, each.field, each.values, each.codes[order]) for each in columns]
    straight = _partition(dedupe_table(make_columns(columns)).contacts.tolist())
    back = dedupe_table(make_columns(shuffled)).contacts.tolist()
    assert {frozenset(int(order[row]) for row in group) for group in _partition(back)} == straight


def test_equal_rows_that_say_nothing_stay_apart() -> None:
    """Two rows with only *ana* in them are not one person because they are equal."""
    columns, _ = _people(60)
    more = [
        RawColumn(
            each.name, each.field, each.values, np.concatenate([each.codes, [each.codes[0] if at == 0 else 0] * 2])
        )
        for at, each in enumerate(columns)
    ]
    contacts = dedupe_table(make_columns(more)).contacts.tolist()
    assert contacts[-1] != contacts[-2]


_cells = st.sampled_from(
    ["", "ana", "ana souza", "\x00", "😀", "teste", "1980-01-01", "a@x.example", "x" * 5000, "שלום"]
)


@settings(max_examples=25)
@given(st.lists(st.tuples(_cells, _cells, _cells), min_size=1, max_size=30))
def test_whatever_a_list_holds_every_row_has_a_contact(rows: list[tuple[str, str, str]]) -> None:
    columns = make_columns([raw(f"c{at}", [row[at] for row in rows]) for at in range(3)])
    if columns:
        contacts = dedupe_table(columns).contacts
        assert (contacts <= np.arange(len(rows))).all()
        assert (contacts[contacts] == contacts).all()
