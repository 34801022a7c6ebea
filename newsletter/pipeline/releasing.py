"""Release what is due: find slots, prepare their deliveries, settle what is done. Decides nothing.

    slots.queued | due? | too late? too many? | releases.add | prepare in chunks | sending | settle

Everything is derived from the ledger, so a lost tick costs seconds and a double tick nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Limits
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
from newsletter.domain.routes import Route, Routes, why_unknown
from newsletter.domain.series import AppliedSeries
from newsletter.domain.zones import Wave, opens_at, waves
from newsletter.pipeline.preparing import Preparing
from newsletter.pipeline.slotting import add_empty_slot, add_next_slot, is_empty_now
from newsletter.pipeline.standing import people_due
from newsletter.store import audience, cancelling, releases, sequences, series, slots, waiting
from newsletter.store.database import Database
from newsletter.store.slots import Slot

_UNLIMITED = Limits()


@dataclass(frozen=True)
class Releasing:
    """Turn slots that have come due into batches that wait to be claimed.

    Each series for the provider that it names: one of `named`; without these there is one for all.
    """

    database: Database
    capabilities: Capabilities
    limits: Limits = _UNLIMITED
    named: Mapping[str, Route] | None = None

    @property
    def routes(self) -> Routes:
        return Routes(Route(self.capabilities, self.limits), self.named)

    def preparing(self, of: AppliedSeries) -> Preparing | None:
        """Return what prepares for the provider of a series; None where there is no such provider."""
        route = self.routes.of(of.provider)
        return Preparing(self.database, route.capabilities, route.limits) if route else None

    def tick(self, now: datetime) -> list[Release]:
        """Do everything that is due but send; return the releases that this tick prepared or held."""
        touched = [one for slot, of in self._due(now) for one in self._open(slot, of, now)]
        touched += [self._start(one, now) for one in self._waited(now)]
        prepared = [self._prepare(release, now) for release in self._in_state(ReleaseState.PREPARING)]
        for release in self._in_state(ReleaseState.SENDING):
            self._free_waiting(release, now)
            self._settle_if_done(release, now)
        self._close_cancelled(now)
        self._close_rehearsals(now)
        self._note_empty(now)
        held = [release for release in touched if release.state is ReleaseState.HELD]
        return held + prepared

    def next_due(self) -> datetime | None:
        """Return the instant of the next release."""
        with self.database.reading() as tx:
            waiting = releases.next_due(tx)
        instants = [opens_at(of.cadence, slot.local_date) for slot, of in self._slots()]
        return min(instants if waiting is None else [waiting, *instants], default=None)

    def settle(self, release_id: int, now: datetime) -> bool:
        """Settle a release if nothing of it is left to do."""
        with self.database.writing() as tx:
            return releases.settle(tx, release_id, now)

    def _prepare(self, release: Release, now: datetime) -> Release:
        of = self._series_of(release)
        preparing = self.preparing(of)
        if preparing is not None:
            return preparing.prepare(release, now)
        with self.database.writing() as tx:
            seen = releases.get_locked(tx, release.id)
            if seen.state is ReleaseState.PREPARING:
                why = why_unknown(of.provider)
                releases.change(tx, release.id, state=ReleaseState.HELD, reason=why)
            return releases.get(tx, release.id)

    def _series_of(self, release: Release) -> AppliedSeries:
        with self.database.reading() as tx:
            of = series.find(tx, release.series)
        assert of is not None, "a release has a series"
        return of

    def _is_real(self, of: AppliedSeries) -> bool:
        route = self.routes.of(of.provider)
        return route is not None and not route.capabilities.rehearsal

    def _due(self, now: datetime) -> list[tuple[Slot, AppliedSeries]]:
        return [(slot, of) for slot, of in self._slots() if opens_at(of.cadence, slot.local_date) <= now]

    def _slots(self) -> list[tuple[Slot, AppliedSeries]]:
        with self.database.reading() as tx:
            by_id = {one.id: one for one in series.every(tx)}
            return [(slot, by_id[slot.series_id]) for slot in slots.queued(tx)]

    def _waited(self, now: datetime) -> list[Release]:
        with self.database.reading() as tx:
            return releases.due(tx, now)

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
            if of.is_sequence:
                self._go_on(tx, slot, of, now)
            added = [
                self._add(tx, slot, of, wave, [*_why_late(of, wave.due_at, now), *sizes], now)
                for wave in waves(of.cadence, slot.local_date)
            ]
            return [releases.get(tx, id_) for id_ in added if id_ is not None]

    def _go_on(self, tx: Connection, slot: Slot, of: AppliedSeries, now: datetime) -> None:
        """Give a sequence its next slot; what was held and not begun is over, or people would get two."""
        add_next_slot(tx, of, now)
        for release_id in sequences.superseded(tx, of.id, slot.id):
            releases.change(tx, release_id, state=ReleaseState.CANCELLED, reason="the next slot has come")

    def _add(
        self,
        tx: Connection,
        slot: Slot,
        of: AppliedSeries,
        wave: Wave,
        reasons: Sequence[str],
        now: datetime,
    ) -> int | None:
        state = ReleaseState.PREPARING if wave.due_at <= now else ReleaseState.WAITING
        state = ReleaseState.HELD if reasons else state
        release_id = releases.add(tx, slot.id, wave.due_at, state, "; ".join(reasons), wave.zones)
        if release_id is not None and (preparing := self.preparing(of)) is not None:
            releases.change(tx, release_id, occasion=preparing.occasion(tx, slot.id))
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
            return replace(seen, state=state, reason="; ".join(reasons))

    def _why_too_large(self, slot: Slot, of: AppliedSeries, now: datetime) -> list[str]:
        with self.database.reading() as tx:
            sizes = self._why_too_many(tx, of, audience.active(tx, of.id))
            if any(sizes):
                people = people_due(tx, of.id, slot.issue_id, occasion=REAL, due_at=now, now=now)
                sizes = self._why_too_many(tx, of, people)
        return [one for one in sizes if one]

    def _why_too_many(self, tx: Connection, of: AppliedSeries, people: int) -> list[str]:
        size = held_for_size(tx, of, people) if self._is_real(of) else ""
        return [no_room(people, self.database.free_bytes()), size]

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
        of = series.find(tx, release.series)
        assert of is not None, "a release has a series"
        preparing = self.preparing(of)
        if preparing is None:
            releases.hold(tx, release_id, why_unknown(of.provider))
            return 0
        people = waiting.free_now(tx, release.id, before, preparing.size(tx, now))
        if people:
            number = len(people)
            [batch_id] = preparing.add_batches(tx, release.id, release.revision, number, number, now)
            waiting.plan(tx, release, people, batch_id)
            releases.change(tx, release.id, waiting=release.waiting - len(people))
        return len(people)

    def _note_empty(self, now: datetime) -> None:
        with self.database.reading() as tx:
            found = [one for one in series.every(tx) if self._is_real(one) and is_empty_now(tx, one, now)]
        for of in found:
            with self.database.writing() as tx:
                add_empty_slot(tx, of, now)

    def _close_rehearsals(self, now: datetime) -> None:
        # Nobody goes on with a rehearsal once the provider of its series is a real one.
        for state in (ReleaseState.PREPARING, ReleaseState.SENDING, ReleaseState.HELD):
            for release in self._in_state(state):
                is_begun = release.is_rehearsal and release.prepared_to
                if is_begun and self._is_real(self._series_of(release)):
                    self._cancel(release.id, now)

    def _cancel(self, release_id: int, now: datetime) -> None:
        with self.database.writing() as tx:
            if releases.get_locked(tx, release_id).state not in FINAL:
                releases.change(tx, release_id, state=ReleaseState.CANCELLED, reason="only rehearsed")
                cancelling.cancel_release(tx, release_id, now)

    def _close_cancelled(self, now: datetime) -> None:
        with self.database.reading() as tx:
            found = cancelling.leftovers(tx)
        for release_id in found:
            with self.database.writing() as tx:
                releases.get_locked(tx, release_id)
                cancelling.cancel_release(tx, release_id, now)


def _why_late(of: AppliedSeries, due_at: datetime, now: datetime) -> list[str]:
    late = late_by(due_at, now, of.hold_if_late_by)
    return [f"its slot was found {spell(late)} late"] if late else []


def held_for_size(tx: Connection, of: AppliedSeries, people: int) -> str:
    """Say why an audience needs a person's word; nothing where it does not."""
    return too_many(people, slots.last_size(tx, of.id), of.max_recipients)
