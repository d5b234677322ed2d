"""What a decoded body is, JSON or form alike, and how to read it without trusting its shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

Tree: TypeAlias = "str | bool | list[Tree] | dict[str, Tree] | None"
"""A decoded body. Numbers stay the text they were sent as: no digit of an id or of a phone is lost to a float."""

MAX_DEPTH = 32
"""Levels of nesting that a body may have; no form or hook known has more than ten."""


def at(tree: Tree, *path: str) -> Tree:
    """What stands at `path`, through objects only; None where there is nothing."""
    for step in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(step)
    return tree


def object_at(tree: Tree, *path: str) -> dict[str, Tree]:
    """The object at `path`; empty where there is none."""
    found = at(tree, *path)
    return found if isinstance(found, dict) else {}


def texts_of(tree: Tree) -> tuple[str, ...]:
    """Every filled-in value at or under `tree`, as text, in order; blank ones are nobody's answer."""
    match tree:
        case str():
            return (tree,) if tree.strip() else ()
        case bool():
            return ("true" if tree else "false",)
        case dict():
            return tuple(text for child in tree.values() for text in texts_of(child))
        case list():
            return tuple(text for child in tree for text in texts_of(child))
    return ()


def text_at(tree: Tree, *path: str) -> str:
    """The value at `path` as text; empty where there is none or where there is an object."""
    found = at(tree, *path)
    return "" if isinstance(found, dict) else next(iter(texts_of(found)), "")


def items_of(tree: Tree) -> list[tuple[str, Tree]]:
    """The items of a list with the place of each, however it was sent.

    PHP's `x[3]=`, `x[7]=` arrive as an object whose keys are numbers, a JSON list as a list, and a list of one
    sometimes as that one thing by itself.
    """
    if tree is None or tree == "" or tree == {}:
        return []
    if isinstance(tree, list):
        return [(str(place), item) for place, item in enumerate(tree)]
    if isinstance(tree, dict) and all(key.isascii() and key.isdigit() for key in tree):
        return list(tree.items())
    return [("0", tree)]


_MILLISECONDS_FROM = 100_000_000_000
"""A larger count of seconds would be after the year 5138: it is milliseconds."""


def moment_of(text: str) -> datetime | None:
    """The time that `text` says, in UTC: Unix seconds or milliseconds, or ISO 8601 with its zone; else None."""
    text = text.strip()
    if text.isascii() and text.isdigit() and 0 < len(text) <= 14 and int(text):
        stamp = int(text)
        return datetime.fromtimestamp(stamp / 1000 if stamp >= _MILLISECONDS_FROM else stamp, UTC)
    if not 10 <= len(text) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
