"""Why a run stops once what of its step is in the air has come down: a call that was made is not forgotten with its run"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workflow_runs", sa.Column("stopping", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("workflow_runs", "stopping")
