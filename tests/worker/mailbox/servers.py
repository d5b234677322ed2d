"""Real IMAP servers of our own on loopback: pymap from a wheel, and Debian's Dovecot. Both keep a maildir."""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

import psutil
from pysasl.hashing import BuiltinHash

USER, PASSWORD = "vendas", "invented password"
KEYWORD = "$Portaria"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ImapServer(ABC):
    """A server with one account, which may be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._accounts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def renew(self) -> None:
        """Give the account an empty mailbox and its password."""
        self._accounts += 1
        self.maildir = self.folder / f"{USER}-{self._accounts}"
        for part in ("new", "cur", "tmp"):
            (self.maildir / part).mkdir(parents=True)
        (self.maildir / "dovecot-keywords").write_text(f"0 {KEYWORD}\n")
        self.set_password(PASSWORD)

    @abstractmethod
    def command(self) -> list[str]:
        """What runs the server in the foreground."""

    @abstractmethod
    def set_password(self, password: str) -> None:
        """From now on the account has this password."""

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.observe().logout()
            except (OSError, imaplib.IMAP4.error):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """kill -9 of the server and of every session."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def renumber(self) -> None:
        """Forget all UIDs: the folder gets another UIDVALIDITY, as after a restore. To be called while stopped."""
        known = (self.maildir / "dovecot-uidlist").read_text().split()[1]
        while known == f"V{int(time.time())}":  # Dovecot takes the second for it
            time.sleep(0.02)
        for each in self.maildir.glob("dovecot*"):
            if each.name != "dovecot-keywords":
                each.unlink()

    def observe(self) -> imaplib.IMAP4:
        """A connection of somebody else, logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.authenticate("PLAIN", lambda _: f"\0{USER}\0{self.password}".encode())
        return client

    password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        with closing_client(self.observe()) as client:
            for mail in mails:
                assert client.append("INBOX", "", "", mail)[0] == "OK"

    def search(self, criteria: str, folder: str = "INBOX") -> list[int]:
        with closing_client(self.observe()) as client:
            assert client.select(folder, readonly=True)[0] == "OK"
            return [int(uid) for uid in client.uid("SEARCH", criteria)[1][0].split()]

    def unmark(self, *flags: str) -> None:
        """Take the flags off every mail."""
        with closing_client(self.observe()) as client:
            client.select("INBOX")
            client.store("1:*", "-FLAGS", f"({' '.join(flags)})")

    def expunge(self) -> None:
        """Delete every mail."""
        with closing_client(self.observe()) as client:
            client.select("INBOX")
            client.store("1:*", "+FLAGS", r"(\Deleted)")
            client.expunge()


class closing_client:  # noqa: N801 - used like a function
    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def __enter__(self) -> imaplib.IMAP4:
        return self._client

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.logout()


class Pymap(ImapServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "pymap-etc-group").touch()
        (folder / "pymap-tokens").touch()

    def renew(self) -> None:
        super().renew()
        (self.folder / "pymap-etc-passwd").write_text(f"{USER}:x::::{self.maildir.name}:\n")

    def kill(self) -> None:
        super().kill()
        for left in self.maildir.glob("*.lock"):  # it takes one of a dead process for another's, for ever
            left.unlink()

    def command(self) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-tls"]
        return [str(Path(sys.executable).parent / "pymap"), *options, "maildir", str(self.folder)]

    def set_password(self, password: str) -> None:
        hashed = BuiltinHash(rounds=1).hash(password)
        (self.folder / "pymap-etc-shadow").write_text(f"{USER}:{hashed}:::::::\n")
        self.password = password


DOVECOT = """
base_dir = {run}
state_dir = {run}
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {nobody}
default_login_user = {nobody}
default_internal_group = {group}
mail_location = maildir:{maildir}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/passwords
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={maildir}
}}
"""


class Dovecot(ImapServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.chmod(0o755)  # Dovecot serves nobody's mail as root

    def renew(self) -> None:
        super().renew()
        text = DOVECOT.format(
            run=self.folder / "run",
            folder=self.folder,
            maildir=self.maildir,
            port=self.port,
            nobody="dovenull",
            group="dovecot",
        )
        (self.folder / "dovecot.conf").write_text(text)
        for each in [self.maildir, *self.maildir.iterdir()]:
            shutil.chown(each, "nobody", "nogroup")

    def command(self) -> list[str]:
        return ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]

    def set_password(self, password: str) -> None:
        (self.folder / "passwords").write_text(f"{USER}:{{PLAIN}}{password}::::::\n")
        (self.folder / "passwords").chmod(0o644)
        self.password = password

    def kill(self) -> None:
        # Its processes are in sessions of their own; they are told apart by the folder they work in.
        if self._process is None:
            return
        family = [self._process.pid, *(each.pid for each in psutil.Process(self._process.pid).children(recursive=True))]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None
