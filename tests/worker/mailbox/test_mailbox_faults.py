"""Whatever happens to server and connection: no mail is lost, none comes twice, and the poller goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from worker.mailbox_session import KEYWORD

Until = Callable[..., None]


def all_marked(imap: Any, count: int) -> Callable[[], bool]:
    return lambda: len(imap.search(f"KEYWORD {KEYWORD}")) == count


def test_another_uidvalidity_brings_no_mail_twice(imap: Any, mailroom: Any, mail: Any, until: Until, log: Any) -> None:
    imap.deliver(*(mail(number) for number in range(1, 6)))
    mailroom.start()
    until(all_marked(imap, 5), "the mails")
    imap.unmark(KEYWORD, "\\Seen")
    imap.kill()
    imap.renumber()
    imap.start()
    until(all_marked(imap, 5), "the mails once more")
    assert len(mailroom.taken()) == 5
    imap.deliver(mail(6))
    until(lambda: len(mailroom.taken()) == 6, "a new mail")
    assert log.has("the mailbox was numbered anew; looking through all of it")


def test_a_kicked_session_comes_back(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until, log: Any
) -> None:
    mailroom.start(poll_seconds=1500)
    until(lambda: b"IDLE" in through_relay.sent, "the wait for mail")
    through_relay.kick()
    imap.deliver(mail(1))
    until(lambda: len(mailroom.taken()) == 1, "the mail")
    assert through_relay.connections >= 2
    assert log.reasons() == ["mailbox_connection"]


@pytest.mark.parametrize("another_goes", [False, True])
def test_mail_that_is_announced_with_the_answer_to_a_search_is_not_waited_for(
    another_goes: bool, imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    """Servers search what was there when the folder was selected, and announce the rest with their answer."""
    searches: list[bytes] = []

    def at_the_first_search(command: bytes) -> None:
        if b"SEARCH" in command:
            searches.append(command)
            if len(searches) == 1:
                if another_goes:
                    imap.expunge()
                imap.deliver(mail(2))

    if another_goes:
        imap.deliver(mail(1))
    through_relay.before = at_the_first_search
    mailroom.start(poll_seconds=1500)
    until(lambda: any(b"Contato 2" in body for body in mailroom.bodies()), "the mail")


def test_news_that_come_in_two_packets_are_heard_to_the_end(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until, log: Any
) -> None:
    def halves(answer: bytes) -> Iterator[bytes]:
        if answer.startswith(b"* 1 EXISTS"):
            yield answer[:5]
            until(lambda: through_relay.sent.endswith(b"DONE\r\n"), "the end of the wait")
            answer = answer[5:]
        yield answer

    mailroom.start(poll_seconds=1500)
    until(lambda: b"IDLE" in through_relay.sent, "the wait for mail")
    through_relay.in_pieces = halves
    imap.deliver(mail(1))
    until(all_marked(imap, 1), "the mail")
    assert log.reasons() == []


def test_news_that_come_with_the_go_ahead_are_heard(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    held: list[bytes] = []

    def together(answer: bytes) -> Iterator[bytes]:
        if answer.startswith(b"+") and not held:
            held.append(answer)
        elif b"EXISTS" in answer and len(held) == 1:
            held.append(answer)
            yield b"".join(held)
        else:
            yield answer

    through_relay.in_pieces = together
    mailroom.start(poll_seconds=1500)
    until(lambda: held, "the wait for mail")
    imap.deliver(mail(1))
    until(lambda: len(mailroom.taken()) == 1, "the mail")


def test_a_connection_that_breaks_in_a_mail_loses_nothing(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    imap.deliver(*(mail(number) for number in range(1, 11)))
    cuts: list[bytes] = []

    def third_then_fifth(answer: bytes) -> bool:
        cut = (b"Contato 3" in answer and not cuts) or (b"Contato 5" in answer and len(cuts) == 1)
        if cut:
            cuts.append(answer)
        return cut

    through_relay.cut_when = third_then_fifth
    mailroom.start()
    until(all_marked(imap, 10), "the mails")
    assert len(cuts) == 2
    assert len(mailroom.taken()) == 10
    assert sorted(len(body) > 100 for body in mailroom.bodies()) == [True] * 10


def test_a_server_that_is_killed_in_a_mail_and_comes_back_loses_nothing(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    imap.deliver(*(mail(number) for number in range(1, 11)))
    killed = threading.Event()

    def at_the_fourth(answer: bytes) -> bool:
        if b"Contato 4" in answer and not killed.is_set():
            imap.kill()
            killed.set()
            return True
        return False

    through_relay.cut_when = at_the_fourth
    mailroom.start()
    until(killed.is_set, "the kill")
    imap.start()
    until(all_marked(imap, 10), "the mails")
    assert len(mailroom.taken()) == 10


def test_a_mail_that_breaks_every_connection_does_not_keep_the_others_waiting(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    imap.deliver(*(mail(number) for number in range(1, 6)))
    through_relay.cut_when = lambda answer: b"Contato 2" in answer
    mailroom.start()
    until(all_marked(imap, 4), "the other mails")
    through_relay.cut_when = lambda _: False
    until(all_marked(imap, 5), "the mail, once the server has got over it")


def test_a_wrong_password_is_said_once_and_tried_ever_more_rarely(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.mailbox.LONGEST_PAUSE", 0.2)
    imap.deliver(mail(1))
    right = imap.password
    imap.set_password("another invented password")
    imap.kill()  # servers remember who got in
    imap.start()
    poller = mailroom.start()
    pauses = spied_pauses(poller)
    until(lambda: len(pauses) >= 4, "four tries")
    assert pauses[:4] == [0.05, 0.1, 0.2, 0.2]
    assert log.reasons() == ["mailbox_login"]
    assert right not in repr(log.events)
    assert "vendas@" not in repr(log.events)
    assert mailroom.taken() == []
    imap.set_password(right)
    until(lambda: len(mailroom.taken()) == 1, "the mail")


def spied_pauses(poller: Any) -> list[float]:
    """The pauses that the poller makes, as it makes them."""
    pauses: list[float] = []
    wait = poller._stop.wait

    def spy(seconds: float) -> bool:
        pauses.append(seconds)
        return bool(wait(seconds))

    poller._stop.wait = spy
    return pauses


def test_a_server_that_is_down_is_said_once_and_found_when_it_is_up(
    imap: Any, mailroom: Any, mail: Any, until: Until, log: Any
) -> None:
    imap.deliver(mail(1))
    imap.kill()
    mailroom.start()
    until(lambda: log.reasons() == ["mailbox_unreachable"], "the word")
    imap.start()
    until(lambda: len(mailroom.taken()) == 1, "the mail")
    assert log.reasons() == ["mailbox_unreachable"]


def test_a_folder_that_is_not_there_is_said(mailroom: Any, until: Until, log: Any) -> None:
    mailroom.start(folder="Não existe")
    until(lambda: log.reasons() == ["mailbox_folder"], "the word")


def test_a_poller_that_waits_stops_at_once(mailroom: Any, through_relay: Any, until: Until) -> None:
    mailroom.start(poll_seconds=1500)
    until(lambda: b"IDLE" in through_relay.sent, "the wait for mail")
    began = time.monotonic()
    mailroom.stop()
    assert time.monotonic() - began < 2


def test_a_poller_whose_server_hangs_stops_within_seconds(
    imap: Any, mailroom: Any, through_relay: Any, mail: Any, until: Until
) -> None:
    imap.deliver(mail(1))
    hanging = threading.Event()
    end = threading.Event()

    def hang(answer: bytes) -> bool:
        if b"Contato 1" in answer:
            hanging.set()
            end.wait(30)
        return False

    through_relay.cut_when = hang
    mailroom.start()
    until(hanging.is_set, "the hanging server")
    began = time.monotonic()
    mailroom.stop()
    assert time.monotonic() - began < 2
    end.set()
    assert mailroom.taken() == []
