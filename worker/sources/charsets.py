"""Bytes into text when nobody can be trusted to say which charset they are in."""

from __future__ import annotations

import codecs
from io import BytesIO, TextIOWrapper
from typing import TextIO

LENIENT = "portaria.cp1252"
"""Error handler: what is not UTF-8 is read as Windows-1252, the charset that old forms and spreadsheets really send."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Declared as often as not by software that sends UTF-8 all the same, or (the last two) without the mark they need.
_CLAIMED_BY_HABIT = frozenset({"utf-8", "ascii", "iso8859-1", "cp1252", "utf-16", "utf-32"})
# Codecs of Python's own, for literals and not for documents.
_NO_CHARSET = frozenset({"unicode-escape", "raw-unicode-escape"})


def _lenient(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.encoding != "utf-8":
        return "\ufffd", error.end
    damaged = error.object[error.start : error.end]
    return "".join(_WINDOWS_1252[byte] for byte in damaged), error.end


# The five bytes that Windows-1252 leaves open are read as ISO 8859-1 does (WHATWG Encoding, index windows-1252).
_WINDOWS_1252 = tuple(
    bytes([byte]).decode("cp1252", "ignore") or bytes([byte]).decode("latin-1") for byte in range(256)
)
codecs.register_error(LENIENT, _lenient)


def encoding_of(head: bytes, declared: str = "") -> str:
    """The codec to read a text with, given its first bytes and the charset it was declared in, if any.

    Always to be used with `errors=LENIENT`, so that no byte is refused. A byte order mark wins, then UTF-16 without
    one (every other byte of Latin text is NUL), then the declared charset, then UTF-8.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    sample = head[:1024]
    if len(sample) >= 4:
        if sample[1::2].count(0) * 2 > len(sample[1::2]) and not sample[::2].count(0):
            return "utf-16-le"
        if sample[::2].count(0) * 2 > len(sample[::2]) and not sample[1::2].count(0):
            return "utf-16-be"
    return codec_of(declared)


def codec_of(declared: str) -> str:
    """The codec of a declared charset; UTF-8 where it is none, or a mere habit. For `errors=LENIENT`."""
    try:
        name = codecs.lookup(declared[:40]).name
        b"ab".decode(name, LENIENT)  # refuses what makes no text (rot13, base64) or no document (punycode, idna)
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _CLAIMED_BY_HABIT | _NO_CHARSET else name


def decode_text(body: bytes, declared: str = "") -> str:
    """The text that `body` holds, its byte order mark taken off; never fails."""
    return body.decode(encoding_of(body, declared), LENIENT)


def open_text(body: bytes, declared: str = "") -> TextIO:
    """`decode_text` lazily, line by line; line ends of every kind end a line and are left on it."""
    return TextIOWrapper(BytesIO(body), encoding=encoding_of(body[:1024], declared), errors=LENIENT, newline="")
