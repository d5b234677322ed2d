"""What the scheduler asks each second of runs and messages has an index, however many of them wait

The index of before held the state as a constant, and was not taken for a query with the state as a parameter.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SENT = sa.text("look_at > due_at")
GOING = {"workflow_runs": "active", "notifications": "pending"}


def upgrade() -> None:
    for table in GOING:
        op.create_index(f"ix_{table}_state_look_at", table, ["state", "look_at"])
        op.create_index(f"ix_{table}_state_updated_at", table, ["state", "updated_at"])
        op.create_index(f"ix_{table}_sent", table, ["state", "look_at"], sqlite_where=SENT, postgresql_where=SENT)
        op.drop_index(f"ix_{table}_look_at", table)


def downgrade() -> None:
    for table, state in GOING.items():
        where = sa.text(f"state = '{state}'")
        op.create_index(f"ix_{table}_look_at", table, ["look_at"], sqlite_where=where, postgresql_where=where)
        for name in ("sent", "state_updated_at", "state_look_at"):
            op.drop_index(f"ix_{table}_{name}", table)
