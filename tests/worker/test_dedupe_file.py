"""A list on disk: read whatever it looks like, its people written as documented."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from worker.dedupe_file import UnreadableFile, run_dedupe

HEADER = "nome;sobrenome;e-mail;cidade"
PEOPLE = [
    ("Ana", "Xystouris", "ana.xys1@example.com", "Recife"),
    ("Bruno", "Radelkar", "bruno77@example.com", "Olinda"),
    ("Beatriz", "Quintanar", "bia.q@example.com", "Recife"),
    ("Ana", "Xystouris", "ana.xys1@example.com", "recife"),
    ("Bia", "Quintanar", "bia.q@example.com", ""),
    ("Carla", "Mondelo", "carla.m@example.com", "Natal"),
    ("teste", "teste", "", ""),
    ("teste", "teste", "", ""),
]


def write(
    path: Path, rows: list[tuple[str, ...]], header: str = HEADER, delimiter: str = ";", encoding: str = "utf-8"
) -> Path:
    lines = [header.replace(";", delimiter), *(delimiter.join(row) for row in rows)]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_clusters_and_pairs_are_written_as_documented(tmp_path: Path) -> None:
    summary = run_dedupe(
        write(tmp_path / "list.csv", PEOPLE), clusters_out=tmp_path / "c.csv", pairs_out=tmp_path / "p.csv"
    )
    clusters = read(tmp_path / "c.csv")
    assert [row["row"] for row in clusters] == [str(number) for number in range(len(PEOPLE))]
    contact = [row["contact"] for row in clusters]
    assert contact[0] == contact[3]
    assert contact[2] == contact[4]
    assert len({contact[0], contact[1], contact[2], contact[5]}) == 4
    assert contact[6] != contact[7], "junk is nobody, and so not the same person"
    pairs = read(tmp_path / "p.csv")
    assert {"left", "right", "probability", "decision"} == set(pairs[0])
    assert ("2", "4", "match") in {(row["left"], row["right"], row["decision"]) for row in pairs}
    assert (summary.rows, summary.contacts, summary.duplicates) == (8, 6, 2)
    assert summary.columns["e-mail"] == "email"
    assert summary.to_json()["rows"] == 8


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    people = [
        ("José", "Xystóuris", "jx1@example.com", "São Paulo"),
        ("Jose", "Xystouris", "jx1@example.com", "sao paulo"),
    ]
    path = write(tmp_path / "list.csv", [*people, *PEOPLE[1:3]], delimiter=delimiter, encoding=encoding)
    run_dedupe(path, clusters_out=tmp_path / "c.csv")
    assert [row["contact"] for row in read(tmp_path / "c.csv")] == ["0", "0", "2", "3"]


def test_against_another_list(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", PEOPLE[:3])
    other = write(tmp_path / "other.csv", PEOPLE[3:6])
    summary = run_dedupe(one, against=other, clusters_out=tmp_path / "c.csv", pairs_out=tmp_path / "p.csv")
    assert read(tmp_path / "c.csv") == [
        {"row": "0", "contact": "0", "against": "0"},
        {"row": "1", "contact": "1", "against": ""},
        {"row": "2", "contact": "2", "against": "1"},
    ]
    assert {(row["left"], row["right"]) for row in read(tmp_path / "p.csv") if row["decision"] == "match"} == {
        ("0", "0"), ("2", "1"),
    }  # fmt: skip
    assert summary.linked == 2


def test_lists_with_no_column_in_common_are_refused(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one.csv", PEOPLE), write(tmp_path / "other.csv", PEOPLE, header="a;b;c;d")
    with pytest.raises(UnreadableFile, match="no column in common"):
        run_dedupe(one, against=other)


def test_a_column_can_be_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", PEOPLE, header="x;y;z;w")
    summary = run_dedupe(path, mapping={"x": "given_name", "y": "family_name", "w": "ignore"})
    assert (summary.columns["x"], summary.columns["w"]) == ("given_name", "ignored")
    with pytest.raises(UnreadableFile, match="no column 'v'"):
        run_dedupe(path, mapping={"v": "email"})
    with pytest.raises(UnreadableFile, match="is no field"):
        run_dedupe(path, mapping={"x": "nickname"})


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"name,email\n", 0),
        (b"name,email\n,\n,\n", 2),
        (b"name\nAna\n\nBruno\n", 2),
        (b"name,email\nAna\nBruno,b@x.example,more,and more\n", 2),
        (b"name,name,\nAna,Ana,1\nAna,Ana,2\n", 2),
        ("name,email\n😀,\x00\nשלום,a@x.example\n".encode(), 2),
        (b"name\n" + b"A" * 5000 + b"\n" + b"A" * 5000 + b"\n", 2),
        (b'everything\n"Ana Souza, ana@x.example, +55 11 98765-4301"\n', 1),
        (b"name\n\xff\xfe\xfd\n", 1),
        (b'name,email\n"Ana\nSouza",a@x.example\n', 1),
    ],
)
def test_odd_lists_are_read(tmp_path: Path, content: bytes, rows: int) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    summary = run_dedupe(path, clusters_out=tmp_path / "c.csv", report_html=tmp_path / "r.html")
    assert summary.rows == len(read(tmp_path / "c.csv")) == rows


@pytest.mark.parametrize(
    "junk",
    [
        ("", "", "", ""),
        ("teste", "teste", "teste@teste.com", ""),
        ("asdf", "asdf", "asdf", "asdf"),
        ("N/A", "N/A", "n/a", "N/A"),
        ("0000-0000", "", "0000-0000", ""),
        ("\x00", "\x00", "\x00", ""),
    ],
)
def test_rows_of_junk_are_not_one_person(tmp_path: Path, junk: tuple[str, ...]) -> None:
    summary = run_dedupe(write(tmp_path / "list.csv", [*PEOPLE[:6], junk, junk, junk]), clusters_out=tmp_path / "c.csv")
    whose = [row["contact"] for row in read(tmp_path / "c.csv")]
    assert len(set(whose[6:]) | set(whose[:6])) == summary.contacts == 4 + 3


def test_ten_thousand_rows_with_one_mailbox(tmp_path: Path) -> None:
    people = [(f"N{number:05}", f"F{number % 997:04}", "crowd@example.com", "Recife") for number in range(10_000)]
    summary = run_dedupe(write(tmp_path / "list.csv", people))
    assert summary.compared <= 60 * 10_000
    assert summary.contacts > 9_000


def test_two_equal_rows_are_one_person_and_so_are_ten_thousand(tmp_path: Path) -> None:
    for count in (2, 10_000):
        summary = run_dedupe(write(tmp_path / "list.csv", [PEOPLE[0]] * count))
        assert (summary.contacts, summary.largest_group) == (1, count)


def test_equal_rows_of_a_common_name_are_not(tmp_path: Path) -> None:
    people = [("Maria", "Silva", "", "Recife")] * 500 + [(f"Ana{n}", f"Souza{n}", "", "Olinda") for n in range(500)]
    assert run_dedupe(write(tmp_path / "list.csv", people)).contacts == 1000


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="is empty"):
        run_dedupe(tmp_path / "empty.csv")
    with pytest.raises(UnreadableFile, match="there is no file"):
        run_dedupe(tmp_path / "none.csv")
    with pytest.raises(UnreadableFile, match="is a folder"):
        run_dedupe(tmp_path)


def test_the_report_shows_values_as_text(tmp_path: Path) -> None:
    rows = [("<script>alert(1)</script>", "Xys", "a@example.com", "Recife"), ("<script>alert(2)</script>", "Xys", "a@example.com", "Recife")]  # fmt: skip  # noqa: E501
    run_dedupe(write(tmp_path / "list.csv", [*rows, *PEOPLE]), report_html=tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "What agreement weighs" in page


def test_progress_is_told(tmp_path: Path) -> None:
    steps: list[str] = []
    run_dedupe(write(tmp_path / "list.csv", PEOPLE), progress=lambda step, done, total: steps.append(step))
    assert {"tidy", "compare", "learn", "write"} <= set(steps)


TOGETHER = "name,email,phone,company,city"
NOT_ONE = {
    "a couple on one mailbox and one telephone": [
        ("Otávio Brandelli", "casabrandelli@example.com", "(51) 3344-7701", "", "Gramado"),
        ("Lívia Brandelli", "casabrandelli@example.com", "(51) 3344-7701", "", "Gramado"),
    ],
    "colleagues behind a switchboard and a role mailbox": [
        ("Otávio Brandelli", "vendas@quorvex.example.com", "(11) 3344-7702", "Quorvex Ltda", ""),
        ("Lívia Zanotelli", "vendas@quorvex.example.com", "(11) 3344-7702", "Quorvex", ""),
        ("Caio Mendrisio", "vendas@quorvex.example.com", "(11) 3344-7702", "Quorvex", ""),
    ],
    "namesakes": [
        ("Maria Silva", "maria.silva83@example.com", "(11) 98877-6602", "", ""),
        ("Maria Silva", "msilva1990@example.com", "(85) 97766-5503", "", ""),
    ],
}


@pytest.mark.parametrize("case", NOT_ONE)
def test_a_list_of_contacts_knows_who_belongs_together(tmp_path: Path, case: str) -> None:
    """Who shares what households, offices and namesakes share is not one person; who comes back is."""
    rows = [*NOT_ONE[case], ("Otavio Brandeli", "otavio.b77@example.com", "11 98877-6611", "", "Gramado")]
    rows += [("Otávio Brandelli", "otavio.b77@example.com", "+55 11 98877-6611", "", "")]
    path = write(tmp_path / "list.csv", rows, header=TOGETHER, delimiter=",")
    run_dedupe(path, clusters_out=tmp_path / "c.csv")
    contact = [row["contact"] for row in read(tmp_path / "c.csv")]
    count = len(NOT_ONE[case])
    assert len(set(contact[:count])) == count
    assert contact[-1] == contact[-2]


@pytest.mark.parametrize(
    "content", ["given_name,family_name\n" + "a,b\n" * 3, "name,city\na,\na,\na,\nAna,Recife\n", "nome\n😀\n😀\n😀\n"]
)
def test_letters_and_pictures_are_nobody(tmp_path: Path, content: str) -> None:
    path = tmp_path / "junk.csv"
    path.write_text(content, encoding="utf-8")
    summary = run_dedupe(path)
    assert summary.contacts == summary.rows
