"""By which version of the blocking keys a contact is found, so that `portaria dedupe rekey` knows whom to enter anew"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("keyed", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("contacts", "keyed")
