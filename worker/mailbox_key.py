"""What makes a mail the same mail: its delivery key."""

from __future__ import annotations

import hashlib
import re

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FIELD_START = re.compile(rb"\r?\n(?![ \t])")
_IDENTITY = (b"message-id", b"from", b"sender", b"reply-to", b"to", b"cc", b"date", b"subject")
"""Fields that the author's side writes (RFC 5322, 3.6). Those that are added on the way (Received, Delivered-To,
X-...) differ between two copies of one mail, such as one for each alias of a shared mailbox."""


def mail_key(mail: bytes) -> str | None:
    """A key that is the same for each copy of a mail and differs between mails; None when it has no Message-ID.

    Then the hash of all its bytes has to do (`store.deliveries.add`). The key is a SHA-256 over the fields of
    `_IDENTITY` and the body. Why not

    - UIDVALIDITY and UID: they change when a mailbox is restored, moved to another server, or indexed anew, and all
      its mails would come again. They only say how far the poller was (`store.mailboxes`).
    - the Message-ID alone: form plugins and devices exist that use one twice, and the second person would be lost.
    - all bytes: a mail to two aliases of the mailbox would be two.

    Linear in the size of the mail; reads no further into it than the names of its header fields.
    """
    end = _HEADER_END.search(mail)
    header, body_from = (mail[: end.start()], end.end()) if end else (mail, len(mail))
    fields: dict[bytes, list[bytes]] = {name: [] for name in _IDENTITY}
    for line in _FIELD_START.split(header):
        name, _, value = line.partition(b":")
        values = fields.get(name.strip().lower())
        if values is not None:
            values.append(b" ".join(value.split()))
    if not any(fields[b"message-id"]):
        return None
    digest = hashlib.sha256()
    for values in fields.values():
        joined = b"\n".join(values)
        digest.update(b"%d:" % len(joined))
        digest.update(joined)
    digest.update(memoryview(mail)[body_from:])
    return f"mail:{digest.hexdigest()}"
