"""Forwarded mails: who wrote the mail that somebody passed on, as the mail programs of the world copy it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.text import fold
from worker.sources.copiedheaders import CopiedHeaders, read_headers
from worker.sources.mailparts import Address
from worker.sources.mailwords import FORWARD_PREFIXES, REPLY_PREFIXES
from worker.sources.quotedmail import banner

_MOST_LINES = 2_000
_MOST_LEVELS = 8
_RULE = re.compile(r"\s*[_\-–—=]{5,}\s*")
_ON_ONE_LINE = re.compile(r"\s*(-{3,}\s?[^\W\d_][^-\n]{4,60}?\s?-{3,})\s+(\S.*)")
_GLUED = re.compile(
    r"(?=\b(?:De|From|Von|Da|Van|Para|To|An|À|Aan|Enviado|Sent|Gesendet|Envoyé|Inviato|Verzonden|Cc|Assunto|Subject"
    r"|Asunto"
    r"|Betreff|Objet|Oggetto|Onderwerp)\s?:\s)|(?<=[\w>])(?=(?:Para|To|An|Enviado|Sent|Gesendet|Envoyé|Inviato|Cc"
    r"|Assunto"
    r"|Subject|Asunto|Betreff|Objet|Oggetto)\s?:\s)"
)
"""Yahoo's plain text has the copied headers on one line, with nothing between them."""
_PREFIX = re.compile(r"\W{0,3}([^\W\d_][^:：\[\]()]{0,19}?)\s?(?:\[\d+\]|\(\d+\))?\s?[:：]\s*")

_DANISH_SENDER = re.compile(r"^[ \t>|*]{0,9}Fra\s?:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A mail inside a mail's text."""

    sender: Address
    """The address is empty where the program copied the name alone."""
    sent: str
    """As it is written there."""
    subject: str
    text: str
    comment: str
    """What the one who forwarded it wrote above."""


def read_forwarded(text: str, subject: str, *, answers: bool = False) -> Forwarded | None:
    """The mail that `text` passes on, None where it passes on none.

    Told by the line that mail programs write above ("Mensagem encaminhada"), or by copied headers where the subject
    says it (`ENC:`, `Fwd:`) or nothing stands above them and the mail is no answer (`answers`). Of a mail forwarded
    several times without a word it is the innermost. Linear time.
    """
    outer = _once(text, says_forwarded(subject) or _forwarded_in_danish(subject, text), answers)
    comments = [outer.comment] if outer else []
    for _ in range(_MOST_LEVELS):
        inner = _once(outer.text, False, False) if outer else None
        if inner is None or inner.comment:
            break
        outer = inner
    return outer if outer is None else Forwarded(outer.sender, outer.sent, outer.subject, outer.text, comments[0])


def says_forwarded(subject: str) -> bool:
    """Whether the first prefix of a subject is a forward's and not a reply's."""
    match = _PREFIX.match(subject[:200])
    if not match:
        return False
    spoken = fold(match[1]).rstrip(".")
    return spoken in FORWARD_PREFIXES and spoken not in REPLY_PREFIXES


def _forwarded_in_danish(subject: str, text: str) -> bool:
    """`VS:` is Danish and Norwegian for a forward and Finnish for a reply; the copied headers tell which."""
    match = _PREFIX.match(subject[:200])
    return match is not None and fold(match[1]) == "vs" and _DANISH_SENDER.search(text) is not None


def _once(text: str, said: bool, answers: bool) -> Forwarded | None:
    lines = _parted(text.splitlines())
    written = False
    for number in range(min(len(lines), _MOST_LINES)):
        line = lines[number]
        if not line.strip(" \t>|") or len(line) > 300:
            written = written or len(line) > 300
            continue
        marked = banner(line)
        if marked == "forwarded" or (marked == "original" and (said or (not written and not answers))):
            found = next((one for skip in (1, 2, 3) if (one := read_headers(lines, number + skip))), None)
            if found and (found.kinds >= 2 or found.sender.address):
                return _forwarded(lines, number, found)
        elif not marked and (said or (not written and not answers)):
            found = read_headers(lines, number)
            if found and found.kinds >= 3:
                return _forwarded(lines, number, found)
        written = written or not _RULE.fullmatch(line)
    return None


def _parted(lines: list[str]) -> list[str]:
    """The lines, those of Yahoo that hold all headers parted."""
    parted: list[str] = []
    for line in lines:
        match = _ON_ONE_LINE.fullmatch(line[:1000]) if line.lstrip().startswith("---") else None
        if match and banner(match[1]) and len(pieces := _GLUED.split(match[2])) >= 3:
            parted += [match[1], *filter(None, map(str.strip, pieces))]
        else:
            parted.append(line)
    return parted


def _forwarded(lines: list[str], start: int, headers: CopiedHeaders) -> Forwarded:
    above = lines[:start]
    while above and (not above[-1].strip() or _RULE.fullmatch(above[-1])):
        above.pop()
    below = lines[headers.end :]
    filled = [line for line in below if line.strip()]
    if filled and all(line.lstrip().startswith(">") for line in filled):
        below = [re.sub(r"^\s*> ?", "", line, count=1) for line in below]
    return Forwarded(
        sender=headers.sender,
        sent=headers.sent,
        subject=headers.subject,
        text="\n".join(below).strip(),
        comment="\n".join(above).strip(),
    )
