"""Form bodies: application/x-www-form-urlencoded and multipart/form-data, with PHP's bracket keys.

Reads what PHP's http_build_query writes and what browsers send (WHATWG URL, section 5; RFC 7578). Nothing is cut:
a body beyond the bounds below is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from worker.errors import Unparsable
from worker.sources.charsets import LENIENT, codec_of
from worker.sources.trees import MAX_DEPTH, Tree

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARAMETERS = 20_000
"""Parameters (or parts) of one body. A Kommo hook of 60 leads has 1,200; nobody's form comes near."""

_PART_HEADER_BYTES = 65_536

Pairs = list[tuple[str, str]]


def urlencoded_pairs(body: bytes, charset: str = "") -> Pairs:
    """Every parameter in order, doubles kept. A bad percent escape stands for itself. Raises `Unparsable`."""
    _refuse_many(body.count(b"&") + 1)
    pairs = []
    for parameter in body.strip(b"\r\n").split(b"&"):
        if parameter:
            name, _, value = parameter.replace(b"+", b" ").partition(b"=")
            pairs.append((_decoded(name, charset), _decoded(value, charset)))
    return pairs


def multipart_pairs(body: bytes, boundary: bytes, charset: str = "") -> Pairs:
    """Every part in order, as (name, value); of a file only its name. Raises `Unparsable`.

    Without a boundary, the body's own first line says it.
    """
    boundary = boundary or body.lstrip(b"\r\n").partition(b"\r\n")[0].rstrip().removeprefix(b"--")
    if not boundary:
        raise Unparsable("The multipart body names no boundary: send its Content-Type header whole.")
    parts = _Parts(charset)
    try:
        parser = MultipartParser(boundary, parts.callbacks(), max_header_size=_PART_HEADER_BYTES)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        # The parser's own text may quote a byte of the body.
        raise Unparsable("The multipart body is malformed: its parts or their headers do not parse.") from error
    if not parts.ended:
        raise Unparsable("The multipart body breaks off before its closing boundary: it was cut on the way.")
    return parts.pairs


class _Parts:
    """Collects the parts as the parser comes upon them."""

    def __init__(self, charset: str) -> None:
        self.pairs: Pairs = []
        self.ended = False
        self._charset = charset
        self._reset()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._reset,
            "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
            "on_part_end": self._part_end,
            "on_header_field": lambda data, start, end: self._name.append(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.append(data[start:end]),
            "on_header_end": self._header_end,
            "on_end": self._end,
        }

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._name: list[bytes] = []
        self._value: list[bytes] = []
        self._options: dict[bytes, bytes] = {}

    def _header_end(self) -> None:
        if b"".join(self._name).lower() == b"content-disposition":
            self._options = parse_options_header(b"".join(self._value))[1]
        self._name, self._value = [], []

    def _part_end(self) -> None:
        _refuse_many(len(self.pairs) + 1)
        content = self._options.get(b"filename", b"".join(self._data))
        name = self._options.get(b"name", b"")
        self.pairs.append((_text(name, self._charset), _text(content, self._charset)))

    def _end(self) -> None:
        self.ended = True


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Tree]:
    """Pairs with bracket keys as a tree: `a[b][]=x` is `{"a": {"b": {"0": "x"}}}`. Raises `Unparsable`.

    Objects only: whether numbered keys mean a list is for the reader to say (`items_of`), since Kommo also keys
    objects by id. A key sent twice holds the list of its values; where one key holds both a value and an object, the
    value is the object's member "". A key whose brackets do not match is a plain name.
    """
    root: dict[str, Tree] = {}
    following: dict[int, int] = {}

    def step_in(node: dict[str, Tree], step: str) -> str:
        if not step:
            step = str(following.get(id(node), 0))
        if step.isascii() and step.isdigit() and len(step) < 10:
            following[id(node)] = max(following.get(id(node), 0), int(step) + 1)
        return step

    for name, value in pairs:
        first, *others = _path(name)
        node, key = root, first
        for step in others:
            child = node.get(key)
            if not isinstance(child, dict):
                child = {} if child is None else {"": child}
                node[key] = child
            node, key = child, step_in(child, step)
        while isinstance(occupied := node.get(key), dict):
            node, key = occupied, ""
        if occupied is None:
            node[key] = value
        elif isinstance(occupied, list):
            occupied.append(value)
        else:
            node[key] = [occupied, value]
    return root


def _path(name: str) -> list[str]:
    head, _, rest = name.partition("[")
    if not head or not rest.endswith("]"):
        return [name]
    path = [head, *rest[:-1].split("][")]
    if len(path) > MAX_DEPTH:
        raise Unparsable(f"A form key nests deeper than {MAX_DEPTH} levels.")
    return path


def _decoded(escaped: bytes, charset: str) -> str:
    raw = unquote_to_bytes(escaped) if b"%" in escaped else escaped
    # Most names and values: this spares a large hook a third of its time.
    return raw.decode("ascii") if raw.isascii() and not charset else _text(raw, charset)


def _text(raw: bytes, charset: str) -> str:
    """A value is no file: bytes like a byte order mark at its start are its own."""
    return raw.decode(codec_of(charset), LENIENT)


def _refuse_many(count: int) -> None:
    if count > MAX_PARAMETERS:
        raise Unparsable(f"The form has more than {MAX_PARAMETERS:,} parameters: send it in several requests.")
