"""The mail door: reads any number of mailboxes over IMAP, a thread each.

The order is the promise: a mail is fetched without marking it, **committed** as a delivery (`steps.receive`), then
how far the mailbox was read is committed, and only then the mail is flagged or moved. Whatever dies in between, the
mail comes again with the same key (`mailbox_key.mail_key`) and is known. So nothing is lost, and nothing counts twice.

Nothing is parsed here: a mail that no parser can read is kept byte for byte, and its delivery says why. Of a mail
above `max_mail` the first MiB is kept, and the whole size stands in the delivery's content type
(`message/rfc822; size=52428800`): the sender and the text before the attachments go their way, nothing waits, and the
mail itself stays in the mailbox.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

import structlog

from worker import steps
from worker.config import MailboxSection
from worker.errors import PortariaError
from worker.mailbox_key import mail_key
from worker.mailbox_session import Mail, NotFetched, NotMarked, Session
from worker.ports import Priority
from worker.steps.runtime import Runtime
from worker.store import mailboxes
from worker.store.engine import chunks

log = structlog.get_logger()

MEDIA_TYPE = "message/rfc822"
BATCH = 50
"""Mails that are committed before they are marked together: what a crash makes the poller fetch once more."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds before another try at a mailbox that cannot be read, doubled at each failure."""
STOP_SECONDS = 3.0
"""How long a thread may finish the mail in hand, and then how long it may take to notice that its connection is gone.
What it is cut off from is done again at the next start, and does no harm."""

WELL = "well"
FAILED = "failed"
"""Reading the mailbox failed in a way nobody foresaw; the log names the kind of error."""


def read_mailboxes(runtime: Runtime, *, ring: Callable[[], None], stop: threading.Event) -> None:
    """Read every configured mailbox until `stop` is set; `ring` tells the workers that something has come, at once and
    without raising (`worker.webhook.Doorbell`)."""
    pollers = [Poller(runtime, name, ring=ring, stop=stop) for name in sorted(runtime.settings.mailboxes)]
    threads = [threading.Thread(target=each.run, name=f"mailbox-{each.name}", daemon=True) for each in pollers]
    for thread in threads:
        thread.start()
    stop.wait()
    for busy in (False, True):
        for poller in pollers:
            poller.break_off(busy=busy)
        deadline = monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))


class Poller:
    """Reads one mailbox."""

    def __init__(self, runtime: Runtime, name: str, *, ring: Callable[[], None], stop: threading.Event) -> None:
        self.name = name
        self._runtime = runtime
        self._section: MailboxSection = runtime.settings.mailboxes[name]
        self._whose = {
            "mailbox": name,
            "account": f"{self._section.user}@{self._section.host}",
            "folder": self._section.folder,
        }
        self._ring = ring
        self._stop = stop
        self._session: Session | None = None
        self._waiting = False
        self._condition = ""
        self._failures = 0
        self._uidvalidity = -1
        self._last_uid = 0
        self._committed: set[int] = set()
        self._unmarked: set[int] = set()
        self._tries: Counter[int] = Counter()

    def run(self) -> None:
        """Read until stopped, whatever happens outside."""
        while not self._stop.is_set():
            try:
                self._read()
            except PortariaError as problem:
                self._say(problem.code, str(problem))
            except Exception as error:  # a server may send anything, and the other mails wait
                self._say(FAILED, type(error).__name__)
            finally:
                self._waiting = False
                if self._session:
                    self._session.close()
                    self._session = None
            pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
            self._failures = min(self._failures + 1, 20)
            self._stop.wait(pause)

    def break_off(self, *, busy: bool) -> None:
        """End the wait for mail, and if `busy` whatever it does on its connection; for another thread, after `stop`."""
        session = self._session
        if session and (busy or self._waiting):
            session.break_off()

    def _read(self) -> None:
        self._session = session = Session(self._section)
        while not self._stop.is_set():
            self._waiting = False
            if self.read_once(session):
                continue  # more may have come meanwhile, and would not be announced
            self._waiting = True
            session.wait(self._section.poll_seconds, self._stop)
            self._failures = 0

    def read_once(self, session: Session) -> bool:
        """Take every mail that was not taken yet; whether there was any. Raises `MailboxError`."""
        self._recall(session.select())
        found = session.find(self._last_uid)
        self._committed.intersection_update(found)
        self._unmarked.intersection_update(found)
        self._tries = Counter({uid: self._tries[uid] for uid in found if uid in self._tries})
        # A mail over which the connection broke comes last: if it does so each time, the others are not kept waiting.
        new = sorted((uid for uid in found if uid not in self._committed), key=lambda uid: (self._tries[uid], uid))
        not_marked = self._mark(session)
        taken = 0
        for some in chunks(new, BATCH):
            if self._stop.is_set():
                return False
            taken += self._take(session, some)
            left = [uid for uid in new if uid not in self._committed]
            self._remember(min(left) - 1 if left else found[-1])
            not_marked = self._mark(session) or not_marked
        if not_marked:
            raise not_marked
        self._say(WELL, "")
        return taken > 0

    def _recall(self, uidvalidity: int) -> None:
        """Under another UIDVALIDITY every UID may be another mail (RFC 3501, 2.3.1.1)."""
        if uidvalidity == self._uidvalidity:
            return
        with self._runtime.database.read() as tx:
            self._last_uid = mailboxes.last_uid(tx, uidvalidity=uidvalidity, **self._whose)
        if self._uidvalidity != -1:
            log.info("the mailbox was numbered anew; looking through all of it", mailbox=self.name)
        self._uidvalidity = uidvalidity
        self._committed, self._unmarked, self._tries = set(), set(), Counter()

    def _take(self, session: Session, uids: Sequence[int]) -> int:
        """Fetch and commit these mails; how many were."""
        sizes = session.sizes(uids)
        repeated = taken = 0
        for uid in uids:
            if self._stop.is_set():
                break
            self._tries[uid] += 1
            try:
                mail = session.fetch(uid, sizes[uid]) if uid in sizes else None
            except NotFetched as problem:
                if self._tries[uid] == 1:
                    log.warning("a mail is left for later", mailbox=self.name, uid=uid, reason=problem.code)
                continue
            if mail is None:
                continue  # it has gone if the next search does not find it; until then it has only not come
            repeated += self._commit(mail)
            taken += 1
            self._committed.add(uid)
            self._unmarked.add(uid)
            self._failures = 0
        if taken:
            log.info("mails taken", mailbox=self.name, taken=taken, known=repeated, first=min(uids), last=max(uids))
            self._ring()
        return taken

    def _commit(self, mail: Mail) -> bool:
        """Keep the mail; whether it was known."""
        content_type = MEDIA_TYPE
        if len(mail.content) < mail.size and mail.size > self._section.max_mail:
            content_type = f"{MEDIA_TYPE}; size={mail.size}"
            log.warning("only the beginning of a large mail is kept", mailbox=self.name, uid=mail.uid, size=mail.size)
        added = steps.receive(
            self._runtime,
            self._section.source or self.name,
            mail.content,
            content_type=content_type,
            key=mail_key(mail.content),
            priority=Priority.MAIL,
        )
        return added.repeated

    def _remember(self, last_uid: int) -> None:
        if last_uid > self._last_uid:
            with self._runtime.database.write() as tx:
                mailboxes.save(tx, uidvalidity=self._uidvalidity, last_uid=last_uid, **self._whose)
            self._last_uid = last_uid

    def _mark(self, session: Session) -> NotMarked | None:
        """Mark what is committed. A server that will not has the rest of the mails read all the same."""
        try:
            for some in chunks(sorted(self._unmarked), BATCH):
                session.mark(some)
                self._unmarked.difference_update(some)
        except NotMarked as problem:
            return problem
        return None

    def _say(self, condition: str, why: str) -> None:
        """Tell how the mailbox is, once for each change. `why` is a text of ours."""
        if condition == self._condition or (self._stop.is_set() and condition != WELL):
            return
        self._condition = condition
        if condition == WELL:
            log.info("the mailbox is read", mailbox=self.name)
        else:
            log.warning("the mailbox cannot be read; trying again", mailbox=self.name, reason=condition, why=why)
