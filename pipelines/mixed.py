"""Texts that hold several things at once: "Ana Souza, ana@example.com, 11 98765-4321" in one field."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.documents import looks_like_document, parse_document
from pipelines.emails import find_emails
from pipelines.models import Document, Email, Phone
from pipelines.names import clean_name
from pipelines.phones import find_phones, without_trunk
from pipelines.text import is_placeholder, tidy_text, vocabulary, words

TAKEN_APART = "taken_apart"
"""Rule: a field held more than it was for; each part went where it belongs."""

_SEPARATORS = re.compile(r"[,;|\n<>()\[\]\t]+| [-–—/] ")
_CAPTION = re.compile(r"[\w\- ]{1,30}:")
_CAPTIONS = vocabulary(
    """
    nome name nombre email e mail telefone tel fone celular cel whatsapp whats zap wpp phone mobile contato contact
    cpf cnpj rg documento com de da do e or ou and completo meu seu ramal r
    """
)
_NAME_WORDS = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found in a text, and the pieces that are none of it."""

    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    documents: tuple[Document, ...] = ()
    rest: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether the text held any address or number."""
        return bool(self.emails or self.phones or self.documents)


def take_apart(text: str, region: str = "BR", area_code: str = "") -> Parts:
    """The e-mail addresses, valid phones and CPFs or CNPJs in `text`, and its other pieces without captions ("Nome:").

    Linear time; never raises.
    """
    text = without_trunk(tidy_text(text))
    emails = find_emails(text)
    phones = find_phones(text, region, area_code)
    documents: dict[str, Document] = {}
    for piece in (email.given for email in emails):
        text = text.replace(piece, " , ")
    for piece in (phone.given for phone in phones):
        text = text.replace(piece, " , ")
    rest = []
    for piece in _SEPARATORS.split(text):
        caption = _CAPTION.match(piece.strip())
        bare = piece.strip()[caption.end() :].strip() if caption else piece.strip(" .:")
        document = parse_document(bare) if looks_like_document(bare) else None
        if document:
            documents.setdefault(document.number, document)
        elif any(word not in _CAPTIONS for word in words(bare)) or (
            bare and not words(bare) and not is_placeholder(bare)
        ):
            rest.append(bare)
    return Parts(emails, phones, tuple(documents.values()), tuple(rest))


def name_among(pieces: tuple[str, ...]) -> str:
    """The first of the pieces that can be somebody's name, or empty."""
    return next((piece for piece in pieces if looks_like_name(piece)), "")


def looks_like_name(text: str) -> bool:
    """Whether a text can be a name as it stands: a few words, nothing in it that a name has not."""
    cleaned = clean_name(text)
    return 0 < len(cleaned.split()) <= _NAME_WORDS and words(cleaned) == words(text) and not is_placeholder(cleaned)
