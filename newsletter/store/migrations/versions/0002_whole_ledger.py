"""The whole ledger: waiting deliveries, inquiries, events, the pace of an account, alerts."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns with defaults, so that rows which are there stay as they are."""
    op.add_column("release", sa.Column("waiting", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("batch", sa.Column("inquiry", sa.String(length=10), nullable=False, server_default=""))
    op.drop_index("ix_delivery_batch_id", "delivery")
    op.create_index("ix_delivery_batch_id_pos", "delivery", ["batch_id", "pos"])
    op.create_index("ix_batch_lane_state_next_at", "batch", ["lane", "state", "next_at"])
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["release_id"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "provider_event",
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("batch_id", _ID, nullable=True),
        sa.Column("pos", sa.Integer(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_provider_event")),
    )
    op.create_table(
        "provider_state",
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("bulk_at", Instant(), nullable=True),
        sa.Column("priority_at", Instant(), nullable=True),
        sa.Column("slowdown", sa.Float(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("warm_since", sa.Date(), nullable=True),
        sa.Column("blocked_until", Instant(), nullable=True),
        sa.Column("blocked_reason", sa.Text(), nullable=False),
        sa.Column("blocked_since", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_state")),
    )
    op.create_table(
        "alert",
        sa.Column("release_id", _ID, nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name=op.f("fk_alert_release_id")),
        sa.PrimaryKeyConstraint("release_id", "what", name=op.f("pk_alert")),
    )
