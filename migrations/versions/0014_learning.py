"""Outcomes, the models learned from them, what is in force, scores in shadow, and drift"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "lead_outcomes",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=True),
        sa.Column("system", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("remote_id", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_lead_outcomes")),
    )
    op.create_index("ix_lead_outcomes_subject", "lead_outcomes", ["subject", "at"])
    op.create_table(
        "learned_models",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("training", sa.Text(), nullable=False),
        sa.Column("trained_at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_learned_models")),
    )
    op.create_table(
        "model_deployments",
        sa.Column("no", SERIAL, autoincrement=True, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("replaced", sa.Text(), nullable=False),
        sa.Column("is_rollback", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_model_deployments")),
    )
    op.create_table(
        "shadow_scores",
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("champion", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "model", name=op.f("pk_shadow_scores")),
    )
    op.create_index("ix_shadow_scores_model", "shadow_scores", ["model"])
    op.create_table(
        "model_checks",
        sa.Column("no", SERIAL, autoincrement=True, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_model_checks")),
    )
    op.create_index("ix_scores_at", "scores", ["at"])


def downgrade() -> None:
    op.drop_index("ix_scores_at", table_name="scores")
    for table in ("model_checks", "shadow_scores", "model_deployments", "learned_models", "lead_outcomes"):
        op.drop_table(table)
