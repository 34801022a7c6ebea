"""One person's consent: the events that it was given and withdrawn by, and what each makes of the state.

A state is read under a lock, so that nobody comes back by an old link while they leave.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from newsletter.domain.lifecycle import UNSUBSCRIBED
from newsletter.domain.subscriber import Consent, Evidence
from newsletter.store.database import insert_new
from newsletter.store.tables import Instant, consent_event, delivery, issue, subscription

_ADD = insert(consent_event).returning(consent_event.c.id, sort_by_parameter_order=True)
_EVENT = select(
    consent_event.c.id, consent_event.c.series_id, consent_event.c.subscriber_id, consent_event.c.kind,
    consent_event.c.at, consent_event.c.how, consent_event.c.text, consent_event.c.version,
)  # fmt: skip
_BY_ID = _EVENT.where(consent_event.c.id == bindparam("event_id"))
_OF_PERSON = _EVENT.where(consent_event.c.subscriber_id == bindparam("subscriber_id"))
_ALL = _OF_PERSON.order_by(consent_event.c.id)
_LAST = (
    _OF_PERSON.where(
        consent_event.c.series_id == bindparam("series_id"), consent_event.c.kind == bindparam("kind_")
    )
    .order_by(consent_event.c.id.desc())
    .limit(1)
)
_THIS = (
    subscription.c.series_id == bindparam("series_id_"),
    subscription.c.subscriber_id == bindparam("subscriber_id_"),
)
_LOCKED = select(subscription.c.state, subscription.c.confirmed_at).where(*_THIS).with_for_update()
_SET = update(subscription).where(*_THIS).values(state=bindparam("state_"))
_CONFIRM = _SET.values(confirmed_at=bindparam("confirmed_at_", type_=Instant))
_NOTICE = (
    select(
        issue.c.slug, issue.c.series_id, delivery.c.subscriber_id, delivery.c.occasion, subscription.c.state
    )
    .join(issue, issue.c.id == delivery.c.issue_id)
    .join(
        subscription,
        (subscription.c.series_id == issue.c.series_id)
        & (subscription.c.subscriber_id == delivery.c.subscriber_id),
        isouter=True,
    )
    .where(delivery.c.batch_id == bindparam("batch_id"), issue.c.kind == "notice")
    .limit(1)
)


class Given(NamedTuple):
    """Something that a person agreed to, asked for or withdrew."""

    id: int
    series_id: int
    subscriber_id: int
    kind: str
    at: datetime
    how: str
    text: str
    version: str


class Standing(NamedTuple):
    """A subscription's state and when it was confirmed last; it stays locked for the transaction."""

    state: Consent | None
    confirmed_at: datetime | None


class Planned(NamedTuple):
    """The notice in a batch, with the state of whom it is for."""

    slug: str
    series_id: int
    subscriber_id: int
    occasion: int
    state: Consent | None


def note(
    tx: Connection,
    series_id: int,
    subscriber_id: int,
    kind: str,
    evidence: Evidence,
    issue_id: int | None = None,
) -> int:
    """Write down an event; return its id."""
    return note_each(tx, series_id, [subscriber_id], kind, evidence, issue_id)[0]


def note_each(
    tx: Connection,
    series_id: int,
    ids: Sequence[int],
    kind: str,
    evidence: Evidence,
    issue_id: int | None = None,
) -> list[int]:
    """Write down an event of each of some people; return their ids in order."""
    same = {**evidence.__dict__, "series_id": series_id, "kind": kind, "issue_id": issue_id}
    return list(tx.execute(_ADD, [{**same, "subscriber_id": id_} for id_ in ids]).scalars())


def event(tx: Connection, event_id: int) -> Given | None:
    """Read an event."""
    row = tx.execute(_BY_ID, {"event_id": event_id}).first()
    return Given(*row) if row else None


def history(tx: Connection, subscriber_id: int) -> list[Given]:
    """List everything that a person agreed to, asked for or withdrew, in order."""
    return [Given(*row) for row in tx.execute(_ALL, {"subscriber_id": subscriber_id})]


def last(tx: Connection, series_id: int, subscriber_id: int, kind: str) -> Given | None:
    """Read the latest event of a kind."""
    values = {"series_id": series_id, "subscriber_id": subscriber_id, "kind_": kind}
    row = tx.execute(_LAST, values).first()
    return Given(*row) if row else None


def has_left_since(tx: Connection, series_id: int, subscriber_id: int, event_id: int) -> bool:
    """Tell whether somebody left a series after an event."""
    found = last(tx, series_id, subscriber_id, UNSUBSCRIBED)
    return found is not None and found.id > event_id


def standing(tx: Connection, series_id: int, subscriber_id: int) -> Standing:
    """Read a subscription, and let nobody else change it in this transaction."""
    row = tx.execute(_LOCKED, {"series_id_": series_id, "subscriber_id_": subscriber_id}).first()
    return Standing(Consent(row.state), row.confirmed_at) if row else Standing(None, None)


def begin(tx: Connection, series_id: int, subscriber_id: int) -> None:
    """Make a pending subscription of somebody who has none."""
    row = {"series_id": series_id, "subscriber_id": subscriber_id, "state": Consent.PENDING}
    tx.execute(insert_new(tx, subscription), row)


def put(
    tx: Connection, series_id: int, subscriber_id: int, state: Consent, confirmed_at: datetime | None = None
) -> None:
    """Set the state of a subscription; with an instant it was confirmed then."""
    values: dict[str, Any] = {"series_id_": series_id, "subscriber_id_": subscriber_id, "state_": state}
    if confirmed_at is None:
        tx.execute(_SET, values)
    else:
        tx.execute(_CONFIRM, {**values, "confirmed_at_": confirmed_at})


def planned(tx: Connection, batch_id: int) -> Planned | None:
    """Read which notice a batch holds; None where it is a copy of an issue."""
    row = tx.execute(_NOTICE, {"batch_id": batch_id}).first()
    return Planned(*row[:4], Consent(row.state) if row.state else None) if row else None
