"""What every scoring model is: something with a version that turns features into contributions.

The features are a flat table by name, text or numbers, as they were when the score was made: they are kept with it, and
are all that a model sees. What is not known is not there. A yes-or-no feature is there, and 1, when it is true.

| feature | value |
|---|---|
| `company_size`, `revenue`, `industry` | a `firmographics.Size` (both), an `Industry` |
| `company_named`, `cnpj` | 1 |
| `seniority`, `area` | a `jobs.Seniority`, an `Area` |
| `mailbox` | the `MailboxKind` of the address that tells most, or `student` |
| `job_title`, `city`, `language` | as told, without accents and in small letters |
| `age` | years, by the year of birth |
| `country`, `region` | ISO 3166 country; Brazilian state, or the region as written |
| `source` | the source's name |
| `intent` | `buy`, `meet` or `ask`, the first of these |
| `urgent`, `job_seeker`, `vendor`, `student`, `opted_out`, `test_like`, `competitor` | 1 |
| `message_words` | words of the message |
| `page`, `page_views` | a `pages.Page`; how many pages they looked at |
| `earlier` | how often they came before |
| `age_days` | days since they last said anything |
| `phone` | `mobile` or `fixed`: the best valid one |
| `name` | `full` or `part` |
| `mail` | 1 |
| `extra.LABEL` | a free field, as sent |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pipelines.models import Contribution, Temperature

Features = Mapping[str, str | int | float]


class ScoringModel(Protocol):
    """A way to score. `scoring_rules.ScoringRules` is one."""

    @property
    def version(self) -> str:
        """Kept with each score: another for any other model."""

    def contributions(self, features: Features) -> Sequence[Contribution]:
        """What each feature is worth, with a short, stable reason without personal data, none twice; those of 0 points
        may be left out. Their sum is the score where it is within 0 and 100. Pure; never raises, whatever the features
        hold."""

    def temperature(self, value: int) -> Temperature:
        """How warm a contact of this score is."""
