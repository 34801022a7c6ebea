"""Keep of a click what tells a program from a person, and find the clicks on an issue."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the next click fills."""
    for name in ("link", "visitor"):
        op.add_column(
            "provider_event", sa.Column(name, sa.String(length=16), nullable=False, server_default="")
        )
    op.add_column(
        "provider_event", sa.Column("by_program", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    where = sa.text("kind = 'clicked'")
    op.create_index(
        "ix_provider_event_click",
        "provider_event",
        ["batch_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
