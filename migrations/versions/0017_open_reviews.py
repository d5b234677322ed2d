"""Reviews that stay open while their submissions go on with contacts of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "open_reviews",
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_open_reviews")),
    )


def downgrade() -> None:
    op.drop_table("open_reviews")
