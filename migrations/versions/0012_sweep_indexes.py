"""The sweep's indexes: what is under way said so that SQLite uses it; what waits by when it was put off"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE = "state IN ('arrived', 'created', 'enriched', 'normalized', 'received', 'resolved', 'scored', 'validated')"
AFTER = "state NOT IN ('dead', 'done', 'held', 'rejected', 'review', 'waiting')"


def upgrade() -> None:
    _under_way(AFTER)
    op.drop_index("ix_submissions_state", table_name="submissions")
    op.create_index("ix_submissions_state_updated_at", "submissions", ["state", "updated_at"], unique=False)


def downgrade() -> None:
    _under_way(BEFORE)
    op.drop_index("ix_submissions_state_updated_at", table_name="submissions")
    op.create_index("ix_submissions_state", "submissions", ["state"], unique=False)


def _under_way(condition: str) -> None:
    op.drop_index("ix_submissions_in_flight", table_name="submissions")
    op.create_index(
        "ix_submissions_in_flight",
        "submissions",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )
