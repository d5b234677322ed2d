"""JSON bodies (RFC 8259) as trees."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import cast

from worker.errors import Unparsable
from worker.sources.charsets import decode_text
from worker.sources.trees import MAX_DEPTH, Tree


def load_json(body: bytes | str, charset: str = "") -> Tree:
    """The JSON value, numbers as the text they were sent as; a name given twice in an object holds the list of both.

    Raises `Unparsable`: not JSON, NaN or Infinity, nested deeper than `MAX_DEPTH`.
    """
    text = body if isinstance(body, str) else decode_text(body, charset)
    try:
        tree = cast(Tree, _DECODER.decode(text.lstrip("\ufeff")))
    except json.JSONDecodeError as error:
        raise Unparsable(f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _too_deep() from None
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return tree
    raise _too_deep()


def _children(node: Tree) -> Iterable[Tree]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _too_deep() -> Unparsable:
    return Unparsable(f"The JSON nests deeper than {MAX_DEPTH} levels.")


def _refuse_constant(name: str) -> None:
    raise Unparsable(f"The JSON holds {name}, which is no JSON value.")


def _object(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    members: dict[str, Tree] = dict(pairs)
    if len(members) == len(pairs):
        return members
    every: dict[str, list[Tree]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in every.items()}


# Not strict: bodies made from templates (Contact Form 7, WPForms) carry line breaks inside their strings.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_refuse_constant, strict=False
)
