"""Prepare a release in chunks: everybody due gets a row and a place in a batch. Decides nothing.

a chunk of people | who is due, in a sequence for which issue | batches | rows of the ledger
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Lane, Limits, day_of
from newsletter.domain.pace import largest_call
from newsletter.domain.provider import Capabilities
from newsletter.domain.release import REAL, Release, ReleaseState
from newsletter.domain.sequence import Part, next_part, ruling
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import Verdict
from newsletter.store import (
    accounts,
    audience,
    dealt,
    filling,
    releases,
    sequences,
    series,
    standings,
    taken_back,
    waiting,
)
from newsletter.store.database import Database

#: People looked at in one transaction of preparing; a commit stays under 50 ms.
CHUNK = 20_000
#: The same where preparing keeps nobody else from writing.
SERVER_CHUNK = 100_000
#: No release is rehearsed under a lower occasion.
_ALL_REHEARSALS = -(2**31)


@dataclass(frozen=True)
class Preparing:
    """Fill batches with those who are due; nothing is sent before all of a release is prepared."""

    database: Database
    capabilities: Capabilities
    limits: Limits

    def prepare(self, release: Release, now: datetime) -> Release:
        """Prepare what is left of a release."""
        state = ReleaseState.PREPARING
        while state is ReleaseState.PREPARING:
            with self.database.writing(bulk=True) as tx:
                state = self._prepare_chunk(tx, release.id, now)
                if state is ReleaseState.PREPARING:
                    # Nothing is sent of it yet; the last chunk makes all before it durable.
                    releases.let_crash_undo(tx)
        with self.database.reading() as tx:
            return releases.get(tx, release.id)

    def occasion(self, tx: Connection, slot_id: int) -> int:
        """Return the occasion of a slot's releases: a rehearsal must never stand where the real send will."""
        if not self.capabilities.rehearsal:
            return REAL
        # All releases of a slot are one occasion: the last one sees who has it from the others.
        return -min(releases.ids_of_slot(tx, slot_id))

    def size(self, tx: Connection, now: datetime) -> int:
        """Return how many deliveries a batch may have today."""
        account = accounts.get(tx, self.capabilities.name)
        warm_day = account.warm_day(day_of(now))
        return largest_call(self.limits, self.capabilities.batch_size, warm_day=warm_day)

    def add_batches(
        self, tx: Connection, release_id: int, revision: str, people: int, size: int, now: datetime
    ) -> Sequence[int]:
        """Insert the batches that so many people fill; return their ids in order."""
        first = releases.next_seq(tx, release_id)
        name = self.capabilities.name
        rows = [
            filling.planned_batch(
                release_id,
                revision,
                first + number,
                min(size, people - start),
                lane=Lane.BULK,
                provider=name,
                now=now,
            )
            for number, start in enumerate(range(0, people, size))
        ]
        return filling.add_batches(tx, rows)

    def _prepare_chunk(self, tx: Connection, release_id: int, now: datetime) -> ReleaseState:
        # Read again inside the transaction: another process may have prepared further.
        release = releases.get_locked(tx, release_id)
        if release.state is not ReleaseState.PREPARING:
            return release.state
        occasion = self.occasion(tx, release.slot_id)
        if not release.prepared_to and release.occasion != occasion:
            # It was held when another provider was there.
            release = replace(release, occasion=occasion)
            releases.change(tx, release_id, occasion=release.occasion)
        of = series.find(tx, release.series)
        assert of is not None, "a release has a series"
        size = CHUNK if self.database.is_sqlite else SERVER_CHUNK
        upto = audience.chunk_end(tx, release.series_id, release.prepared_to, size)
        if upto is None:
            self._end(tx, release, of, now)
            return ReleaseState.SENDING
        if of.is_sequence:
            self._deal(tx, release, of, upto, now)
        else:
            self._fill(tx, release, of, upto, now)
        if audience.chunk_end(tx, release.series_id, upto, 1) is not None:
            return ReleaseState.PREPARING
        self._end(tx, release, of, now)
        return ReleaseState.SENDING

    def _end(self, tx: Connection, release: Release, of: AppliedSeries, now: datetime) -> None:
        reason = ""
        if of.is_sequence and (unready := releases.excluded_of(tx, release.id).get(Verdict.NOT_APPROVED)):
            names = ", ".join(part.slug for part in sequences.parts(tx, of.id) if part.revision is None)
            reason = f"not approved: {names}; {unready:,} people wait for their next issue"
        releases.change(tx, release.id, state=ReleaseState.SENDING, started_at=now, reason=reason)
        releases.settle(tx, release.id, now)

    def _fill(self, tx: Connection, release: Release, of: AppliedSeries, upto: int, now: datetime) -> None:
        """Plan the one issue of a calendar's release for those of a chunk who are due."""
        chunk = {
            "series_id": release.series_id,
            "issue_id": release.issue_id,
            "occasion": release.occasion,
            "release_id": release.id,
            "after": release.prepared_to,
            "upto": upto,
            "now": now,
            **_of_zones(tx, release, of),
        }
        people = audience.chunk_size(tx, chunk)
        later = _let_wait(tx, release, chunk)
        due = self._plan(tx, release, chunk, people, now)
        # Who is due is known by now; why others are not takes a second look, where there are any.
        counts = dict(audience.left_out(tx, chunk)) if due + later < people else {}
        releases.progress(tx, release, upto, {**counts, Verdict.DUE: due + later}, later)

    def _plan(
        self, tx: Connection, release: Release, chunk: dict[str, object], people: int, now: datetime
    ) -> int:
        if not people:
            return 0
        size = self.size(tx, now)
        batch_ids = self.add_batches(tx, release.id, release.revision, people, size, now)
        due = filling.add_deliveries(tx, chunk, batch_ids, size)
        assert 0 <= due <= people, "nobody is left out by a number that cannot be"
        if due < people:
            filling.trim_batches(tx, batch_ids, due, size)
        return due

    def _deal(self, tx: Connection, release: Release, of: AppliedSeries, upto: int, now: datetime) -> None:
        """Plan for everybody of a chunk the issue of the sequence whose turn it is."""
        parts = sequences.parts(tx, of.id)
        siblings = releases.ids_of_slot(tx, release.slot_id)
        chunk = {
            **standings.chunk_of(
                of.id, sequences.begun(tx, of.id), release.prepared_to, upto, due_at=release.due_at, now=now
            ),
            "lowest": _ALL_REHEARSALS if release.is_rehearsal else REAL,
            "open_issues": [] if release.is_rehearsal else sequences.open_issues(tx, of.id, release.id),
            "siblings": siblings,
            "this_weeks": sequences.given(tx, siblings) if release.zones else [],
            **_of_zones(tx, release, of),
        }
        if not release.is_rehearsal:
            taken_back.take_back(tx, chunk)
        size = self.size(tx, now)
        counts: Counter[Verdict] = Counter()
        for (furthest, verdict), number in sorted(standings.fill(tx, chunk).items()):
            part = next_part(parts, furthest)
            found = ruling(part) if verdict is Verdict.DUE else verdict
            counts[found] += number
            if part is not None and found is Verdict.DUE:
                self._plan_part(tx, release, part, furthest, number, size, now)
        releases.progress(tx, release, upto, counts, 0)

    def _plan_part(
        self,
        tx: Connection,
        release: Release,
        part: Part,
        furthest: int,
        people: int,
        size: int,
        now: datetime,
    ) -> None:
        assert part.revision is not None, "who is due has an approved issue"
        # A chunk has few people for each issue: they fill up the batch that the last chunk began.
        last, members = dealt.last_batch(tx, release.id, part.revision) or (None, 0)
        room = size - members if last is not None and members < size else 0
        batch_ids = [last] if last is not None and room else []
        if batch_ids:
            dealt.grow(tx, batch_ids[0], min(room, people))
        if people > room:
            batch_ids += self.add_batches(tx, release.id, part.revision, people - room, size, now)
        added = dealt.add_deliveries(
            tx, release, part.issue_id, furthest, batch_ids, members if room else 0, size
        )
        assert added == people, "everybody who is due has a row"


def _of_zones(tx: Connection, release: Release, of: AppliedSeries) -> Mapping[str, object]:
    """Say whose a release is, if not everybody's; the last of a slot takes those who moved, too."""
    if release.zones is None:
        return {}
    first, last = releases.span(tx, release.slot_id)
    home = {"home": of.cadence.zone, "zones": list(release.zones)}
    if release.due_at != last:
        # Hundreds of names, which only the last has a use for.
        return {**home, "since": None, "others": []}
    every = releases.of_slot(tx, release.slot_id)
    to_go = [one for one in every if not one.prepared_to and one.id != release.id]
    return {**home, "since": first, "others": [zone for one in to_go for zone in one.zones or ()]}


def _let_wait(tx: Connection, release: Release, chunk: dict[str, object]) -> int:
    if release.is_rehearsal:
        return 0
    before = waiting.open_issues(tx, release)
    return waiting.add(tx, chunk, before) if before else 0
