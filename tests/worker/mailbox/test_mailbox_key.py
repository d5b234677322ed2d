"""The key of a mail: the same for its copies, another for each other mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mailbox_key import mail_key

LETTER = (
    b"From: Ana <ana@example.com>\r\nTo: vendas@example.com.br,\r\n contato@example.com.br\r\n"
    b"Subject: Oi\r\nDate: Sat, 21 Nov 2026 12:00:00 -0300\r\nMessage-ID: <1@example.com>\r\n\r\nBom dia\r\n"
)


def test_what_is_added_on_the_way_makes_no_other_mail() -> None:
    copy = b"Return-Path: <ana@example.com>\r\nReceived: from a\r\n\tby b\r\nDelivered-To: contato@x\r\n" + LETTER
    assert mail_key(copy) == mail_key(LETTER) is not None


def test_folding_makes_no_other_mail() -> None:
    assert mail_key(LETTER.replace(b",\r\n ", b", ")) == mail_key(LETTER)


@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail.replace(b"<1@", b"<2@"),
        lambda mail: mail.replace(b"Ana", b"Bia"),
        lambda mail: mail.replace(b"Subject: Oi", b"Subject: Ol\xc3\xa1"),
        lambda mail: mail.replace(b"12:00", b"12:01"),
        lambda mail: mail.replace(b"Bom dia", b"Boa tarde"),
        lambda mail: b"Reply-To: bia@example.com\r\n" + mail,
    ],
)
def test_what_the_author_wrote_makes_another_mail(change: Callable[[bytes], bytes]) -> None:
    """Form plugins that use one Message-ID twice lose nobody."""
    assert mail_key(change(LETTER)) != mail_key(LETTER)


@pytest.mark.parametrize("lacking", [b"", b"Message-ID:\r\n", b"Message-ID:  \r\n"])
def test_without_message_id_there_is_no_key(lacking: bytes) -> None:
    assert mail_key(LETTER.replace(b"Message-ID: <1@example.com>\r\n", lacking)) is None


def test_a_message_id_in_the_body_is_none() -> None:
    assert mail_key(b"From: a@example.com\r\n\r\nMessage-ID: <1@example.com>\r\n") is None


@given(st.binary(max_size=300))
def test_whatever_comes_has_a_key_or_none(junk: bytes) -> None:
    assert mail_key(junk) == mail_key(bytes(junk))
    key = mail_key(b"Message-ID: <1@example.com>\r\n\r\n" + junk)
    assert key is not None
    assert key != mail_key(b"Message-ID: <1@example.com>\r\n\r\n" + junk + b"x")


def test_a_field_does_not_run_into_the_next() -> None:
    first = b"Message-ID: <1@example.com>\r\nFrom: ab\r\nSubject: c\r\n\r\n"
    assert mail_key(first) != mail_key(first.replace(b"ab", b"a").replace(b": c", b": bc"))


@pytest.mark.timeout(5)
def test_ten_thousand_fields_and_no_end_take_linear_time() -> None:
    assert mail_key(b"Message-ID: <1@example.com>\r\n" + b"To: a\r\n" * 10_000 + b" \r\n" * 100_000) is not None
    assert mail_key(b"\r\n \t" * 1_000_000) is None
