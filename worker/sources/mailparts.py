"""The parts of a mail, read within bounds: headers, addresses, text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from itertools import islice

from selectolax.lexbor import LexborHTMLParser

from worker.sources.charsets import decode_text

_LONGEST_HEADER = 2_000
"""Characters that are read of a header: names, addresses and subjects are shorter, and the parser is not linear."""
_ADDRESS_HEADERS = frozenset({"from", "sender", "return-path", "reply-to", "to", "cc"})
_SAME_NAME = 10
_MOST_PARTS = 200
_LONGEST_TEXT = 100_000
_LONGEST_HTML = 500_000
_MOST_TAGS = 10_000
"""Beyond them the HTML is cut: opening tags without end cost the parser their square (0.15 s at this many)."""
_LINE_END = "\x1e"
"""Stands for a line end while HTML's own white space, which means nothing, is folded."""
_PARAGRAPHS = "p,div,table,ul,ol,h1,h2,h3,h4,h5,h6,blockquote,pre,section,article,header,footer"
_LINES = "br,hr,tr,li,dt,dd"
_UNSEEN = ["style", "script", "head", "title", "template", "noscript"]


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str


def all_headers(message: EmailMessage) -> dict[str, list[str]]:
    """The top headers by name in lower case, each within bounds, decoded (RFC 2047; bare UTF-8 or Windows-1252 too).

    Those of addresses keep their encoded words: a decoded comma would part a name in two.
    """
    headers: dict[str, list[str]] = {}
    for name, raw in message.raw_items():
        values = headers.setdefault(name.lower(), [])
        if len(values) < _SAME_NAME:
            flat = _unfolded(raw)
            values.append(flat if name.lower() in _ADDRESS_HEADERS else _decoded(flat))
    return headers


def _unfolded(raw: object) -> str:
    text = decode_text(str(raw)[:_LONGEST_HEADER].encode("utf-8", "surrogateescape"))
    return re.sub(r"[\r\n]+[ \t]*", " ", text)


def _decoded(flat: str) -> str:
    try:
        return str(policy.default.header_factory("subject", flat))
    except Exception:  # the decoder of encoded words raises what it likes on malformed ones: then they stay as they are
        return flat


def addresses(headers: dict[str, list[str]], name: str) -> list[Address]:
    """The addresses in a header, in order."""
    found: list[Address] = []
    for value in headers.get(name, []):
        try:
            header = policy.default.header_factory("to", value)
            listed = header.addresses if isinstance(header, AddressHeader) else ()
            found += [Address(one.display_name.strip(), one.addr_spec) for one in listed if "@" in one.addr_spec]
        except Exception:  # as above; an address can still be told by its shape
            found += [Address("", bare) for bare in re.findall(r"[^\s<>,;\"']{1,64}@[^\s<>,;\"']{1,255}", value)]
    return found


def body_text(message: EmailMessage) -> str:
    """The text that was written: the plain part, or the HTML one as text."""
    html = ""
    for part in islice(message.walk(), _MOST_PARTS):
        kind = part.get_content_type()
        if part.is_attachment() or kind not in {"text/plain", "text/html"}:
            continue
        text = _content(part)
        if kind == "text/plain" and text.strip():
            return text[:_LONGEST_TEXT].strip()
        html = html or (text if kind == "text/html" else "")
    return html_text(html)[:_LONGEST_TEXT] if html else ""


def attachment_names(message: EmailMessage) -> Iterator[str]:
    for part in islice(message.walk(), _MOST_PARTS):
        name = part.get_filename()
        if name:
            yield name[:255]


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    return decode_text(payload, part.get_content_charset("")) if isinstance(payload, bytes) else ""


def html_text(html: str) -> str:
    """HTML as a reader sees it: a line a block, a table's row of two cells as `label: value`."""
    tags = html[:_LONGEST_HTML].split("<", _MOST_TAGS + 1)
    tree = LexborHTMLParser("<".join(tags[: _MOST_TAGS + 1]))
    tree.strip_tags(_UNSEEN)
    for row in tree.css("tr"):
        cells = [cell for cell in row.iter() if cell.tag in {"td", "th"}]
        if len(cells) == 2 and not cells[0].css_first("table") and not cells[1].css_first("table"):
            label = cells[0].text(deep=True).strip()
            if label and not label.endswith(":"):
                cells[0].insert_after(": ")
        else:
            for cell in cells:
                cell.insert_after(_LINE_END)
    for line in tree.css(_LINES):
        line.insert_before(_LINE_END)
    for block in tree.css(_PARAGRAPHS):
        block.insert_before(_LINE_END)
        block.insert_after(_LINE_END)
    text = tree.body.text(deep=True) if tree.body is not None else ""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.split(_LINE_END))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
