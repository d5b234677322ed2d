"""The standard fields by name: what a contact holds under each."""

from __future__ import annotations

from typing import Final

from pipelines.models import FIELDS, Contact

EXTRA: Final = "extra."
"""Before the label of a free field: `extra.Produto`."""

ADDRESS_PARTS: Final = (
    "street", "number", "complement", "district", "city", "region", "postal_code", "country",
)  # fmt: skip


def is_field(field: str) -> bool:
    """Whether `field_values` knows the name: one of `FIELDS`, or a free field's."""
    return field in FIELDS or (field.startswith(EXTRA) and len(field) > len(EXTRA))


def field_values(contact: Contact, field: str) -> tuple[str, ...]:
    """What `contact` holds in a field of `FIELDS` or in a free one (`extra.LABEL`): several for e-mails, phones and
    documents, none where it is empty. Raises ValueError for a name that is no field."""
    if not is_field(field):
        raise ValueError(f"there is no field {field!r}; there are {', '.join(FIELDS)} and {EXTRA}LABEL")
    match field:
        case "email":
            values = [email.address for email in contact.emails]
        case "phone":
            values = [phone.e164 for phone in contact.phones]
        case "document":
            values = [document.number for document in contact.documents]
        case "name":
            values = [contact.name.full]
        case "given_name":
            values = [contact.name.given]
        case "family_name":
            values = [contact.name.family]
        case "birth_date":
            values = [contact.birth_date.isoformat() if contact.birth_date else ""]
        case "address":
            values = [", ".join(filter(None, (getattr(contact.address, part) for part in ADDRESS_PARTS)))]
        case part if part in ADDRESS_PARTS:
            values = [getattr(contact.address, part)]
        case free if free.startswith(EXTRA):
            values = [contact.extra.get(free.removeprefix(EXTRA), "")]
        case plain:
            values = [getattr(contact, plain)]
    return tuple(value for value in values if value)
