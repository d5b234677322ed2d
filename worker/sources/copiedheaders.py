"""Headers of an earlier mail as mail programs copy them into the text: `De: ...`, `Enviado: ...`, `Assunto: ...`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.text import fold
from worker.sources import mailwords
from worker.sources.mailparts import Address

_LINE = re.compile(r"[>\s|*_]{0,20}([^\W\d_][^:：\n>]{0,29}?)[\s*_]{0,4}[:：][\s*_]{0,4}(.*)")
_FOLDED = re.compile(r"[\t ]+\S|[^:]*@")
_MOST_HEADERS = 12
_ADDRESS = re.compile(r"[^\s<>\[\]()\"';,:]{1,64}@[^\s<>\[\]()\"';,:]{1,255}")
_ABOUT_ADDRESS = re.compile(r"\s*[<(\[]?\s*(?:<?mailto:)?\s*$", re.IGNORECASE)
_QUOTES = " \t*_\"'“”‘’«»,;<>[]()"


@dataclass(frozen=True, slots=True)
class CopiedHeaders:
    """The headers of the mail that a text quotes or forwards, as far as they are said."""

    sender: Address
    sent: str
    subject: str
    to: str
    end: int
    """The number of the line after the last of them."""
    kinds: int
    """How many different headers there are."""


def read_headers(lines: Sequence[str], start: int) -> CopiedHeaders | None:
    """The copied headers that begin on line `start`, in any order and with blank lines between; None where they do not
    begin there, or nothing says whom the mail is from."""
    found: dict[str, str] = {}
    last, place = "", start
    read_to, blanks = start, 0
    while place < len(lines) and place < start + 4 * _MOST_HEADERS:
        line = lines[place][:1000]
        place += 1
        if not line.strip(" \t>|*"):
            blanks += 1
            if blanks > 1 or (len(found) >= 3 and "sender" in found and _is_whole(found)):
                break
            continue
        kind, value = header_line(line)
        if kind and kind not in found:
            found[kind], last = value, kind
        elif kind == "other":
            last = ""
        elif last and not found[last] and not blanks:
            found[last] = line.strip(_QUOTES + "|")
            last = ""
        elif last in {"to", "other"} and not blanks and _FOLDED.match(line):
            pass  # a long list of receivers goes on
        else:
            break
        read_to, blanks = place, 0
    if not found or "sender" not in found:
        return None
    return CopiedHeaders(
        sender=written_address(found["sender"]),
        sent=found.get("sent", ""),
        subject=found.get("subject", ""),
        to=found.get("to", ""),
        end=read_to,
        kinds=len(found.keys() - {"other"}),
    )


def _is_whole(found: dict[str, str]) -> bool:
    return found.keys() >= {"sender", "sent", "to", "subject"}


def header_line(line: str) -> tuple[str, str]:
    """Which header a line is (`sender`, `sent`, `to`, `subject`, `other`; empty: none) and its value."""
    match = _LINE.match(line[:1000])
    if not match:
        return "", ""
    return _kind(match[1].strip()), match[2].strip(" \t*_")


@lru_cache(maxsize=4096)
def _kind(label: str) -> str:
    spoken = fold(label)
    for kind, words in (
        ("sender", mailwords.FROM),
        ("sent", mailwords.SENT),
        ("to", mailwords.TO),
        ("subject", mailwords.SUBJECT),
        ("other", mailwords.OTHER),
    ):
        if spoken in words:
            return kind
    return ""


def written_address(text: str) -> Address:
    """The name and address in a copied From header: `Ana <ana@x>`, `Ana [mailto:ana@x]`, `ana@x (Ana)`, or `Ana`."""
    text = text[:500]
    match = _ADDRESS.search(text)
    if not match:
        return Address(text.strip(_QUOTES), "")
    before = _ABOUT_ADDRESS.sub("", text[: match.start()])
    name = before.strip(_QUOTES) or text[match.end() :].partition("(")[2].partition(")")[0].strip(_QUOTES)
    return Address("" if "@" in name else name, match[0].strip(".*_"))
