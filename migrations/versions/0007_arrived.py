"""Submissions that something has to be asked of first are on the path too"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BEFORE = "state IN ('created', 'enriched', 'normalized', 'received', 'resolved', 'scored', 'validated')"
AFTER = "state IN ('arrived', 'created', 'enriched', 'normalized', 'received', 'resolved', 'scored', 'validated')"


def upgrade() -> None:
    _index(AFTER)


def downgrade() -> None:
    _index(BEFORE)


def _index(on_the_path: str) -> None:
    name = "ix_submissions_in_flight"
    op.drop_index(name, table_name="submissions")
    where = sa.text(on_the_path)
    op.create_index(name, "submissions", ["due_at"], sqlite_where=where, postgresql_where=where)
