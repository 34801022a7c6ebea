"""Count a ledger by its batches, find open ones by small indexes, release without foreign keys."""

import sqlalchemy as sa
from alembic import op

from newsletter.store.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = "state IN ('planned', 'sending', 'unknown')"
_MEMBERS = "UPDATE batch SET members = (SELECT count(*) FROM delivery WHERE delivery.batch_id = batch.id)"


def upgrade() -> None:
    """Add columns with defaults, exchange indexes, and let go of the ledger's foreign keys."""
    op.add_column("batch", sa.Column("members", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("batch", sa.Column("provider_message_id", sa.Text(), nullable=True))
    op.add_column("deployment", sa.Column("moved_to", sa.Text(), nullable=False, server_default=""))
    op.drop_index("ix_batch_state_next_at", "batch")
    op.drop_index("ix_batch_lane_state_next_at", "batch")
    _add_index("ix_batch_open", "batch", ["release_id", "seq"], _OPEN)
    _add_index("ix_batch_tried", "batch", ["release_id", "next_at"], f"{_OPEN} AND epoch > 0")
    _add_index("ix_batch_fresh", "batch", ["release_id", "seq"], "state IN ('planned') AND epoch = 0")
    op.drop_index("ix_delivery_waiting", "delivery")
    if op.get_bind().dialect.name == "sqlite":
        _copy_deliveries()
    else:
        op.drop_constraint("fk_delivery_issue_id", "delivery")
        op.drop_constraint("fk_delivery_subscriber_id", "delivery")
    _add_index("ix_delivery_exception", "delivery", ["release_id", "state"], "state != 'planned'")
    op.execute(_MEMBERS)


def _add_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _copy_deliveries() -> None:
    # SQLite takes no constraint from a table that is there.
    op.drop_index("ix_delivery_batch_id_pos", "delivery")
    op.rename_table("delivery", "delivery_before")
    op.create_table(
        "delivery",
        sa.Column("issue_id", _ID, autoincrement=False, nullable=False),
        sa.Column("subscriber_id", _ID, autoincrement=False, nullable=False),
        sa.Column("occasion", _ID, autoincrement=False, nullable=False),
        sa.Column("release_id", _ID, nullable=True),
        sa.Column("batch_id", _ID, nullable=True),
        sa.Column("pos", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("bounced_at", Instant(), nullable=True),
        sa.Column("complained_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("issue_id", "subscriber_id", "occasion", name=op.f("pk_delivery")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO delivery SELECT * FROM delivery_before")
    op.drop_table("delivery_before")
    op.create_index("ix_delivery_batch_id_pos", "delivery", ["batch_id", "pos"])
