"""Files: which format one is in, and which reader opens it. Hook bodies saved to a file go to their kind's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from python_multipart.multipart import parse_options_header

from pipelines.models import SourceRecord
from worker.ports import BadRecord, Delivery, NotContact, Source, SourceSettings
from worker.sources.charsets import decode_text
from worker.sources.jsonlines import parse_json_lines
from worker.sources.mails import parse_mail
from worker.sources.tables import DELIMITERS, parse_table
from worker.sources.vcards import parse_cards

CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON_LINES = "application/x-ndjson"
VCARD = "text/vcard"
MAIL = "message/rfc822"
JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_BY_EXTENSION = {
    ".csv": CSV, ".tsv": TSV, ".tab": TSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".vcf": VCARD, ".vcard": VCARD,
    ".eml": MAIL, ".json": JSON, ".urlencoded": URLENCODED, ".multipart": MULTIPART,
}  # fmt: skip
_ALIASES = {
    "application/csv": CSV, "text/x-csv": CSV, "application/jsonl": JSON_LINES, "application/x-jsonlines": JSON_LINES,
    "text/x-vcard": VCARD, "text/directory": VCARD,
}  # fmt: skip
_MAIL_HEADER = re.compile(
    r"(?:From|Received|Return-Path|Delivered-To|MIME-Version|Message-ID|Subject|Date|To|X-[\w-]+): ?\S", re.I
)
_TWO_OBJECTS = re.compile(r"\{[^\n]*\}\s*\n\s*\{")
_FORM_BODY = re.compile(r"[^\s=&]+=[^\s&]*(?:&[^\s=&]+=[^\s&]*)*\s*")


def media_type_of(name: str, head: bytes = b"") -> str:
    """The media type of a file: by its extension, else by its first bytes; `text/plain` when neither tells."""
    known = _BY_EXTENSION.get(PurePosixPath(name.lower()).suffix)
    if known:
        return known
    text = decode_text(head).lstrip("\ufeff \t\r\n")
    first_line = text.partition("\n")[0]
    if text[:11].upper() == "BEGIN:VCARD":
        return VCARD
    if text.startswith("--") and "content-disposition:" in text.lower():
        return MULTIPART
    if text.startswith(("{", "[")):
        return JSON_LINES if _TWO_OBJECTS.match(text) else JSON
    if _MAIL_HEADER.match(text):
        return MAIL
    if _FORM_BODY.fullmatch(text[:4096]):
        return URLENCODED
    return CSV if any(delimiter in first_line for delimiter in DELIMITERS) else "text/plain"


def parse(
    source: Source, delivery: Delivery, settings: SourceSettings
) -> Iterator[SourceRecord | BadRecord | NotContact]:
    """Everybody in a delivery, by its format: tables, JSON Lines, vCards and mails by theirs, all else by the kind's.

    Lazy, always in the same order. Raises `Unparsable` for the whole of it.
    """
    declared = delivery.content_type or (media_type_of(delivery.name, delivery.body[:4096]) if delivery.name else "")
    media, options = parse_options_header(declared.encode("latin-1", "replace"))
    media_type = media.decode("latin-1").strip()
    charset = options.get(b"charset", b"").decode("latin-1")
    match _ALIASES.get(media_type, media_type):
        case "text/csv":
            return parse_table(delivery.body, charset=charset)
        case "text/tab-separated-values":
            return parse_table(delivery.body, charset=charset, delimiter="\t")
        case "application/x-ndjson":
            return parse_json_lines(source, delivery, settings, charset)
        case "text/vcard":
            return parse_cards(delivery.body, charset)
        case "message/rfc822":
            return parse_mail(delivery.body, settings.options.get("own_domains", ()))
    return source.parse(delivery, settings)
