"""Anything that posts fields: JSON (an object, or a list of them), urlencoded or multipart."""

from __future__ import annotations

from worker.sources.plainform import PlainForm


class Generic(PlainForm):
    """Nothing is known of the sender; keys are the fields' own names, dotted where they nest."""

    kind = "generic"
