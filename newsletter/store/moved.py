"""Mark a database that another one took the place of: nothing that people say is written into it any more.

A web process that still runs on it knows nothing of the move: the database itself refuses what it writes.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, select, text, update

from newsletter.store.tables import (
    consent_event,
    deployment,
    provider_event,
    subscriber,
    subscription,
    suppression,
)

_CLOSED = (subscriber, subscription, consent_event, suppression, provider_event)
_EVENTS = ("INSERT", "UPDATE", "DELETE")
#: `failures` takes its first words for those of a database that refuses, and knows the mend.
_SAYS = "not a database to write to any more: it was moved to {}"

_GET = select(deployment.c.moved_to)
_SET = update(deployment).values(moved_to=bindparam("name"))
_FUNCTION = """
CREATE OR REPLACE FUNCTION newsletter_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{}', (SELECT moved_to FROM deployment)
        USING ERRCODE = 'object_not_in_prerequisite_state';
END $$
"""


def moved_to(tx: Connection) -> str:
    """Return the name of the database that took this one's place; empty where none did."""
    return str(tx.execute(_GET).scalar() or "")


def mark(tx: Connection, name: str) -> None:
    """Write down where a database was moved to, and close it to what people say."""
    tx.execute(_SET, {"name": name})
    if tx.dialect.name == "sqlite":
        said = _SAYS.format(name).replace("'", "''")
        action = f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
    else:
        tx.execute(text(_FUNCTION.format(_SAYS.format("%"))))
        action = "FOR EACH ROW EXECUTE FUNCTION newsletter_moved()"
    for trigger, table, event in _triggers():
        tx.exec_driver_sql(f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} {action}")


def unmark(tx: Connection) -> None:
    """Open a database again as if it had never been moved."""
    tx.execute(_SET, {"name": ""})
    for trigger, table, _ in _triggers():
        of = "" if tx.dialect.name == "sqlite" else f" ON {table}"
        tx.execute(text(f"DROP TRIGGER IF EXISTS {trigger}{of}"))
    if tx.dialect.name != "sqlite":
        tx.execute(text("DROP FUNCTION IF EXISTS newsletter_moved()"))


def _triggers() -> Iterator[tuple[str, str, str]]:
    for table in _CLOSED:
        for event in _EVENTS:
            yield f"moved_{table.name}_{event.lower()}", table.name, event
