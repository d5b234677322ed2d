"""Mails that a form sends: the answers stand as `label: value` lines, and the sender is the site's robot."""

from __future__ import annotations

import re

_LINE = re.compile(r"\s*[*•\-–>]*\s*([^:：\n]{1,60}?)\s*\*?[:：]\*?\s*(.*)")
_NOT_A_LABEL = re.compile(r"https?|ftp|mailto|\W*\d[\d\W]*", re.IGNORECASE)
_CONTACT_VALUE = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}\.[a-z]{2,}|\+?\(?\d[\d\s().-]{7,20}", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"']{1,64}@[^\s@<>()\[\],;:\"']{1,255}")
_SIGNATURE = re.compile(r"\s*(?:--|—|_{3,}|-{3,}|={3,})\s*")
_MOST_LINES = 1_000
_MOST_WORDS = 8
_FREE_LINES_BEFORE = 3
_MOSTLY = 0.6


def form_answers(text: str, sender: str, *, automated: bool) -> list[tuple[str, str]]:
    """(label, value) of each answer when the mail is a form's, else nothing.

    It is a form's when at least two lines are labelled, one of them with an address or a number to reach somebody
    by, and something tells it from a letter whose signature has such lines: a machine sent it (`automated`), the
    address in it is not the sender's, or nearly all of it is labelled from the top.
    """
    lines = [line for line in text.splitlines()[:_MOST_LINES] if line.strip()]
    answers, before, labelled = _labelled(lines)
    if len(answers) < 2 or not any(_CONTACT_VALUE.search(value[:500]) for _, value in answers):
        return []
    told = {found.lower() for _, value in answers for found in _ADDRESS.findall(value[:500])}
    from_the_top = before <= _FREE_LINES_BEFORE and labelled >= _MOSTLY * len(lines)
    return answers if automated or told - {sender.lower()} or from_the_top else []


def _labelled(lines: list[str]) -> tuple[list[tuple[str, str]], int, int]:
    """The answers, how many lines stand before the first, and how many have a label.

    A line without a label belongs to the answer above it; a line of dashes ends the form.
    """
    answers: list[tuple[str, list[str]]] = []
    before = labelled = 0
    for line in lines:
        found = _LINE.match(line)
        label = found[1].strip(" *_") if found else ""
        if label and len(label.split()) <= _MOST_WORDS and not _NOT_A_LABEL.fullmatch(label):
            labelled += 1
            answers.append((label, [found[2].strip()] if found and found[2].strip() else []))
        elif not answers:
            before += 1
        elif _SIGNATURE.fullmatch(line):
            break
        else:
            answers[-1][1].append(line.strip())
    return [(label, "\n".join(values)) for label, values in answers], before, labelled
