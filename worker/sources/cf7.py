"""Contact Form 7 through "CF7 to Webhook": JSON of all posted fields, or a body of the admin's own (text/plain too)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from worker.sources.plainform import PlainForm
from worker.sources.records import CONTEXT


class ContactForm7(PlainForm):
    """`form_id` and `form_title` come where the admin added those mail tags; `_wpcf7*` keys are the plugin's own."""

    kind = "cf7"
    hints: ClassVar[Mapping[str, str]] = {"form_id": CONTEXT, "form_title": CONTEXT}
