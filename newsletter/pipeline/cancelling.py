"""Cancel: free slots, stop what is left of a send, take an issue out of a sequence. Decides nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from newsletter.domain.release import FINAL, ReleaseState, SlotState
from newsletter.errors import UnknownTarget
from newsletter.pipeline.editing import Undo, keep, note
from newsletter.store import cancelling, deliveries, releases, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class Cancelled:
    """What a cancel did: the date it freed, or how many deliveries it stopped and how many had gone.

    `withdrawn` for an issue of a sequence: nobody's turn comes to it any more.
    """

    target: str
    freed: date | None = None
    stopped: int = 0
    gone: int = 0
    withdrawn: bool = False


@dataclass(frozen=True)
class Cancelling:
    """Undo what was queued, as far as it can be undone."""

    database: Database

    def cancel(self, name: str, now: datetime, *, dry_run: bool = False) -> list[Cancelled]:
        """Free the slots of a TARGET, or stop what is left of their sends."""
        try:
            with self.database.writing() as tx:
                found = [slot for slot in slots.every(tx) if name in (slot.series, slot.target, slot.issue)]
                done = [one for slot in found if (one := _cancel_slot(tx, slot, now)) is not None]
                done += [_withdraw(tx, row, now) for row in _in_sequence(tx, name)]
                if not done:
                    raise UnknownTarget(
                        f"nothing of {name!r} is queued or being sent", mend="see: newsletter queue"
                    )
                note(tx, now, "cancel", name, {})
                if dry_run:
                    raise Undo
        except Undo:
            pass
        return done


def _cancel_slot(tx: Connection, slot: Slot, now: datetime) -> Cancelled | None:
    if slot.state is SlotState.QUEUED:
        keep(tx, slot)
        slots.drop(tx, slot.id)
        return Cancelled(slot.target, freed=slot.local_date)
    open_ = [one for one in releases.of_slot(tx, slot.id) if one.state not in FINAL]
    if not open_:
        return None
    for release in open_:
        cancelling.cancel_release(tx, release.id, now)
        releases.change(tx, release.id, state=ReleaseState.CANCELLED, reason="cancelled", waiting=0)
        # Whoever was preparing it kept the release until now, and has planned more.
        cancelling.cancel_release(tx, release.id, now)
    counts = [deliveries.counts_of(tx, release.id) for release in open_]
    stopped = sum(one.get("cancelled", 0) for one in counts)
    return Cancelled(slot.target, stopped=stopped, gone=sum(sum(one.values()) for one in counts) - stopped)


def _in_sequence(tx: Connection, name: str) -> Iterator[IssueRow]:
    sequences = {one.id for one in series.every(tx) if one.is_sequence}
    for row in series.issues(tx):
        is_meant = row.series_id in sequences and name in (row.target, row.slug)
        if is_meant and row.approved_revision is not None and row.cancelled_at is None:
            yield row


def _withdraw(tx: Connection, row: IssueRow, now: datetime) -> Cancelled:
    stopped = cancelling.cancel_issue(tx, row.id)
    series.change_issue(tx, row.id, cancelled_at=now)
    return Cancelled(row.target, stopped=stopped, withdrawn=True)
