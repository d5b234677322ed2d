"""A body by its declared type, and by what it is where the declaration is missing or wrong."""

from __future__ import annotations

from python_multipart.multipart import parse_options_header

from worker.errors import Unparsable
from worker.ports import Delivery, InboundRequest
from worker.sources.formdata import multipart_pairs, nest, urlencoded_pairs
from worker.sources.jsondata import load_json
from worker.sources.trees import Tree

_SNIFFED = frozenset({"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"})


def decode_body(body: bytes, content_type: str) -> Tree:
    """The tree that a JSON, urlencoded or multipart body holds. Raises `Unparsable`.

    JSON sent as text/plain, or by a client that says urlencoded of everything, is read as JSON: no form body starts
    with a bare brace or bracket.
    """
    media, options = parse_options_header(content_type.encode("latin-1", "replace"))
    media_type = media.decode("latin-1").strip()
    charset = options.get(b"charset", b"").decode("latin-1")
    if not body.strip():
        raise Unparsable("The body is empty.")
    if media_type == "multipart/form-data" or (media_type in _SNIFFED and _is_multipart(body)):
        return nest(multipart_pairs(body, options.get(b"boundary", b""), charset))
    if media_type.endswith(("/json", "+json")) or _looks_like_json(media_type, body):
        return load_json(body, charset)
    if media_type == "application/x-www-form-urlencoded" or (media_type in _SNIFFED and b"=" in body):
        return nest(urlencoded_pairs(body, charset))
    raise Unparsable("The body is neither JSON nor a form: send application/json, urlencoded or multipart.")


def decode_delivery(delivery: Delivery) -> Tree:
    """`decode_body` of a delivery."""
    return decode_body(delivery.body, delivery.content_type)


def peek(request: InboundRequest) -> Tree:
    """The request's body, for a delivery key to be read from; None where it cannot be read, which `parse` will say."""
    try:
        return decode_body(request.body, request.headers.get("content-type", ""))
    except Unparsable:
        return None


def _looks_like_json(media_type: str, body: bytes) -> bool:
    if media_type not in _SNIFFED:
        return False
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"{", b"[")) or body.startswith((b"\xff\xfe{", b"\xfe\xff\x00{"))


def _is_multipart(body: bytes) -> bool:
    return body.startswith(b"--") and b"content-disposition:" in body[:1024].lower()
