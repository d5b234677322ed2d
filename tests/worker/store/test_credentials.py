"""Logins in the store, on both databases."""

from __future__ import annotations

from typing import Any

from worker.store.credentials import CredentialTable
from worker.store.engine import Database


def test_one_worker_at_a_time_renews(database: Database, clock: Any) -> None:
    one, other = CredentialTable(database, clock), CredentialTable(database, clock)
    assert one.take("kommo:acme", seconds=60)
    assert not other.take("kommo:acme", seconds=60)
    assert other.take("kommo:outra", seconds=60)
    one.save("kommo:acme", "first")
    assert other.read("kommo:acme") == "first"
    other.release("kommo:acme")
    assert not other.take("kommo:acme", seconds=60)
    one.release("kommo:acme")
    assert other.take("kommo:acme", seconds=60)


def test_who_died_renewing_holds_nobody_up_for_long(database: Database, clock: Any) -> None:
    assert CredentialTable(database, clock).take("kommo:acme", seconds=60)
    clock.forward(61)
    assert CredentialTable(database, clock).take("kommo:acme", seconds=60)


def test_nothing_kept_is_empty(database: Database, clock: Any) -> None:
    assert CredentialTable(database, clock).read("kommo:acme") == ""


def test_a_key_is_made_once_for_all(database: Database, clock: Any) -> None:
    one, other = CredentialTable(database, clock), CredentialTable(database, clock)
    assert one.read_or_keep("mcp:request_state", "first") == "first"
    assert other.read_or_keep("mcp:request_state", "second") == "first"
