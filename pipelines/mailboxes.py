"""What an e-mail address says of whom it reaches: whose house it is, whether a person or a desk, maybe their name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pipelines.emails import (
    email_domain,
    is_disposable,
    is_free_mail,
    is_role_address,
    local_part,
    registrable_domain,
    suggest_domain,
)
from pipelines.models import Email, PersonName
from pipelines.names import parse_name
from pipelines.text import vocabulary


class MailboxKind(StrEnum):
    """What kind of mailbox; the one that tells most of a person's work first."""

    CORPORATE = "corporate"
    """A person's own mailbox at a domain that is not given away: an employer's, or their own."""
    ROLE = "role"
    """A desk there (contato@, vendas@): a company, but who reads it is not known."""
    FREE = "free"
    """Anybody can have one there (gmail.com, uol.com.br); so is what was meant by gmial.com or gmail.com.br."""
    OTHER = "other"
    """A domain that nobody can have registered: nothing is known."""
    DISPOSABLE = "disposable"
    """A throw-away mailbox."""


_RANK: Final = {kind: rank for rank, kind in enumerate(MailboxKind)}
_STUDENTS: Final = vocabulary(
    "aluno alunos aluna student students estudante estudantes estudiante estudiantes alumno alumnos"
)
_HANDLE: Final = re.compile(r"([^\W\d_]{2,20})[._-]([^\W\d_]{2,20})(?:[._-]([^\W\d_]{2,20}))?\d{0,4}")


@lru_cache(maxsize=8192)
def mailbox_kind(address: str) -> MailboxKind:
    """The kind of mailbox at `address`. Never raises."""
    if is_free_mail(address) or suggest_domain(email_domain(address)):
        return MailboxKind.FREE
    if is_disposable(address):
        return MailboxKind.DISPOSABLE
    if not registrable_domain(address):
        return MailboxKind.OTHER
    return MailboxKind.ROLE if is_role_address(address) else MailboxKind.CORPORATE


def telling_address(emails: Iterable[Email]) -> str:
    """Of several addresses the one that tells most: corporate before role before free; the first of equals. Empty when
    there is none."""
    return min((email.address for email in emails), key=lambda address: _RANK[mailbox_kind(address)], default="")


def is_student_mailbox(address: str) -> bool:
    """Whether a school gives the mailbox to its students: aluno.example.edu.br, students.example.edu."""
    return not _STUDENTS.isdisjoint(email_domain(address).split(".")[:-1])


@lru_cache(maxsize=8192)
def owner_name(address: str) -> PersonName:
    """The name that an address like `ana.souza@` suggests, empty where it suggests none: a desk, a nickname, one word.
    A guess: `rosa.amarela@` may be a flower shop."""
    handle = local_part(address).partition("+")[0]
    match = _HANDLE.fullmatch(handle)
    if match is None or is_role_address(address):
        return PersonName()
    return parse_name(" ".join(part.lower() for part in match.groups() if part))
