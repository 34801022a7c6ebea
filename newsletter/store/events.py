"""Provider events: each is kept once, and marks its delivery."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Case, ColumnElement, Connection, bindparam, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Click
from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.event import Event, EventKind, Reference
from newsletter.store.hot import Hot
from newsletter.store.tables import Instant, batch, delivery, provider_event, subscriber

_COLUMNS = {
    EventKind.DELIVERED: delivery.c.delivered_at,
    EventKind.BOUNCED: delivery.c.bounced_at,
    EventKind.FAILED: delivery.c.bounced_at,
    EventKind.COMPLAINED: delivery.c.complained_at,
}
_GRAVITY = {bounce: number for number, bounce in enumerate(Bounce)}
_at = bindparam("at", type_=Instant)
_bounce = bindparam("bounce_", type_=delivery.c.bounce.type)
_THIS = (delivery.c.batch_id == bindparam("batch_id_"), delivery.c.pos == bindparam("pos_"))


def _earliest(column: ColumnElement[datetime]) -> Case[datetime]:
    # So that the order in which events come does not matter.
    return case((or_(column.is_(None), column > _at), _at), else_=column)


def _gravest() -> Case[str]:
    gravity = case(_GRAVITY, value=delivery.c.bounce, else_=-1)
    return case((gravity < bindparam("gravity"), _bounce), else_=delivery.c.bounce)


_STAMPS = {
    kind: Hot(update(delivery).where(*_THIS).values({column.name: _earliest(column)}))
    for kind, column in _COLUMNS.items()
}
_BOUNCED = Hot(
    update(delivery)
    .where(*_THIS)
    .values(bounced_at=_earliest(delivery.c.bounced_at), bounce=_gravest())
)  # fmt: skip
_FOUND = select(
    delivery.c.state, batch.c.release_id, batch.c.state.label("batch_state"), delivery.c.subscriber_id
).join(batch, batch.c.id == delivery.c.batch_id)
_LOOK = Hot(_FOUND.where(*_THIS))
_FIND = Hot(_FOUND.where(*_THIS).with_for_update(of=batch, key_share=True))
_ADD = {
    "sqlite": Hot(
        sqlite.insert(provider_event).on_conflict_do_nothing().returning(provider_event.c.event_id)
    ),
    "postgresql": Hot(
        postgresql.insert(provider_event).on_conflict_do_nothing().returning(provider_event.c.event_id)
    ),
}
_BY_MESSAGE = (
    select(batch.c.id, batch.c.generation, delivery.c.pos)
    .join(delivery, delivery.c.batch_id == batch.c.id)
    .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
    .where(
        batch.c.provider_message_id == bindparam("message_id"),
        subscriber.c.address_hash == bindparam("hash"),
    )
)


class Found(NamedTuple):
    """A delivery that an event speaks of."""

    state: DeliveryState
    release_id: int | None
    batch_state: str
    subscriber_id: int

    @property
    def is_accepted(self) -> bool:
        """Tell whether nothing is left to prove."""
        is_planned = self.state is DeliveryState.PLANNED
        return self.state is DeliveryState.ACCEPTED or (
            is_planned and self.batch_state == BatchState.ACCEPTED
        )


def add(tx: Connection, event: Event, place: Reference | None, now: datetime) -> bool:
    """Keep an event; False where it was kept before, and so was applied."""
    click = event.click or Click()
    row = {
        "provider": event.provider,
        "event_id": event.id,
        "kind": event.kind,
        "batch_id": place.batch_id if place else None,
        "pos": place.pos if place else None,
        "raw": event.raw,
        "received_at": now,
        "at": event.at,
        "reason": event.reason,
        "link": click.link,
        "visitor": click.visitor,
        "by_program": click.by_program,
    }
    return _ADD[tx.dialect.name].first(tx, row) is not None


def find(tx: Connection, place: Reference, *, locked: bool = True) -> Found | None:
    """Return a delivery with the state of its batch; nobody else changes it now, where it is locked."""
    row = (_FIND if locked else _LOOK).first(tx, {"batch_id_": place.batch_id, "pos_": place.pos})
    return Found(DeliveryState(row[0]), *row[1:]) if row else None


def find_by_message(tx: Connection, message_id: str, hash_: str, deployment: str) -> Reference | None:
    """Find the delivery of an address in the call that the provider gave this one id."""
    row = tx.execute(_BY_MESSAGE, {"message_id": message_id, "hash": hash_}).first()
    return Reference(deployment, row.id, row.generation, row.pos) if row else None


def stamp(tx: Connection, events: Sequence[tuple[Event, Reference]]) -> None:
    """Note on deliveries when they were delivered, bounced or complained of; others leave no mark."""
    bounced = [(event, place) for event, place in events if event.bounce is not None]
    if bounced:
        _BOUNCED.run_each(tx, [_values(*one) for one in bounced])
    for kind, statement in _STAMPS.items():
        rows = [
            _values(event, place) for event, place in events if event.kind is kind and event.bounce is None
        ]
        if rows:
            statement.run_each(tx, rows)


def _values(event: Event, place: Reference) -> Mapping[str, object]:
    values = {"batch_id_": place.batch_id, "pos_": place.pos, "at": event.at}
    if event.bounce is None:
        return values
    return {**values, "bounce_": event.bounce, "gravity": _GRAVITY[event.bounce]}
