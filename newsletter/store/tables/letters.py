"""What is sent: series, issues, revisions with their pictures, and the dates that they have."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from newsletter.store.tables.columns import Instant, id_column, metadata, ref

#: The applied copy of each series file; `settings` is what `domain.series.to_settings` writes.
series = Table(
    "series",
    metadata,
    id_column(),
    Column("slug", Text, nullable=False, unique=True),
    Column("settings", JSON, nullable=False),
    Column("source_hash", String(64), nullable=False),
    Column("paused_at", Instant),
)

#: `kind` is "issue", or "notice" for mails that are no issue of the series.
issue = Table(
    "issue",
    metadata,
    id_column(),
    ref("series_id", "series.id"),
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
    ref("issue_id", "issue.id"),
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
    id_column(),
    ref("series_id", "series.id"),
    Column("local_date", Date, nullable=False),
    ref("issue_id", "issue.id", nullable=True),
    Column("revision", String(64)),
    Column("tzdata", String(20), nullable=False),
    Column("due_at", Instant),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("state", String(10), nullable=False),
    UniqueConstraint("series_id", "local_date"),
)
