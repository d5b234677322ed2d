"""vCards of all three versions; one bad card never takes another with it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import SourceRecord
from worker.ports import NotContact
from worker.sources.reasons import BAD_CARD, COMPANY
from worker.sources.vcards import parse_cards

OLD = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gon=C3=A7alves;Jo=C3=A3o;;;
FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Jo=E3o Gon=E7alves da=
 Silva
TEL;CELL;PREF:+55 11 95550-0101
EMAIL;INTERNET:joao@example.com
ORG:Padaria Exemplo;Vendas
TITLE:Gerente
ADR;WORK:;;Rua A, 1;Natal;RN;59000-000;Brasil
PHOTO;ENCODING=BASE64;TYPE=JPEG:
 !!!!not base64!!!!

END:VCARD
"""
NEW = """BEGIN:VCARD\r
VERSION:4.0\r
FN:Ana Prado\r
N:Prado;Ana;;Dra.;\r
item1.EMAIL;TYPE=work:mailto:ana@example.com\r
EMAIL:ana.prado@exam\r
 ple.com\r
TEL;VALUE=uri;TYPE="cell,voice":tel:+55-11-95550-0102\r
BDAY:19800112\r
URL:https://example.com/ana\r
NOTE:linha 1\\nlinha 2\\, fim\r
LANG:pt-BR\r
UID:urn:uuid:1\r
X-CPF:000.000.000-00\r
X-BASE;ENCODING=b:dGV4dG8=\r
END:VCARD\r
"""


def found(text: str) -> list:
    return list(parse_cards(text.encode()))


def test_a_card_of_each_version_is_its_person(look) -> None:
    old, new = map(look, found(OLD + NEW))
    assert old.said["name"] == ["João Gonçalves da Silva"]
    assert (old.said["given_name"], old.said["family_name"]) == (["João"], ["Gonçalves"])
    assert (old.values["TEL.cell.pref"], old.said["phone"]) == (("+55 11 95550-0101",), ["+55 11 95550-0101"])
    assert (old.said["company"], old.values["ORG.unit"]) == (["Padaria Exemplo"], ("Vendas",))
    assert (old.said["job_title"], old.said["city"], old.said["postal_code"]) == (["Gerente"], ["Natal"], ["59000-000"])
    assert new.said["email"] == ["ana@example.com", "ana.prado@example.com"]
    assert new.said["phone"] == ["+55-11-95550-0102"]
    assert new.said["birth_date"] == ["19800112"]
    assert new.values["NOTE"] == ("linha 1\nlinha 2, fim",)
    assert new.values["X-BASE"] == ("texto",)
    assert new.values["X-CPF"] == ("000.000.000-00",)
    assert (new.hints["UID"], new.language) == ("ignore", "pt-BR")


def test_a_bad_card_leaves_the_others_alone(look) -> None:
    bad_encoding = "BEGIN:VCARD\nVERSION:3.0\nFN:Bia\nNOTE;ENCODING=b:abc\nEND:VCARD\n"
    cut = "BEGIN:VCARD\nVERSION:3.0\nFN:Caio\n"
    no_property = "BEGIN:VCARD\nwhat is this\nEND:VCARD\n"
    encoding, first, broken, second, nothing, last = found(bad_encoding + OLD + cut + NEW + no_property + cut)
    assert look(first).said["name"] == ["João Gonçalves da Silva"]
    assert look(second).said["name"] == ["Ana Prado"]
    assert {one.reason for one in (encoding, broken, nothing, last)} == {BAD_CARD}
    assert "card 3, on line 20" in broken.detail
    assert not any(name in one.detail for one in (encoding, broken, last) for name in ("Bia", "Caio"))


def test_a_line_that_is_no_property_is_kept_beside_the_person(look) -> None:
    (record,) = found("BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL;TYPE=\nEND:VCARD\n")
    assert look(record).said["name"] == ["Ana"]
    assert look(record).values["unreadable"] == ("TEL;TYPE=",)


def test_a_company_is_nobody_and_an_empty_card_too() -> None:
    company, empty = found(
        "BEGIN:VCARD\nVERSION:4.0\nKIND:org\nFN:Padaria\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n"
    )
    assert (company.reason, type(empty)) == (COMPANY, NotContact)


@pytest.mark.parametrize(
    "line", ["TEL" + ';a="x"' * 15_000 + '"', "TEL" + ";a=" * 30_000, "NOTE:x" + "\n x" * 30_000, "N:" + "," * 90_000]
)
def test_a_hostile_card_takes_no_time(line: str) -> None:
    started = time.perf_counter()
    found(f"BEGIN:VCARD\nVERSION:3.0\n{line}\nEND:VCARD\n")
    assert time.perf_counter() - started < 5


def test_an_enormous_card_is_bad() -> None:
    (bad,) = found("BEGIN:VCARD\nVERSION:3.0\n" + "NOTE:x\n" * 20_000 + "END:VCARD\n")
    assert bad.reason == BAD_CARD
    assert "100,000" in bad.detail


text = st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs", "So"]), min_size=1, max_size=12).filter(
    str.strip
)


@given(text, text)
def test_a_written_name_comes_back(name: str, company: str) -> None:
    (record,) = found(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nORG:{company}\r\nEND:VCARD\r\n")
    assert isinstance(record, SourceRecord)
    assert {one.key: one.values for one in record.fields} == {"FN": (name,), "ORG": (company,)}


@given(
    st.lists(
        st.sampled_from(["FN:", "N:", "TEL;", "x", ";", "=", '"', ":", "\n", " ", "\\", "QUOTED-PRINTABLE", "=C3", "é"])
    )
)
def test_any_lines_between_begin_and_end_are_survived(pieces: list[str]) -> None:
    assert len(found("BEGIN:VCARD\n" + "".join(pieces) + "\nEND:VCARD\n" + NEW)) == 2


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_survived(body: bytes) -> None:
    list(parse_cards(b"BEGIN:VCARD\n" + body))
