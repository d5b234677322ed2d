"""Values that every stage reads anew, mostly as the stage before did: read once, for they are frozen.

To read them is to check them, which takes a tenth of all the processor's time where each stage does it again.
"""

from __future__ import annotations

from functools import lru_cache

from pipelines.models import Contact, Score

_MOST = 1024
"""A few batches, some MiB."""


@lru_cache(maxsize=_MOST)
def read_contact(text: str) -> Contact:
    """The contact that this JSON holds."""
    return Contact.model_validate_json(text)


@lru_cache(maxsize=_MOST)
def read_score(text: str) -> Score:
    """The score that this JSON holds."""
    return Score.model_validate_json(text)
