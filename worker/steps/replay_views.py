"""What a replay would change, as the command line shows it: each difference with what is and what would be."""

from __future__ import annotations

from typing import Any

from pipelines.fields import EXTRA, field_values
from pipelines.models import FIELDS, Contact, Score
from worker.steps.foreseeing import Outlook, Standing
from worker.steps.views import View

UNFORESEEN = "unforeseen"
"""Stands for the state of what cannot be foreseen."""


def outlook_view(outlook: Outlook) -> View:
    """One outlook: how it stands, how it would stand, `changes` by name as [before, after], and what would be done."""
    before, after = outlook.before or Standing(""), outlook.after
    return {
        "id": outlook.id,
        "source": outlook.source,
        "before": {"state": str(before.state), "reason": before.reason, "detail": before.detail},
        "after": {
            "state": str(after.state) if after else UNFORESEEN,
            "reason": after.reason if after else outlook.unforeseen,
            "detail": after.detail if after else "",
        },
        "changes": _changes(before, after) if after else {},
        "writes": [{"kind": str(write.kind), "fields": sorted(write.fields)} for write in outlook.writes],
        "workflows": list(outlook.workflows),
        "asks": sorted(outlook.asks),
    }


def _changes(before: Standing, after: Standing) -> dict[str, list[Any]]:
    old, new = _flat(before), _flat(after)
    return {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}


def _flat(standing: Standing) -> dict[str, Any]:
    values = {
        **_contact(standing.contact or Contact()),
        "findings": [finding.code for finding in standing.findings],
        "decision": standing.decision,
        "contact": standing.contact_id,
        **_score(standing.score),
    }
    return {name: value for name, value in values.items() if value not in ("", [])}


def _contact(contact: Contact) -> dict[str, list[str]]:
    # The address is its parts.
    names = [name for name in FIELDS if name != "address"] + [EXTRA + label for label in sorted(contact.extra)]
    return {name: list(field_values(contact, name)) for name in names}


def _score(score: Score | None) -> dict[str, Any]:
    if score is None:
        return {}
    return {
        "score": score.value,
        "temperature": str(score.temperature),
        "contributions": [f"{part.feature} {part.points:+d}" for part in score.contributions if part.points],
    }
