"""The parts of a mail, read within bounds: headers, addresses, what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.headerregistry import AddressHeader
from email.message import Message
from itertools import islice

from worker.sources.charsets import decode_text

Headers = dict[str, list[str]]
"""The values of each header by its name in lower case."""

_LONGEST_HEADER = 2_000
"""Characters that are read of a header: names, addresses and subjects are shorter, and the parser is not linear."""
_SAME_NAME = 10
_MOST_HEADERS = 2_000
_MOST_PARTS = 200
_PLAIN_ADDRESS = re.compile(
    r'(?:"([\w .\'-]{1,100})"|([\w .\'-]{0,100}?))\s*<([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})>'
)
"""What nine mails of ten have in their address headers: the standard's whole grammar takes a hundred times as long."""


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str


def all_headers(message: Message) -> Headers:
    """The top headers by name in lower case, each within bounds, bare UTF-8 or Windows-1252 read as what they are.

    The subject's encoded words (RFC 2047) are decoded; those of addresses stay for `addresses`, since a decoded comma
    would part a name in two, and no other header has text for people.
    """
    headers: Headers = {}
    for name, raw in islice(message.raw_items(), _MOST_HEADERS):
        values = headers.setdefault(name.lower(), [])
        if len(values) < _SAME_NAME:
            flat = _unfolded(raw)
            values.append(_decoded(flat) if name.lower() == "subject" else flat)
    return headers


def first(headers: Headers, name: str) -> str:
    """The first value of a header, empty where there is none."""
    return (headers.get(name) or [""])[0].strip()


def _unfolded(raw: object) -> str:
    text = decode_text(str(raw)[:_LONGEST_HEADER].encode("utf-8", "surrogateescape"))
    return re.sub(r"[\r\n]+[ \t]*", " ", text)


def _decoded(flat: str) -> str:
    if "=?" not in flat:
        return flat
    try:
        return str(policy.default.header_factory("subject", flat))
    except Exception:  # the decoder of encoded words raises what it likes on malformed ones: then they stay as they are
        return flat


def addresses(headers: Headers, name: str) -> list[Address]:
    """The addresses in a header, in order."""
    found: list[Address] = []
    for value in headers.get(name, []):
        if plain := _PLAIN_ADDRESS.fullmatch(value.strip()):
            found.append(Address((plain[1] or plain[2] or "").strip(), plain[3]))
            continue
        try:
            header = policy.default.header_factory("to", value)
            listed = header.addresses if isinstance(header, AddressHeader) else ()
            found += [Address(one.display_name.strip(), one.addr_spec) for one in listed if "@" in one.addr_spec]
        except Exception:  # as above; an address can still be told by its shape
            found += [Address("", bare) for bare in re.findall(r"[^\s<>,;\"']{1,64}@[^\s<>,;\"']{1,255}", value)]
    return found


def parts_of(message: Message) -> Iterator[Message]:
    """The mail's own parts in order, itself first; not those of the mails attached to it."""
    return islice(_walk(message), _MOST_PARTS)


def _walk(message: Message) -> Iterator[Message]:
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        below = part.get_payload()
        if isinstance(below, list) and part.get_content_maintype() == "multipart":
            waiting += [child for child in reversed(below) if isinstance(child, Message)]


def attached_mails(message: Message) -> list[Message]:
    """The mails that are attached (message/rfc822), in order."""
    found: list[Message] = []
    for part in parts_of(message):
        below = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(below, list):
            found += [child for child in below[:1] if isinstance(child, Message)]
    return found


def is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def attachment_names(message: Message) -> Iterator[str]:
    for part in parts_of(message):
        name = part.get_filename()
        if name:
            yield _decoded(_unfolded(name))[:255]


def attached_files(message: Message, media_types: frozenset[str], suffix: str, largest: int) -> Iterator[bytes]:
    """The bytes of the parts of these media types, or whose file name ends in `suffix`; larger ones are left."""
    for part in parts_of(message):
        if part.get_content_type() in media_types or (part.get_filename() or "").lower().endswith(suffix):
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and 0 < len(payload) <= largest:
                yield payload
