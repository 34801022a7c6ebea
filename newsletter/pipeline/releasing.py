"""Release what is due: find slots, prepare their deliveries, settle what is done. Decides nothing.

    slots.queued | due? | releases.add | prepare in chunks | sending | settle

Everything is derived from the ledger, so a lost tick costs seconds and a double tick nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.provider import Capabilities
from newsletter.domain.release import Release, ReleaseState, SlotState, late_by, spell
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import Verdict
from newsletter.store import audience, releases, series, slots
from newsletter.store.database import Database
from newsletter.store.slots import Slot

#: People looked at in one transaction of preparing; a commit stays under 50 ms.
CHUNK = 20_000
#: The lane of issues; a lower one goes first.
BULK_LANE = 1


@dataclass(frozen=True)
class Releasing:
    """Turn slots that have come due into batches that wait to be claimed."""

    database: Database
    capabilities: Capabilities

    def tick(self, now: datetime) -> list[Release]:
        """Do everything that is due but send; return the releases that this tick prepared or held."""
        touched = [self._release(slot, of, due_at, now) for slot, of, due_at in self._due(now)]
        prepared = [self._prepare(release, now) for release in self._in_state(ReleaseState.PREPARING)]
        held = [release for release in touched if release and release.state is ReleaseState.HELD]
        return held + prepared

    def next_due(self) -> datetime | None:
        """Return the instant of the next queued slot."""
        return min((due_at for _, _, due_at in self._slots()), default=None)

    def settle(self, release_id: int, now: datetime) -> bool:
        """Settle a release if nothing of it is left to do."""
        with self.database.writing() as tx:
            return releases.settle(tx, release_id, now)

    def _due(self, now: datetime) -> list[tuple[Slot, AppliedSeries, datetime]]:
        return [found for found in self._slots() if found[2] <= now]

    def _slots(self) -> list[tuple[Slot, AppliedSeries, datetime]]:
        with self.database.reading() as tx:
            by_id = {one.id: one for one in series.every(tx)}
            queued = slots.queued(tx)
        return [
            (slot, by_id[slot.series_id], by_id[slot.series_id].cadence.due_at(slot.local_date))
            for slot in queued
        ]

    def _in_state(self, state: ReleaseState) -> list[Release]:
        with self.database.reading() as tx:
            return releases.in_state(tx, state)

    def _release(self, slot: Slot, of: AppliedSeries, due_at: datetime, now: datetime) -> Release | None:
        late = late_by(due_at, now, of.hold_if_late_by)
        with self.database.writing() as tx:
            state = ReleaseState.HELD if late else ReleaseState.PREPARING
            reason = f"its slot was found {spell(late)} late" if late else ""
            release_id = releases.add(tx, slot.id, due_at, state, reason)
            slots.change(tx, slot.id, state=SlotState.RELEASED)
            if release_id is None:
                return None
            releases.change(tx, release_id, occasion=self._occasion(release_id))
            return releases.get(tx, release_id)

    def _occasion(self, release_id: int) -> int:
        # A rehearsal must never stand where the real send will.
        return -release_id if self.capabilities.rehearsal else 0

    def _prepare(self, release: Release, now: datetime) -> Release:
        after, state = release.prepared_to, ReleaseState.PREPARING
        while state is ReleaseState.PREPARING:
            with self.database.writing() as tx:
                after, state = self._prepare_chunk(tx, release.id, after, now)
        with self.database.reading() as tx:
            return releases.get(tx, release.id)

    def _prepare_chunk(
        self, tx: Connection, release_id: int, after: int, now: datetime
    ) -> tuple[int, ReleaseState]:
        # Read again inside the transaction: another process may have prepared further.
        release = releases.get_locked(tx, release_id)
        if release.state is not ReleaseState.PREPARING:
            return after, release.state
        upto = audience.chunk_end(tx, release.series_id, release.prepared_to, CHUNK)
        if upto is None:
            releases.change(tx, release.id, state=ReleaseState.SENDING, started_at=now)
            releases.settle(tx, release.id, now)
            return after, ReleaseState.SENDING
        self._fill(tx, release, upto, now)
        return upto, ReleaseState.PREPARING

    def _fill(self, tx: Connection, release: Release, upto: int, now: datetime) -> None:
        chunk = {
            "series_id": release.series_id,
            "issue_id": release.issue_id,
            "occasion": release.occasion,
            "after": release.prepared_to,
            "upto": upto,
            "now": now,
        }
        counts = audience.chunk_counts(tx, chunk)
        due, size = counts.get(Verdict.DUE, 0), self.capabilities.batch_size
        first_seq = releases.next_seq(tx, release.id)
        if due:
            rows = [self._batch(release, first_seq + n, now) for n in range(-(-due // size))]
            releases.add_batches(tx, rows)
            releases.add_deliveries(
                tx, {**chunk, "release_id": release.id, "first_seq": first_seq, "size": size}
            )
        releases.progress(tx, release, upto, counts)

    def _batch(self, release: Release, seq: int, now: datetime) -> dict[str, object]:
        name = self.capabilities.name
        return dict(releases.planned_batch(release, seq, lane=BULK_LANE, provider=name, now=now))
