"""Getting into a mailbox: connection, TLS, password or OAuth 2."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from worker.config import MailboxSection
from worker.errors import TransientError

ANSWER_SECONDS = 30.0
"""How long a server may be silent while an answer is due."""

UNREACHABLE: Final = "mailbox_unreachable"
"""No connection: wrong host or port, or the server is down."""
UNTRUSTED: Final = "mailbox_tls"
"""The server's certificate is not trusted, or it does not speak TLS on this port."""
REFUSED: Final = "mailbox_login"
"""The server did not let us in: user, password, token, or IMAP is switched off for the account."""
NO_TOKEN: Final = "mailbox_oauth2"  # noqa: S105 - a reason code
"""The OAuth 2 server gave no access token."""
NO_FOLDER: Final = "mailbox_folder"
"""The folder is not there, or may only be read, so that nothing in it could be marked."""
LOST: Final = "mailbox_connection"
"""The connection broke off, or the server answered what is not IMAP."""


class MailboxError(TransientError):
    """A mailbox cannot be read now. The text is ours: what a server says may hold names and addresses."""

    code = LOST


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turn what imaplib and imap-tools raise on a connection that is up into `MailboxError`."""
    try:
        yield
    except (MailboxError, MailboxFolderSelectError, imaplib.IMAP4.readonly):
        raise
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as problem:
        raise MailboxError(f"the connection broke off ({type(problem).__name__})") from None


def log_in(section: MailboxSection) -> BaseMailBox:
    """A connection that is logged in, no folder selected. Raises `MailboxError`."""
    token = section.oauth2_token or (_fresh_token(section) if section.oauth2_token_url else "")
    box = _connect(section)
    try:
        if token:
            box.xoauth2(section.user, token, initial_folder=None)
        elif (section.user + section.password).isascii():
            box.login(section.user, section.password, initial_folder=None)
        else:
            box.login_utf8(section.user, section.password, initial_folder=None)
        # Many servers tell all that they can do only to those who are in.
        answer = box.client.capability()[1]
        box.client.capabilities = tuple(answer[-1].decode("ascii", "replace").upper().split())
    except (MailboxLoginError, imaplib.IMAP4.error) as problem:
        hang_up(box)
        if isinstance(problem, imaplib.IMAP4.abort):
            raise MailboxError("the connection broke off during the login") from None
        raise MailboxError(_how_to_get_in(bool(token)), code=REFUSED) from None
    except OSError as problem:
        hang_up(box)
        raise MailboxError(f"the connection broke off during the login ({type(problem).__name__})") from None
    return box


def _how_to_get_in(by_token: bool) -> str:
    if by_token:
        return "the server refused user and access token; has the token run out, and may it read mail by IMAP?"
    return "the server refused user and password; some want a password for applications, or IMAP switched on first"


def hang_up(box: BaseMailBox) -> None:
    """Close the connection without a word; never raises."""
    try:
        box.client.shutdown()
    except (OSError, ValueError):
        return


def _connect(section: MailboxSection) -> BaseMailBox:
    where = f"{section.host}:{section.port}"
    try:
        if section.tls is False:
            return MailBoxUnencrypted(section.host, section.port, timeout=ANSWER_SECONDS)
        kind = MailBoxStartTls if section.tls == "starttls" else MailBox
        context = ssl.create_default_context()
        return kind(section.host, section.port, timeout=ANSWER_SECONDS, ssl_context=context)
    except ssl.SSLCertVerificationError as problem:
        why = f"the certificate of {where} is not trusted ({problem.verify_message})"
        raise MailboxError(f"{why}; name your own authority's file in SSL_CERT_FILE", code=UNTRUSTED) from None
    except ssl.SSLError:
        raise MailboxError(f'{where} speaks no TLS; is tls = "starttls" meant?', code=UNTRUSTED) from None
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as problem:
        raise MailboxError(f"{where} does not answer as IMAP ({type(problem).__name__})", code=UNREACHABLE) from None


def _fresh_token(section: MailboxSection) -> str:
    """An access token by refresh token (RFC 6749, 6) or by the client's credentials (4.4)."""
    form = {"client_id": section.oauth2_client_id, "client_secret": section.oauth2_client_secret}
    if section.oauth2_refresh_token:
        form |= {"grant_type": "refresh_token", "refresh_token": section.oauth2_refresh_token}
    else:
        form["grant_type"] = "client_credentials"
    if section.oauth2_scope:
        form["scope"] = section.oauth2_scope
    try:
        answer = httpx.post(section.oauth2_token_url, data=form, timeout=ANSWER_SECONDS)
        token = answer.raise_for_status().json()["access_token"]
    except httpx.HTTPStatusError as problem:
        why = f"oauth2_token_url answered {problem.response.status_code}; check client id, secret and refresh token"
        raise MailboxError(why, code=NO_TOKEN) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as problem:
        raise MailboxError(f"oauth2_token_url gave no token ({type(problem).__name__})", code=NO_TOKEN) from None
    return str(token)
