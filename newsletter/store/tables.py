"""The tables, in the words of the design. An instant is aware UTC in and out."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    false,
    literal_column,
)

from newsletter.domain.delivery import UNSETTLED, BatchState, DeliveryState

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, on databases with zones and without."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        # PostgreSQL answers in the zone of its server.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only in a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[Any]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Id, ForeignKey(target), nullable=nullable)


#: The applied copy of each series file; `settings` is what `domain.series.to_settings` writes.
series = Table(
    "series",
    metadata,
    _id(),
    Column("slug", Text, nullable=False, unique=True),
    Column("settings", JSON, nullable=False),
    Column("source_hash", String(64), nullable=False),
    Column("paused_at", Instant),
)

#: `kind` is "issue", or "notice" for mails that are no issue of the series.
issue = Table(
    "issue",
    metadata,
    _id(),
    _ref("series_id", "series.id"),
    Column("slug", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("position", Integer, nullable=False),
    Column("approved_revision", String(64)),
    Column("paused_at", Instant),
    Column("cancelled_at", Instant),
    UniqueConstraint("series_id", "slug"),
)

revision = Table(
    "revision",
    metadata,
    Column("hash", String(64), primary_key=True),
    _ref("issue_id", "issue.id"),
    Column("source_hash", String(64), nullable=False),
    Column("sender", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("links", JSON, nullable=False),
)

#: Pictures frozen with revisions, named by their content.
media = Table(
    "media",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("content_type", String(40), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

#: `due_at` is the instant that people were last shown for the date, by the zone rules of `tzdata`.
#: What is due goes by the cadence alone.
slot = Table(
    "slot",
    metadata,
    _id(),
    _ref("series_id", "series.id"),
    Column("local_date", Date, nullable=False),
    _ref("issue_id", "issue.id", nullable=True),
    Column("revision", String(64)),
    Column("tzdata", String(20), nullable=False),
    Column("due_at", Instant),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("state", String(10), nullable=False),
    UniqueConstraint("series_id", "local_date"),
)

#: `prepared_to` is the subscriber id up to which deliveries exist: nothing is sent before preparing ends.
#: `occasion` is 0 for the real send; `reason` says why a release is held; `waiting` counts the deliveries
#: that have no batch yet because the same person's earlier issue is not settled.
release = Table(
    "release",
    metadata,
    _id(),
    _ref("slot_id", "slot.id"),
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
    _id(),
    _ref("release_id", "release.id", nullable=True),
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


def one_of(column: ColumnElement[Any], *values: str) -> ColumnElement[bool]:
    """Compare with values that are written out.

    By a parameter no database sees which partial index is meant, and a list of them is put together anew for
    every call.
    """
    return column.in_([literal_column(f"'{value}'") for value in values])


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

#: An id is never used again: the row of a forgotten person stays, without an address.
subscriber = Table(
    "subscriber",
    metadata,
    _id(),
    Column("address", String(320)),
    Column("address_hash", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False, default=""),
    Column("zone", String(60), nullable=False, default=""),
    Column("locale", String(35), nullable=False, default=""),
    Column("attributes", JSON, nullable=False, default=dict),
    Column("erased_at", Instant),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    metadata,
    Column("series_id", Id, ForeignKey("series.id"), primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscriber.id"), primary_key=True),
    Column("state", String(15), nullable=False),
    Column("confirmed_at", Instant),
    Column("paused_until", Instant),
    sqlite_with_rowid=False,
)

#: Append-only: what a person agreed to or withdrew, when, how, from which issue, and what they were told.
#: `version` names that text, `ip` is empty unless the letter keeps it.
consent_event = Table(
    "consent_event",
    metadata,
    _id(),
    _ref("series_id", "series.id"),
    _ref("subscriber_id", "subscriber.id"),
    Column("kind", String(15), nullable=False),
    Column("at", Instant, nullable=False),
    Column("how", String(40), nullable=False),
    Column("issue_id", Id),
    Column("text", Text, nullable=False, default=""),
    Column("version", String(12), nullable=False, default="", server_default=""),
    Column("ip", String(45), nullable=False, default="", server_default=""),
    Index("ix_consent_event_subscriber_id", "subscriber_id"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("address_hash", String(32), primary_key=True),
    Column("reason", String(20), nullable=False),
    Column("since", Instant, nullable=False),
)

#: How often the public forms were used in a window that began `since`; `key` is a salted hash.
web_limit = Table(
    "web_limit",
    metadata,
    Column("scope", String(10), primary_key=True),
    Column("key", String(32), primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("uses", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: What a provider reported later; an event is inserted before it is applied, so each is applied once. `at` is
#: the provider's instant. `reason` holds no address; `raw` is kept only of what we know no meaning of.
provider_event = Table(
    "provider_event",
    metadata,
    Column("provider", String(30), primary_key=True),
    Column("event_id", String(200), primary_key=True),
    Column("kind", String(15), nullable=False),
    Column("batch_id", Id),
    Column("pos", Integer),
    Column("raw", LargeBinary, nullable=False, default=b""),
    Column("received_at", Instant, nullable=False),
    Column("at", Instant),
    Column("reason", Text, nullable=False, default="", server_default=""),
)

#: The pace of one provider account: when the next call of each lane may start, what of the day's quota is
#: used, since when it warms up, and until when nobody calls it.
provider_state = Table(
    "provider_state",
    metadata,
    Column("provider", String(30), primary_key=True),
    Column("bulk_at", Instant),
    Column("priority_at", Instant),
    Column("slowdown", Float, nullable=False, default=1.0),
    Column("day", Date),
    Column("used", Integer, nullable=False, default=0),
    Column("warm_since", Date),
    Column("blocked_until", Instant),
    Column("blocked_reason", Text, nullable=False, default=""),
    Column("blocked_since", Instant),
    Column("failures", Integer, nullable=False, default=0),
)

#: Which holds the people of `alert_to` have been told of.
alert = Table(
    "alert",
    metadata,
    Column("release_id", Id, ForeignKey("release.id"), primary_key=True),
    Column("what", String(10), primary_key=True),
    Column("at", Instant, nullable=False),
)

#: What a person decided at the command line.
audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", Instant, nullable=False),
    Column("what", String(40), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
)

#: One row: who this database is. `salt` keeps address hashes from being guessed elsewhere. `moved_to` names
#: the database that took its place.
deployment = Table(
    "deployment",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("moved_to", Text, nullable=False, default=""),
)
