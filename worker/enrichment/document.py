"""Is the CPF or CNPJ right, and which company does a CNPJ belong to?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pipelines.documents import cnpj_root, parse_document
from pipelines.models import Contact, DocumentKind, Fact


class DocumentFacts:
    """By the check digits, so nobody knows whether the number was ever given out. A CNPJ is looked at before a CPF."""

    name = "document"
    fields: Collection[str] = frozenset({"document_kind", "document_valid", "cnpj_root"})
    terms = None

    def key(self, contact: Contact) -> str:
        numbers = {document.kind: document.number for document in reversed(contact.documents)}
        return numbers.get(DocumentKind.CNPJ) or numbers.get(DocumentKind.CPF, "")

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        document = parse_document(key)
        if document is None or document.kind is DocumentKind.OTHER:
            return ()
        found = {"document_kind": document.kind.value, "document_valid": str(document.valid).lower()}
        if document.valid and document.kind is DocumentKind.CNPJ:
            found["cnpj_root"] = cnpj_root(document.number)
        return [Fact(field=field, value=value, by=self.name, at=now) for field, value in found.items()]
