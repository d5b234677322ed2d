"""From what a source sent to a `SourceRecord`: text made storable, nothing left out but the noise of transport."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from pipelines.models import RemoteRef, SourceField, SourceRecord
from worker.sources.trees import Tree, texts_of

_NOISE = frozenset(
    {
        "g-recaptcha-response", "h-captcha-response", "cf-turnstile-response", "recaptcha_response", "captcha",
        "csrf", "csrftoken", "csrf_token", "csrfmiddlewaretoken", "authenticity_token", "nonce",
        "user_agent", "user-agent", "useragent",
    }
)  # fmt: skip
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


CONTEXT = "ignore"
"""The hint of what the source itself says is not the person's own: kept as a free field, never guessed from."""


def is_noise(key: str) -> bool:
    """Whether a key is transport and not an answer: nonces, tokens, captchas, user agents, keys starting with `_`.

    They are the only things left out (the delivery keeps them). `_replyto` stays: form endpoints of static sites use
    it for the person's own address.
    """
    name = key.lower()
    return name in _NOISE or (name.startswith("_") and name != "_replyto")


def storable(text: str) -> str:
    """`text` without what no database and no JSON takes: NUL goes, a lone surrogate becomes U+FFFD."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)


def field(key: str, value: Tree, *, label: str = "", hint: str = "") -> SourceField:
    """One field: `value` may be a text, a list of them, or anything a decoded body holds; blank is not filled in."""
    values = tuple(text for text in map(storable, texts_of(value)) if text.strip())
    return SourceField(key=storable(key) or "unnamed", label=storable(label), hint=hint, values=values)


def context(key: str, value: Tree) -> SourceField:
    """A field that tells of the form, the page or the record, not of the person: nobody is to guess a person in it."""
    return field(key, value, hint=CONTEXT)


def flatten(tree: Tree, prefix: str = "", hints: Mapping[str, str] | None = None) -> Iterator[SourceField]:
    """The tree's values as fields with dotted keys (`address.city`), noise left out.

    A list of plain values is one field of several values, a list of objects counts (`items.0.name`). `hints` says
    which dotted keys the source itself declares to be which standard field.
    """
    values = _plain_values(tree)
    if values is not None:
        yield field(prefix, values, hint=(hints or {}).get(prefix, ""))
        return
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, child in members:
        if not is_noise(str(name)):
            yield from flatten(child, ".".join(filter(None, (prefix, str(name)))), hints)


def flatten_context(tree: Tree, prefix: str = "") -> Iterator[SourceField]:
    """`flatten`, with every field a `context`."""
    for one in flatten(tree, prefix):
        yield one.model_copy(update={"hint": CONTEXT})


def _plain_values(tree: Tree) -> Tree:
    """A value, or the list of plain values that a list or a form's `x[0]=`, `x[1]=` is; None for a structure."""
    if isinstance(tree, dict):
        if not tree or list(tree) != [str(place) for place in range(len(tree))]:
            return None
        tree = list(tree.values())
    if isinstance(tree, list):
        return tree if not any(isinstance(child, dict | list) for child in tree) else None
    return tree if tree is not None else ""


def remote(system: str, kind: str, identifier: str) -> RemoteRef:
    """A record of another system."""
    return RemoteRef(system=storable(system), kind=kind, id=storable(identifier))


def record(
    fields: Iterable[SourceField],
    *,
    remotes: Iterable[RemoteRef] = (),
    occurred_at: datetime | None = None,
    language: str = "",
) -> SourceRecord:
    """A record of these fields; those of one key become one field with the values of all.

    A field that nobody filled in stays only where its name is all that is known of it: a question of the form's own.
    """
    by_key: dict[str, list[SourceField]] = {}
    for one in fields:
        if one.values or not one.hint:
            by_key.setdefault(one.key, []).append(one)
    return SourceRecord(
        fields=tuple(map(_joined, by_key.values())),
        remotes=tuple(remotes),
        occurred_at=occurred_at,
        language=storable(language),
    )


def _joined(same: list[SourceField]) -> SourceField:
    first, *others = same
    if not others:
        return first
    return first.model_copy(update={"values": tuple(value for one in same for value in one.values)})
