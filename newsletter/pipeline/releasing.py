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
from newsletter.domain.zones import Wave, opens_at, waves
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
        touched = [one for slot, of in self._due(now) for one in self._open(slot, of, now)]
        waiting = [one for one in self._in_state(ReleaseState.WAITING) if one.due_at <= now]
        touched += [self._start(one, now) for one in waiting]
        prepared = [self._prepare(release, now) for release in self._in_state(ReleaseState.PREPARING)]
        for release in self._in_state(ReleaseState.SENDING):
            self._free_waiting(release, now)
            self._settle_if_done(release, now)
        self._close_cancelled(now)
        if not self.capabilities.rehearsal:
            self._close_rehearsals(now)
        held = [release for release in touched if release.state is ReleaseState.HELD]
        return held + prepared

    def next_due(self) -> datetime | None:
        """Return the instant of the next release."""
        waiting = [one.due_at for one in self._in_state(ReleaseState.WAITING)]
        return min(
            [*waiting, *(opens_at(of.cadence, slot.local_date) for slot, of in self._slots())], default=None
        )

    def settle(self, release_id: int, now: datetime) -> bool:
        """Settle a release if nothing of it is left to do."""
        with self.database.writing() as tx:
            return releases.settle(tx, release_id, now)

    def _due(self, now: datetime) -> list[tuple[Slot, AppliedSeries]]:
        return [(slot, of) for slot, of in self._slots() if opens_at(of.cadence, slot.local_date) <= now]

    def _slots(self) -> list[tuple[Slot, AppliedSeries]]:
        with self.database.reading() as tx:
            by_id = {one.id: one for one in series.every(tx)}
            return [(slot, by_id[slot.series_id]) for slot in slots.queued(tx)]

    def _in_state(self, state: ReleaseState) -> list[Release]:
        with self.database.reading() as tx:
            return releases.in_state(tx, state)

    def _open(self, slot: Slot, of: AppliedSeries, now: datetime) -> list[Release]:
        """Make all releases of a slot; what is due already starts, and what is too late is held."""
        with self.database.writing(bulk=True) as tx:
            audience.refresh_statistics(tx)
        sizes = self._why_too_large(slot, of, now)
        with self.database.writing() as tx:
            # Somebody may have moved or cancelled it since it was read: then the next tick sees it as it is.
            if not slots.is_unchanged(tx, slot):
                return []
            slots.change(tx, slot.id, state=SlotState.RELEASED)
            added = [
                self._add(tx, slot, wave, [*_why_late(of, wave.due_at, now), *sizes], now)
                for wave in waves(of.cadence, slot.local_date)
            ]
            return [releases.get(tx, id_) for id_ in added if id_ is not None]

    def _add(
        self, tx: Connection, slot: Slot, wave: Wave, reasons: Sequence[str], now: datetime
    ) -> int | None:
        state = ReleaseState.PREPARING if wave.due_at <= now else ReleaseState.WAITING
        state = ReleaseState.HELD if reasons else state
        release_id = releases.add(tx, slot.id, wave.due_at, state, "; ".join(reasons), wave.zones)
        if release_id is not None:
            releases.change(tx, release_id, occasion=self._occasion(release_id))
        return release_id

    def _start(self, release: Release, now: datetime) -> Release:
        """Let a release that has come due begin, unless it is too late by now."""
        with self.database.writing() as tx:
            seen = releases.get_locked(tx, release.id)
            if seen.state is not ReleaseState.WAITING:
                return seen
            of = series.find(tx, release.series)
            assert of is not None, "a release has a series"
            reasons = _why_late(of, release.due_at, now)
            state = ReleaseState.HELD if reasons else ReleaseState.PREPARING
            releases.change(tx, release.id, state=state, reason="; ".join(reasons))
            return releases.get(tx, release.id)

    def _why_too_large(self, slot: Slot, of: AppliedSeries, now: datetime) -> list[str]:
        with self.database.reading() as tx:
            sizes = self._why_too_many(tx, of, audience.active(tx, of.id))
            if any(sizes):
                people = audience.counts(tx, of.id, slot.issue_id, REAL, now).get(Verdict.DUE, 0)
                sizes = self._why_too_many(tx, of, people)
        return [one for one in sizes if one]

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
            **self._of_zones(tx, release),
        }
        people = audience.chunk_size(tx, chunk)
        later = self._let_wait(tx, release, chunk)
        due = self._plan(tx, release, chunk, people, now)
        # Who is due is known by now; why others are not takes a second look, where there are any.
        counts = dict(audience.left_out(tx, chunk)) if due + later < people else {}
        releases.progress(tx, release, upto, {**counts, Verdict.DUE: due + later}, later)

    def _of_zones(self, tx: Connection, release: Release) -> dict[str, object]:
        """Say whose a release is, if not everybody's; the last of a slot takes those who moved, too."""
        if release.zones is None:
            return {}
        of = series.find(tx, release.series)
        assert of is not None, "a release has a series"
        every = releases.of_slot(tx, release.slot_id)
        is_last = release.due_at == max(one.due_at for one in every)
        to_go = [one for one in every if not one.prepared_to and one.id != release.id]
        return {
            "home": of.cadence.zone,
            "zones": list(release.zones),
            "since": min(one.due_at for one in every) if is_last else None,
            "others": [zone for one in to_go for zone in one.zones or ()],
        }

    def _plan(
        self, tx: Connection, release: Release, chunk: dict[str, object], people: int, now: datetime
    ) -> int:
        if not people:
            return 0
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
        before = waiting.open_issues(tx, release)
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
            before = waiting.open_issues(tx, release)
            return bool(waiting.free_now(tx, release.id, before, 1))

    def _plan_waiting(self, tx: Connection, release_id: int, now: datetime) -> int:
        release = releases.get_locked(tx, release_id)
        if release.state is not ReleaseState.SENDING:
            return 0
        before = waiting.open_issues(tx, release)
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


def _why_late(of: AppliedSeries, due_at: datetime, now: datetime) -> list[str]:
    late = late_by(due_at, now, of.hold_if_late_by)
    return [f"its slot was found {spell(late)} late"] if late else []


def held_for_size(tx: Connection, of: AppliedSeries, people: int) -> str:
    """Say why an audience needs a person's word; nothing where it does not."""
    return too_many(people, releases.last_real(tx, of.id), of.max_recipients)
