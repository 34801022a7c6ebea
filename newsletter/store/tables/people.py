"""People: who subscribes to what, how they agreed, and whom nothing may be sent to."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text

from newsletter.store.tables.columns import Id, Instant, id_column, metadata, ref

#: An id is never used again: the row of a forgotten person stays, without an address.
subscriber = Table(
    "subscriber",
    metadata,
    id_column(),
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
    id_column(),
    ref("series_id", "series.id"),
    ref("subscriber_id", "subscriber.id"),
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
