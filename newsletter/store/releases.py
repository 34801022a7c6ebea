"""Releases: made once per slot and instant, prepared in chunks behind a barrier, settled at the end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    exists,
    func,
    select,
    text,
    update,
)

from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.subscriber import Verdict
from newsletter.store.database import insert_new
from newsletter.store.hot import Hot
from newsletter.store.tables import IS_OPEN, batch, issue, release, series, slot

_RELEASES = (
    select(
        release.c.id, release.c.slot_id, series.c.slug.label("series"), issue.c.slug.label("issue"),
        slot.c.issue_id, slot.c.series_id, slot.c.revision, release.c.due_at, release.c.state,
        release.c.occasion, release.c.reason, release.c.prepared_to, release.c.candidates, release.c.planned,
        release.c.waiting, release.c.zones,
    )
    .join(slot, slot.c.id == release.c.slot_id)
    .join(series, series.c.id == slot.c.series_id)
    .join(issue, issue.c.id == slot.c.issue_id, isouter=True)
    .order_by(release.c.due_at, release.c.id)
)  # fmt: skip
# Rows are locked without their key, here and elsewhere: what refers to one may be written meanwhile.
_IN_STATE = _RELEASES.where(release.c.state == bindparam("state"))
_is_waiting = release.c.state == ReleaseState.WAITING
_DUE = _RELEASES.where(_is_waiting, release.c.due_at <= bindparam("now"))
_NEXT_DUE = select(func.min(release.c.due_at)).where(_is_waiting)
_BY_ID = _RELEASES.where(release.c.id == bindparam("row_id"))
_LOCKED = _BY_ID.with_for_update(of=release, key_share=True)
_LOCK = select(release.c.id).where(release.c.id == bindparam("row_id")).with_for_update(key_share=True)
_OF_SLOT = _RELEASES.where(release.c.slot_id == bindparam("slot_id"))
_IDS_OF_SLOT = select(release.c.id).where(release.c.slot_id == bindparam("slot_id"))
_SPAN = select(func.min(release.c.due_at), func.max(release.c.due_at)).where(
    release.c.slot_id == bindparam("slot_id")
)
_CHANGE = update(release).where(release.c.id == bindparam("row_id"))
_HOLD = _CHANGE.where(release.c.state == ReleaseState.SENDING).values(
    state=ReleaseState.HELD, reason=bindparam("reason_")
)
_EXCLUDED = select(release.c.excluded).where(release.c.id == bindparam("row_id"))
_NEXT_SEQ = select(func.coalesce(func.max(batch.c.seq) + 1, 0)).where(
    batch.c.release_id == bindparam("release_id")
)
_HAS_OPEN = Hot(select(batch.c.seq).where(batch.c.release_id == bindparam("release_id"), IS_OPEN).limit(1))
_SETTLE = (
    update(release)
    .where(
        release.c.id == bindparam("row_id"),
        release.c.state == ReleaseState.SENDING,
        release.c.waiting == 0,
        ~exists().where(batch.c.release_id == release.c.id, IS_OPEN),
    )
    .values(state=ReleaseState.SETTLED, settled_at=bindparam("now"))
)
_NOT_DURABLE = text("SET LOCAL synchronous_commit = off")


def add(
    tx: Connection,
    slot_id: int,
    due_at: datetime,
    state: ReleaseState,
    reason: str = "",
    zones: Sequence[str] | None = None,
) -> int | None:
    """Make the release of a slot and instant; None where it exists already, which is normal."""
    row = {
        "slot_id": slot_id,
        "due_at": due_at,
        "state": state,
        "occasion": 0,
        "reason": reason,
        "zones": None if zones is None else list(zones),
    }
    found = tx.execute(insert_new(tx, release).returning(release.c.id), row).scalar()
    return int(found) if found is not None else None


def change(tx: Connection, release_id: int, **values: object) -> None:
    """Set columns of a release."""
    tx.execute(_CHANGE.values(**values), {"row_id": release_id})


def hold(tx: Connection, release_id: int, reason: str) -> None:
    """Hold a release that is being sent; one that was cancelled meanwhile stays so."""
    tx.execute(_HOLD, {"row_id": release_id, "reason_": reason})


def get(tx: Connection, release_id: int) -> Release:
    """Read a release."""
    return _release(tx.execute(_BY_ID, {"row_id": release_id}).one())


def get_locked(tx: Connection, release_id: int) -> Release:
    """Read a release and let nobody else change it before the transaction ends."""
    return _release(tx.execute(_LOCKED, {"row_id": release_id}).one())


def every(tx: Connection) -> list[Release]:
    """List all releases by instant."""
    return [_release(row) for row in tx.execute(_RELEASES)]


def in_state(tx: Connection, state: ReleaseState) -> list[Release]:
    """List the releases in a state by instant."""
    return [_release(row) for row in tx.execute(_IN_STATE, {"state": state})]


def due(tx: Connection, now: datetime) -> list[Release]:
    """List the releases that waited for their instant, which has come."""
    return [_release(row) for row in tx.execute(_DUE, {"now": now})]


def next_due(tx: Connection) -> datetime | None:
    """Return the first instant for which a release waits."""
    return tx.execute(_NEXT_DUE).scalar()


def of_slot(tx: Connection, slot_id: int) -> list[Release]:
    """List the releases of a slot."""
    return [_release(row) for row in tx.execute(_OF_SLOT, {"slot_id": slot_id})]


def ids_of_slot(tx: Connection, slot_id: int) -> list[int]:
    """List the ids of the releases of a slot."""
    return list(tx.execute(_IDS_OF_SLOT, {"slot_id": slot_id}).scalars())


def span(tx: Connection, slot_id: int) -> tuple[datetime, datetime]:
    """Return the first and the last instant of a slot that has releases."""
    first, last = tx.execute(_SPAN, {"slot_id": slot_id}).one()
    return first, last


def next_seq(tx: Connection, release_id: int) -> int:
    """Return the number of the next batch; nobody else gets it before the transaction ends."""
    tx.execute(_LOCK, {"row_id": release_id})
    return int(tx.execute(_NEXT_SEQ, {"release_id": release_id}).scalar_one())


def progress(tx: Connection, before: Release, upto: int, counts: Mapping[Verdict, int], later: int) -> None:
    """Note that everyone up to a subscriber id has been looked at, with what verdicts; `later` ones wait."""
    excluded = dict(excluded_of(tx, before.id))
    for verdict, number in counts.items():
        if verdict is not Verdict.DUE:
            excluded[verdict] = excluded.get(verdict, 0) + number
    change(
        tx,
        before.id,
        prepared_to=upto,
        candidates=before.candidates + sum(counts.values()),
        planned=before.planned + counts.get(Verdict.DUE, 0),
        waiting=before.waiting + later,
        excluded=excluded,
    )


def let_crash_undo(tx: Connection) -> None:
    """Let the commit return before it is durable: a crash may undo it, but nothing that is durable after it.

    On a server alone, where waiting for the disk takes a fifth of preparing; SQLite has no such choice.
    """
    if tx.dialect.name != "sqlite":
        tx.execute(_NOT_DURABLE)


def excluded_of(tx: Connection, release_id: int) -> Mapping[Verdict, int]:
    """Return how many people a release left out, by verdict."""
    found = tx.execute(_EXCLUDED, {"row_id": release_id}).scalar_one()
    return {Verdict(verdict): number for verdict, number in found.items()}


def has_open(tx: Connection, release_id: int) -> bool:
    """Tell whether a batch of a release is not settled."""
    return _HAS_OPEN.first(tx, {"release_id": release_id}) is not None


def settle(tx: Connection, release_id: int, now: datetime) -> bool:
    """Settle a release whose batches all are; tell whether it was."""
    # Only who may be the last waits for the others: not every outcome of a send for each one before it.
    if has_open(tx, release_id):
        return False
    # Two that end the last two batches at once would each see the other's as open.
    tx.execute(_LOCK, {"row_id": release_id})
    return tx.execute(_SETTLE, {"row_id": release_id, "now": now}).rowcount == 1


def _release(row: Row[*tuple[Any, ...]]) -> Release:
    values = row._asdict()
    zones = None if values["zones"] is None else tuple(values["zones"])
    issue_slug, revision = values["issue"] or "", values["revision"] or ""
    return Release(
        **{
            **values,
            "issue": issue_slug,
            "revision": revision,
            "state": ReleaseState(values["state"]),
            "zones": zones,
        }
    )
