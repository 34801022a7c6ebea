"""The ledger: releases, batches, deliveries and attempts."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
)

from newsletter.domain.delivery import UNSETTLED, BatchState, DeliveryState
from newsletter.store.tables.columns import Id, Instant, id_column, metadata, one_of, ref

#: `prepared_to` is the subscriber id up to which deliveries exist: nothing is sent before preparing ends.
#: `occasion` is 0 for the real send; `reason` says why a release is held; `waiting` counts the deliveries
#: that have no batch yet because the same person's earlier issue is not settled.
release = Table(
    "release",
    metadata,
    id_column(),
    ref("slot_id", "slot.id"),
    Column("due_at", Instant, nullable=False),
    Column("zones", JSON(none_as_null=True)),
    Column("state", String(10), nullable=False),
    Column("occasion", Id, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("prepared_to", Id, nullable=False, default=0),
    Column("candidates", Integer, nullable=False, default=0),
    Column("planned", Integer, nullable=False, default=0),
    Column("waiting", Integer, nullable=False, default=0),
    Column("excluded", JSON, nullable=False, default=dict),
    Column("started_at", Instant),
    Column("settled_at", Instant),
    UniqueConstraint("slot_id", "due_at"),
)

#: The deliveries of one provider call, of which `members` have this batch. `frozen` holds what a repeat must
#: say again, until the batch settles. `inquiry` says how far the finding out of an unknown outcome has come.
#: `provider_message_id` is what all of them share where the provider gives one id for a call.
batch = Table(
    "batch",
    metadata,
    id_column(),
    ref("release_id", "release.id", nullable=True),
    Column("revision", String(64), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("provider", String(30), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("members", Integer, nullable=False, default=0),
    Column("parent_id", Id),
    Column("generation", Integer, nullable=False, default=0),
    Column("state", String(10), nullable=False),
    Column("tainted", Boolean, nullable=False, default=False),
    Column("inquiry", String(10), nullable=False, default=""),
    Column("epoch", Integer, nullable=False, default=0),
    Column("lease_owner", String(80)),
    Column("lease_until", Instant),
    Column("next_at", Instant),
    Column("formed_at", Instant, nullable=False),
    Column("first_call_at", Instant),
    Column("last_call_at", Instant),
    Column("key_id", String(20)),
    Column("frozen", LargeBinary),
    Column("provider_message_id", Text),
    UniqueConstraint("release_id", "seq"),
)
#: A report that names no delivery may still name the call that it went out with.
HAS_SHARED_ID = batch.c.provider_message_id.is_not(None)
Index(
    "ix_batch_message",
    batch.c.provider_message_id,
    sqlite_where=HAS_SHARED_ID,
    postgresql_where=HAS_SHARED_ID,
)

#: A batch that is not settled; one of these that somebody has tried; one that nobody has.
IS_OPEN = one_of(batch.c.state, *UNSETTLED)
IS_TRIED = and_(IS_OPEN, batch.c.epoch > literal_column("0"))
IS_FRESH = and_(one_of(batch.c.state, BatchState.PLANNED), batch.c.epoch == literal_column("0"))
for _name, _columns, _where in (
    ("ix_batch_open", (batch.c.release_id, batch.c.seq), IS_OPEN),
    ("ix_batch_tried", (batch.c.release_id, batch.c.next_at), IS_TRIED),
    ("ix_batch_fresh", (batch.c.release_id, batch.c.seq), IS_FRESH),
    ("ix_batch_notice", (batch.c.next_at,), and_(batch.c.release_id.is_(None), IS_OPEN)),
):
    Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)

#: The ledger. A row that says `planned` has its batch's state. Issues and subscribers are never deleted, so
#: no foreign key looks after them: it would cost a third of a release. `bounce` says what the gravest bounce
#: means for the address.
delivery = Table(
    "delivery",
    metadata,
    Column("issue_id", Id, primary_key=True, autoincrement=False),
    Column("subscriber_id", Id, primary_key=True, autoincrement=False),
    Column("occasion", Id, primary_key=True, autoincrement=False, default=0),
    Column("release_id", Id),
    Column("batch_id", Id),
    Column("pos", Integer),
    Column("state", String(10), nullable=False),
    Column("not_before", Instant),
    Column("reason", Text),
    Column("provider_message_id", Text),
    Column("accepted_at", Instant),
    Column("delivered_at", Instant),
    Column("bounced_at", Instant),
    Column("complained_at", Instant),
    Column("bounce", String(10)),
    Index("ix_delivery_batch_id_pos", "batch_id", "pos"),
    sqlite_with_rowid=False,
)

#: A delivery with a state of its own.
IS_EXCEPTION = delivery.c.state != literal_column(f"'{DeliveryState.PLANNED}'")
Index(
    "ix_delivery_exception",
    delivery.c.release_id,
    delivery.c.state,
    sqlite_where=IS_EXCEPTION,
    postgresql_where=IS_EXCEPTION,
)

attempt = Table(
    "attempt",
    metadata,
    Column("batch_id", Id, ForeignKey("batch.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", String(20)),
    Column("http_status", Integer),
    Column("request_id", Text),
)
