"""People, subscriptions, their evidence, and the suppression list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from newsletter.domain.pausing import date_of
from newsletter.domain.subscriber import Consent, Evidence, Subscriber
from newsletter.store.database import insert_new
from newsletter.store.segments import condition
from newsletter.store.tables import Instant, consent_event, series, subscriber, subscription, suppression

_BY_HASHES = select(subscriber.c.id, subscriber.c.address_hash).where(
    subscriber.c.address_hash.in_(bindparam("hashes", expanding=True))
)
_STATES = select(subscription.c.subscriber_id, subscription.c.state).where(
    subscription.c.series_id == bindparam("series_id"),
    subscription.c.subscriber_id.in_(bindparam("ids", expanding=True)),
)
_GET = select(subscriber.c.id, subscriber.c.address, subscriber.c.name, subscriber.c.zone).where(
    subscriber.c.id == bindparam("subscriber_id")
)
_FIRST = (
    select(subscriber.c.address, subscriber.c.name, subscriber.c.zone)
    .where(subscriber.c.address.is_not(None))
    .order_by(subscriber.c.id)
    .limit(bindparam("most"))
)
_STATE = select(subscription.c.state).where(
    subscription.c.series_id == bindparam("series_id"),
    subscription.c.subscriber_id == bindparam("subscriber_id"),
)
_ACTIVATE = (
    update(subscription)
    .where(
        subscription.c.series_id == bindparam("series_id_"),
        subscription.c.subscriber_id == bindparam("subscriber_id_"),
        subscription.c.state == Consent.PENDING,
    )
    .values(state=Consent.ACTIVE, confirmed_at=bindparam("confirmed_at_"))
)
_LEAVE = (
    update(subscription)
    .where(
        subscription.c.series_id == bindparam("series_id_"),
        subscription.c.subscriber_id == bindparam("subscriber_id_"),
        subscription.c.state != Consent.UNSUBSCRIBED,
    )
    # Who comes back comes back at once.
    .values(state=Consent.UNSUBSCRIBED, paused_until=None)
)
_RENAME = (
    update(subscriber)
    .where(subscriber.c.id == bindparam("row_id"))
    .values(name=bindparam("name_"), zone=bindparam("zone_"))
)
_READDRESS = (
    update(subscriber)
    .where(subscriber.c.id == bindparam("row_id"))
    .values(address=bindparam("address_"), address_hash=bindparam("hash_"))
)
_GIVE_UP = _READDRESS.values(erased_at=bindparam("at", type_=Instant))
_LIST = (
    select(
        subscriber.c.id, subscriber.c.address, subscriber.c.name, subscriber.c.zone,
        series.c.slug.label("series"), subscription.c.state, subscription.c.confirmed_at,
        suppression.c.reason.label("suppressed"), subscription.c.paused_until,
        series.c.settings["zone"].as_string().label("series_zone"),
    )
    .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
    .join(series, series.c.id == subscription.c.series_id)
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(subscriber.c.address.is_not(None))
    .order_by(subscriber.c.id, series.c.slug)
)  # fmt: skip
_COUNTS = (
    select(series.c.slug, subscription.c.state, func.count())
    .join(series, series.c.id == subscription.c.series_id)
    .group_by(series.c.slug, subscription.c.state)
)
_SUPPRESSED = select(suppression.c.reason).where(suppression.c.address_hash == bindparam("hash"))


@dataclass(frozen=True)
class SubscriptionRow:
    """One person's subscription to one series."""

    id: int
    address: str
    name: str
    zone: str
    series: str
    state: Consent
    confirmed_at: datetime | None
    suppressed: str | None
    paused_until: datetime | None
    series_zone: str

    def standing(self, now: datetime) -> str:
        """Say how it stands: suppressed, paused until a date of the person's own zone, or its state."""
        until = self.paused_until
        if self.suppressed or self.state is not Consent.ACTIVE or until is None or until <= now:
            return self.suppressed or self.state.value
        return f"paused until {date_of(until, self.zone, self.series_zone)}"


def ids_by_hash(tx: Connection, hashes: Sequence[str]) -> dict[str, int]:
    """Find people by the hashes of their addresses."""
    return {hash_: id_ for id_, hash_ in tx.execute(_BY_HASHES, {"hashes": list(hashes)})}


def add_people(tx: Connection, people: Mapping[str, Subscriber]) -> dict[str, int]:
    """Insert people by the hash of their address; return their ids by hash, also of those there already."""
    if not people:
        return {}
    rows = [
        {"address": person.address, "address_hash": hash_, "name": person.name, "zone": person.zone}
        for hash_, person in people.items()
    ]
    statement = insert_new(tx, subscriber).returning(subscriber.c.address_hash, subscriber.c.id)
    added = {row.address_hash: row.id for row in tx.execute(statement, rows)}
    met = [hash_ for hash_ in people if hash_ not in added]
    return added | ids_by_hash(tx, met) if met else added


def states(tx: Connection, series_id: int, ids: Sequence[int]) -> dict[int, Consent]:
    """Return the state of each subscription that exists."""
    rows = tx.execute(_STATES, {"series_id": series_id, "ids": list(ids)})
    return {id_: Consent(state) for id_, state in rows}


def subscribe(tx: Connection, series_id: int, ids: Sequence[int], evidence: Evidence) -> None:
    """Make active subscriptions of people who have none, each with its evidence."""
    if not ids:
        return
    active = {"series_id": series_id, "state": Consent.ACTIVE, "confirmed_at": evidence.at}
    tx.execute(insert_new(tx, subscription), [{**active, "subscriber_id": id_} for id_ in ids])
    add_events(tx, series_id, ids, "confirmed", evidence)


def activate(tx: Connection, series_id: int, ids: Sequence[int], evidence: Evidence) -> None:
    """Make pending subscriptions active, each with its evidence."""
    if not ids:
        return
    values = {"series_id_": series_id, "confirmed_at_": evidence.at}
    tx.execute(_ACTIVATE, [{**values, "subscriber_id_": id_} for id_ in ids])
    add_events(tx, series_id, ids, "confirmed", evidence)


def unsubscribe(
    tx: Connection, series_id: int, subscriber_id: int, evidence: Evidence, issue_id: int | None
) -> bool:
    """End a subscription; False where it had ended before, which is normal."""
    values = {"series_id_": series_id, "subscriber_id_": subscriber_id}
    if not tx.execute(_LEAVE, values).rowcount:
        return False
    add_events(tx, series_id, [subscriber_id], "unsubscribed", evidence, issue_id)
    return True


def state(tx: Connection, series_id: int, subscriber_id: int) -> Consent | None:
    """Return the state of one subscription."""
    found = tx.execute(_STATE, {"series_id": series_id, "subscriber_id": subscriber_id}).scalar()
    return Consent(found) if found else None


def get(tx: Connection, subscriber_id: int) -> Subscriber | None:
    """Read a person who has not been forgotten."""
    row = tx.execute(_GET, {"subscriber_id": subscriber_id}).first()
    return Subscriber(row.address, row.name, row.zone) if row and row.address else None


def first(tx: Connection, most: int) -> list[Subscriber]:
    """Read the people who came first, at most so many."""
    return [Subscriber(*row) for row in tx.execute(_FIRST, {"most": most})]


def rename(tx: Connection, subscriber_id: int, person: Subscriber) -> None:
    """Give a person another name and zone."""
    tx.execute(_RENAME, {"row_id": subscriber_id, "name_": person.name, "zone_": person.zone})


def readdress(tx: Connection, subscriber_id: int, address: str, hash_: str) -> None:
    """Give a person another address, which nobody has."""
    tx.execute(_READDRESS, {"row_id": subscriber_id, "address_": address, "hash_": hash_})


def give_up_address(tx: Connection, subscriber_id: int, at: datetime) -> None:
    """Take the address from a row that was there for it alone, so that somebody else can have it."""
    gone = f"given up by {subscriber_id}"
    tx.execute(_GIVE_UP, {"row_id": subscriber_id, "address_": None, "hash_": gone, "at": at})


def every(tx: Connection, series: str | None = None, where: str = "") -> Iterator[SubscriptionRow]:
    """Yield all subscriptions, or those of one series, in the order people came.

    `where` is an audience expression; raises LetterError for one that cannot be read.
    """
    wanted = _LIST.where(condition(where, tx.dialect.name)) if where else _LIST
    for row in tx.execute(wanted, execution_options={"yield_per": 1000}):
        values: dict[str, Any] = {**row._asdict(), "state": Consent(row.state)}
        if series is None or row.series == series:
            yield SubscriptionRow(**values)


def counts(tx: Connection) -> dict[tuple[str, Consent], int]:
    """Count subscriptions by series and state."""
    return {(slug, Consent(state)): number for slug, state, number in tx.execute(_COUNTS)}


def suppression_reason(tx: Connection, hash_: str) -> str | None:
    """Tell why an address must not be mailed; None where it may."""
    return tx.execute(_SUPPRESSED, {"hash": hash_}).scalar()


def add_events(
    tx: Connection,
    series_id: int,
    ids: Sequence[int],
    kind: str,
    evidence: Evidence,
    issue_id: int | None = None,
) -> None:
    """Write down what people agreed to or withdrew, all with the same evidence."""
    event = {
        "series_id": series_id,
        "kind": kind,
        "at": evidence.at,
        "how": evidence.how,
        "text": evidence.text,
        "issue_id": issue_id,
        "version": evidence.version,
        "ip": evidence.ip,
    }
    tx.execute(insert(consent_event), [{**event, "subscriber_id": id_} for id_ in ids])
