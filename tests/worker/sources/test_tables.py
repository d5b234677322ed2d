"""CSV as spreadsheets and people really write it; one bad row never takes another with it."""

from __future__ import annotations

import csv
import io
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import SourceRecord
from worker.ports import BadRecord
from worker.sources.tables import parse_table


def rows(body: bytes, **how: str) -> list[list[str] | str]:
    """The values of each row, or the complaint about it."""
    return [
        found.detail if isinstance(found, BadRecord) else [" ".join(one.values) for one in found.fields]
        for found in parse_table(body, **how)
    ]


def keys(body: bytes) -> list[str]:
    return [one.key for one in next(found for found in parse_table(body) if isinstance(found, SourceRecord)).fields]


@pytest.mark.parametrize(
    "body",
    [
        b"nome,email\nAna,a@example.com\n",
        b"nome;email\r\nAna;a@example.com",
        b"nome\temail\rAna\ta@example.com\r",
        b"nome|email\n\n\nAna|a@example.com\n\n",
        b'"nome";"email"\n"Ana";"a@example.com"\n',
        b"sep=|\r\nnome|email\r\nAna|a@example.com",
        b"\xef\xbb\xbfnome,email\nAna,a@example.com\n",
        "nome;email\nAna;a@example.com\n".encode("utf-16"),
        b" nome , email \nAna,a@example.com\n;;\n,,\n",
    ],
)
def test_the_delimiter_the_line_ends_and_the_charset_are_told(body: bytes) -> None:
    assert keys(body) == ["nome", "email"]
    assert rows(body)[:1] == [["Ana", "a@example.com"]]
    assert all(isinstance(row, list) for row in rows(body))


def test_labels_are_the_header_and_doubled_or_empty_names_are_made_unique() -> None:
    (record,) = parse_table(b"Nome,Tel,Tel,,Tel\nAna,1,2,3,4\n")
    assert [(one.key, one.label) for one in record.fields] == [
        ("Nome", "Nome"),
        ("Tel", "Tel"),
        ("Tel (2)", "Tel (2)"),
        ("column_4", ""),
        ("Tel (3)", "Tel (3)"),
    ]


def test_the_delimiter_is_the_one_the_rows_agree_on() -> None:
    body = b"Nome, como no RG;E-mail\nAna;a@example.com\nBia;b@example.com\n"
    assert keys(body) == ["Nome, como no RG", "E-mail"]


@pytest.mark.parametrize("first", [b"Ana,ana@example.com", b"Ana,(11) 95550-0101", b"Ana,+5511955500101"])
def test_a_first_row_that_is_a_person_is_no_header(first: bytes) -> None:
    assert keys(first + b"\nBia,x\n") == ["column_1", "column_2"]
    assert len(rows(first + b"\nBia,x\n")) == 2


def test_quoted_cells_hold_line_ends_delimiters_and_quotes() -> None:
    body = b'nome,obs\n"Ana ""Nina"" Prado","linha 1\nlinha 2, fim"\nBia,5" de tela\n'
    assert rows(body) == [['Ana "Nina" Prado', "linha 1\nlinha 2, fim"], ["Bia", '5" de tela']]


def test_a_row_with_too_many_cells_is_bad_and_a_short_one_is_padded() -> None:
    first, bad, short, trailing = rows(b"nome,email\nAna,a@x\nBia,b@x,oops\nCaio\nDiva,d@x,,\n")
    assert first == ["Ana", "a@x"]
    assert "line 3 has 3 cells, the header 2" in bad
    assert "oops" not in bad
    assert short == ["Caio", ""]
    assert trailing == ["Diva", "d@x"]


@pytest.mark.parametrize("following", [0, 1, 3, 50_000])
def test_a_quote_never_closed_costs_its_own_row_only(following: int) -> None:
    others = b"".join(b"P%d,p@x\n" % number for number in range(following))
    found = rows(b'nome,email\nAna,a@x\n"Bia,b@x\n' + others)
    assert found[0] == ["Ana", "a@x"]
    assert "line 3 opens a quote" in found[1]
    assert found[2:] == [[f"P{number}", "p@x"] for number in range(following)]


def test_a_cell_too_large_is_bad_and_the_others_go_on() -> None:
    first, bad, last = rows(b"nome,x\nAna,1\n" + b"B" * 140_000 + b",2\nCaio,3\n")
    assert (first, last) == (["Ana", "1"], ["Caio", "3"])
    assert "line 3" in bad


def test_one_line_in_another_charset_leaves_the_others_whole() -> None:
    body = "nome,x\nJoão,1\n".encode() + "José,2\n".encode("latin-1")
    assert rows(body) == [["João", "1"], ["José", "2"]]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"nome,email\n", b",,\n"])
def test_a_table_without_rows_holds_nobody(body: bytes) -> None:
    assert rows(body) == []


def test_one_column_is_a_table_too() -> None:
    assert rows(b"email\na@example.com\n") == [["a@example.com"]]


def test_nul_goes_and_the_rest_stays() -> None:
    assert rows(b"nome,x\nA\x00na,1\n") == [["Ana", "1"]]


def test_rows_are_read_lazily() -> None:
    body = b"nome,email\n" + b"Ana,a@example.com\n" * 1_000_000
    assert len(list(islice(parse_table(body), 3))) == 3


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_what_is_written_comes_back(table: list[list[str]], delimiter: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([["nome", "email", "obs"], *table])
    expected = [[cell if cell.strip() else "" for cell in row] for row in table if any(cell.strip() for cell in row)]
    assert rows(file.getvalue().encode()) == expected


@given(st.binary(max_size=200) | st.text(alphabet='a,;"\n\r\t', max_size=60).map(str.encode))
def test_arbitrary_bytes_are_rows_or_bad_rows(body: bytes) -> None:
    rows(body)
