"""A file's format is told by its name or its first bytes, and opened by the reader of that format."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable
from worker.sources import media_type_of

MAIL = b"From: Ana Prado <ana@example.com>\r\nSubject: Oi\r\n\r\nOi"
CARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Ana Prado\nEND:VCARD\n"
PARTS = b'--b\r\nContent-Disposition: form-data; name="nome"\r\n\r\nAna Prado\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("name", "head", "media_type"),
    [
        ("people.CSV", b"", "text/csv"),
        ("a.tsv", b"", "text/tab-separated-values"),
        ("a.jsonl", b"", "application/x-ndjson"),
        ("a.ndjson", b"", "application/x-ndjson"),
        ("folder.x/a.vcf", b"", "text/vcard"),
        ("a.eml", b"", "message/rfc822"),
        ("a.json", b"", "application/json"),
        ("a.urlencoded", b"", "application/x-www-form-urlencoded"),
        ("a.multipart", b"", "multipart/form-data"),
        ("-", CARD, "text/vcard"),
        ("-", b"\xef\xbb\xbf" + CARD, "text/vcard"),
        ("a.txt", PARTS, "multipart/form-data"),
        ("-", b'{"a": 1}', "application/json"),
        ("-", b'{\n"a": {\n"b": 1}}', "application/json"),
        ("-", b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson"),
        ("-", b'[{"a": 1}]', "application/json"),
        ("-", MAIL, "message/rfc822"),
        ("-", b"Return-Path: <>\r\n", "message/rfc822"),
        ("-", b"nome=Ana&email=ana%40example.com", "application/x-www-form-urlencoded"),
        ("-", b"nome;email\nAna;ana@example.com", "text/csv"),
        ("a.txt", b"hello", "text/plain"),
        ("", b"", "text/plain"),
    ],
)
def test_the_name_or_the_first_bytes_tell_the_format(name: str, head: bytes, media_type: str) -> None:
    assert media_type_of(name, head) == media_type


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", b"nome,x\nAna Prado,1"),
        ("a.tsv", b"nome\tx\nAna Prado\t1"),
        ("a.jsonl", b'{"nome": "Ana Prado"}'),
        ("a.json", b'{"nome": "Ana Prado"}'),
        ("a.urlencoded", b"nome=Ana+Prado"),
        ("a.multipart", PARTS),
        ("a.vcf", CARD),
        ("a.eml", MAIL),
    ],
)
def test_every_format_gives_its_person(name: str, body: bytes, read, look) -> None:
    (record,) = read("generic", body, "", name=name)
    assert ("Ana Prado",) in look(record).values.values()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv; charset=utf-8", b"nome,x\nAna Prado,1"),
        ("text/x-vcard", CARD),
        ("application/jsonl", b'{"n": "Ana Prado"}'),
    ],
)
def test_a_declared_format_needs_no_name(content_type: str, body: bytes, read, look) -> None:
    (record,) = read("generic", body, content_type)
    assert ("Ana Prado",) in look(record).values.values()


def test_a_hooks_body_in_a_file_is_read_by_its_kind(payload, read, look) -> None:
    (record,) = read("typeform", payload("typeform.json"), "", name="captured.json")
    assert look(record).said["email"] == ["ana@example.com.br"]
    lines = b"\n".join([payload("meta_lead.json").replace(b"\n", b"")] * 2)
    assert [look(one).said["name"] for one in read("meta", lines, "", name="leads.jsonl")] == [["Gilda Paz"]] * 2


def test_a_file_in_no_known_format_is_unparsable(read) -> None:
    with pytest.raises(Unparsable):
        read("generic", b"hello", "", name="note.txt")
