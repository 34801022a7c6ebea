"""Remember when what is old was removed last."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table that the next round fills."""
    op.create_table(
        "retention",
        sa.Column("records", sa.String(length=10), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("records", name=op.f("pk_retention")),
    )
