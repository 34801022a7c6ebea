"""Keep which text people agreed to, and count how often the public forms are used."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the next form fills."""
    op.add_column(
        "consent_event", sa.Column("version", sa.String(length=12), nullable=False, server_default="")
    )
    op.add_column("consent_event", sa.Column("ip", sa.String(length=45), nullable=False, server_default=""))
    op.create_table(
        "web_limit",
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", "since", name=op.f("pk_web_limit")),
        sqlite_with_rowid=False,
    )
    # Many mails may wait for their turn that are no issue.
    where = sa.text("release_id IS NULL AND state IN ('planned', 'sending', 'unknown')")
    op.create_index("ix_batch_notice", "batch", ["next_at"], sqlite_where=where, postgresql_where=where)
