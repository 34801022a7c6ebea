"""Keep what a bounce means for its address, and when and why an event happened."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SHARED = "provider_message_id IS NOT NULL"


def upgrade() -> None:
    """Add what the next event fills, and find a batch by the id that its call was given."""
    op.add_column("delivery", sa.Column("bounce", sa.String(length=10), nullable=True))
    op.add_column("provider_event", sa.Column("at", Instant(), nullable=True))
    op.add_column("provider_event", sa.Column("reason", sa.Text(), nullable=False, server_default=""))
    where = sa.text(_SHARED)
    op.create_index(
        "ix_batch_message", "batch", ["provider_message_id"], sqlite_where=where, postgresql_where=where
    )
