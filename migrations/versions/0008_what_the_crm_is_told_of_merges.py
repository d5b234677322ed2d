"""When the CRM is told of a merge"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("merges", sa.Column("tell_at", sa.DateTime(timezone=True)))
    op.create_index("ix_merges_tell_at", "merges", ["tell_at"])


def downgrade() -> None:
    op.drop_index("ix_merges_tell_at", "merges")
    op.drop_column("merges", "tell_at")
