"""Many people of a list at once: each statement takes a whole chunk as one JSON value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    Text,
    bindparam,
    cast,
    insert,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.domain.joining import Entry, Standing
from newsletter.domain.subscriber import Consent, Evidence
from newsletter.store.hot import Hot
from newsletter.store.packing import cell, each_row, each_text, json_cell
from newsletter.store.tables import Instant, consent_event, subscriber, subscription, suppression

# The advisory lock of whoever adds many: two lists with the same people in another order would each wait
# for the other.
_ADDING = 7_305_514_022
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
# The hashes of a chunk lie all over their index: with the 2 MB and 1,000 pages that SQLite starts with, most
# of the time goes by in writing pages out, reading them again, and copying each from the log at every commit.
_MANY = 500
_FOR_MANY = (text("PRAGMA cache_size=-16000"), text("PRAGMA wal_autocheckpoint=8000"))

_hash = each_text(bindparam("hashes", type_=Text)).table_valued("value", name="h")
_LOOK = Hot(
    select(_hash.c.value, subscriber.c.id, subscription.c.state, suppression.c.reason)
    .select_from(_hash)
    .join(subscriber, subscriber.c.address_hash == _hash.c.value, isouter=True)
    .join(
        subscription,
        (subscription.c.series_id == bindparam("series_id", type_=BigInteger))
        & (subscription.c.subscriber_id == subscriber.c.id),
        isouter=True,
    )
    .join(suppression, suppression.c.address_hash == _hash.c.value, isouter=True)
    .where(or_(subscriber.c.id.is_not(None), suppression.c.reason.is_not(None)))
)

_row = each_row(bindparam("rows", type_=Text)).table_valued("value", name="r")
_cells: list[ColumnElement[Any]] = [literal_column(str(number)) for number in range(6)]
# SQLite takes ON for a join where nothing stands before it; a hash is never null.
_PEOPLE: Any = select(
    *(cell(_row.c.value, number) for number in _cells[:5]), json_cell(_row.c.value, _cells[5])
).where(cell(_row.c.value, _cells[1]).is_not(None))
_COLUMNS = ["address", "address_hash", "name", "zone", "locale", "attributes"]

_NEW = (
    select(
        bindparam("series_id", type_=BigInteger),
        subscriber.c.id,
        bindparam("state", type_=String),
        bindparam("confirmed_at", type_=Instant),
    )
    .select_from(_hash)
    .join(subscriber, subscriber.c.address_hash == _hash.c.value)
    .where(_hash.c.value.is_not(None))
)
_SUBSCRIPTION = ["series_id", "subscriber_id", "state", "confirmed_at"]

_id = each_text(bindparam("ids", type_=Text)).table_valued("value", name="i")
_EVENTS = insert(consent_event).from_select(
    ["series_id", "subscriber_id", "kind", "at", "how", "text", "version", "ip"],
    select(
        bindparam("series_id", type_=BigInteger),
        cast(_id.c.value, BigInteger),
        bindparam("kind", type_=String),
        bindparam("at", type_=Instant),
        bindparam("how", type_=String),
        bindparam("text", type_=Text),
        bindparam("version", type_=String),
        bindparam("ip", type_=String),
    ).select_from(_id),
)


def _insert_new(table: Any, columns: list[str], rows: Any) -> dict[str, Any]:
    """Write for each database an INSERT that passes over rows which exist already."""
    return {
        name: start(table).from_select(columns, rows).on_conflict_do_nothing()
        for name, start in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
    }


_ADD_PEOPLE = _insert_new(subscriber, _COLUMNS, _PEOPLE)
_SUBSCRIBE = {
    name: Hot(statement.returning(subscription.c.subscriber_id))
    for name, statement in _insert_new(subscription, _SUBSCRIPTION, _NEW).items()
}


def take_turns(tx: Connection, people: int) -> None:
    """Let nobody else add many people until this transaction ends; have room for so many."""
    if tx.dialect.name != "sqlite":
        tx.execute(_LOCK, {"lock": _ADDING})
        return
    for setting in _FOR_MANY if people >= _MANY else ():
        tx.execute(setting)


def look(tx: Connection, series_id: int, hashes: Sequence[str]) -> dict[str, Standing]:
    """Tell how addresses stand that are known already, or suppressed."""
    rows = _LOOK.rows(tx, {"series_id": series_id, "hashes": _json(list(hashes))})
    return {
        hash_: Standing(id_, Consent(state) if state else None, reason) for hash_, id_, state, reason in rows
    }


def add_people(tx: Connection, people: Mapping[str, Entry], locales: Mapping[str, str] | None = None) -> None:
    """Insert people by the hash of their address; whoever is there stays as they are."""
    found = locales or {}
    rows = [
        (one.person.address, hash_, one.person.name, one.person.zone, found.get(hash_, ""), one.attributes)
        for hash_, one in people.items()
    ]
    if rows:
        tx.execute(_ADD_PEOPLE[tx.dialect.name], {"rows": _json(rows)})


def subscribe(
    tx: Connection, series_id: int, hashes: Sequence[str], state: Consent, evidence: Evidence
) -> list[int]:
    """Make subscriptions of people who have none, each with its evidence; return whose they are."""
    if not hashes:
        return []
    is_active = state is Consent.ACTIVE
    values = {
        "series_id": series_id,
        "hashes": _json(list(hashes)),
        "state": state.value,
        "confirmed_at": evidence.at if is_active else None,
    }
    ids = [row[0] for row in _SUBSCRIBE[tx.dialect.name].rows(tx, values)]
    event = {"series_id": series_id, "kind": "confirmed" if is_active else "asked", "ids": _json(ids)}
    tx.execute(_EVENTS, {**event, **asdict(evidence)})
    return ids


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
