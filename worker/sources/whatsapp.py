"""WhatsApp Cloud API webhooks: JSON, signed as Meta signs; each message that somebody wrote is a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.models import SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources.authentication import authenticate, meta_check, meta_handshake
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of, key_of_all
from worker.sources.reasons import MALFORMED_RECORD, MESSAGE_STATUS, OTHER_EVENT
from worker.sources.records import context, field, record, remote
from worker.sources.trees import Tree, at, items_of, moment_of, object_at, text_at

# Where each type of message keeps what the person wrote or chose.
_TEXTS = (
    ("text", "body"), ("button", "text"), ("interactive", "button_reply", "title"),
    ("interactive", "list_reply", "title"), ("image", "caption"), ("video", "caption"), ("document", "caption"),
    ("reaction", "emoji"),
)  # fmt: skip


class WhatsApp:
    """`secret` is the app's secret, `verify_token` the handshake's; a number is the sender's own, without `+`."""

    kind = "whatsapp"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, meta_check(request))

    def handshake(self, request: InboundRequest, settings: SourceSettings) -> str:
        """The answer to Meta's GET; raises `Unauthorized`."""
        return meta_handshake(request, settings)

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """The messages' ids (wamid); a status has its message's, so that what happened to it belongs to the key."""
        keys: list[str | None] = []
        for _, value in _values(peek(request)):
            keys += [key_of(text_at(message, "id")) for _, message in items_of(value.get("messages"))]
            keys += [key_of(text_at(one, "id"), text_at(one, "status")) for _, one in items_of(value.get("statuses"))]
        return key_of_all(keys)

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        if "entry" not in object_at(tree):
            raise Unparsable("Not a WhatsApp hook: there is no entry in it.")
        for place, value in _values(tree):
            messages, statuses = items_of(value.get("messages")), items_of(value.get("statuses"))
            for number, message in messages:
                yield _message(f"{place}, message {number}", message, value)
            for number, _ in statuses:
                yield NotContact(MESSAGE_STATUS, f"{place}, status {number}")
            if not messages and not statuses:
                yield NotContact(OTHER_EVENT, f"{place}: no messages")


def _values(tree: Tree) -> Iterator[tuple[str, dict[str, Tree]]]:
    for entry_place, entry in items_of(at(tree, "entry")):
        for place, change in items_of(at(entry, "changes")):
            yield f"entry {entry_place}, change {place}", object_at(change, "value")


def _message(place: str, message: Tree, value: dict[str, Tree]) -> SourceRecord | BadRecord:
    if not isinstance(message, dict):
        return BadRecord(MALFORMED_RECORD, f"{place}: an object is expected")
    number = text_at(message, "from")
    names = {text_at(one, "wa_id"): text_at(one, "profile", "name") for _, one in items_of(value.get("contacts"))}
    # Meta may write the number otherwise in the profile (a Brazilian mobile without its ninth digit).
    name = names.get(number) or (next(iter(names.values())) if len(names) == 1 else "")
    kind = text_at(message, "type")
    written = next((text for path in _TEXTS if (text := text_at(message, *path))), "")
    line = text_at(value, "metadata", "phone_number_id")
    return record(
        [
            field("profile.name", name, hint="name"),
            field("wa_id", number and f"+{number.removeprefix('+')}", hint="phone"),
            field("message", written, hint="message"),
            context("message_type", kind),
            context("message_id", message.get("id")),
            context("received_by", at(value, "metadata", "display_phone_number")),
            *([] if written else [context(kind or "content", message.get(kind))]),
            context("referral", message.get("referral")),
        ],
        remotes=[remote(f"whatsapp:{line}", "contact", number)] if number else [],
        occurred_at=moment_of(text_at(message, "timestamp")),
    )
