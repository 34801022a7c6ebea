"""Keep the instant that a slot was shown with, and whether a person chose its date."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the next `queue` fills."""
    op.add_column("slot", sa.Column("due_at", Instant(), nullable=True))
    op.add_column("slot", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
