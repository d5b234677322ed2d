"""The words of a CRM write: what `CrmWrite.fields` holds for each kind. Every CRM adapter translates these.

All values are JSON (text, whole numbers, lists, objects), so that a write reads back from the store as it was recorded.

| kind | field | value |
|---|---|---|
| create_contact, update_contact | `name` | the whole name, as given |
| | `given_name`, `family_name` | its parts |
| | `emails` | list of addresses, the best first |
| | `phones` | list of E.164 numbers, the best first |
| | `documents` | list of `{"kind": "cpf" or "cnpj" or "other", "number": compact}` |
| | `company`, `job_title`, `website` | text |
| | `address` | object of `street number complement district city region postal_code country`, what is known |
| | `birth_date` | `YYYY-MM-DD` |
| | `language` | BCP 47 |
| | `extra` | object: free fields, label to text |
| create_contact only | `source` | name of the source that first brought them |
| create_lead | `name` | what the lead is called |
| | `score`, `temperature`, `source` | whole number; `hot`, `warm`, `cold`; name of the source |
| create_lead, update_lead | `pipeline`, `stage` | by name or by the CRM's own id; empty: the CRM's first |
| | `responsible` | the seller, by name or by the CRM's own id |
| | `price` | whole number, in the account's currency |
| move_lead | `source`, `destination` | from which contact to which, by the CRM's ids |
| create_task | `text`, `due_at` | what to do; ISO 8601 with zone |
| | `responsible` | as a lead's |
| add_note | `text` | several lines of plain text |
| | `record` | with a contact's first note: the fields of its create, of which it tells those that have no place there |
| add_tags, remove_tags | `tags` | list of tags to add to those that are there, or to take from them |

A field that is not there is not to be touched; none is ever empty. An update names each changed field whole: a list
with all its entries, an object with all its parts. A contact without a name has no `name`: adapters show its first
phone or address. A message is never a field; it goes into a note.

`target` is the record to change or to attach to. It is None for `create_contact`; for a note that goes with a contact
still to be created, and for the task of a lead still to be created, whoever performs the writes fills it in.
"""

from __future__ import annotations

from pipelines.models import Contact

Json = str | int | list["Json"] | dict[str, "Json"]


def contact_fields(contact: Contact) -> dict[str, Json]:
    """What a CRM is told of a contact, in the words of this module; nothing empty."""
    fields: dict[str, Json] = {
        "name": contact.name.full or f"{contact.name.given} {contact.name.family}".strip(),
        "given_name": contact.name.given,
        "family_name": contact.name.family,
        "emails": list(dict.fromkeys(email.address for email in contact.emails)),
        "phones": list(dict.fromkeys(phone.e164 for phone in contact.phones)),
        "documents": [{"kind": each.kind.value, "number": each.number} for each in contact.documents],
        "company": contact.company,
        "job_title": contact.job_title,
        "website": contact.website,
        "address": {part: text for part, text in contact.address.model_dump().items() if text},
        "birth_date": contact.birth_date.isoformat() if contact.birth_date else "",
        "language": contact.language,
        "extra": {label: text for label, text in contact.extra.items() if text},
    }
    return {field: value for field, value in fields.items() if value}


def changed_fields(contact: Contact, written: Contact) -> dict[str, Json]:
    """The fields to update where `written` is what the CRM was last told; empty when nothing changed.

    Never empties and never shortens: entries and free fields that only the CRM was told of stay, behind the new ones.
    """
    new, old = contact_fields(contact), contact_fields(written)
    changed: dict[str, Json] = {}
    for field, value in new.items():
        before = old.get(field)
        if isinstance(value, list) and isinstance(before, list):
            known, now = {str(entry) for entry in before}, {str(entry) for entry in value}
            if not now <= known:
                changed[field] = [*value, *(entry for entry in before if str(entry) not in now)]
        elif field == "extra" and isinstance(value, dict) and isinstance(before, dict):
            if not value.items() <= before.items():
                changed[field] = {**before, **value}
        elif value != before:
            changed[field] = value
    return changed
