"""What is kept, as the outside sees it: the stable shapes of the command line, the pages and the agents' tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipelines.models import Contact, Score

View = dict[str, Any]


def contact_view(row: Mapping[str, Any]) -> View:
    """A contact: the golden record flat, its score and its records in the CRM."""
    contact = Contact.model_validate_json(row["contact"])
    score = Score.model_validate_json(row["score"]) if row["score"] else None
    given = contact.model_dump(mode="json", exclude={"name", "emails", "phones", "documents", "origins", "remotes"})
    return {
        "id": row["id"],
        "state": row["state"],
        "merged_into": row["merged_into"],
        "version": row["version"],
        "name": contact.name.full,
        "given_name": contact.name.given,
        "family_name": contact.name.family,
        "name_suffix": contact.name.suffix,
        "name_title": contact.name.title,
        "emails": [email.address for email in contact.emails],
        "phones": [phone.e164 for phone in contact.phones],
        "documents": [document.number for document in contact.documents],
        **given,
        "score": score.value if score else None,
        "temperature": score.temperature if score else None,
        "contributions": [part.model_dump(mode="json") for part in score.contributions] if score else [],
        "score_model": score.model if score else None,
        "crm": [ref.model_dump(mode="json") for ref in row["crm"]],
        "remotes": [ref.model_dump(mode="json") for ref in contact.remotes],
        "submissions": row["arrivals"],
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
    }


def origins_view(row: Mapping[str, Any]) -> View:
    """Where each value of a contact came from."""
    contact = Contact.model_validate_json(row["contact"])
    return {field: origin.model_dump(mode="json") for field, origin in sorted(contact.origins.items())}


def submission_view(row: Mapping[str, Any]) -> View:
    """A submission: where it stands and why."""
    score = Score.model_validate_json(row["score"]) if row["score"] else None
    return {
        "id": row["id"],
        "delivery": row["delivery_id"],
        "source": row["source"],
        "state": row["state"],
        "stage": row["stage"],
        "decision": row["decision"],
        "reason": row["reason"],
        "detail": row["detail"],
        "contact": row["contact_id"],
        "score": score.value if score else None,
        "due_at": _time(row["due_at"]),
        "received_at": _time(row["received_at"]),
        "updated_at": _time(row["updated_at"]),
    }


def submission_details(row: Mapping[str, Any]) -> View:
    """All that is kept of a submission: as sent, as understood, what was found and what was changed."""
    return {
        **submission_view({**row, "contact_id": row["contact_id"]}),
        "sent": _json(row["record"]),
        "understood": _json(row["contact"]),
        "changes": (_json(row["changes"]) or {}).get("changes", []),
        "findings": _json(row["findings"]) or [],
        "facts": _json(row["facts"]) or [],
        "attempts": row["attempts"],
    }


def merge_view(row: Mapping[str, Any]) -> View:
    """A merge or a split: of whom, by whom and why, and whether it was undone."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "kept": row["kept_id"],
        "other": row["other_id"],
        "by": row["by"],
        "why": row["why"],
        "at": _time(row["at"]),
        "undone_at": _time(row["undone_at"]),
        "undone_by": row["undone_by"],
    }


def delivery_view(row: Mapping[str, Any]) -> View:
    """A delivery: all but its bytes."""
    return {
        "id": row["id"],
        "source": row["source"],
        "state": row["state"],
        "reason": row["reason"],
        "detail": row["detail"],
        "content_type": row["content_type"],
        "name": row["name"],
        "size": row["size"],
        "received_at": _time(row["received_at"]),
        "opened_at": _time(row["opened_at"]),
    }


def _json(text: str | None) -> Any:
    return json.loads(text) if text else None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
