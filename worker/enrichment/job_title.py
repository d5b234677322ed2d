"""How senior is the person, and in which area do they work?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pipelines.jobs import LONGEST_TITLE, read_job
from pipelines.models import Contact, Fact

CONFIDENCE = 0.9
"""Titles are what people call themselves."""


class JobTitleFacts:
    """By the words of the title, in Portuguese, English and Spanish."""

    name = "job_title"
    fields: Collection[str] = frozenset({"seniority", "area"})
    terms = None

    def key(self, contact: Contact) -> str:
        return contact.job_title[:LONGEST_TITLE]

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        job = read_job(key)
        found = {"seniority": job.seniority, "area": job.area}
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=CONFIDENCE)
            for field, value in found.items()
            if value
        ]
