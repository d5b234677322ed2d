"""The built-in CRM keeps once what carries the same key, and changes only what it is told to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.models import CrmWrite, RemoteRef, WriteKind
from worker.crm.local import LocalCrm
from worker.ports import NewLocalRecord
from worker.store import local_crm
from worker.store.engine import Database
from worker.store.local_crm import LocalRecordTable


def test_a_repeated_create_makes_no_second_record(database: Database, clock: Any) -> None:
    crm = LocalCrm(LocalRecordTable(database, clock))
    create = CrmWrite(key="create:con_1", kind=WriteKind.CREATE_CONTACT, contact_id="con_1", fields={"name": "Olga"})
    assert crm.perform([create, create]) == [*crm.perform([create])] * 2
    with database.read() as tx:
        assert len(local_crm.listed(tx, "contact")) == 1


def test_an_update_leaves_other_fields_and_tags_unite(database: Database, clock: Any) -> None:
    records = LocalRecordTable(database, clock)
    crm = LocalCrm(records)
    fields = {"name": "Olga", "company": "Acme"}
    (there,) = crm.perform([CrmWrite(key="k", kind=WriteKind.CREATE_CONTACT, contact_id="con_1", fields=fields)])
    assert isinstance(there, RemoteRef)
    more: list[tuple[WriteKind, dict[str, Any]]] = [
        (WriteKind.UPDATE_CONTACT, {"company": "Acme Ltda"}),
        (WriteKind.ADD_TAGS, {"tags": ["b"]}),
        (WriteKind.ADD_TAGS, {"tags": ["a", "b"]}),
    ]
    for kind, change in more:
        crm.perform([CrmWrite(key=f"{kind}", kind=kind, contact_id="con_1", target=there, fields=change)])
    assert records.read([there])[there].fields == {"name": "Olga", "company": "Acme Ltda", "tags": ["a", "b"]}


def test_what_one_thread_has_not_committed_no_other_sees(database: Database, clock: Any) -> None:
    records = LocalRecordTable(database, clock)
    with ThreadPoolExecutor(1) as other, records.together():
        records.add([NewLocalRecord("contact", "k", {})])
        assert other.submit(records.by_marker, "k").result(10) is None
        assert records.by_marker("k") is not None
    assert records.by_marker("k") is not None
