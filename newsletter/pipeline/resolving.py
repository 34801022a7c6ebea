"""Settle, by a person's word, recipients whose outcome is unknown. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from newsletter.domain.delivery import LEFT_IN_DOUBT, BatchState, DeliveryState
from newsletter.domain.letter import Target
from newsletter.domain.release import FINAL, ReleaseState
from newsletter.errors import Refused
from newsletter.pipeline.holding import find_target_in
from newsletter.store import alerts, batches, deliveries, picking, releases, unknowns
from newsletter.store.database import Database
from newsletter.store.unknowns import UnknownRow


class Resolution(StrEnum):
    """What a person found out, or wants."""

    MARK_SENT = "mark_sent"
    #: To those who are still there; who left meanwhile is let go.
    SEND_AGAIN = "send_again"


@dataclass(frozen=True)
class Resolving:
    """List and settle unknown outcomes."""

    database: Database

    def unknown(self, name: str) -> list[UnknownRow]:
        """List the recipients of a TARGET whose outcome is unknown."""
        with self.database.reading() as tx:
            target = find_target_in(tx, name)
            return [row for row in unknowns.every(tx) if _is_of(row, target)]

    def resolve(
        self, name: str, seen: Sequence[UnknownRow], resolution: Resolution, now: datetime
    ) -> list[UnknownRow]:
        """Settle what a person has seen; return what was still as it was seen.

        Whatever has been called, proved or settled since is left alone: nobody was asked about that. Raises
        Refused where nothing is left.
        """
        with self.database.writing() as tx:
            target = find_target_in(tx, name)
            by_batch = {row.batch: row for row in seen}
            as_seen = {id_ for id_, row in by_batch.items() if unknowns.is_as_seen(tx, row)}
            rows = [row for row in seen if row.batch in as_seen]
            if not rows:
                raise Refused(f"no outcome of {target} is unknown any more", mend="see: newsletter status")
            for release_id in dict.fromkeys(row.release_id for row in rows):
                releases.get_locked(tx, release_id)
            for id_ in sorted(as_seen):
                self._resolve_batch(tx, by_batch[id_], resolution, now)
            for release_id in dict.fromkeys(row.release_id for row in rows):
                self._open_again(tx, release_id, resolution)
                alerts.forget(tx, release_id, alerts.UNKNOWN)
                releases.settle(tx, release_id, now)
            detail = {"people": len(rows)}
            deliveries.note(tx, {"at": now, "what": resolution, "target": str(target), "detail": detail})
        return rows

    def _resolve_batch(self, tx: Connection, seen: UnknownRow, resolution: Resolution, now: datetime) -> None:
        if resolution is Resolution.MARK_SENT:
            unknowns.settle(tx, seen.batch, DeliveryState.ACCEPTED, "marked as sent")
            if seen.is_open:
                values = {"tainted": False, "next_at": None, "frozen": None}
                batches.set_state(tx, seen.batch, state=BatchState.ACCEPTED, **values)
        elif seen.batch_state == BatchState.ACCEPTED:
            # Who left while others of their batch were accepted is not sent anything again.
            unknowns.settle(tx, seen.batch, DeliveryState.SUPPRESSED, LEFT_IN_DOUBT)
        else:
            unknowns.settle(tx, seen.batch, DeliveryState.PLANNED, None)
            batches.start_generation(tx, picking.get(tx, seen.batch).batch, now)

    def _open_again(self, tx: Connection, release_id: int, resolution: Resolution) -> None:
        release = releases.get(tx, release_id)
        if resolution is Resolution.SEND_AGAIN and release.state in FINAL:
            releases.change(tx, release_id, state=ReleaseState.SENDING, settled_at=None)


def _is_of(row: UnknownRow, target: Target) -> bool:
    return row.series == target.series and target.issue in (None, row.issue)
