"""Stand-in until the field rules of e-mails and companies land."""

from __future__ import annotations

from pipelines.text import words

FORMS = frozenset(
    [
        "ltda",
        "me",
        "eireli",
        "sa",
        "s",
        "a",
        "inc",
        "llc",
        "ltd",
        "gmbh",
        "corp",
        "co",
        "company",
        "cia",
        "epp",
        "mei",
        "sl",
        "srl",
        "bv",
        "plc",
        "limited",
        "ag",
    ]
)


def company_key(text: str) -> str:
    return " ".join(word for word in words(text) if word not in FORMS)
