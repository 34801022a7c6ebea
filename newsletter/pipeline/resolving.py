"""Settle, by a person's word, recipients whose outcome is unknown. Decides nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from newsletter.domain.delivery import BatchState
from newsletter.domain.letter import Target
from newsletter.domain.release import FINAL, ReleaseState
from newsletter.errors import Refused
from newsletter.pipeline.holding import find_target_in
from newsletter.store import alerts, batches, claims, deliveries, releases, unknowns
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

    def resolve(self, name: str, resolution: Resolution, now: datetime) -> int:
        """Settle them all; return how many people it was about.

        Raises Refused where none is unknown.
        """
        with self.database.writing() as tx:
            target = find_target_in(tx, name)
            rows = [row for row in unknowns.every(tx) if _is_of(row, target)]
            if not rows:
                raise Refused(f"no outcome of {target} is unknown", mend="see: newsletter status")
            for release_id in dict.fromkeys(row.release_id for row in rows):
                self._resolve_release(tx, release_id, resolution, now)
            detail = {"people": len(rows)}
            deliveries.note(tx, {"at": now, "what": resolution, "target": str(target), "detail": detail})
        return len(rows)

    def _resolve_release(
        self, tx: Connection, release_id: int, resolution: Resolution, now: datetime
    ) -> None:
        release = releases.get_locked(tx, release_id)
        for batch_id in batches.unknown_of(tx, release_id):
            if resolution is Resolution.MARK_SENT:
                values = {"tainted": False, "next_at": None, "frozen": None}
                batches.set_state(tx, batch_id, state=BatchState.ACCEPTED, **values)
            else:
                batches.start_generation(tx, claims.get(tx, batch_id).batch, now)
        if resolution is Resolution.MARK_SENT:
            unknowns.mark_sent(tx, release_id)
        else:
            unknowns.let_go(tx, release_id)
            unknowns.plan_again(tx, release_id)
            for batch_id in unknowns.closed_batches(tx, release_id):
                batches.start_generation(tx, claims.get(tx, batch_id).batch, now)
            if release.state in FINAL:
                releases.change(tx, release_id, state=ReleaseState.SENDING, settled_at=None)
        alerts.forget(tx, release_id, alerts.UNKNOWN)
        releases.settle(tx, release_id, now)


def _is_of(row: UnknownRow, target: Target) -> bool:
    return row.series == target.series and target.issue in (None, row.issue)
