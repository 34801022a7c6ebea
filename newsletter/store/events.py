"""Provider events: each is kept once, and marks its delivery."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Case,
    ColumnElement,
    Connection,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.domain.bouncing import Bounce
from newsletter.domain.clicks import Click
from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.event import Event, EventKind, Reference
from newsletter.store.hot import Hot
from newsletter.store.packing import cell, each_row, instant_cell, number_cell, packed_instant
from newsletter.store.tables import batch, delivery, provider_event, subscriber

#: An event with the delivery that it names, if that is one of ours.
Heard = tuple[Event, Reference | None]
_NO_CLICK = Click()

_GRAVITY = {bounce: number for number, bounce in enumerate(Bounce)}
#: Which cell of a stamp an event fills that tells of no bounce.
_STAMPED = {EventKind.DELIVERED: 2, EventKind.BOUNCED: 3, EventKind.FAILED: 3, EventKind.COMPLAINED: 4}

# Each is one statement for many events: before and after every one, other threads of a send go first.
_row = each_row(bindparam("rows", type_=Text)).table_valued("value", name="r")
_at: list[ColumnElement[Any]] = [literal_column(str(number)) for number in range(11)]
_text = [cell(_row.c.value, at) for at in _at]
_number = [number_cell(_row.c.value, at) for at in _at]
_instant = [instant_cell(_row.c.value, at) for at in _at]


def _earliest(column: ColumnElement[datetime], new: ColumnElement[datetime]) -> Case[datetime]:
    # So that the order in which events come does not matter.
    return case((and_(column.is_not(None), or_(new.is_(None), column <= new)), column), else_=new)


_IS_THIS = and_(delivery.c.batch_id == _number[0], delivery.c.pos == _number[1])
_IS_GRAVER = _number[6] > case(_GRAVITY, value=delivery.c.bounce, else_=-1)
_STAMP = Hot(
    update(delivery)
    .where(_IS_THIS)
    .values(
        delivered_at=_earliest(delivery.c.delivered_at, _instant[2]),
        bounced_at=_earliest(delivery.c.bounced_at, _instant[3]),
        complained_at=_earliest(delivery.c.complained_at, _instant[4]),
        bounce=case((_IS_GRAVER, _text[5]), else_=delivery.c.bounce),
    )
)
_FOUND = (
    delivery.c.state, batch.c.release_id, batch.c.state.label("batch_state"), delivery.c.subscriber_id,
)  # fmt: skip
_FIND_ALL = Hot(
    select(delivery.c.batch_id, delivery.c.pos, *_FOUND)
    .select_from(_row)
    .join(delivery, _IS_THIS)
    .join(batch, batch.c.id == delivery.c.batch_id)
)
_FIND = Hot(
    select(*_FOUND)
    .join(batch, batch.c.id == delivery.c.batch_id)
    .where(delivery.c.batch_id == bindparam("batch_id_"), delivery.c.pos == bindparam("pos_"))
    .with_for_update(of=batch, key_share=True)
)
_COLUMNS = (
    "provider", "event_id", "kind", "batch_id", "pos", "received_at", "at", "reason", "link", "visitor",
    "by_program", "raw",
)  # fmt: skip
# SQLite takes ON for a join where nothing stands before it; a provider is never null.
_NEW: Any = select(
    *_text[:3], *_number[3:5], *_instant[5:7], *_text[7:10], _number[10] != literal_column("0"),
    bindparam("raw", type_=LargeBinary),
).where(_text[0].is_not(None))  # fmt: skip
_ADD = {
    name: Hot(
        start(provider_event)
        .from_select(_COLUMNS, _NEW)
        .on_conflict_do_nothing()
        .returning(provider_event.c.provider, provider_event.c.event_id)
    )
    for name, start in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
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


def add(tx: Connection, heard: Sequence[Heard], now: datetime) -> list[Heard]:
    """Keep events; return those that were not kept before, and so are to be applied."""
    # Of two with one id the first counts.
    given = {(event.provider, event.id): (event, place) for event, place in reversed(heard)}
    # Few have anything to be kept as it came: the others are one statement.
    same: defaultdict[bytes, list[Heard]] = defaultdict(list)
    for one in given.values():
        same[one[0].raw].append(one)
    at, new = packed_instant(now), list[Heard]()
    for raw, some in same.items():
        rows = _json([_kept(event, place, at) for event, place in reversed(some)])
        new += [given[row[0], row[1]] for row in _ADD[tx.dialect.name].rows(tx, {"rows": rows, "raw": raw})]
    return new


def _kept(event: Event, place: Reference | None, now: str) -> tuple[object, ...]:
    click = event.click or _NO_CLICK
    return (
        event.provider,
        event.id,
        event.kind,
        place.batch_id if place else None,
        place.pos if place else None,
        now,
        packed_instant(event.at),
        event.reason,
        click.link,
        click.visitor,
        int(click.by_program),
    )


def find(tx: Connection, place: Reference) -> Found | None:
    """Return a delivery with the state of its batch; nobody else changes it now."""
    row = _FIND.first(tx, {"batch_id_": place.batch_id, "pos_": place.pos})
    return Found(DeliveryState(row[0]), *row[1:]) if row else None


def find_all(tx: Connection, places: Iterable[Reference]) -> dict[tuple[int, int], Found]:
    """Return deliveries by batch and position, with the state of their batch."""
    wanted = sorted({(place.batch_id, place.pos) for place in places})
    rows = _FIND_ALL.rows(tx, {"rows": _json(wanted)}) if wanted else ()
    return {(row[0], row[1]): Found(DeliveryState(row[2]), *row[3:]) for row in rows}


def stamp(tx: Connection, events: Iterable[tuple[Event, Reference]]) -> None:
    """Note on deliveries when they were delivered, bounced or complained of; others leave no mark."""
    marks: dict[tuple[int, int], list[Any]] = {}
    for event, place in events:
        number = 3 if event.bounce is not None else _STAMPED.get(event.kind)
        if number is None:
            continue
        row = marks.setdefault(
            (place.batch_id, place.pos), [place.batch_id, place.pos, None, None, None, None, -1]
        )
        at = packed_instant(event.at)
        row[number] = min(row[number] or at, at)
        if event.bounce is not None and _GRAVITY[event.bounce] > row[6]:
            row[5:] = event.bounce, _GRAVITY[event.bounce]
    if marks:
        _STAMP.run(tx, {"rows": _json([marks[place] for place in sorted(marks)])})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def find_by_message(tx: Connection, message_id: str, hash_: str, deployment: str) -> Reference | None:
    """Find the delivery of an address in the call that the provider gave this one id."""
    row = tx.execute(_BY_MESSAGE, {"message_id": message_id, "hash": hash_}).first()
    return Reference(deployment, row.id, row.generation, row.pos) if row else None
