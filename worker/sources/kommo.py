"""Kommo's hooks: account webhooks and Digital Pipeline webhooks, urlencoded with PHP's bracket keys, not signed.

A hook is `ENTITY[ACTION][i][...]` for any number of entities, beside `account[id|subdomain]`. What each entity says
of a person is in `kommoentities`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipelines.models import SourceRecord
from worker.asking import Around, Change
from worker.errors import PermanentError, PortariaError, Unauthorized, Unparsable
from worker.ports import BadRecord, Delivery, InboundRequest, NotContact, SourceSettings
from worker.sources import kommoapi
from worker.sources.authentication import authenticate
from worker.sources.bodies import decode_delivery, peek
from worker.sources.deliverykeys import key_of, key_of_all
from worker.sources.kommoentities import READERS, Entity
from worker.sources.reasons import MALFORMED_RECORD, OTHER_ENTITY
from worker.sources.trees import Tree, items_of, object_at, text_at

_ACCOUNT_OPTIONS = (("subdomain", "subdomain"), ("account_id", "id"))


class Kommo:
    """`secret` goes into the hook's path. `subdomain` and `account_id`, where set, must be those of the hook.

    What a hook only names (Digital Pipeline, leads) is fetched with `base_url` and `token`, or those of `[crm]`.
    """

    kind = "kommo"

    def can_fetch(self, settings: SourceSettings) -> bool:
        return kommoapi.api_section(settings) is not None

    def is_reference(self, record: SourceRecord, settings: SourceSettings) -> bool:
        wanted = kommoapi.refers(record) and not kommoapi.names_somebody(record)
        return wanted and self.can_fetch(settings)

    def fetch(
        self, references: Sequence[SourceRecord], settings: SourceSettings, around: Around
    ) -> Iterator[SourceRecord | NotContact | PortariaError]:
        try:
            client = kommoapi.connect(settings, around)
        except PortariaError as problem:
            yield from [PermanentError(str(problem), code=problem.code)] * len(references)
        else:
            yield from kommoapi.fetch(references, client)

    def polled(self, settings: SourceSettings) -> Sequence[str]:
        """Contacts and leads, unless `reconcile = false`."""
        wanted = settings.options.get("reconcile", True) is not False
        return ("contacts", "leads") if wanted and self.can_fetch(settings) else ()

    def changes(
        self, entity: str, since: datetime, settings: SourceSettings, around: Around
    ) -> Iterator[Sequence[Change]]:
        client = kommoapi.connect(settings, around)
        for page in client.changed_since(entity, since, {"with": "contacts" if entity == "leads" else "leads"}):
            yield [_change(entity, item, client.address.account) for item in page]

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        """The secret, then the account: a body that cannot be read passes on the secret alone, to be quarantined."""
        authenticate(request, settings)
        expected = [(option, name) for option, name in _ACCOUNT_OPTIONS if settings.options.get(option)]
        tree = peek(request) if expected else None
        for option, name in expected if tree is not None else ():
            if text_at(tree, "account", name).lower() != str(settings.options[option]).lower():
                raise Unauthorized(
                    f"Source {settings.name!r}: the hook is not from the Kommo account that `{option}` names."
                )

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """Account, entity, id, action and time of change of every entity in the hook; Kommo sends no id of its own.

        None where an entity says no time of change (Digital Pipeline): its next move would look like this one.
        """
        tree = peek(request)
        account = text_at(tree, "account", "id") or text_at(tree, "account", "subdomain")
        return key_of_all(
            [
                key_of(account, name, _id(item), action, _changed(action, item))
                for name, action, _, item in _entries(tree)
            ]
        )

    def parse(self, delivery: Delivery, settings: SourceSettings) -> Iterator[SourceRecord | BadRecord | NotContact]:
        tree = decode_delivery(delivery)
        account = object_at(tree, "account")
        name = text_at(account, "subdomain") or str(settings.options.get("subdomain", "")) or text_at(account, "id")
        system = f"kommo:{name}" if name else "kommo"
        found = False
        for entity, action, place, item in _entries(tree):
            found = True
            read = READERS.get(entity)
            if read is None:
                yield NotContact(
                    OTHER_ENTITY, f"entity {place}: neither a contact, a lead, an incoming lead nor a message"
                )
            elif not isinstance(item, dict):
                yield BadRecord(MALFORMED_RECORD, f"{entity}[{place}]: an object is expected")
            else:
                said = object_at(kommoapi.as_hook(item)) if kommoapi.is_from_api(item) else item
                yield from read(Entity(system, action, f"{entity}[{place}]", said))
        if not found:
            raise Unparsable("Not a Kommo hook: there is no entity in it.")


def _entries(tree: Tree) -> Iterator[tuple[str, str, str, Tree]]:
    """(entity, action, place, item), in the order sent."""
    for entity, actions in object_at(tree).items():
        if isinstance(actions, dict) and entity != "account":
            for action, items in actions.items():
                for place, item in items_of(items):
                    yield entity, action, place, item
        elif entity in READERS:
            yield entity, "", "", actions


_ACTIONS = ("update", "add", "status", "responsible", "restore")


def _change(entity: str, item: Mapping[str, Any], subdomain: str) -> Change:
    """Something that changed, as the hook that a poll stands in for; that hook may have had any of the actions."""
    account, number, changed = str(item.get("account_id") or ""), str(item["id"]), str(item["updated_at"])
    first = "add" if item.get("created_at") == item["updated_at"] else "update"
    actions = sorted(_ACTIONS, key=lambda action: action != first)
    keys = [
        key
        for whose in (account, subdomain)
        for action in actions
        if (key := key_of(whose, entity, number, action, changed))
    ]
    tree = {"account": {"id": account, "subdomain": subdomain}, entity: {first: [item]}}
    return Change(
        at=datetime.fromtimestamp(item["updated_at"], UTC),
        keys=keys,
        body=json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
    )


def _id(item: Tree) -> str:
    return next((found for name in ("id", "uid", "talk_id") if (found := text_at(item, name))), "")


def _changed(action: str, item: Tree) -> str:
    """When it changed. A thing is added once, so that the time of its creation tells its `add` from all others."""
    names = ("updated_at", "last_modified", *(("created_at", "date_create") if action == "add" else ()))
    return next((found for name in names if (found := text_at(item, name))), "")
