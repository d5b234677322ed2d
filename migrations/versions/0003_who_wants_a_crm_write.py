"""A CRM write may be wanted by others than submissions"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("submission_id", "wanted_by")


def downgrade() -> None:
    _rename("wanted_by", "submission_id")


def _rename(before: str, after: str) -> None:
    op.drop_index(f"ix_crm_writes_{before}", "crm_writes")
    op.execute(f"ALTER TABLE crm_writes RENAME COLUMN {before} TO {after}")
    op.create_index(f"ix_crm_writes_{after}", "crm_writes", [after])
