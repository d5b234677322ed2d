"""Mail by SMTP: to the contact (a step's `mail`), or to a fixed address of the house (`notify`).

The notification's key becomes the `Message-ID`, the same at every attempt, so that a mailbox which drops doubles shows
it once. A mail to a contact says how to unsubscribe, by link and with one click (RFC 2369, RFC 8058), and that no
person wrote it (RFC 3834), so that out-of-office answers stay away.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import idna

from pipelines.models import Notification
from pipelines.templates import one_line
from pipelines.workflow_runs import MAIL
from worker.errors import OutcomeUnknown, PermanentError, TransientError
from worker.ports import Problem
from worker.sinks.posting import NO_ANSWER, REFUSED, UNREACHABLE

BAD_ADDRESS: Final = "bad_address"
"""Reason code: no mail can be written to that address."""
NO_RECIPIENT: Final = "no_recipient"
"""Reason code: the sink has no `to`, and the notification is not for a contact."""
REJECTED: Final = "mail_rejected"
"""Reason code: the mail server will not take it, now or later (5xx)."""

TLS: Final = "mail_tls"
"""Reason code: no encrypted connection comes about; nothing was sent, and the password was not shown."""

TIMEOUT: Final = 20.0
"""Seconds for the connection and for each answer."""

_PORTS: Final = {"smtp": 587, "smtps": 465}
_OPTIONS: Final = frozenset({"user", "password", "sender", "reply_to", "to"})


class _Whole(UnstructuredHeader, BaseHeader):
    """A header in one line. Python would break a long link into encoded words (RFC 2047), in which nobody looks for
    one."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Whole)
_LINES: Final = SMTP.clone(header_factory=_HEADERS)


class _NoEncryption(Exception):
    """The server does not offer any."""


class MailSink:
    """Sends through one mail server, a connection for each mail."""

    def __init__(self, name: str, url: str, options: Mapping[str, Any]) -> None:
        """Raises ValueError that names the key of portaria.toml that is wrong."""
        if unknown := sorted(set(options) - _OPTIONS):
            raise ValueError(f"{unknown[0]}: there is no such key; a mail sink has {', '.join(sorted(_OPTIONS))}")
        server = urlsplit(url)
        if server.scheme not in _PORTS or not server.hostname or server.username or server.password:
            raise ValueError("url: write smtp://host:587 or smtps://host:465; the login goes into user and password")
        self.name = name
        self._tls_from_the_start = server.scheme == "smtps"
        self._host, self._port = server.hostname, server.port or _PORTS[server.scheme]
        self._login = (str(options.get("user", "")), str(options.get("password", "")))
        self._sender = _address(str(options.get("sender", "")), "sender")
        self._reply_to = _address(str(options["reply_to"]), "reply_to") if options.get("reply_to") else None
        self._to = _address(str(options["to"]), "to") if options.get("to") else None

    def send(self, notification: Notification, now: datetime) -> None:
        """Hand it to the mail server once more. Raises `OutcomeUnknown` when the server may have taken it,
        `TransientError` when it did not, `PermanentError` when it never will."""
        mail = self._mail(notification, now)
        handed_over = False
        try:
            server = self._connection()
            with closing(server):
                handed_over = True
                server.send_message(mail)
                with suppress(smtplib.SMTPException, OSError):  # the mail is taken, whatever comes of the farewell
                    server.quit()
        except smtplib.SMTPRecipientsRefused as problem:
            raise self._refusal(*next(iter(problem.recipients.values()))) from None
        except smtplib.SMTPResponseException as problem:
            raise self._refusal(problem.smtp_code, problem.smtp_error) from None
        except smtplib.SMTPNotSupportedError as problem:
            raise PermanentError(f"{self._told()}: {problem}", code=REJECTED) from None
        except _NoEncryption as problem:
            raise TransientError(str(problem), code=TLS) from None
        except ssl.SSLCertVerificationError as problem:
            raise TransientError(self._untrusted(problem), code=TLS) from None
        except (smtplib.SMTPException, OSError) as problem:
            what = f"{self._told()}: {type(problem).__name__}"
            if handed_over:
                raise OutcomeUnknown(f"{what}, it may have taken the mail", code=NO_ANSWER) from None
            raise TransientError(f"{what}, no connection", code=UNREACHABLE) from None

    def check(self) -> Sequence[Problem]:
        """Connect and log in, and send nothing; what is wrong."""
        try:
            with closing(self._connection()) as server:
                server.noop()
        except smtplib.SMTPResponseException as problem:
            what = str(self._refusal(problem.smtp_code, problem.smtp_error))
        except ssl.SSLCertVerificationError as problem:
            what = self._untrusted(problem)
        except _NoEncryption as problem:
            what = str(problem)
        except smtplib.SMTPNotSupportedError as problem:
            what = f"{self._told()}: {problem}"
        except (smtplib.SMTPException, OSError) as problem:
            what = f"{self._told()}: {type(problem).__name__}, no connection"
        else:
            return ()
        return [Problem(what, "see its url, user and password; is the mail server running?")]

    def _connection(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls_from_the_start:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT)
        try:
            server.ehlo()
            if not self._tls_from_the_start and (server.has_extn("starttls") or not _is_loopback(self._host)):
                self._start_tls(server, context)
            if self._login[0]:
                server.login(*self._login)
        except BaseException:
            server.close()
            raise
        return server

    def _start_tls(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        if not server.has_extn("starttls"):
            where = f"{self._told()}:{self._port} offers no STARTTLS"
            raise _NoEncryption(f"{where}: mail would go in the clear; is its port right, or is it smtps://?")
        server.starttls(context=context)
        server.ehlo()

    def _mail(self, notification: Notification, now: datetime) -> EmailMessage:
        payload = notification.payload
        mail = EmailMessage(policy=_LINES)
        domain = self._sender.domain
        mail["Message-ID"] = (
            f"<{hashlib.sha256(notification.key.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}@{domain}>"
        )
        mail["Date"] = format_datetime(now)
        mail["From"] = self._sender
        mail["Auto-Submitted"] = "auto-generated"
        if self._reply_to:
            mail["Reply-To"] = self._reply_to
        if payload.get("type") == MAIL:
            mail["To"] = _recipient(payload["to"])
            mail["Subject"] = one_line(payload["subject"])
            mail["List-Unsubscribe"] = f"<{payload['unsubscribe_url']}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            mail.set_content(payload["text"])
            if payload["html"]:
                mail.add_alternative(payload["html"], subtype="html")
            return mail
        if self._to is None:
            raise PermanentError(f"[sinks.{self.name}] has no `to`: whom it tells of workflows", code=NO_RECIPIENT)
        mail["To"] = self._to
        data = payload.get("data", {})
        contact = data.get("contact", {})
        called = contact.get("name") or contact.get("company") or "somebody without a name"
        mail["Subject"] = one_line(f"{data.get('workflow', '')}: {called} ({data.get('score', '')})")
        mail.set_content("\n".join(_lines(payload)) + "\n")
        return mail

    def _refusal(self, code: int, answer: bytes | str) -> TransientError | PermanentError:
        """The server's answer as an error. Its text may name the recipient, so only its code is told."""
        enhanced = (answer.decode("ascii", "replace") if isinstance(answer, bytes) else answer).split(" ", 1)[0]
        said = f"{code} {enhanced}" if enhanced[:2] in {"4.", "5."} else str(code)
        if code in {530, 534, 535, 538}:  # the login: mended by the user, so it is worth another try
            return TransientError(f"{self._told()} refused the login ({said}); see user and password", code=REFUSED)
        if code >= 500:
            return PermanentError(f"{self._told()} rejected the mail ({said})", code=REJECTED)
        return TransientError(f"{self._told()} did not take the mail now ({said})", code=REFUSED)

    def _untrusted(self, problem: ssl.SSLCertVerificationError) -> str:
        why = problem.verify_message.rstrip(".")
        return (
            f"{self._told()}: its certificate is not trusted ({why}); write the name that it is made out to in url, or"
            " have SSL_CERT_FILE name the certificate of an authority of your own"
        )

    def _told(self) -> str:
        return f"[sinks.{self.name}] {self._host}"


def _lines(payload: Mapping[str, Any], depth: int = 0) -> list[str]:
    """A payload as text, a line for each value that is filled."""
    lines = []
    for key, value in payload.items():
        if isinstance(value, Mapping):
            lines += [f"{'  ' * depth}{key}:", *_lines(value, depth + 1)]
        elif isinstance(value, list):
            told = [
                f"{one.get('points', 0):+d} {one.get('reason', '')}" if isinstance(one, Mapping) else str(one)
                for one in value
            ]
            lines.append(f"{'  ' * depth}{key}: {'; '.join(told)}")
        elif value not in (None, ""):
            lines.append(f"{'  ' * depth}{key}: {value}")
    return lines


def _address(given: str, key: str) -> Address:
    """`Name <a@example.com>` or the address alone. Raises ValueError that names the key."""
    name, address = parseaddr(given)
    try:
        return Address(display_name=one_line(name), addr_spec=address) if "@" in address else _bad(key)
    except (ValueError, MessageError, IndexError):
        return _bad(key)


def _bad(key: str) -> Address:
    raise ValueError(f"{key}: write it as `Name <name@example.com>`")


def _recipient(address: str) -> Address:
    local, _, domain = address.rpartition("@")
    with suppress(ValueError, MessageError, IndexError):  # idna's errors are ValueErrors
        if local:
            return Address(username=local, domain=idna.encode(domain, uts46=True).decode())
    raise PermanentError("the contact's address is none that mail can be sent to", code=BAD_ADDRESS)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
