"""What is in the mailbox is committed once, then marked."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from worker.errors import TransientError
from worker.mailbox_session import BEGINNING, KEYWORD, NotFetched, NotMarked, Session

Until = Callable[..., None]
MIB = 1024 * 1024


def test_every_mail_is_taken_once_and_marked(imap: Any, mailroom: Any, mail: Any, until: Until) -> None:
    imap.deliver(*(mail(number) for number in range(5)))
    mailroom.start()
    until(lambda: imap.search(f"KEYWORD {KEYWORD}") == [1, 2, 3, 4, 5], "five marked mails")
    taken = mailroom.taken()
    assert len(taken) == 5
    assert {each["source"] for each in taken} == {"vendas"}
    assert {each["content_type"] for each in taken} == {"message/rfc822"}
    assert mailroom.rings >= 1
    assert imap.search("UNSEEN") == []


def test_a_mail_is_taken_as_it_comes(imap: Any, mailroom: Any, mail: Any, until: Until, log: Any) -> None:
    mailroom.start(poll_seconds=1500)
    until(lambda: log.has("the mailbox is read"), "the first look")
    imap.deliver(mail(1))
    until(lambda: len(mailroom.taken()) == 1, "the mail")


def test_without_idle_it_looks_again(
    imap: Any, mailroom: Any, mail: Any, until: Until, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "IDLE")
    mailroom.start(poll_seconds=0.05)
    until(lambda: log.has("the mailbox is read"), "the first look")
    imap.deliver(mail(1))
    until(lambda: len(mailroom.taken()) == 1, "the mail")


def without(monkeypatch: pytest.MonkeyPatch, *capabilities: str) -> None:
    """The server does not offer these."""
    made = Session.__init__

    def init(self: Session, section: Any) -> None:
        made(self, section)
        self._can -= set(capabilities)

    monkeypatch.setattr(Session, "__init__", init)


def test_a_mail_that_somebody_has_read_is_taken_too(imap: Any, mailroom: Any, mail: Any) -> None:
    imap.deliver(mail(1))
    other = imap.observe()
    other.select("INBOX")
    other.store("1", "+FLAGS", "(\\Seen)")
    other.logout()
    look_once(mailroom)
    assert len(mailroom.taken()) == 1


def look_once(mailroom: Any, **options: Any) -> Any:
    """One look of a poller that has just started."""
    poller = mailroom.poller(**options)
    session = Session(poller._section)
    try:
        while poller.read_once(session):
            pass
    finally:
        session.close()
    return poller


def test_what_was_taken_is_not_fetched_again(imap: Any, mailroom: Any, through_relay: Any, mail: Any) -> None:
    imap.deliver(mail(1), mail(2))
    look_once(mailroom)
    assert b"BODY.PEEK[]" in through_relay.sent
    through_relay.sent = b""
    look_once(mailroom)
    assert b"BODY.PEEK[]" not in through_relay.sent


@pytest.fixture
def no_keyword(imap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server keeps no keywords, as Exchange does not."""
    select = Session.select

    def forgetful(self: Session) -> int:
        uidvalidity = select(self)
        self._keeps_keyword = False
        return uidvalidity

    monkeypatch.setattr(Session, "select", forgetful)


@pytest.mark.usefixtures("no_keyword")
def test_without_keywords_the_database_knows_what_was_taken(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any
) -> None:
    imap.deliver(mail(1), mail(2))
    look_once(mailroom)
    assert imap.search("UNSEEN") == []
    imap.unmark("\\Seen")
    imap.deliver(mail(3))
    through_relay.sent = b""
    look_once(mailroom)
    assert len(mailroom.taken()) == 3
    assert through_relay.sent.count(b"BODY.PEEK[]") == 1


@pytest.mark.usefixtures("no_keyword")
def test_a_mail_that_is_refused_is_fetched_later_and_the_others_at_once(
    imap: Any, mailroom: Any, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.deliver(mail(1), mail(2), mail(3))
    fetch = Session.fetch

    def refusing(self: Session, uid: int, size: int) -> Any:
        if uid == 2:
            raise NotFetched("no")
        return fetch(self, uid, size)

    monkeypatch.setattr(Session, "fetch", refusing)
    poller = look_once(mailroom)
    assert len(mailroom.taken()) == 2
    assert poller._last_uid == 1
    monkeypatch.undo()
    look_once(mailroom)
    assert len(mailroom.taken()) == 3


def test_moved_mails_leave_the_folder(imap: Any, mailroom: Any, mail: Any) -> None:
    imap.deliver(mail(1), mail(2))
    look_once(mailroom, handled="move", move_to="Lidos pelo Portaria")
    assert len(mailroom.taken()) == 2
    assert imap.search("ALL") == []
    assert len(imap.search("ALL", '"Lidos pelo Portaria"')) == 2


@pytest.mark.parametrize("lacking", [("MOVE",), ("MOVE", "UIDPLUS")])
def test_moving_never_expunges_what_others_deleted(
    imap: Any, mailroom: Any, mail: Any, monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...]
) -> None:
    without(monkeypatch, *lacking)
    imap.deliver(mail(1), mail(2))
    other = imap.observe()
    other.select("INBOX")
    other.store("1", "+FLAGS", "(\\Deleted)")
    other.logout()
    look_once(mailroom, handled="move", move_to="Lidos")
    look_once(mailroom, handled="move", move_to="Lidos")
    assert 1 in imap.search("DELETED")
    assert imap.search("UNDELETED") == []
    assert len(imap.search("ALL", "Lidos")) == 1


def test_two_mailboxes_of_one_source_bring_a_mail_once(imap: Any, mailroom: Any, mail: Any) -> None:
    imap.deliver(b"Received: from a.example.com\r\n" + mail(1), b"Received: from b.example.com\r\n" + mail(1))
    look_once(mailroom, name="vendas", source="correio")
    imap.unmark(KEYWORD)
    look_once(mailroom, name="contato", source="correio")
    assert [each["source"] for each in mailroom.taken()] == ["correio"]


def test_a_mail_that_no_parser_reads_is_kept(imap: Any, mailroom: Any, mail: Any) -> None:
    imap.deliver(b"\xff\xfe: \x80\r\n \x81\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\xc3\x28", mail(1))
    look_once(mailroom)
    assert len(mailroom.taken()) == 2
    assert any(b"\xc3\x28" in body for body in mailroom.bodies())


def test_of_a_large_mail_the_beginning_is_kept(imap: Any, mailroom: Any, through_relay: Any, mail: Any) -> None:
    size = 3 * MIB
    imap.deliver(mail(1) + b"anexo " * (size // 6), mail(2))
    look_once(mailroom, max_mail=MIB)
    large, small = sorted(mailroom.taken(), key=lambda each: -each["size"])
    assert large["size"] == BEGINNING
    assert large["content_type"].startswith("message/rfc822; size=31")
    assert small["content_type"] == "message/rfc822"
    assert any(body.startswith(b"From: Pessoa 1 ") for body in mailroom.bodies())
    assert through_relay.received < 2 * BEGINNING


@pytest.mark.parametrize("imap", [pytest.param("dovecot", marks=pytest.mark.servers)], indirect=True)  # pymap is slow
def test_a_mail_of_50_mb_costs_little_memory(imap: Any, mailroom: Any, mail: Any) -> None:
    imap.deliver(mail(1) + b"anexo\r\n" * (50 * MIB // 7))
    tracemalloc.start()
    look_once(mailroom)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert mailroom.taken()[0]["size"] == BEGINNING
    assert peak < 16 * MIB


def test_nothing_is_marked_that_is_not_committed(
    imap: Any, mailroom: Any, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.deliver(mail(1))

    def down(*_: object, **__: object) -> None:
        raise TransientError("the database did not answer", code="database")

    monkeypatch.setattr("worker.steps.receive", down)
    with pytest.raises(TransientError):
        look_once(mailroom)
    assert imap.search(f"UNKEYWORD {KEYWORD}") == imap.search("UNSEEN") == [1]
    monkeypatch.undo()
    look_once(mailroom)
    assert imap.search(f"KEYWORD {KEYWORD}") == [1]


def test_a_crash_between_commit_and_mark_brings_no_mail_twice(
    imap: Any, mailroom: Any, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.deliver(mail(1), mail(2, message_id=""))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "mark", crash)
    with pytest.raises(KeyboardInterrupt):
        look_once(mailroom)
    assert len(mailroom.taken()) == 2
    assert imap.search(f"KEYWORD {KEYWORD}") == []
    monkeypatch.undo()
    look_once(mailroom)
    assert len(mailroom.taken()) == 2
    assert imap.search(f"KEYWORD {KEYWORD}") == [1, 2]


def test_a_server_that_lets_nothing_be_marked_has_its_mails_taken_all_the_same(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.mailbox.BATCH", 2)
    imap.deliver(*(mail(number) for number in range(5)))

    def refusing(*_: object) -> None:
        raise NotMarked("no")

    monkeypatch.setattr(Session, "mark", refusing)
    poller = mailroom.poller()
    session = Session(poller._section)
    for _ in range(3):
        with pytest.raises(NotMarked):
            poller.read_once(session)
    assert len(mailroom.taken()) == 5
    assert through_relay.sent.count(b"BODY.PEEK[]") == 5
    monkeypatch.undo()
    poller.read_once(session)
    session.close()
    assert len(imap.search(f"KEYWORD {KEYWORD}")) == 5
    assert through_relay.sent.count(b"BODY.PEEK[]") == 5
