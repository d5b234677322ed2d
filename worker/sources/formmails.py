"""Mails that a form sends: the answers stand as `label: value` lines, and the sender is the site's robot."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.guessing import guess_field

Answers = list[tuple[str, str]]

_LINE = re.compile(r"\s*[*•\-–>]*\s*([^:：\n]{1,60}?)\s*\*?[:：]\*?\s*(.*)")
_LOOSE = re.compile(r"\s*[*•]*\s*([^=\t\n]{1,60}?)\s*\*?(?:\t+| =>? | -> )\s*(\S.*)")
_NOT_A_LABEL = re.compile(r"https?|ftp|mailto|\W*\d[\d\W]*", re.IGNORECASE)
_CONTACT_VALUE = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}\.[a-z]{2,}|\+?\(?\d[\d\s().-]{7,20}", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"']{1,64}@[^\s@<>()\[\],;:\"']{1,255}")
_END = re.compile(
    r"\s*(?:--|—|_{3,}|-{3,}|={3,})\s*"
    r"|\W*(?:th(?:is|e)(?: e-?mail| mail| message)? (?:was|is|has been) (?:sent|submitted)|este? (?:e-?mail|mensagem"
    r"|correo|mensaje) (?:foi|fue|é)"
    r"|esta mensagem foi|enviado (?:pelo|atrav[ée]s|por|a partir|desde|via) .{0,40}(?:site|formul[áa]rio|web)"
    r"|sent from .{0,40}(?:form|website)"
    r"|powered by|cet e-?mail|diese (?:e-?mail|nachricht) wurde)\b.*",
    re.IGNORECASE,
)
_MOST_LINES = 1_000
_LONGEST_LINE = 5_000
_MOST_WORDS = 8
_FREE_LINES_BEFORE = 3
_MOSTLY = 0.6
_TELLS_A_FORM = frozenset({"name", "given_name", "family_name", "message", "document"})
"""Answers that no signature is labelled with."""


def form_answers(text: str, sender: str, *, robot: bool, answered_elsewhere: bool) -> Answers:
    """(label, value) of each answer when the mail is a form's, else nothing.

    A label stands before a colon, or alone on the line above its value. It is a form's when at least two answers are
    labelled, one of them with an address or a number to reach somebody by, and something tells it from a letter whose
    signature has such lines: a robot sent it (`robot`), nearly all of it is labelled from the top, or it asks what no
    signature says (a name, a message) and the address in it is not the sender's, or answers go elsewhere
    (`answered_elsewhere`: a Reply-To).
    """
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()[:_MOST_LINES]]
    filled = [line for line in lines if line.strip()]
    answers, before, labelled = _labelled(filled)
    if not _reaches_somebody(answers):
        answers, before, labelled = _stacked(lines)
        if not _reaches_somebody(answers):
            return []
    if robot or (before <= _FREE_LINES_BEFORE and labelled >= _MOSTLY * len(filled)):
        return answers
    told = {found.lower() for _, value in answers for found in _ADDRESS.findall(value[:500])}
    asked = {known_field(label) for label, _ in answers}
    return answers if asked & _TELLS_A_FORM and (answered_elsewhere or told - {sender.lower()}) else []


def known_field(label: str) -> str:
    """The standard field that a label names by its words, or empty."""
    return (guess_field("", label, ()) or "") if len(label) <= 60 else ""


def _reaches_somebody(answers: Answers) -> bool:
    return len(answers) >= 2 and any(_CONTACT_VALUE.search(value[:500]) for _, value in answers)


def _labelled(lines: Sequence[str]) -> tuple[Answers, int, int]:
    """The answers, how many lines stand before the first, and how many have a label.

    A line without a label belongs to the answer above it; a line of dashes or the form's own footer ends the form.
    """
    answers: list[tuple[str, list[str]]] = []
    before = labelled = 0
    for line in lines:
        label, value = _divided(line)
        if answers and _END.fullmatch(line):
            break
        if label:
            labelled += 1
            answers.append((label, [value] if value else []))
        elif not answers:
            before += 1
        else:
            answers[-1][1].append(line.strip())
    return [(label, "\n".join(values)) for label, values in answers], before, labelled


def _divided(line: str) -> tuple[str, str]:
    """Label and value of a line, both empty where it has no label."""
    found = _LINE.match(line)
    if found and _is_label(label := found[1].strip(" *_")):
        return label, found[2].strip(" *") if found[2].startswith("*") else found[2].strip()
    loose = _LOOSE.match(line)
    if loose and _is_label(label := loose[1].strip(" *_")) and known_field(label):
        return label, loose[2].strip()
    return "", ""


def _is_label(label: str) -> bool:
    return bool(label) and len(label.split()) <= _MOST_WORDS and not _NOT_A_LABEL.fullmatch(label)


def _stacked(lines: Sequence[str]) -> tuple[Answers, int, int]:
    """As `_labelled`, for labels on a line of their own above their values.

    Between blank lines the first line of each block is its label; else lines alternate, as far as labels that are
    known stand on every other line; else only known labels count.
    """
    blocks: list[list[str]] = [[]]
    for line in lines:
        if _END.fullmatch(line) and len(blocks) > 1:
            break
        if line.strip():
            blocks[-1].append(line.strip())
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    heads = [place for place, block in enumerate(blocks) if len(block) >= 2 and _known(block[0])]
    if len(heads) >= 2:
        start = heads[0]
        answers = [(block[0].strip("*_ "), "\n".join(block[1:])) for block in blocks[start:] if len(block) >= 2]
        return answers, sum(map(len, blocks[:start])), 2 * len(answers)
    flat = [line for block in blocks for line in block]
    places = [place for place, line in enumerate(flat) if _known(line) and place + 1 < len(flat)]
    if len(places) < 2:
        return [], 0, 0
    first, last = places[0], places[-1]
    if all((place - first) % 2 == 0 for place in places):
        starts = list(range(first, _last_label(flat, last) + 1, 2))
    else:
        starts = [place for place, after in zip(places, [*places[1:], len(flat)], strict=True) if after - place > 1]
    ends = [*starts[1:], len(flat)]
    answers = [
        (flat[start].strip("*_ :"), "\n".join(flat[start + 1 : end])) for start, end in zip(starts, ends, strict=True)
    ]
    return answers, first, 2 * len(answers)


def _last_label(flat: Sequence[str], last: int) -> int:
    """The last label where lines alternate: below the last that is known, others of short lines, but for a message."""
    while known_field(flat[last]) != "message" and last + 3 < len(flat) and _may_be_label(flat[last + 2]):
        last += 2
    return last


def _may_be_label(line: str) -> bool:
    return len(line) <= 40 and "@" not in line and not line.endswith((".", "!")) and _is_label(line.strip("*_: "))


def _known(line: str) -> bool:
    """Whether a line is a label that is known, and not a sentence or a value."""
    return len(line) <= 40 and len(line.split()) <= 5 and "@" not in line and bool(known_field(line.strip("*_: ")))
