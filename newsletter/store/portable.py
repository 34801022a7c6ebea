"""People with all that is known of them: read page by page, and written into another database."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.joining import Entry
from newsletter.domain.portable import Had, Nameless, Portable, Subscribed, Suppressed, Told
from newsletter.domain.receiving import ELSEWHERE
from newsletter.domain.release import REAL
from newsletter.domain.subscriber import Consent, Evidence, Subscriber
from newsletter.store import joining, subscribers
from newsletter.store.database import insert_new
from newsletter.store.tables import (
    batch,
    consent_event,
    delivery,
    deployment,
    issue,
    series,
    subscriber,
    subscription,
    suppression,
)

_PAGE = 1_000
_first: BindParameter[Any] = bindparam("first")
_last: BindParameter[Any] = bindparam("last")
_PEOPLE = (
    select(
        subscriber.c.id, subscriber.c.address, subscriber.c.name, subscriber.c.zone, subscriber.c.locale,
        subscriber.c.attributes, suppression.c.reason, suppression.c.since,
    )
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(subscriber.c.id > bindparam("after"), subscriber.c.address.is_not(None))
    .order_by(subscriber.c.id)
    .limit(_PAGE)
)  # fmt: skip
_SUBSCRIPTIONS = select(
    subscription.c.subscriber_id, subscription.c.series_id, subscription.c.state,
    subscription.c.confirmed_at, subscription.c.paused_until,
).where(
    subscription.c.series_id.in_(bindparam("series", expanding=True)),
    subscription.c.subscriber_id.between(_first, _last),
)  # fmt: skip
_EVENTS = (
    select(
        consent_event.c.subscriber_id, consent_event.c.series_id, consent_event.c.kind, consent_event.c.at,
        consent_event.c.how, consent_event.c.text, issue.c.slug, consent_event.c.version, consent_event.c.ip,
    )
    .join(issue, issue.c.id == consent_event.c.issue_id, isouter=True)
    .where(consent_event.c.subscriber_id.between(_first, _last))
    .order_by(consent_event.c.subscriber_id, consent_event.c.id)
)  # fmt: skip
_has_batch = delivery.c.state == DeliveryState.PLANNED
_RECEIVED = (
    select(
        delivery.c.subscriber_id, delivery.c.issue_id,
        func.coalesce(
            delivery.c.accepted_at, case((batch.c.state == BatchState.ACCEPTED, batch.c.last_call_at))
        ).label("at"),
        delivery.c.delivered_at, delivery.c.bounced_at, delivery.c.complained_at, delivery.c.bounce,
    )
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(
        delivery.c.issue_id.in_(bindparam("issues", expanding=True)),
        delivery.c.subscriber_id.between(_first, _last),
        delivery.c.occasion == literal_column(str(REAL)),
        # Whoever may have it is not sent it again.
        or_(
            delivery.c.state.in_((DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)),
            and_(
                _has_batch,
                batch.c.state.in_((BatchState.ACCEPTED, BatchState.UNKNOWN, BatchState.SENDING)),
            ),
        ),
    )
)  # fmt: skip
_NAMELESS = (
    select(suppression.c.address_hash, suppression.c.reason, suppression.c.since)
    .join(
        subscriber,
        (subscriber.c.address_hash == suppression.c.address_hash) & subscriber.c.address.is_not(None),
        isouter=True,
    )
    .where(subscriber.c.id.is_(None))
    .order_by(suppression.c.address_hash)
)
_ANYBODY = select(subscriber.c.id).limit(1)
_SUPPRESSES = select(suppression.c.address_hash).limit(1)
_ATTRIBUTES = select(subscriber.c.attributes).where(subscriber.c.address.is_not(None))


@dataclass(frozen=True)
class Names:
    """The series and issues of a database by their names."""

    series: Mapping[str, int]
    issues: Mapping[str, Mapping[str, int]]


def read(tx: Connection, names: Names, only: str | None = None) -> Iterator[Portable]:
    """Yield everybody who was not forgotten, or those of one series with it alone, in the order they came."""
    wanted = {id_: slug for slug, id_ in names.series.items() if only in (None, slug)}
    targets = {id_: (slug, name) for slug in wanted.values() for name, id_ in names.issues[slug].items()}
    after = 0
    while rows := tx.execute(_PEOPLE, {"after": after}).all():
        first, after = rows[0].id, rows[-1].id
        found = _subscriptions(tx, {"first": first, "last": after}, wanted, targets)
        for id_, address, name, zone, locale, attributes, reason, since in rows:
            if only is None or found[id_]:
                suppressed = Suppressed(reason, since) if reason else None
                yield Portable(address, name, zone, locale, attributes or {}, suppressed, tuple(found[id_]))


def nameless(tx: Connection) -> Iterator[Nameless]:
    """Yield the suppressed addresses that nobody has."""
    for hash_, reason, since in tx.execute(_NAMELESS, execution_options={"yield_per": _PAGE}):
        yield Nameless(hash_, Suppressed(reason, since))


def attribute_names(tx: Connection) -> list[str]:
    """Name every attribute that somebody has."""
    names: set[str] = set()
    for attributes in tx.execute(_ATTRIBUTES, execution_options={"yield_per": _PAGE}).scalars():
        names.update(attributes or ())
    return sorted(names)


def names(tx: Connection) -> Names:
    """Read the names of all series and issues."""
    ids = {one.slug: one.id for one in _all_series(tx)}
    issues: dict[str, dict[str, int]] = {slug: {} for slug in ids}
    by_id = {id_: slug for slug, id_ in ids.items()}
    statement = select(issue.c.series_id, issue.c.slug, issue.c.id).where(issue.c.kind == "issue")
    for series_id, slug, id_ in tx.execute(statement.order_by(issue.c.series_id, issue.c.position)):
        issues[by_id[series_id]][slug] = id_
    return Names(ids, issues)


def is_empty(tx: Connection) -> bool:
    """Tell whether there is neither a person nor a suppression."""
    return tx.execute(_ANYBODY).first() is None and tx.execute(_SUPPRESSES).first() is None


def take_salt(tx: Connection, salt: bytes) -> None:
    """Hash addresses from now on as another database did."""
    tx.execute(update(deployment).values(salt=salt))


def write(tx: Connection, people: Mapping[str, Portable], names: Names) -> int:
    """Write people by the hash of their address; return how many were new.

    Whoever is there stays as they are, but for what they have received, and that they left or are suppressed.
    """
    before = subscribers.ids_by_hash(tx, list(people))
    new = {hash_: one for hash_, one in people.items() if hash_ not in before}
    entries = {
        hash_: Entry(0, Subscriber(one.address, one.name, one.zone), None, one.attributes)
        for hash_, one in new.items()
    }
    joining.add_people(tx, entries, {hash_: one.locale for hash_, one in new.items()})
    ids = subscribers.ids_by_hash(tx, list(people))
    suppress(tx, [Nameless(hash_, one.suppressed) for hash_, one in people.items() if one.suppressed])
    everything = [(ids[hash_], part) for hash_, one in people.items() for part in one.subscriptions]
    if everything:
        _write_subscriptions(tx, everything, names)
        _write_received(tx, everything, names)
    return len(new)


def suppress(tx: Connection, those: Sequence[Nameless]) -> None:
    """Let addresses not be mailed; what is suppressed already keeps its reason."""
    rows = [
        {"address_hash": one.hash, "reason": one.suppressed.reason, "since": one.suppressed.since}
        for one in those
    ]
    if rows:
        tx.execute(insert_new(tx, suppression), rows)


def _all_series(tx: Connection) -> Sequence[Any]:
    return tx.execute(select(series.c.id, series.c.slug).order_by(series.c.slug)).all()


def _subscriptions(
    tx: Connection, page: Mapping[str, int], wanted: Mapping[int, str], targets: Mapping[int, tuple[str, str]]
) -> defaultdict[int, list[Subscribed]]:
    events: defaultdict[tuple[int, int], list[Told]] = defaultdict(list)
    for person, series_id, *told in tx.execute(_EVENTS, page):
        events[person, series_id].append(Told(*told))
    received: defaultdict[tuple[int, str], list[Had]] = defaultdict(list)
    place = {id_: n for n, id_ in enumerate(targets)}
    rows = tx.execute(_RECEIVED, {**page, "issues": list(targets)}).all()
    for person, issue_id, *times in sorted(rows, key=lambda row: place[row.issue_id]):
        slug, name = targets[issue_id]
        received[person, slug].append(Had(name, *times))
    found: defaultdict[int, list[Subscribed]] = defaultdict(list)
    those = tx.execute(_SUBSCRIPTIONS, {**page, "series": list(wanted)}).all()
    for person, series_id, state, *times in sorted(those, key=lambda row: wanted[row.series_id]):
        confirmed_at, paused_until = times
        slug = wanted[series_id]
        history, had = tuple(events[person, series_id]), tuple(received[person, slug])
        found[person].append(Subscribed(slug, Consent(state), confirmed_at, paused_until, history, had))
    return found


def _write_subscriptions(tx: Connection, those: Sequence[tuple[int, Subscribed]], names: Names) -> None:
    rows = [
        {
            "series_id": names.series[one.series],
            "subscriber_id": person,
            "state": one.state,
            "confirmed_at": one.confirmed_at,
            "paused_until": one.paused_until,
        }
        for person, one in those
    ]
    statement = insert_new(tx, subscription).returning(subscription.c.series_id, subscription.c.subscriber_id)
    written = {tuple(row) for row in tx.execute(statement, rows)}
    events: list[dict[str, Any]] = []
    for person, one in those:
        series_id = names.series[one.series]
        if (series_id, person) in written:
            events += [_event(series_id, person, told, names.issues[one.series]) for told in one.events]
        elif left := one.left():
            evidence = Evidence(left.at, left.how, left.text)
            number = names.issues[one.series].get(left.issue or "")
            _leave(tx, series_id, person, evidence, number)
    if events:
        tx.execute(insert(consent_event), events)


def _leave(tx: Connection, series_id: int, person: int, evidence: Evidence, issue_id: int | None) -> None:
    confirmed = select(subscription.c.confirmed_at).where(
        subscription.c.series_id == series_id, subscription.c.subscriber_id == person
    )
    at = tx.execute(confirmed).scalar()
    # Whoever agreed here after they had left there came back.
    if at is None or at <= evidence.at:
        subscribers.unsubscribe(tx, series_id, person, evidence, issue_id)


def _write_received(tx: Connection, those: Sequence[tuple[int, Subscribed]], names: Names) -> None:
    rows = [
        {
            "issue_id": names.issues[one.series][had.issue],
            "subscriber_id": person,
            "occasion": REAL,
            "state": DeliveryState.ACCEPTED,
            "reason": ELSEWHERE,
            "accepted_at": had.at,
            "delivered_at": had.delivered_at,
            "bounced_at": had.bounced_at,
            "complained_at": had.complained_at,
            "bounce": had.bounce,
        }
        for person, one in those
        for had in one.received
    ]
    if rows:
        tx.execute(insert_new(tx, delivery), rows)


def _event(series_id: int, person: int, told: Told, issues: Mapping[str, int]) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "subscriber_id": person,
        "kind": told.kind,
        "at": told.at,
        "how": told.how,
        "text": told.text,
        "issue_id": issues.get(told.issue or ""),
        "version": told.version,
        "ip": told.ip,
    }
