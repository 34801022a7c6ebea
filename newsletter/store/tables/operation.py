"""What is kept of providers, public pages and operators."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    literal_column,
)

from newsletter.store.tables.columns import Id, Instant, id_column, metadata

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
#: the provider's instant. `reason` holds no address; `raw` is kept only of what we know no meaning of. `link`
#: and `visitor` are salted hashes of what was clicked, and from where.
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
    Column("link", String(16), nullable=False, default="", server_default=""),
    Column("visitor", String(16), nullable=False, default="", server_default=""),
    Column("by_program", Boolean, nullable=False, default=False, server_default=false()),
)
# Few events are clicks, and only a report asks for them.
IS_CLICK = provider_event.c.kind == literal_column("'clicked'")
Index(
    "ix_provider_event_click",
    provider_event.c.batch_id,
    sqlite_where=IS_CLICK,
    postgresql_where=IS_CLICK,
)

#: When some records are looked through again for what is too old to be kept, and what the latest round has
#: removed. `next_at` is the end of a lease while a process is at it.
retention = Table(
    "retention",
    metadata,
    Column("records", String(10), primary_key=True),
    Column("next_at", Instant, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("removed", JSON, nullable=False, default=dict),
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
    id_column(),
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
