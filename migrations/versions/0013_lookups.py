"""Look-ups that are due later, and what look-ups cost"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "due_lookups",
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "source", name=op.f("pk_due_lookups")),
    )
    with op.batch_alter_table("due_lookups", schema=None) as batch_op:
        batch_op.create_index("ix_due_lookups_due_at", ["due_at"], unique=False)

    op.create_table(
        "enrichment_days",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("empty", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("from_cache", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", name=op.f("pk_enrichment_days")),
    )
    op.create_table(
        "enrichment_finds",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", "field", name=op.f("pk_enrichment_finds")),
    )
    op.execute("DELETE FROM cached_facts")  # answers of before: when they were given was not kept
    with op.batch_alter_table("cached_facts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False))
        batch_op.create_index("ix_cached_facts_expires_at", ["expires_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("cached_facts", schema=None) as batch_op:
        batch_op.drop_index("ix_cached_facts_expires_at")
        batch_op.drop_column("asked_at")

    op.drop_table("enrichment_finds")
    op.drop_table("enrichment_days")
    with op.batch_alter_table("due_lookups", schema=None) as batch_op:
        batch_op.drop_index("ix_due_lookups_due_at")

    op.drop_table("due_lookups")
