"""The key index: who holds a key, whatever the number and however many are asked for."""

from __future__ import annotations

from typing import Any

from pipelines.models import Contact
from worker.store import contacts
from worker.store.contacts import NewContact
from worker.store.engine import Database

LOWEST, HIGHEST = -(2**63), 2**63 - 1


def test_keys_of_all_64_bits_are_found_among_thousands(database: Database, clock: Any) -> None:
    with database.write() as tx:
        new = [NewContact(f"con_{n}", Contact(), f"line {n}") for n in range(2)]
        one, two = contacts.add(tx, new, clock()).values()
        contacts.add_keys(tx, [(LOWEST, one), (HIGHEST, one), (HIGHEST, two), (0, two)])
    with database.read() as tx:
        found = contacts.blocks(tx, [LOWEST, HIGHEST, 0, *range(1, 5000)])
        assert {key: sorted(block) for key, block in found.items()} == {
            LOWEST: [one], HIGHEST: sorted((one, two)), 0: [two],
        }  # fmt: skip
        assert contacts.blocks(tx, []) == contacts.candidates(tx, []) == {}
        assert contacts.candidates(tx, [one, two, 99]) == {one: ("con_0", "line 0"), two: ("con_1", "line 1")}
