"""WPForms (its Webhooks addon): JSON or urlencoded, with the keys that the site's admin mapped."""

from __future__ import annotations

from worker.sources.plainform import PlainForm


class WPForms(PlainForm):
    """The admin's own keys say nothing of types; set a mapping where the guess is not enough."""

    kind = "wpforms"
