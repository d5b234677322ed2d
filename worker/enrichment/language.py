"""Which language does the person write in?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pipelines.languages import LONGEST_TEXT, detect_language
from pipelines.models import Contact, Fact


class LanguageFacts:
    """By the little words of the message. Fills the contact's language only where a long message leaves no doubt."""

    name = "language"
    fields: Collection[str] = frozenset({"language"})
    terms = None

    def key(self, contact: Contact) -> str:
        return contact.message[:LONGEST_TEXT]

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        language = detect_language(key)
        if language is None:
            return ()
        return [Fact(field="language", value=language.code, by=self.name, at=now, confidence=language.confidence)]
