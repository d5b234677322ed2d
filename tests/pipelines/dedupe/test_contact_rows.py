"""A row of a list is seen as the stage sees the contact that it tells of."""

from __future__ import annotations

import numpy as np

from benchmarks.dedupe.arrivals import contact_of
from benchmarks.dedupe.crm_people import generate
from benchmarks.dedupe.lists import CRM_COLUMNS
from pipelines.dedupe.columns import RawColumn, make_columns
from pipelines.dedupe.contact_rows import ContactRows, are_contacts
from pipelines.dedupe.features import features

PEOPLE = 400


def raw(name: str, values: list[str], field: str = "") -> RawColumn:
    numbers: dict[str, int] = {"": 0}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int32)
    return RawColumn(name, field or name, tuple(numbers), codes)


def test_a_row_has_the_features_of_the_contact() -> None:
    people = [fields for fields, _ in generate(PEOPLE, 5)]
    table = [raw(name, [fields.get(name, "") for fields in people]) for name in CRM_COLUMNS]
    columns = make_columns(table)
    assert are_contacts(table, columns)
    rows = ContactRows(table, columns)
    unlike = [
        (rows.features(row), expected)
        for row, fields in enumerate(people)
        if rows.features(row) != (expected := features(contact_of(fields)))
    ]
    # A swapped or lone name is read a little otherwise in a column than in a record.
    assert len(unlike) <= PEOPLE * 0.02, unlike[:3]
    for got, want in unlike:
        assert (got.emails, got.phones, got.documents) == (want.emails, want.phones, want.documents)


def test_several_columns_of_one_thing() -> None:
    table = [
        raw("name", ["Ana Souza", "Bruno Lima"]),
        raw("email", ["ana@a.example", ""]),
        raw("work email", ["ana@b.example", "ana@b.example"], "email"),
        raw("phone", ["11 98765-4301", ""]),
        raw("street", ["Rua A", "Rua A"]),
        raw("number", ["10", ""]),
    ]
    rows = ContactRows(table, make_columns(table))
    assert rows.features(0).emails == "ana@a.example ana@b.example"
    assert rows.features(0).street == "rua a 10"
    assert rows.features(1).street == "rua a"
    assert (rows.features(1).emails, rows.features(1).phones) == ("ana@b.example", "")


def test_a_list_without_telephones_is_compared_column_by_column() -> None:
    table = [raw("name", ["Ana Souza", "Bruno Lima"]), raw("email", ["ana@a.example", "bruno@a.example"])]
    assert not are_contacts(table, make_columns(table))
