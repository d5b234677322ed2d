"""One connection to a mailbox: find, fetch, mark, and wait for more.

imap-tools connects, selects and searches. Its `flag` and `delete` are not used: both expunge the folder, and with it
what people have marked as deleted there.
"""

from __future__ import annotations

import imaplib
import math
import re
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import cast

from imap_tools import BaseMailBox
from imap_tools.errors import MailboxFolderCreateError, MailboxFolderSelectError, MailboxTaggedResponseError
from imap_tools.idle import get_socket_poller
from imap_tools.utils import encode_folder

from worker.config import MailboxSection
from worker.mailbox_login import ANSWER_SECONDS, NO_FOLDER, MailboxError, hang_up, log_in, said_plainly

KEYWORD = "$Portaria"
"""The keyword of a mail that was taken. \\Seen says nothing of that: people read a shared mailbox too."""
BEGINNING = 1024 * 1024
"""Bytes that are read of a mail above `max_mail`: its header and mostly its text, which stands before attachments."""

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")


class NotMarked(MailboxError):
    """The server refuses to flag or to move mails: those that were taken stay as they are, and are not taken again."""

    code = "mailbox_not_marked"


class NotFetched(MailboxError):
    """The server refuses to give one mail."""

    code = "mailbox_not_fetched"


@dataclass(frozen=True, slots=True)
class Mail:
    uid: int
    content: bytes
    """Its bytes as the server gives them; of a mail above `max_mail` only the first `BEGINNING`."""
    size: int
    """Bytes of the whole mail, as the server says."""


class Session:
    """A logged-in connection to one mailbox. Everything but `break_off` is for one thread; all raise `MailboxError`."""

    def __init__(self, section: MailboxSection) -> None:
        self._section = section
        self._box: BaseMailBox = log_in(section)
        self._can = frozenset(self._box.client.capabilities)
        self._keeps_keyword = False
        self._selected = 0
        """Mails in the folder when it was selected."""

    def select(self) -> int:
        """Select the folder (again); its UIDVALIDITY."""
        with said_plainly():
            try:
                self._box.folder.set(self._section.folder)
            except MailboxFolderSelectError:
                raise MailboxError(f"there is no folder {self._section.folder!r}", code=NO_FOLDER) from None
            except imaplib.IMAP4.readonly:
                why = f"the folder {self._section.folder!r} may only be read: nothing in it could be marked as taken"
                raise MailboxError(why, code=NO_FOLDER) from None
            lasting = b" ".join(part or b"" for part in self._box.client.response("PERMANENTFLAGS")[1]).lower()
            self._keeps_keyword = rb"\*" in lasting or KEYWORD.lower().encode() in lasting
            self._selected = self._last_told("EXISTS")
            return self._last_told("UIDVALIDITY")

    def _last_told(self, what: str) -> int:
        return int(self._box.client.response(what)[1][-1] or 0)

    def _has_come(self) -> bool:
        """Whether the server has announced mail since `select`. It may do so with any answer, that to a search which
        did not find it too, and announces nothing twice (RFC 3501, 7.3.1)."""
        gone = self._box.client.response("EXPUNGE")[1]
        return self._last_told("EXISTS") > self._selected - sum(each is not None for each in gone)

    def find(self, last_uid: int) -> list[int]:
        """UIDs of the mails that are not marked, in order; where mails cannot be marked, of those after `last_uid`."""
        if self._section.handled == "move":
            wanted = "ALL" if "MOVE" in self._can else "UNDELETED"
        elif self._keeps_keyword:
            wanted = f"UNKEYWORD {KEYWORD}"
        else:
            wanted = f"UID {last_uid + 1}:*"
        with said_plainly():
            found = sorted({int(uid) for uid in self._box.uids(wanted, charset=None)})
        # n:* holds the last mail even where its UID is below n (RFC 3501, 6.4.8).
        return [uid for uid in found if uid > last_uid] if wanted.startswith("UID ") else found

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Bytes of each mail that is still there, as the server says."""
        with said_plainly():
            _, answer = self._box.client.uid("FETCH", _set(uids), "(RFC822.SIZE)")
        lines = [line for line in answer if isinstance(line, bytes)]
        found = [(_UID.search(line), _SIZE.search(line)) for line in lines]
        return {int(uid[1]): int(size[1]) for uid, size in found if uid and size}

    def fetch(self, uid: int, size: int) -> Mail | None:
        """The mail, which stays unmarked; None when the server gives none. Raises `NotFetched` besides."""
        if size == 0:
            return Mail(uid, b"", 0)  # there would be nothing to tell it from an answer without a mail
        part = "BODY.PEEK[]" if size <= self._section.max_mail else f"BODY.PEEK[]<0.{BEGINNING}>"
        with said_plainly():
            status, answer = self._box.client.uid("FETCH", str(uid), f"({part})")
        if status != "OK":
            raise NotFetched("the server refuses to give the mail")
        for item in answer:
            if isinstance(item, tuple) and b"BODY[" in item[0]:
                return Mail(uid, item[1], size)
        return None

    def mark(self, uids: Sequence[int]) -> None:
        """Flag or move the mails, as the section says. Raises `NotMarked` when the server will not."""
        with said_plainly():
            if self._section.handled == "move":
                self._move(_set(uids))
            else:
                self._flag(_set(uids), rf"(\Seen {KEYWORD})" if self._keeps_keyword else r"(\Seen)")

    def _flag(self, uids: str, flags: str) -> None:
        if self._box.client.uid("STORE", uids, "+FLAGS.SILENT", flags)[0] != "OK":
            raise NotMarked(f"the server does not let us set {flags}")

    def _move(self, uids: str) -> None:
        command = "MOVE" if "MOVE" in self._can else "COPY"
        target = encode_folder(self._section.move_to).decode("ascii")
        if self._box.client.uid(command, uids, target)[0] != "OK":
            with suppress(MailboxFolderCreateError):  # it was there, and something else is wrong
                self._box.folder.create(self._section.move_to)
            if self._box.client.uid(command, uids, target)[0] != "OK":
                raise NotMarked("the server does not let us move mails to move_to")
        if command == "COPY":
            self._flag(uids, r"(\Deleted)")
            if "UIDPLUS" in self._can:  # else it stays, marked as deleted: EXPUNGE would take other people's mails too
                self._box.client.uid("EXPUNGE", uids)

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return when mail may have come since `select`, or after `seconds`. `break_off` ends it at once."""
        if self._has_come():
            return
        if "IDLE" not in self._can:
            stop.wait(seconds)
            return
        idle = self._box.idle
        with said_plainly():
            try:
                idle.start()  # type: ignore[no-untyped-call] # imap-tools forgot to say None
            except MailboxTaggedResponseError:
                if self._box.client.tagged_commands.pop(idle._idle_tag or b"", None):
                    self._can -= {"IDLE"}  # promised and refused
                    return
                # News that stand before the go-ahead are news all the same.
            else:
                self._listen(seconds)
            idle.stop()  # type: ignore[no-untyped-call]

    def _listen(self, seconds: float) -> None:
        """Return when the server has said something, of which nothing is taken, or after `seconds`. imap-tools' `poll`
        takes what is there of a line and breaks off over the rest, and does not see what came with the go-ahead."""
        client = self._box.client
        said = False
        client.sock.settimeout(0)
        try:
            if sys.version_info >= (3, 14):  # what is read ahead is not in a file there
                said = bool(client._readbuf)
            else:
                with suppress(ssl.SSLWantReadError):
                    said = bool(cast("BufferedReader", client.file).peek(1))
            if not said:
                get_socket_poller(client.sock, math.ceil(seconds))
        finally:
            client.sock.settimeout(ANSWER_SECONDS)

    def close(self) -> None:
        """Hang up. Never raises."""
        hang_up(self._box)

    def break_off(self) -> None:
        """End whatever another thread is waiting for on this connection."""
        with suppress(OSError, ValueError):
            self._box.client.socket().shutdown(socket.SHUT_RDWR)


def _set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))
