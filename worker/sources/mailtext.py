"""The text of a mail: its plain part, or what a reader sees of its HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import Message

from selectolax.lexbor import LexborHTMLParser, LexborNode

from worker.sources.charsets import decode_text
from worker.sources.mailparts import is_attachment, parts_of

_LONGEST_TEXT = 100_000
_LONGEST_HTML = 500_000
_MOST_TAGS = 10_000
"""Beyond them the HTML is cut: opening tags without end cost the parser their square (0.15 s at this many)."""
_LINE_END = "\x1e"
"""Stands for a line end while HTML's own white space, which means nothing, is folded."""
_CITED, _CITED_END = "\x1c", "\x1d"
"""Stand around what a reply cites; a line between them gets the `>` of plain mails."""
_PARAGRAPHS = "p,div,table,ul,ol,dl,h1,h2,h3,h4,h5,h6,blockquote,pre,section,article,header,footer"
_LINES = "br,hr,tr,li,dt,dd"
_UNSEEN = ["style", "script", "head", "title", "template", "noscript"]
_MOST_CELLS = 30


def body_text(message: Message) -> str:
    """The text that was written: the plain part, or the HTML one as text; of several plain parts all, in order."""
    html = ""
    plain: list[str] = []
    for part in parts_of(message):
        kind = part.get_content_type()
        if is_attachment(part) or kind not in {"text/plain", "text/html"}:
            continue
        text = part_text(part)
        if kind == "text/plain" and text.strip():
            plain.append(text[:_LONGEST_TEXT].strip())
        html = html or (text if kind == "text/html" else "")
    if plain and not (html and _is_stub(plain[0])):
        return "\n\n".join(plain)[:_LONGEST_TEXT]
    return html_text(html)[:_LONGEST_TEXT] if html else "\n\n".join(plain)


def _is_stub(plain: str) -> bool:
    """Whether a plain part only says that the mail is in HTML."""
    return len(plain) < 300 and bool(
        re.search(
            r"(?i)(?:html.{0,40}(?:view|viewer|e-?mail|compat|support|suport|enabled|visualiz)|n[ãa]o suporta html)",
            plain,
        )
    )


def part_text(part: Message) -> str:
    """A part's text in its own charset; empty for a part of parts."""
    payload = part.get_payload(decode=True)
    return decode_text(payload, part.get_content_charset("") or "") if isinstance(payload, bytes) else ""


def html_text(html: str) -> str:
    """HTML as a reader sees it: a line a block; a table's row of two cells, a definition, and the columns of a table
    of one row as `label: value`."""
    tags = html[:_LONGEST_HTML].split("<", _MOST_TAGS + 1)
    tree = LexborHTMLParser("<".join(tags[: _MOST_TAGS + 1]))
    tree.strip_tags(_UNSEEN)
    _mark_rows(tree)
    for term in tree.css("dt"):
        _label(term)
    for line in tree.css(_LINES):
        if not (line.tag == "dd" and line.prev is not None and _before(line) == "dt"):
            line.insert_before(_LINE_END)
    for block in tree.css(_PARAGRAPHS):
        block.insert_before(_LINE_END)
        block.insert_after(_LINE_END)
    for cited in tree.css("blockquote[type=cite]"):
        cited.insert_before(f"{_LINE_END}{_CITED}{_LINE_END}")
        cited.insert_after(f"{_LINE_END}{_CITED_END}{_LINE_END}")
    text = tree.body.text(deep=True) if tree.body is not None else ""
    lines = _cited(line for line in text.split(_LINE_END))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _cited(lines: Iterable[str]) -> Iterator[str]:
    """The lines with white space folded, those that are cited marked."""
    depth = 0
    for line in lines:
        if line.strip(" ") in {_CITED, _CITED_END}:
            depth += 1 if _CITED in line else -1
        else:
            yield ("> " if depth > 0 else "") + re.sub(r"\s+", " ", line).strip()


def _before(node: LexborNode) -> str:
    """The tag of the element before a node, text between them passed over."""
    previous = node.prev
    for _ in range(4):
        if previous is None or not (previous.tag or "").startswith("-"):
            break
        previous = previous.prev
    return (previous.tag or "") if previous is not None else ""


def _mark_rows(tree: LexborHTMLParser) -> None:
    heads: list[str] = []
    for row in tree.css("tr"):
        cells = [cell for cell in row.iter() if cell.tag in {"td", "th"}]
        flat = not any(cell.css_first("table") for cell in cells[:_MOST_CELLS])
        if len(cells) == 2 and flat and not heads:
            _label(cells[0])
        elif cells and flat and len(cells) <= _MOST_CELLS and all(cell.tag == "th" for cell in cells):
            heads = [cell.text(deep=True).strip()[:200] for cell in cells]
            for cell in cells:
                cell.decompose()
            continue
        elif heads and len(cells) == len(heads):
            for head, cell in zip(heads, cells, strict=True):
                cell.insert_before(f"{_LINE_END}{head.rstrip(':')}: ")
        else:
            for cell in cells:
                cell.insert_after(_LINE_END)
        heads = []


def _label(node: LexborNode) -> None:
    label = node.text(deep=True).strip()
    if label and not label.endswith(":"):
        node.insert_after(": ")
