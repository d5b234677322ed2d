"""How far each mailbox was read."""

from __future__ import annotations

import sqlalchemy as sa

from worker import tables
from worker.store.bulk import insert_ignoring
from worker.store.engine import Transaction

table = tables.mailbox_progress


def last_uid(tx: Transaction, *, mailbox: str, account: str, folder: str, uidvalidity: int) -> int:
    """Every mail of the folder up to this UID is committed; 0 where nothing is known of this UIDVALIDITY."""
    found = tx.execute(
        sa.select(table.c.last_uid).where(*_row(mailbox, account, folder), table.c.uidvalidity == uidvalidity)
    )
    return found.scalar_one_or_none() or 0


def save(tx: Transaction, *, mailbox: str, account: str, folder: str, uidvalidity: int, last_uid: int) -> None:
    """Every mail of the folder up to `last_uid` is committed. Never takes back what was said of this UIDVALIDITY."""
    whose = {"mailbox": mailbox, "account": account, "folder": folder}
    how_far = {"uidvalidity": uidvalidity, "last_uid": last_uid}
    insert_ignoring(tx, table, [whose | how_far])
    news = sa.or_(table.c.uidvalidity != uidvalidity, table.c.last_uid < last_uid)
    tx.execute(sa.update(table).where(*_row(mailbox, account, folder), news).values(how_far))


def _row(mailbox: str, account: str, folder: str) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.mailbox == mailbox, table.c.account == account, table.c.folder == folder
