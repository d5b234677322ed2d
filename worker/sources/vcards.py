"""vCards 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), any number in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import vobject

from pipelines.models import SourceField, SourceRecord
from worker.ports import BadRecord, NotContact
from worker.sources.charsets import decode_text, open_text
from worker.sources.reasons import BAD_CARD, COMPANY, EMPTY, OTHER_ENTITY
from worker.sources.records import context, field, record
from worker.sources.trees import Tree

_HINTS = {
    "FN": "name", "EMAIL": "email", "TEL": "phone", "TITLE": "job_title", "URL": "website", "BDAY": "birth_date",
    "ORG": "company",
}  # fmt: skip
_NAME_PARTS = {"given": "given_name", "family": "family_name", "prefix": "", "additional": "", "suffix": ""}
_ADDRESS_PARTS = {
    "street": "street", "extended": "complement", "city": "city", "region": "region", "code": "postal_code",
    "country": "country", "box": "",
}  # fmt: skip
_CONTEXT = frozenset({"UID", "REV", "KIND", "CATEGORIES", "LANG", "X-ABLABEL"})
_FORMAT = frozenset({"VERSION", "PRODID", "BEGIN", "END"})
_BULK = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)
"""Pictures, sounds and keys: not text, and the delivery keeps them."""
_URI = re.compile(r"(?:tel|mailto):", re.IGNORECASE)
_PROPERTY = re.compile(
    r"(?:[A-Za-z0-9_-]+\.)?[A-Za-z0-9_-]+"
    r"(?:;[A-Za-z0-9_-]++(?:=(?:\"[^\"]*+\"|[^\";:,]*+)(?:,(?:\"[^\"]*+\"|[^\";:,]*+))*+)?+)*+:"
)
"""RFC 6350, 3.3. vobject is shown nothing else: its own expression takes exponential time on what does not match."""
_QUOTED_PRINTABLE = re.compile(r"[^:]*quoted-printable", re.IGNORECASE)
_LARGEST = 100_000
"""Characters of one card without its pictures; more is no person's."""


def parse_cards(body: bytes, charset: str = "") -> Iterator[SourceRecord | BadRecord | NotContact]:
    """A record a card, lazily; a card that does not parse is a `BadRecord`, and the others go on.

    A line that is no property is kept as it is, in the field `unreadable`.
    """
    for number, (line, card) in enumerate(_cards(body, charset), 1):
        place = f"card {number}, on line {line}"
        if card is None:
            yield BadRecord(BAD_CARD, f"{place}: it has no END:VCARD, or more than {_LARGEST:,} characters")
            continue
        good, bad = list[str](), list[str]()
        for logical in _unfolded(card):
            (good if _PROPERTY.match(logical) else bad).append(logical)
        try:
            properties = list(vobject.readOne("\n".join(good)).lines())
        except Exception:  # vobject lets whatever its decoders raise through; its texts quote the card
            yield BadRecord(BAD_CARD, f"{place}: a property of it is not encoded as it says")
            continue
        yield _read(place, properties, bad)


def _cards(body: bytes, charset: str) -> Iterator[tuple[int, list[str] | None]]:
    """First line and lines of each card; none for one that breaks off."""
    start, lines, size, dropping = 0, list[str](), 0, False
    for number, line in enumerate(open_text(body, charset), 1):
        bare = line.strip().upper()
        if bare == "BEGIN:VCARD":
            if start:
                yield start, None
            start, lines, size, dropping = number, [], 0, False
        if not start:
            continue
        dropping = bool(_BULK.match(line)) or (dropping and line[:1] in " \t")
        if not dropping:
            size += len(line)
            if size <= _LARGEST:
                lines.append(line.rstrip("\r\n"))
        if bare == "END:VCARD":
            yield start, lines if size <= _LARGEST else None
            start = 0
    if start:
        yield start, None


def _unfolded(lines: list[str]) -> Iterator[str]:
    """Logical lines: a line that starts blank continues the one above, and so does one after quoted-printable's `=`."""
    logical: list[str] = []
    for line in lines:
        soft_break = bool(logical) and logical[-1].endswith("=") and bool(_QUOTED_PRINTABLE.match(logical[0]))
        if soft_break:
            logical[-1] = logical[-1][:-1]
            logical.append(line)
        elif logical and line[:1] in {" ", "\t"}:
            logical.append(line[1:])
        elif line.strip():
            if logical:
                yield "".join(logical)
            logical = [line]
    if logical:
        yield "".join(logical)


def _read(place: str, properties: list[Any], unreadable: list[str]) -> SourceRecord | BadRecord | NotContact:
    kind = next((str(one.value).lower() for one in properties if one.name == "KIND"), "")
    if kind in {"org", "group", "location", "application"}:
        return NotContact(COMPANY if kind == "org" else OTHER_ENTITY, f"{place}: a {kind}")
    language = next((str(one.value) for one in properties if one.name == "LANG"), "")
    filled = [one for each in properties for one in _fields(each) if one.values]
    if filled:
        return record([*filled, context("unreadable", list(unreadable))], language=language)
    if unreadable:
        return BadRecord(BAD_CARD, f"{place}: none of its lines is `NAME:value`")
    return NotContact(EMPTY, place)


def _fields(one: Any) -> Iterator[SourceField]:
    """`one` is a vobject ContentLine; its value's type follows its name."""
    name = one.name
    if name in _FORMAT:
        return
    parts = _NAME_PARTS if name == "N" else _ADDRESS_PARTS if name == "ADR" else None
    if parts is not None and not isinstance(one.value, str):
        for part, hint in parts.items():
            yield field(f"{name}.{part}", _texts(getattr(one.value, part, "")), hint=hint)
        return
    texts = _texts(one.value)
    if name == "ORG":
        yield field(name, texts[:1], hint="company")
        yield field("ORG.unit", texts[1:])
    elif name in _CONTEXT:
        yield context(name, texts)
    else:
        types = sorted({kind.lower() for kind in [*one.params.get("TYPE", []), *one.singletonparams]})
        yield field(
            ".".join([name, *types]),
            [_URI.sub("", text, count=1) for text in texts if isinstance(text, str)],
            hint=_HINTS.get(name, ""),
        )


def _texts(value: object) -> list[Tree]:
    parts = value if isinstance(value, list | tuple) else [value]
    return [decode_text(part) if isinstance(part, bytes) else str(part) for part in parts]
