"""Fluent Forms Pro webhooks: JSON or urlencoded, all fields or the admin's choice of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from worker.sources.plainform import PlainForm


class FluentForms(PlainForm):
    """The name field's parts are the plugin's own keys. A nonce can leak in as `_fluentform_3_fluentformnonce`."""

    kind = "fluentforms"
    hints: ClassVar[Mapping[str, str]] = {
        "names.first_name": "given_name",
        "names.last_name": "family_name",
        "address_1.address_line_1": "street",
        "address_1.address_line_2": "complement",
        "address_1.city": "city",
        "address_1.state": "region",
        "address_1.zip": "postal_code",
        "address_1.country": "country",
    }
