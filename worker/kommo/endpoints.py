"""Every call that is ever made of Kommo's API, and what for.

It is what an integration has to be allowed, and what the tests have go wrong in every way: the client makes no call
that is not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LOG_IN: Final = "oauth2/access_token"
"""Beside the API, at the account's root."""

ENDPOINTS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", LOG_IN): "log in and renew the login",
    ("GET", "account"): "ask whether the account answers",
    ("GET", "users"): "find who is responsible by name",
    ("GET", "leads/pipelines"): "find pipelines and stages by name",
    ("GET", "contacts/custom_fields"): "find fields by name",
    ("GET", "leads/custom_fields"): "find fields by name",
    ("POST", "contacts/custom_fields"): "make the field for our markers",
    ("POST", "leads/custom_fields"): "make the field for our markers",
    ("GET", "contacts"): "read, search, import, and find by marker",
    ("POST", "contacts"): "make",
    ("PATCH", "contacts"): "change fields and tags",
    ("GET", "contacts/*/notes"): "find a note by its marker",
    ("POST", "contacts/notes"): "add a note",
    ("GET", "companies"): "find by name",
    ("POST", "companies"): "make",
    ("GET", "leads"): "read, search, and find by marker",
    ("POST", "leads"): "make",
    ("POST", "leads/complex"): "make an incoming lead",
    ("PATCH", "leads"): "change, move to a stage, and tag",
    ("GET", "leads/*/notes"): "find a note by its marker",
    ("POST", "leads/notes"): "add a note",
    ("GET", "leads/unsorted"): "find an incoming lead",
    ("POST", "leads/unsorted/*/accept"): "accept an incoming lead",
    ("DELETE", "leads/unsorted/*/decline"): "decline an incoming lead",
    ("POST", "leads/*/link"): "give a lead to the contact that stays after a merge",
    ("POST", "leads/*/unlink"): "take it from the other",
    ("GET", "tasks"): "find a task by its marker",
    ("POST", "tasks"): "make",
}
"""(method, path below /api/v4/ with `*` for an id) → what for."""

_ID: Final = re.compile(r"(?<=/)(?:\d+|[0-9a-f]{20,})(?=/|$)")


def endpoint_of(method: str, path: str) -> tuple[str, str]:
    """The endpoint that a call is of."""
    return method, _ID.sub("*", path)
