"""Replies: what the writer wrote, told from the earlier mail that the mail program copied below or above it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.text import fold
from worker.sources import mailwords
from worker.sources.copiedheaders import header_line, read_headers

_MOST_LINES = 5_000
_LONGEST_LINE = 300
_HEADER_LINES = 4
"""Lines that `On ..., X wrote:` may be broken over."""
_RULE = re.compile(r"\s*[_\-–—=]{5,}\s*")
_BANNER = re.compile(r"[>\s|*_\-–—=+#]{0,40}([^\W\d_][^\n]{4,60}?)[\s*]{0,4}:?[\s>|*_\-–—=+#]{0,40}")
_WROTE = re.compile(
    r"(?:^|[\s,>)])(?:" + "|".join(sorted(map(re.escape, mailwords.WROTE), key=len, reverse=True)) + r")\b\)?", re.I
)
_DATED_ADDRESS = re.compile(r"\d.*[<(\[].{0,80}@.{1,80}[>)\]]")
_TYPE_ABOVE = re.compile(
    r"\W*(?:please )?(?:type your reply above|reply above this line|responda acima desta linha"
    r"|escreva sua resposta acima"
    r"|escriba su respuesta por encima)\b",
    re.IGNORECASE,
)


def own_text(text: str) -> tuple[str, str]:
    """(what the writer wrote, what they quoted) of a mail's text; quoted lines between own ones go to the quoted part.

    A text that is nothing but a quotation stays the writer's own: then nobody can tell. Linear time.
    """
    lines = text.splitlines()
    cut, after = _first_quotation(lines)
    head, tail = lines[:cut], lines[cut:]
    own = [line for line in head if not line.lstrip().startswith(">")]
    if not any(map(str.strip, own)):  # the answer stands below what it answers
        own = [line for line in lines[after:] if not line.lstrip().startswith(">")]
        head, tail = lines[:after], []
        quoted = head + [line for line in lines[after:] if line.lstrip().startswith(">")]
        if not any(line.lstrip().startswith(">") for line in lines):
            return text.strip(), ""
    else:
        quoted = [line for line in head if line.lstrip().startswith(">")] + tail
    if not any(map(str.strip, own)):
        return text.strip(), ""
    return "\n".join(own).strip(), "\n".join(quoted).strip()


def _first_quotation(lines: Sequence[str]) -> tuple[int, int]:
    """Where an earlier mail begins, and the line after what introduces it; past the end where there is none."""
    for number in range(min(len(lines), _MOST_LINES)):
        line = lines[number]
        if not line.strip() or len(line) > _LONGEST_LINE:
            continue
        if end := introduction_end(lines, number):
            return _with_rule_above(lines, number), end
    return len(lines), len(lines)


def introduction_end(lines: Sequence[str], number: int) -> int:
    """The line after what introduces an earlier mail from line `number` on; 0 where nothing does."""
    line = lines[number]
    if _TYPE_ABOVE.match(line) or banner(line) == "original":
        headers = read_headers(lines, number + 1)
        return headers.end if headers else number + 1
    if header_line(line)[0] in {"sender", "subject", "sent"}:
        headers = read_headers(lines, number)
        if headers and headers.kinds >= 3:
            return headers.end
    return _wrote_end(lines, number)


def banner(line: str) -> str:
    """`forwarded` or `original` for a line that a mail program writes above such a mail, else empty."""
    match = _BANNER.fullmatch(line[:_LONGEST_LINE])
    if not match:
        return ""
    spoken = fold(match[1]).strip(" -:*")
    if spoken in mailwords.FORWARDED:
        return "forwarded"
    ruled = line.strip(" \t>|*")[:2] in {"--", "__", "==", "—-", "——", "––"}
    return "original" if spoken in mailwords.ORIGINAL and ruled else ""


def _wrote_end(lines: Sequence[str], number: int) -> int:
    joined = ""
    if lines[number].lstrip(" >\t").startswith(("-- ", "http")):
        return 0
    for place in range(number, min(number + _HEADER_LINES, len(lines))):
        line = lines[place].strip(" \t>*")
        if not line or len(line) > _LONGEST_LINE or (place > number and len(joined) > 2 * _LONGEST_LINE):
            return 0
        joined = f"{joined} {line}".strip()
        if line[-1] in ":：" or (place > number and line[-1] == ">"):
            spoken = fold(joined)
            return place + 1 if _introduces(spoken, line[-1] in ":：") else 0
        if line[-1] in ".!?":
            return 0
    return 0


def _introduces(spoken: str, colon: bool) -> bool:
    """Whether a sentence says that somebody wrote on some day: the verb and a number, or a day and an address."""
    if not any(map(str.isdigit, spoken)):
        return colon and bool(re.search(r"@.{1,100}(?:wrote|escreveu|schrieb|escribio|a ecrit)\s?:$", spoken))
    if not colon:
        return False
    return bool(_DATED_ADDRESS.search(spoken)) or (bool(_WROTE.search(spoken[-160:])) and _has_day(spoken))


def _has_day(spoken: str) -> bool:
    return bool(re.search(r"\d{1,4}[./-]\d{1,2}|\d{1,2}:\d{2}|\b(?:19|20)\d\d\b|\d{1,2}h\d\d|@", spoken))


def _with_rule_above(lines: Sequence[str], number: int) -> int:
    """The rule and the blank lines above belong to the quotation."""
    place = number
    while place and not lines[place - 1].strip():
        place -= 1
    return place - 1 if place and _RULE.fullmatch(lines[place - 1]) else number
