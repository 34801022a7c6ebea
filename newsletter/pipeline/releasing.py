"""Release what is due: find slots, prepare their deliveries, settle what is done. Decides nothing.

    slots.queued | due? | too late? too many? | releases.add | prepare in chunks | sending | settle

Everything is derived from the ledger, so a lost tick costs seconds and a double tick nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Lane, Limits, day_of
from newsletter.domain.pace import largest_call
from newsletter.domain.provider import Capabilities
from newsletter.domain.release import (
    FINAL,
    REAL,
    Release,
    ReleaseState,
    SlotState,
    late_by,
    no_room,
    spell,
    too_many,
)
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import Verdict
from newsletter.store import accounts, audience, batches, releases, series, slots, waiting
from newsletter.store.database import Database
from newsletter.store.slots import Slot

#: People looked at in one transaction of preparing; a commit stays under 50 ms.
CHUNK = 20_000
#: The same where preparing keeps nobody else from writing.
SERVER_CHUNK = 100_000
_UNLIMITED = Limits()


@dataclass(frozen=True)
class Releasing:
    """Turn slots that have come due into batches that wait to be claimed."""

    database: Database
    capabilities: Capabilities
    limits: Limits = _UNLIMITED

    def tick(self, now: datetime) -> list[Release]:
        """Do everything that is due but send; return the releases that this tick prepared or held."""
        touched = [self._release(slot, of, due_at, now) for slot, of, due_at in self._due(now)]
        prepared = [self._prepare(release, now) for release in self._in_state(ReleaseState.PREPARING)]
        for release in self._in_state(ReleaseState.SENDING):
            self._free_waiting(release, now)
            self._settle_if_done(release, now)
        self._close_cancelled(now)
        if not self.capabilities.rehearsal:
            self._close_rehearsals(now)
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
        with self.database.writing(bulk=True) as tx:
            audience.refresh_statistics(tx)
        reason = self._why_hold(slot, of, due_at, now)
        with self.database.writing() as tx:
            # Somebody may have moved or cancelled it since it was read: then the next tick sees it as it is.
            if not slots.is_unchanged(tx, slot):
                return None
            state = ReleaseState.HELD if reason else ReleaseState.PREPARING
            release_id = releases.add(tx, slot.id, due_at, state, reason)
            slots.change(tx, slot.id, state=SlotState.RELEASED)
            if release_id is None:
                return None
            releases.change(tx, release_id, occasion=self._occasion(release_id))
            return releases.get(tx, release_id)

    def _why_hold(self, slot: Slot, of: AppliedSeries, due_at: datetime, now: datetime) -> str:
        late = late_by(due_at, now, of.hold_if_late_by)
        reasons = [f"its slot was found {spell(late)} late"] if late else []
        with self.database.reading() as tx:
            sizes = self._why_too_many(tx, of, audience.active(tx, of.id))
            if any(sizes):
                people = audience.counts(tx, of.id, slot.issue_id, REAL, now).get(Verdict.DUE, 0)
                sizes = self._why_too_many(tx, of, people)
        return "; ".join(filter(None, [*reasons, *sizes]))

    def _why_too_many(self, tx: Connection, of: AppliedSeries, people: int) -> list[str]:
        size = "" if self.capabilities.rehearsal else held_for_size(tx, of, people)
        return [no_room(people, self.database.free_bytes()), size]

    def _occasion(self, release_id: int) -> int:
        # A rehearsal must never stand where the real send will.
        return -release_id if self.capabilities.rehearsal else 0

    def _prepare(self, release: Release, now: datetime) -> Release:
        state = ReleaseState.PREPARING
        while state is ReleaseState.PREPARING:
            with self.database.writing(bulk=True) as tx:
                state = self._prepare_chunk(tx, release.id, now)
        with self.database.reading() as tx:
            return releases.get(tx, release.id)

    def _prepare_chunk(self, tx: Connection, release_id: int, now: datetime) -> ReleaseState:
        # Read again inside the transaction: another process may have prepared further.
        release = releases.get_locked(tx, release_id)
        if release.state is not ReleaseState.PREPARING:
            return release.state
        if not release.prepared_to and release.occasion != self._occasion(release_id):
            # It was held when another provider was there.
            release = replace(release, occasion=self._occasion(release_id))
            releases.change(tx, release_id, occasion=release.occasion)
        size = CHUNK if self.database.is_sqlite else SERVER_CHUNK
        upto = audience.chunk_end(tx, release.series_id, release.prepared_to, size)
        if upto is None:
            releases.change(tx, release.id, state=ReleaseState.SENDING, started_at=now)
            releases.settle(tx, release.id, now)
            return ReleaseState.SENDING
        self._fill(tx, release, upto, now)
        return ReleaseState.PREPARING

    def _fill(self, tx: Connection, release: Release, upto: int, now: datetime) -> None:
        chunk = {
            "series_id": release.series_id,
            "issue_id": release.issue_id,
            "occasion": release.occasion,
            "release_id": release.id,
            "after": release.prepared_to,
            "upto": upto,
            "now": now,
        }
        people = audience.chunk_size(tx, chunk)
        later = self._let_wait(tx, release, chunk)
        due = self._plan(tx, release, chunk, people, now)
        # Who is due is known by now; why others are not takes a second look, where there are any.
        counts = dict(audience.left_out(tx, chunk)) if due + later < people else {}
        releases.progress(tx, release, upto, {**counts, Verdict.DUE: due + later}, later)

    def _plan(
        self, tx: Connection, release: Release, chunk: dict[str, object], people: int, now: datetime
    ) -> int:
        size = self._size(tx, now)
        batch_ids = self._add_batches(tx, release, people, size, now)
        due = releases.add_deliveries(tx, chunk, batch_ids, size)
        assert 0 <= due <= people, "nobody is left out by a number that cannot be"
        if due < people:
            releases.trim_batches(tx, batch_ids, due, size)
        return due

    def _let_wait(self, tx: Connection, release: Release, chunk: dict[str, object]) -> int:
        if release.is_rehearsal:
            return 0
        before = waiting.open_issues(tx, release.series_id, release.id)
        return waiting.add(tx, chunk, before) if before else 0

    def _settle_if_done(self, release: Release, now: datetime) -> None:
        # Two workers that record the last two outcomes at once each see the other's as open.
        with self.database.reading() as tx:
            if release.waiting or releases.has_open(tx, release.id):
                return
        self.settle(release.id, now)

    def _free_waiting(self, release: Release, now: datetime) -> None:
        while release.waiting and self._may_free(release):
            with self.database.writing(bulk=True) as tx:
                if not self._plan_waiting(tx, release.id, now):
                    return

    def _may_free(self, release: Release) -> bool:
        # Whoever waits may wait for days: looking must not keep others from writing.
        with self.database.reading() as tx:
            before = waiting.open_issues(tx, release.series_id, release.id)
            return bool(waiting.free_now(tx, release.id, before, 1))

    def _plan_waiting(self, tx: Connection, release_id: int, now: datetime) -> int:
        release = releases.get_locked(tx, release_id)
        if release.state is not ReleaseState.SENDING:
            return 0
        before = waiting.open_issues(tx, release.series_id, release.id)
        people = waiting.free_now(tx, release.id, before, self._size(tx, now))
        if people:
            [batch_id] = self._add_batches(tx, release, len(people), len(people), now)
            waiting.plan(tx, release.issue_id, people, batch_id)
            releases.change(tx, release.id, waiting=release.waiting - len(people))
        return len(people)

    def _add_batches(
        self, tx: Connection, release: Release, people: int, size: int, now: datetime
    ) -> Sequence[int]:
        first = releases.next_seq(tx, release.id)
        name = self.capabilities.name
        rows = [
            releases.planned_batch(
                release, first + number, min(size, people - start), lane=Lane.BULK, provider=name, now=now
            )
            for number, start in enumerate(range(0, people, size))
        ]
        return releases.add_batches(tx, rows)

    def _size(self, tx: Connection, now: datetime) -> int:
        account = accounts.get(tx, self.capabilities.name)
        warm_day = account.warm_day(day_of(now))
        return largest_call(self.limits, self.capabilities.batch_size, warm_day=warm_day)

    def _close_rehearsals(self, now: datetime) -> None:
        # Nobody goes on with a rehearsal once the provider is a real one.
        for state in (ReleaseState.PREPARING, ReleaseState.SENDING, ReleaseState.HELD):
            for release in self._in_state(state):
                if release.is_rehearsal and release.prepared_to:
                    self._cancel(release.id, now)

    def _cancel(self, release_id: int, now: datetime) -> None:
        with self.database.writing() as tx:
            if releases.get_locked(tx, release_id).state not in FINAL:
                releases.change(tx, release_id, state=ReleaseState.CANCELLED, reason="only rehearsed")
                batches.cancel(tx, release_id, now)

    def _close_cancelled(self, now: datetime) -> None:
        with self.database.reading() as tx:
            found = releases.with_leftovers(tx)
        for release_id in found:
            with self.database.writing() as tx:
                releases.get_locked(tx, release_id)
                batches.cancel(tx, release_id, now)


def held_for_size(tx: Connection, of: AppliedSeries, people: int) -> str:
    """Say why an audience needs a person's word; nothing where it does not."""
    return too_many(people, releases.last_real(tx, of.id), of.max_recipients)
